"""Compute engine for condition monitoring: features of sensor histories, anomaly scores, regimes and alarms.

Arrays and data frames in, the same out: rows = time (oldest first), columns = sensors. float64 and float32 arrays of
any memory layout are read where they lie, and so are frames of pandas, Polars and PyArrow. NaN and infinity are
missing.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from acm_rs._native import InternalError, __version__
from acm_rs.columns import column_median_mad, column_moments, column_quantiles, impute, lag_matrix, zscore
from acm_rs.correlation import compute_correlations_f64, correlation, covariance, lagged_correlation
from acm_rs.decisions import (
    Cusum,
    Episodes,
    EpisodeTracker,
    EwmaChart,
    PageHinkley,
    ScoreFusion,
    Threshold,
    calibrate,
    cusum,
    episodes,
    ewma_chart,
    page_hinkley,
)
from acm_rs.detectors import (
    AR1Detector,
    FusedDetector,
    GaussianMixture,
    IsolationForest,
    MahalanobisDetector,
    OMRDetector,
    PCADetector,
    RegimeDetector,
    ar1_residuals,
)
from acm_rs.ewm import ewm_mean, ewm_std
from acm_rs.features import ALL_FEATURES, feature_matrix, feature_names
from acm_rs.linalg import cholesky_solve, ledoit_wolf, nearest, pairwise_distances, pca, svd
from acm_rs.order import (
    rolling_mad,
    rolling_mad_f64,
    rolling_max,
    rolling_median,
    rolling_median_f64,
    rolling_min,
    rolling_quantile,
    rolling_range,
)
from acm_rs.pairs import rolling_corr, rolling_cov, rolling_lag_corr
from acm_rs.regimes import (
    ClusterChoice,
    KMeans,
    RegimeModel,
    align_labels,
    calinski_harabasz_score,
    choose_k,
    davies_bouldin_score,
    minimum_dwell,
    silhouette_samples,
    silhouette_score,
    smooth_labels,
    transients,
)
from acm_rs.rolling import (
    rolling_kurt,
    rolling_mean,
    rolling_mean_std,
    rolling_mean_std_f64,
    rolling_skew,
    rolling_slope,
    rolling_std,
    rolling_sum,
    rolling_var,
)
from acm_rs.spectra import band_energy, power_spectrum, rolling_band_energy, seasonality
from acm_rs.threads import cpu_features, get_num_threads, set_num_threads

if _TYPE_CHECKING:
    from acm_rs.monitor import Monitor, Result

# The whole job is read where it is first asked for: who wants a rolling mean should not wait for it.
_LATER = {"Monitor": "acm_rs.monitor", "Result": "acm_rs.monitor"}

__all__ = [
    "ALL_FEATURES",
    "AR1Detector",
    "ClusterChoice",
    "Cusum",
    "EpisodeTracker",
    "Episodes",
    "EwmaChart",
    "FusedDetector",
    "GaussianMixture",
    "InternalError",
    "IsolationForest",
    "KMeans",
    "MahalanobisDetector",
    "Monitor",
    "OMRDetector",
    "PCADetector",
    "PageHinkley",
    "RegimeDetector",
    "RegimeModel",
    "Result",
    "ScoreFusion",
    "Threshold",
    "__version__",
    "align_labels",
    "ar1_residuals",
    "band_energy",
    "calibrate",
    "calinski_harabasz_score",
    "cholesky_solve",
    "choose_k",
    "column_median_mad",
    "column_moments",
    "column_quantiles",
    "compute_correlations_f64",
    "correlation",
    "covariance",
    "cpu_features",
    "cusum",
    "davies_bouldin_score",
    "episodes",
    "ewm_mean",
    "ewm_std",
    "ewma_chart",
    "feature_matrix",
    "feature_names",
    "get_num_threads",
    "impute",
    "lag_matrix",
    "lagged_correlation",
    "ledoit_wolf",
    "minimum_dwell",
    "nearest",
    "page_hinkley",
    "pairwise_distances",
    "pca",
    "power_spectrum",
    "rolling_band_energy",
    "rolling_corr",
    "rolling_cov",
    "rolling_kurt",
    "rolling_lag_corr",
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
    "rolling_range",
    "rolling_skew",
    "rolling_slope",
    "rolling_std",
    "rolling_sum",
    "rolling_var",
    "seasonality",
    "set_num_threads",
    "silhouette_samples",
    "silhouette_score",
    "smooth_labels",
    "svd",
    "transients",
    "zscore",
]


def __getattr__(name: str) -> _Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    globals()[name] = found = getattr(import_module(_LATER[name]), name)
    return found
