from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "InternalError",
    "__version__",
    "cpu_features",
    "feature_matrix",
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

_Float = TypeVar("_Float", np.float32, np.float64)

__version__: str

class InternalError(RuntimeError): ...

def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...
def cpu_features() -> list[str]: ...
def rolling_sum(
    x: NDArray[_Float],
    window: int,
    min_periods: int = 1,
    *,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_mean(
    x: NDArray[_Float],
    window: int,
    min_periods: int = 1,
    *,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_min(
    x: NDArray[_Float],
    window: int,
    min_periods: int = 1,
    *,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_max(
    x: NDArray[_Float],
    window: int,
    min_periods: int = 1,
    *,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_skew(
    x: NDArray[_Float],
    window: int,
    min_periods: int = 1,
    *,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_kurt(
    x: NDArray[_Float],
    window: int,
    min_periods: int = 1,
    *,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_median(
    x: NDArray[_Float],
    window: int,
    min_periods: int = 1,
    *,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_slope(
    x: NDArray[_Float],
    window: int,
    min_periods: int = 1,
    *,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_var(
    x: NDArray[_Float],
    window: int,
    min_periods: int = 1,
    *,
    ddof: int = 1,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_std(
    x: NDArray[_Float],
    window: int,
    min_periods: int = 1,
    *,
    ddof: int = 1,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_mean_std(
    x: NDArray[_Float],
    window: int,
    min_periods: int = 1,
    *,
    ddof: int = 1,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_mad(
    x: NDArray[_Float],
    window: int,
    min_periods: int = 1,
    *,
    scale: float = 1.0,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_quantile(
    x: NDArray[_Float],
    window: int,
    q: float | Sequence[float] | NDArray[np.float64],
    min_periods: int = 1,
    *,
    out: NDArray[_Float] | None = None,
    first_row: int = 0,
) -> NDArray[_Float]: ...
def rolling_band_energy(
    x: NDArray[_Float],
    window: int,
    bands: Sequence[tuple[float, float]] | None = None,
    fs: float = 1.0,
    min_periods: int = 1,
    *,
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
