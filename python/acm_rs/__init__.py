"""Compute engine for condition monitoring: features of sensor histories, exact and fast.

Arrays in, arrays out: rows = time (oldest first), columns = sensors. float64 and float32 arrays of any memory layout
are read where they lie. NaN and infinity are missing.
"""

from acm_rs._native import (
    InternalError,
    __version__,
    cpu_features,
    feature_matrix,
    get_num_threads,
    rolling_band_energy,
    rolling_kurt,
    rolling_mad,
    rolling_mad_f64,
    rolling_max,
    rolling_mean,
    rolling_mean_std,
    rolling_mean_std_f64,
    rolling_median,
    rolling_median_f64,
    rolling_min,
    rolling_quantile,
    rolling_skew,
    rolling_slope,
    rolling_std,
    rolling_sum,
    rolling_var,
    set_num_threads,
)
from acm_rs.naming import ALL_FEATURES, feature_names

__all__ = [
    "ALL_FEATURES",
    "InternalError",
    "__version__",
    "cpu_features",
    "feature_matrix",
    "feature_names",
    "get_num_threads",
    "rolling_band_energy",
    "rolling_kurt",
    "rolling_mad",
    "rolling_mad_f64",
    "rolling_max",
    "rolling_mean",
    "rolling_mean_std",
    "rolling_mean_std_f64",
    "rolling_median",
    "rolling_median_f64",
    "rolling_min",
    "rolling_quantile",
    "rolling_skew",
    "rolling_slope",
    "rolling_std",
    "rolling_sum",
    "rolling_var",
    "set_num_threads",
]
