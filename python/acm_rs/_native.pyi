from collections.abc import Sequence
from datetime import timedelta
from os import PathLike
from typing import Any, Literal, Self, TypeAlias, TypeVar, final, type_check_only

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AR1Detector",
    "InternalError",
    "__version__",
    "ar1_residuals",
    "band_energy",
    "column_median_mad",
    "column_moments",
    "column_quantiles",
    "compute_correlations_f64",
    "correlation",
    "covariance",
    "cpu_features",
    "ewm_mean",
    "ewm_std",
    "feature_matrix",
    "get_num_threads",
    "impute",
    "lag_matrix",
    "lagged_correlation",
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
    "rolling_skew",
    "rolling_slope",
    "rolling_std",
    "rolling_sum",
    "rolling_var",
    "seasonality",
    "set_num_threads",
    "zscore",
]

_Float = TypeVar("_Float", np.float32, np.float64)
_Window: TypeAlias = int | str | timedelta | np.timedelta64
_Method: TypeAlias = Literal["pearson", "spearman", "kendall"]
_Taper: TypeAlias = Literal["boxcar", "hann", "hamming", "blackman"]
_Duration: TypeAlias = str | timedelta | np.timedelta64
_Samples: TypeAlias = NDArray[np.float64] | NDArray[np.float32]
_Times: TypeAlias = NDArray[np.datetime64] | NDArray[np.int64]

__version__: str

class InternalError(RuntimeError): ...

def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...
def cpu_features() -> list[str]: ...
def rolling_sum(
    x: NDArray[_Float],
    window: _Window,
    min_periods: int = 1,
    *,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_mean(
    x: NDArray[_Float],
    window: _Window,
    min_periods: int = 1,
    *,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_min(
    x: NDArray[_Float],
    window: _Window,
    min_periods: int = 1,
    *,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_max(
    x: NDArray[_Float],
    window: _Window,
    min_periods: int = 1,
    *,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_skew(
    x: NDArray[_Float],
    window: _Window,
    min_periods: int = 1,
    *,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_kurt(
    x: NDArray[_Float],
    window: _Window,
    min_periods: int = 1,
    *,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_median(
    x: NDArray[_Float],
    window: _Window,
    min_periods: int = 1,
    *,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_slope(
    x: NDArray[_Float],
    window: _Window,
    min_periods: int = 1,
    *,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_var(
    x: NDArray[_Float],
    window: _Window,
    min_periods: int = 1,
    *,
    ddof: int = 1,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_std(
    x: NDArray[_Float],
    window: _Window,
    min_periods: int = 1,
    *,
    ddof: int = 1,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_mean_std(
    x: NDArray[_Float],
    window: _Window,
    min_periods: int = 1,
    *,
    ddof: int = 1,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_mad(
    x: NDArray[_Float],
    window: _Window,
    min_periods: int = 1,
    *,
    scale: float = 1.0,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_quantile(
    x: NDArray[_Float],
    window: _Window,
    q: float | Sequence[float] | NDArray[np.float64],
    min_periods: int = 1,
    *,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_band_energy(
    x: NDArray[_Float],
    window: _Window,
    bands: Sequence[tuple[float, float]] | None = None,
    fs: float = 1.0,
    min_periods: int = 1,
    *,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_cov(
    x: NDArray[_Float],
    y: NDArray[_Float],
    window: _Window,
    min_periods: int = 1,
    *,
    ddof: int = 1,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_corr(
    x: NDArray[_Float],
    y: NDArray[_Float],
    window: _Window,
    min_periods: int = 1,
    *,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_lag_corr(
    x: NDArray[_Float],
    window: _Window,
    max_lag: int,
    pairs: Sequence[tuple[int, int]] | NDArray[np.intp] | None = None,
    min_periods: int = 1,
    *,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_median_f64(data: NDArray[np.float64], window: int, min_periods: int = 1) -> NDArray[np.float64]: ...
def rolling_mad_f64(data: NDArray[np.float64], window: int, min_periods: int = 1) -> NDArray[np.float64]: ...
def rolling_mean_std_f64(data: NDArray[np.float64], window: int, min_periods: int = 1) -> NDArray[np.float64]: ...
def feature_matrix(
    x: NDArray[_Float],
    window: int,
    *,
    features: Sequence[str] | None = None,
    bands: Sequence[tuple[float, float]] | None = None,
    fs: float = 1.0,
    fill: Sequence[float] | NDArray[np.float64] | None = None,
    out: NDArray[_Float] | None = None,
) -> NDArray[_Float]: ...
def correlation(x: NDArray[_Float], method: _Method = "pearson", min_periods: int = 1) -> NDArray[_Float]: ...
def covariance(x: NDArray[_Float], ddof: int = 1, min_periods: int = 1) -> NDArray[_Float]: ...
def lagged_correlation(x: NDArray[_Float], max_lag: int, min_periods: int = 1) -> NDArray[_Float]: ...
def compute_correlations_f64(data: NDArray[np.float64], method: _Method = "pearson") -> NDArray[np.float64]: ...
def column_median_mad(x: NDArray[_Float], scale: float = 1.0) -> tuple[NDArray[_Float], NDArray[_Float]]: ...
def column_quantiles(x: NDArray[_Float], q: float | Sequence[float] | NDArray[np.floating]) -> NDArray[_Float]: ...
def column_moments(
    x: NDArray[_Float],
) -> tuple[NDArray[np.int64], NDArray[_Float], NDArray[_Float], NDArray[_Float], NDArray[_Float]]: ...
def zscore(
    x: NDArray[_Float],
    center: float | Sequence[float] | NDArray[np.floating] | None = None,
    scale: float | Sequence[float] | NDArray[np.floating] | None = None,
    *,
    out: NDArray[_Float] | None = None,
) -> NDArray[_Float]: ...
def impute(
    x: NDArray[_Float],
    method: Literal["median", "ffill", "bfill", "interpolate", "zero"] = "median",
    fill: float | Sequence[float] | NDArray[np.floating] | None = None,
    limit: int | None = None,
    *,
    out: NDArray[_Float] | None = None,
) -> NDArray[_Float]: ...
def lag_matrix(
    x: NDArray[_Float],
    lags: int | Sequence[int] | NDArray[np.integer],
    *,
    out: NDArray[_Float] | None = None,
) -> NDArray[_Float]: ...
def ewm_mean(
    x: NDArray[_Float],
    *,
    alpha: float | None = None,
    span: float | None = None,
    halflife: float | _Duration | None = None,
    adjust: bool = True,
    ignore_na: bool = False,
    min_periods: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
) -> NDArray[_Float]: ...
def ewm_std(
    x: NDArray[_Float],
    *,
    alpha: float | None = None,
    span: float | None = None,
    halflife: float | _Duration | None = None,
    adjust: bool = True,
    ignore_na: bool = False,
    min_periods: int = 1,
    bias: bool = False,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
) -> NDArray[_Float]: ...
def band_energy(
    x: NDArray[_Float],
    fs: float = 1.0,
    bands: Sequence[tuple[float, float]] | None = None,
    window: _Taper = "boxcar",
) -> NDArray[_Float]: ...
def power_spectrum(
    x: NDArray[_Float],
    fs: float = 1.0,
    segment: int | None = None,
    overlap: float = 0.5,
    window: _Taper = "hann",
) -> tuple[NDArray[np.float64], NDArray[_Float]]: ...
def seasonality(
    x: NDArray[_Float],
    fs: float = 1.0,
    periods: float | Sequence[float] | NDArray[np.float64] | None = None,
    max_periods: int = 3,
) -> tuple[NDArray[_Float], NDArray[_Float], NDArray[_Float], NDArray[_Float]]: ...

@type_check_only
class _Model:
    @property
    def n_features_in_(self) -> int: ...
    def fit(self, x: _Samples) -> Self: ...
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(data: bytes) -> Any: ...
    def save(self, path: str | PathLike[str]) -> None: ...
    @staticmethod
    def load(path: str | PathLike[str]) -> Any: ...
    def __reduce__(self) -> tuple[Any, Any]: ...
    def __eq__(self, other: object, /) -> bool: ...

@type_check_only
class _Detector(_Model):
    def score(self, x: _Samples) -> NDArray[np.float64]: ...
    def update(self, x: _Samples) -> NDArray[np.float64]: ...
    def contributions(self, x: _Samples) -> NDArray[np.float64]: ...

@final
class AR1Detector(_Detector):
    def __new__(
        cls, phi_cap: float = 0.999, sd_floor: float = 1e-6, fuse: Literal["mean", "median", "p95"] = "mean"
    ) -> Self: ...
    @property
    def phi_cap(self) -> float: ...
    @property
    def sd_floor(self) -> float: ...
    @property
    def fuse(self) -> Literal["mean", "median", "p95"]: ...
    @property
    def mu_(self) -> NDArray[np.float64]: ...
    @property
    def phi_(self) -> NDArray[np.float64]: ...
    @property
    def sd_(self) -> NDArray[np.float64]: ...
    @property
    def used_(self) -> NDArray[np.bool_]: ...

def ar1_residuals(
    x: _Samples, phi: float | Sequence[float] | NDArray[np.float64], mu: float | Sequence[float] | NDArray[np.float64]
) -> NDArray[np.float64]: ...
