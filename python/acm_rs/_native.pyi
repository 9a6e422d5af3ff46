from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from os import PathLike
from typing import Any, Literal, Self, TypeAlias, TypeVar, final, type_check_only

import numpy as np
from numpy.typing import NDArray

__all__ = [
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
    "OMRDetector",
    "PCADetector",
    "PageHinkley",
    "RegimeDetector",
    "RegimeModel",
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

_Float = TypeVar("_Float", np.float32, np.float64)
_Window: TypeAlias = int | str | timedelta | np.timedelta64
_Method: TypeAlias = Literal["pearson", "spearman", "kendall"]
_Taper: TypeAlias = Literal["boxcar", "hann", "hamming", "blackman"]
_Duration: TypeAlias = str | timedelta | np.timedelta64
_Number: TypeAlias = float | Threshold
_Levels: TypeAlias = float | Sequence[float] | NDArray[np.float64]
_Labels: TypeAlias = NDArray[np.int64] | NDArray[np.int32]
_Charts: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]
_Metric: TypeAlias = Literal["euclidean", "sqeuclidean", "manhattan", "cosine"]
_Bytes: TypeAlias = bytes | bytearray | memoryview | NDArray[np.uint8]
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
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
    *,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_range(
    x: NDArray[_Float],
    window: _Window,
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
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
    min_periods: int | None = 1,
    *,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_median_f64(data: NDArray[np.float64], window: int, min_periods: int | None = 1) -> NDArray[np.float64]: ...
def rolling_mad_f64(data: NDArray[np.float64], window: int, min_periods: int | None = 1) -> NDArray[np.float64]: ...
def rolling_mean_std_f64(
    data: NDArray[np.float64], window: int, min_periods: int | None = 1
) -> NDArray[np.float64]: ...
def feature_matrix(
    x: NDArray[_Float],
    window: _Window,
    *,
    features: Sequence[str] | None = None,
    bands: Sequence[tuple[float, float]] | None = None,
    fs: float = 1.0,
    fill: Literal["median"] | float | Sequence[float] | NDArray[np.floating] | None = None,
    min_periods: int | None = 1,
    center: bool = False,
    step: int = 1,
    times: _Times | None = None,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
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
    def names(self) -> tuple[str, ...] | None: ...
    @property
    def metadata(self) -> dict[str, str]: ...
    @metadata.setter
    def metadata(self, metadata: Mapping[str, str], /) -> None: ...
    @property
    def n_features_in_(self) -> int: ...
    def fit(self, x: _Samples, *, names: Sequence[str] | None = None) -> Self: ...
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(data: _Bytes) -> Any: ...
    def save(self, path: str | PathLike[str]) -> None: ...
    @staticmethod
    def load(path: str | PathLike[str]) -> Any: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def __eq__(self, other: object, /) -> bool: ...

@type_check_only
class _Detector(_Model):
    def score(self, x: _Samples) -> NDArray[np.float64]: ...
    def update(self, x: _Samples) -> NDArray[np.float64]: ...
    def contributions(self, x: _Samples) -> NDArray[np.float64]: ...

@final
class AR1Detector(_Detector):
    def __new__(
        cls, phi_cap: float = 0.999, sd_floor: float | None = None, fuse: Literal["mean", "median", "p95"] = "mean"
    ) -> Self: ...
    @property
    def phi_cap(self) -> float: ...
    @property
    def sd_floor(self) -> float | None: ...
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

@final
class KMeans(_Detector):
    def __new__(
        cls, n_clusters: int, n_init: int = 10, max_iter: int = 300, tol: float = 1e-4, seed: int = 17
    ) -> Self: ...
    @property
    def n_clusters(self) -> int: ...
    @property
    def n_init(self) -> int: ...
    @property
    def max_iter(self) -> int: ...
    @property
    def tol(self) -> float: ...
    @property
    def seed(self) -> int: ...
    @property
    def cluster_centers_(self) -> NDArray[np.float64]: ...
    @property
    def labels_(self) -> NDArray[np.int64]: ...
    @property
    def counts_(self) -> NDArray[np.float64]: ...
    @property
    def inertia_(self) -> float: ...
    @property
    def n_iter_(self) -> int: ...
    def fit(
        self,
        x: _Samples,
        sample_weight: _Samples | None = None,
        *,
        centers: _Samples | None = None,
        names: Sequence[str] | None = None,
    ) -> Self: ...
    def partial_fit(
        self, x: _Samples, sample_weight: _Samples | None = None, *, names: Sequence[str] | None = None
    ) -> Self: ...
    def predict(self, x: _Samples) -> NDArray[np.int64]: ...
    def transform(self, x: _Samples) -> NDArray[np.float64]: ...

@final
class GaussianMixture(_Detector):
    def __new__(
        cls,
        n_components: int | Literal["bic"] = 5,
        covariance: Literal["diag", "full"] = "diag",
        n_init: int = 3,
        reg: float = 1e-2,
        tol: float = 1e-3,
        max_iter: int = 100,
        seed: int = 42,
    ) -> Self: ...
    @property
    def n_components(self) -> int | Literal["bic"]: ...
    @property
    def covariance(self) -> Literal["diag", "full"]: ...
    @property
    def n_init(self) -> int: ...
    @property
    def reg(self) -> float: ...
    @property
    def tol(self) -> float: ...
    @property
    def max_iter(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def weights_(self) -> NDArray[np.float64]: ...
    @property
    def means_(self) -> NDArray[np.float64]: ...
    @property
    def covariances_(self) -> NDArray[np.float64]: ...
    @property
    def center_(self) -> NDArray[np.float64]: ...
    @property
    def scale_(self) -> NDArray[np.float64]: ...
    @property
    def used_(self) -> NDArray[np.bool_]: ...
    @property
    def n_components_(self) -> int: ...
    @property
    def lower_bound_(self) -> float: ...
    @property
    def n_iter_(self) -> int: ...
    @property
    def converged_(self) -> bool: ...
    def fit(
        self, x: _Samples, labels: NDArray[np.int64] | None = None, *, names: Sequence[str] | None = None
    ) -> Self: ...
    def score_samples(self, x: _Samples) -> NDArray[np.float64]: ...
    def predict(self, x: _Samples) -> NDArray[np.int64]: ...
    def predict_proba(self, x: _Samples) -> NDArray[np.float64]: ...
    def bic(self, x: _Samples) -> float: ...
    def aic(self, x: _Samples) -> float: ...

@final
class OMRDetector(_Detector):
    def __new__(
        cls,
        model: Literal["auto", "pls", "ridge", "pca"] = "auto",
        n_components: int = 5,
        alpha: float = 1.0,
        clip: float | None = 10.0,
    ) -> Self: ...
    @property
    def model(self) -> Literal["auto", "pls", "ridge", "pca"]: ...
    @property
    def n_components(self) -> int: ...
    @property
    def alpha(self) -> float: ...
    @property
    def clip(self) -> float | None: ...
    def fit(
        self,
        x: _Samples,
        labels: Sequence[int] | NDArray[np.integer[Any]] | None = None,
        weights: Sequence[float] | NDArray[np.float64] | None = None,
        *,
        names: Sequence[str] | None = None,
    ) -> Self: ...
    def predict(self, x: _Samples) -> NDArray[np.float64]: ...
    def residuals(self, x: _Samples) -> NDArray[np.float64]: ...
    @property
    def model_(self) -> Literal["pls", "ridge", "pca"]: ...
    @property
    def n_components_(self) -> int | None: ...
    @property
    def coefficients_(self) -> NDArray[np.float64]: ...
    @property
    def center_(self) -> NDArray[np.float64]: ...
    @property
    def scale_(self) -> NDArray[np.float64]: ...
    @property
    def norm_scale_(self) -> float: ...
    @property
    def used_(self) -> NDArray[np.bool_]: ...
    @property
    def weights_(self) -> NDArray[np.float64]: ...

@final
class PCADetector(_Detector):
    def __new__(
        cls,
        n_components: float = 5,
        lags: int = 0,
        *,
        scaling: Literal["robust", "standard"] = "robust",
        alpha: float = 0.01,
        limits: Literal["theoretical", "empirical"] = "theoretical",
    ) -> Self: ...
    def spe(self, x: _Samples) -> NDArray[np.float64]: ...
    def t2(self, x: _Samples) -> NDArray[np.float64]: ...
    def spe_limit(
        self, alpha: float | None = None, method: Literal["theoretical", "empirical"] | None = None
    ) -> float: ...
    def t2_limit(
        self, alpha: float | None = None, method: Literal["theoretical", "empirical"] | None = None
    ) -> float: ...
    def contributions(
        self,
        x: _Samples,
        statistic: Literal["score", "spe", "t2"] = "score",
        decomposition: Literal["partial", "complete"] = "partial",
    ) -> NDArray[np.float64]: ...
    def residuals(self, x: _Samples) -> NDArray[np.float64]: ...
    @property
    def n_components(self) -> float: ...
    @property
    def lags(self) -> int: ...
    @property
    def scaling(self) -> Literal["robust", "standard"]: ...
    @property
    def alpha(self) -> float: ...
    @property
    def limits(self) -> Literal["theoretical", "empirical"]: ...
    @property
    def components_(self) -> NDArray[np.float64]: ...
    @property
    def explained_variance_(self) -> NDArray[np.float64]: ...
    @property
    def mean_(self) -> NDArray[np.float64]: ...
    @property
    def center_(self) -> NDArray[np.float64]: ...
    @property
    def scale_(self) -> NDArray[np.float64]: ...
    @property
    def used_(self) -> NDArray[np.bool_]: ...
    @property
    def spe_limit_(self) -> float: ...
    @property
    def t2_limit_(self) -> float: ...
    @property
    def n_components_(self) -> int: ...

@final
class MahalanobisDetector(_Detector):
    def __new__(cls, shrinkage: Literal["ledoit_wolf", "none"] | float = "ledoit_wolf", lags: int = 0) -> Self: ...
    def limit(self, alpha: float = 0.01) -> float: ...
    @property
    def shrinkage(self) -> Literal["ledoit_wolf", "none"] | float: ...
    @property
    def lags(self) -> int: ...
    @property
    def covariance_(self) -> NDArray[np.float64]: ...
    @property
    def shrinkage_(self) -> float: ...
    @property
    def center_(self) -> NDArray[np.float64]: ...
    @property
    def scale_(self) -> NDArray[np.float64]: ...
    @property
    def used_(self) -> NDArray[np.bool_]: ...

def pca(x: _Samples, k: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...
def svd(x: _Samples, k: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...
def cholesky_solve(a: _Samples, b: _Samples) -> NDArray[np.float64]: ...
def ledoit_wolf(x: _Samples) -> tuple[NDArray[np.float64], float]: ...

@type_check_only
class _State:
    @property
    def names(self) -> tuple[str, ...] | None: ...
    @property
    def metadata(self) -> dict[str, str]: ...
    @metadata.setter
    def metadata(self, metadata: Mapping[str, str], /) -> None: ...
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(data: _Bytes) -> Any: ...
    def save(self, path: str | PathLike[str]) -> None: ...
    @staticmethod
    def load(path: str | PathLike[str]) -> Any: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class Cusum(_State):
    def __new__(
        cls,
        threshold: _Number,
        drift: float,
        *,
        target: _Levels = 0.0,
        scale: _Levels = 1.0,
        reset: bool = False,
    ) -> Self: ...
    def update(self, x: _Samples) -> _Charts: ...
    @property
    def threshold(self) -> float: ...
    @property
    def drift(self) -> float: ...
    @property
    def target(self) -> float | tuple[float, ...]: ...
    @property
    def scale(self) -> float | tuple[float, ...]: ...
    @property
    def reset(self) -> bool: ...

@final
class EwmaChart(_State):
    def __new__(cls, lam: float, width: float, *, target: _Levels = 0.0, sigma: _Levels = 1.0) -> Self: ...
    def update(self, x: _Samples) -> _Charts: ...
    @property
    def lam(self) -> float: ...
    @property
    def width(self) -> float: ...
    @property
    def target(self) -> float | tuple[float, ...]: ...
    @property
    def sigma(self) -> float | tuple[float, ...]: ...

@final
class PageHinkley(_State):
    def __new__(cls, threshold: _Number, delta: float, *, min_rows: int = 30, reset: bool = False) -> Self: ...
    def update(self, x: _Samples) -> _Charts: ...
    @property
    def threshold(self) -> float: ...
    @property
    def delta(self) -> float: ...
    @property
    def min_rows(self) -> int: ...
    @property
    def reset(self) -> bool: ...

@final
class Episodes:
    def __new__(
        cls,
        start: Sequence[int],
        end: Sequence[int],
        peak: Sequence[float],
        area: Sequence[float],
        peak_row: Sequence[int],
    ) -> Self: ...
    @property
    def start(self) -> NDArray[np.int64]: ...
    @property
    def end(self) -> NDArray[np.int64]: ...
    @property
    def peak(self) -> NDArray[np.float64]: ...
    @property
    def area(self) -> NDArray[np.float64]: ...
    @property
    def peak_row(self) -> NDArray[np.int64]: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __reduce__(self) -> tuple[Any, Any]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class EpisodeTracker(_State):
    def __new__(
        cls,
        on: _Number,
        off: _Number | None = None,
        min_rows: int = 1,
        gap_rows: int = 0,
        min_time: _Duration | None = None,
        gap_time: _Duration | None = None,
    ) -> Self: ...
    def update(self, score: _Samples, times: _Times | None = None) -> Episodes: ...
    @property
    def on(self) -> float: ...
    @property
    def off(self) -> float: ...
    @property
    def min_rows(self) -> int: ...
    @property
    def gap_rows(self) -> int: ...
    @property
    def min_time(self) -> str | None: ...
    @property
    def gap_time(self) -> str | None: ...
    @property
    def rows_(self) -> int: ...
    @property
    def running_(self) -> bool: ...
    @property
    def open_(self) -> Episodes: ...

@final
class Threshold:
    def __new__(cls, threshold: float, low: float, high: float, extrapolated: bool, block: int, known: int) -> Self: ...
    @property
    def threshold(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def extrapolated(self) -> bool: ...
    @property
    def block(self) -> int: ...
    @property
    def known(self) -> int: ...
    def __float__(self) -> float: ...
    def __iter__(self) -> Iterator[float]: ...
    def __reduce__(self) -> tuple[Any, Any]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class ScoreFusion(_Model):
    def __new__(
        cls,
        scale: Literal["robust", "tail", "cube_root"] = "robust",
        combine: Literal["max", "mean", "sum", "p95"] = "max",
        weights: Sequence[float] | NDArray[np.float64] | None = None,
        min_rows: int = 50,
    ) -> Self: ...
    def fit(self, x: _Samples, labels: _Labels | None = None, *, names: Sequence[str] | None = None) -> Self: ...
    def score(self, x: _Samples, labels: _Labels | None = None) -> NDArray[np.float64]: ...
    def update(self, x: _Samples, labels: _Labels | None = None) -> NDArray[np.float64]: ...
    def contributions(self, x: _Samples, labels: _Labels | None = None) -> NDArray[np.float64]: ...
    def scaled(self, x: _Samples, labels: _Labels | None = None) -> NDArray[np.float64]: ...
    @property
    def scale(self) -> Literal["robust", "tail", "cube_root"]: ...
    @property
    def combine(self) -> Literal["max", "mean", "sum", "p95"]: ...
    @property
    def weights(self) -> tuple[float, ...] | None: ...
    @property
    def min_rows(self) -> int: ...
    @property
    def regimes_(self) -> NDArray[np.int64]: ...

def cusum(
    x: _Samples,
    threshold: _Number,
    drift: float,
    *,
    target: _Levels = 0.0,
    scale: _Levels = 1.0,
    reset: bool = False,
) -> _Charts: ...
def ewma_chart(x: _Samples, lam: float, width: float, *, target: _Levels = 0.0, sigma: _Levels = 1.0) -> _Charts: ...
def page_hinkley(
    x: _Samples, threshold: _Number, delta: float, *, min_rows: int = 30, reset: bool = False
) -> _Charts: ...
def episodes(
    score: _Samples,
    on: _Number,
    off: _Number | None = None,
    min_rows: int = 1,
    gap_rows: int = 0,
    times: _Times | None = None,
    min_time: _Duration | None = None,
    gap_time: _Duration | None = None,
) -> Episodes: ...
def calibrate(
    score: _Samples,
    false_alarm_rate: float,
    *,
    confidence: float = 0.95,
    n_boot: int = 1000,
    block: int | None = None,
    seed: int = 17,
) -> Threshold: ...

@final
class IsolationForest(_Detector):
    def __new__(
        cls,
        n_estimators: int = 100,
        max_samples: int | float | Literal["auto"] = 256,
        extension: int = 0,
        seed: int = 17,
    ) -> Self: ...
    @property
    def n_estimators(self) -> int: ...
    @property
    def max_samples(self) -> int | float | Literal["auto"]: ...
    @property
    def extension(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def max_samples_(self) -> int: ...
    @property
    def n_nodes_(self) -> int: ...
    @property
    def used_(self) -> NDArray[np.bool_]: ...

def pairwise_distances(
    x: NDArray[_Float], y: NDArray[_Float] | None = None, metric: _Metric = "euclidean"
) -> NDArray[_Float]: ...
def nearest(x: _Samples, centers: _Samples) -> tuple[NDArray[np.int64], NDArray[np.float64]]: ...
def silhouette_samples(x: _Samples, labels: _Labels) -> NDArray[np.float64]: ...
def silhouette_score(x: _Samples, labels: _Labels, sample_size: int | None = None, seed: int = 17) -> float: ...
def calinski_harabasz_score(x: _Samples, labels: _Labels) -> float: ...
def davies_bouldin_score(x: _Samples, labels: _Labels) -> float: ...

@final
class FusedDetector(_Detector):
    def __new__(
        cls,
        n_components: float = 0.9,
        lags: int = 2,
        memories: Sequence[float] | NDArray[np.float64] = (1.0, 0.2, 0.03),
        folds: int = 10,
        false_alarm_rate: float = 0.01,
        trim: float = 5.0,
    ) -> Self: ...
    def parts(self, x: _Samples) -> NDArray[np.float64]: ...
    @property
    def n_components(self) -> float: ...
    @property
    def lags(self) -> int: ...
    @property
    def memories(self) -> tuple[float, ...]: ...
    @property
    def folds(self) -> int: ...
    @property
    def false_alarm_rate(self) -> float: ...
    @property
    def trim(self) -> float: ...
    @property
    def n_components_(self) -> int: ...
    @property
    def part_names_(self) -> tuple[str, ...]: ...
    @property
    def limits_(self) -> NDArray[np.float64]: ...
    @property
    def part_mean_(self) -> NDArray[np.float64]: ...
    @property
    def part_sd_(self) -> NDArray[np.float64]: ...
    @property
    def mean_power_(self) -> float: ...
    @property
    def trimmed_(self) -> int: ...
    @property
    def center_(self) -> NDArray[np.float64]: ...
    @property
    def scale_(self) -> NDArray[np.float64]: ...
    @property
    def used_(self) -> NDArray[np.bool_]: ...

@final
class ClusterChoice:
    @property
    def k(self) -> int: ...
    @property
    def ks(self) -> NDArray[np.int64]: ...
    @property
    def silhouette(self) -> NDArray[np.float64]: ...
    @property
    def inertia(self) -> NDArray[np.float64]: ...
    @property
    def bic(self) -> NDArray[np.float64]: ...
    @property
    def gap(self) -> NDArray[np.float64]: ...
    @property
    def gap_error(self) -> NDArray[np.float64]: ...
    @property
    def one_cluster(self) -> bool: ...

def choose_k(
    x: _Samples,
    k_min: int = 2,
    k_max: int = 8,
    *,
    method: Literal["silhouette", "elbow", "bic"] = "silhouette",
    sample_size: int = 4000,
    n_init: int = 5,
    seed: int = 17,
) -> ClusterChoice: ...
def smooth_labels(labels: NDArray[np.integer], window: int, *, causal: bool = False) -> NDArray[np.int64]: ...
def minimum_dwell(labels: NDArray[np.integer], rows: int) -> NDArray[np.int64]: ...
def transients(labels: NDArray[np.integer], before: int = 5, after: int = 5) -> NDArray[np.bool_]: ...
def align_labels(
    reference: NDArray[np.integer], labels: NDArray[np.integer], *, min_share: float = 0.5
) -> NDArray[np.int64]: ...

@final
class RegimeModel(_Detector):
    def __new__(
        cls,
        n_regimes: int | Literal["auto"] = "auto",
        *,
        k_max: int = 6,
        min_rows: int = 30,
        unknown_quantile: float = 0.995,
        margin: float = 1.5,
        smoothing: int = 1,
        seed: int = 17,
    ) -> Self: ...
    def fit(
        self, x: _Samples, reference: RegimeModel | None = None, *, names: Sequence[str] | None = None
    ) -> Self: ...
    def predict(self, x: _Samples) -> NDArray[np.int64]: ...
    def track(self, x: _Samples) -> NDArray[np.int64]: ...
    def confidence(self, x: _Samples) -> NDArray[np.float64]: ...
    def transform(self, x: _Samples) -> NDArray[np.float64]: ...
    @property
    def n_regimes(self) -> int | Literal["auto"]: ...
    @property
    def k_max(self) -> int: ...
    @property
    def min_rows(self) -> int: ...
    @property
    def unknown_quantile(self) -> float: ...
    @property
    def margin(self) -> float: ...
    @property
    def smoothing(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def centers_(self) -> NDArray[np.float64]: ...
    @property
    def spreads_(self) -> NDArray[np.float64]: ...
    @property
    def regimes_(self) -> NDArray[np.int64]: ...
    @property
    def counts_(self) -> NDArray[np.int64]: ...
    @property
    def scale_(self) -> NDArray[np.float64]: ...
    @property
    def limits_(self) -> NDArray[np.float64]: ...
    @property
    def used_(self) -> NDArray[np.bool_]: ...
    @property
    def labels_(self) -> NDArray[np.int64]: ...
    @property
    def n_regimes_(self) -> int: ...

@final
class RegimeDetector(_Detector):
    def __new__(
        cls,
        detector: Literal["pca", "mahalanobis", "ar1"] = "pca",
        false_alarm_rate: float = 0.01,
        min_rows: int = 100,
    ) -> Self: ...
    def fit(self, x: _Samples, labels: _Labels | None = None, *, names: Sequence[str] | None = None) -> Self: ...
    def score(self, x: _Samples, labels: _Labels | None = None) -> NDArray[np.float64]: ...
    def update(self, x: _Samples, labels: _Labels | None = None) -> NDArray[np.float64]: ...
    def contributions(self, x: _Samples, labels: _Labels | None = None) -> NDArray[np.float64]: ...
    @property
    def detector(self) -> Literal["pca", "mahalanobis", "ar1"]: ...
    @property
    def false_alarm_rate(self) -> float: ...
    @property
    def min_rows(self) -> int: ...
    @property
    def regimes_(self) -> NDArray[np.int64]: ...
    @property
    def limits_(self) -> NDArray[np.float64]: ...
    @property
    def rows_(self) -> NDArray[np.int64]: ...
