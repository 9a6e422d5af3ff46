"""The registry: every public kernel with its reference from a peer, its own minimum, outputs and tolerance.

Parity, contract and benchmark walk ``KERNELS``: ``ROLLING`` are those of one column, ``PAIRS`` those of two. Functions
of whole columns and matrices are in ``matrices.py``. A public name that is nowhere fails a test. References take one
column and give an array of shape (n, outputs). They are independent of ``acm_rs``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.fft

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3
DEFAULT_BANDS = ((0.0, 0.1), (0.1, 0.3), (0.3, 1.0))
FEATURES = ("median", "mad", "mean", "std", "slope", "skew", "kurt", "energy", "robust_z")
_BLOCK_VALUES = 2_000_000


# ---- references -----------------------------------------------------------------------------------------------------


def _rolling(x: Floats, window: int, min_periods: int) -> Any:
    values = np.where(np.isfinite(x), x, np.nan)
    return pd.Series(values).rolling(window, min_periods=min_periods)


def _pandas(method: str) -> Callable[..., Floats]:
    def reference(x: Floats, window: int, min_periods: int, **keywords: Any) -> Floats:
        found = getattr(_rolling(x, window, min_periods), method)(**keywords)
        return found.to_numpy(dtype=np.float64).reshape(-1, 1)

    reference.__doc__ = f"pandas rolling {method}."
    return reference


def _pandas_range(x: Floats, window: int, min_periods: int) -> Floats:
    rolling = _rolling(x, window, min_periods)
    return (rolling.max() - rolling.min()).to_numpy(dtype=np.float64).reshape(-1, 1)


def _pandas_shape(method: str) -> Callable[..., Floats]:
    """Skewness and kurtosis as pandas 3 gives them.

    pandas 2 calls a constant window 0 or -3, and one whose variance is below 1e-14 undefined; pandas 3 calls the first
    undefined and computes the second. Under pandas 2 the constant windows are blanked here, and windows of tiny
    variance come from ``sliding_moments``.
    """

    def reference(x: Floats, window: int, min_periods: int) -> Floats:
        rolling = _rolling(x, window, min_periods)
        found = getattr(rolling, method)().to_numpy(dtype=np.float64)
        if not PANDAS_3:
            flat = (rolling.max() == rolling.min()).to_numpy()
            own = {"skew": 3, "kurt": 4}[method]
            enough = (rolling.count() >= max(own, min_periods)).to_numpy()
            blank = enough & ~flat & np.isnan(found)
            if blank.any():
                found = np.where(blank, sliding_moments(x, window, min_periods)[method], found)
            found = np.where(flat, np.nan, found)
        return found.reshape(-1, 1)

    return reference


def _pandas_mean_std(x: Floats, window: int, min_periods: int, ddof: int = 1) -> Floats:
    rolling = _rolling(x, window, min_periods)
    return np.column_stack([rolling.mean().to_numpy(), rolling.std(ddof=ddof).to_numpy()])


def _pandas_quantile(x: Floats, window: int, min_periods: int, q: float | Sequence[float] = 0.5) -> Floats:
    rolling = _rolling(x, window, min_periods)
    return np.column_stack([rolling.quantile(one).to_numpy() for one in np.atleast_1d(np.asarray(q)).tolist()])


def partner(x: Any) -> Any:
    """Make a second series of the same dtype, value by value: the mantissa, turned over where it is large.

    It depends on nothing but the value at hand, so columns and rows may come in any pieces. What is no float array is
    given back as it is.
    """
    if not isinstance(x, np.ndarray) or x.dtype not in (np.float64, np.float32) or x.size > 2**26:
        return x
    mantissa: Array = np.frexp(np.asarray(x))[0]
    return np.where(np.abs(mantissa) < 0.75, mantissa, -mantissa)


def _pandas_pair(method: str) -> Callable[..., Floats]:
    def reference(x: Floats, window: int, min_periods: int, **keywords: Any) -> Floats:
        other = partner(x)
        found = getattr(_rolling(x, window, min_periods), method)(
            pd.Series(np.where(np.isfinite(other), other, np.nan)), **keywords
        )
        return found.to_numpy(dtype=np.float64).reshape(-1, 1)

    reference.__doc__ = f"pandas rolling {method} of a column and its partner."
    return reference


def _pandas_lags(x: Floats, window: int, min_periods: int, max_lag: int) -> Floats:
    """Correlation of a column with itself moved down by 0, 1, ... rows."""
    clean = pd.Series(np.where(np.isfinite(x), x, np.nan))
    rolling = clean.rolling(window, min_periods=min_periods)
    return np.column_stack([rolling.corr(clean.shift(lag)).to_numpy() for lag in range(max_lag + 1)])


def _blocks(x: Floats, window: int) -> list[Floats]:
    """Cut the windows of all rows into blocks of bounded memory; rows before the first are NaN, as infinities are."""
    width = max(1, min(window, x.size))
    padded = np.concatenate([np.full(width - 1, np.nan), np.where(np.isfinite(x), x, np.nan)])
    if x.size == 0:
        return []
    view = np.lib.stride_tricks.sliding_window_view(padded, width)
    step = max(1, _BLOCK_VALUES // width)
    return [view[i : i + step] for i in range(0, x.size, step)]


def _nan_median(block: Floats) -> Floats:
    """Median of each row without its NaNs; NaN for a row of nothing else."""
    ordered = np.sort(block, axis=1)
    count = np.isfinite(block).sum(axis=1)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[:, None], axis=1)[:, 0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, block.shape[1] - 1)[:, None], axis=1)[:, 0]
    return np.where(count > 0, low / 2 + high / 2, np.nan)


def _numpy_mad(x: Floats, window: int, min_periods: int, scale: float = 1.0) -> Floats:
    parts = []
    for block in _blocks(x, window):
        deviation = np.abs(block - _nan_median(block)[:, None])
        enough = np.isfinite(block).sum(axis=1) >= max(min_periods, 1)
        parts.append(np.where(enough, scale * _nan_median(deviation), np.nan))
    return np.concatenate(parts or [np.empty(0)]).reshape(-1, 1)


def _numpy_slope(x: Floats, window: int, min_periods: int) -> Floats:
    parts = []
    for block in _blocks(x, window):
        valid = np.isfinite(block)
        count = valid.sum(axis=1)
        at = np.arange(block.shape[1], dtype=np.float64)
        safe = np.maximum(count, 1)
        di = np.where(valid, at - (valid * at).sum(axis=1, keepdims=True) / safe[:, None], 0.0)
        first = np.take_along_axis(block, valid.argmax(axis=1)[:, None], axis=1)
        dv = np.where(valid, block - first, 0.0)
        dv = np.where(valid, dv - dv.sum(axis=1, keepdims=True) / safe[:, None], 0.0)
        below = (di * di).sum(axis=1)
        slope = np.where(count > 1, (di * dv).sum(axis=1) / np.where(below > 0, below, 1.0), 0.0)
        parts.append(np.where(count >= max(min_periods, 1), slope, np.nan))
    return np.concatenate(parts or [np.empty(0)]).reshape(-1, 1)


def band_edges(bands: Sequence[tuple[float, float]] | None, fs: float) -> list[tuple[float, float]]:
    """Give the bands in the unit of ``fs``; the default ones are shares of the Nyquist frequency."""
    if bands is not None:
        return [(float(lo), float(hi)) for lo, hi in bands]
    return [(lo * (fs / 2), hi * (fs / 2)) for lo, hi in DEFAULT_BANDS]


def _energies(windows: Floats, edges: Sequence[tuple[float, float]], fs: float) -> Floats:
    """Band energies of full windows (rows of ``windows``)."""
    n = windows.shape[1]
    valid = np.isfinite(windows)
    windows = np.where(valid, windows, np.nan)
    first = np.take_along_axis(windows, valid.argmax(axis=1)[:, None], axis=1)
    d = np.where(valid, windows - first, 0.0)
    d = np.where(valid, d - d.sum(axis=1, keepdims=True) / np.maximum(valid.sum(axis=1), 1)[:, None], 0.0)
    power = np.abs(scipy.fft.rfft(d, axis=1)) ** 2
    power[:, 0] = 0.0
    f = np.fft.rfftfreq(n, 1 / fs)
    return np.column_stack([power[:, (f >= lo) & (f < hi)].sum(axis=1) for lo, hi in edges])


def _scipy_band_energy(
    x: Floats,
    window: int,
    min_periods: int,
    bands: Sequence[tuple[float, float]] | None = None,
    fs: float = 1.0,
) -> Floats:
    edges = band_edges(bands, fs)
    out = np.zeros((x.size, len(edges)))
    for row in range(min(window - 1, x.size)):
        if row + 1 >= window // 2:
            out[row] = _energies(x[None, : row + 1], edges, fs)[0]
    row = window - 1
    for block in _blocks(x, window) if x.size >= window else []:
        part = block[window - 1 :] if row == window - 1 else block
        out[row : row + len(part)] = _energies(part, edges, fs)
        row += len(part)
    rows = np.minimum(np.arange(x.size) + 1, window)
    count = _rolling(x, window, 0).count().to_numpy()
    out[(count < max(min_periods, 1)) & (rows >= window // 2)] = np.nan
    return out


def sliding_moments(x: Floats, window: int, min_periods: int = 1, ddof: int = 1) -> dict[str, Floats]:
    """Two-pass moments of every window with NumPy, anchored at a value of the window so that offsets do not cancel."""
    parts: dict[str, list[Floats]] = {"mean": [], "var": [], "std": [], "skew": [], "kurt": []}
    for block in _blocks(x, window):
        valid = np.isfinite(block)
        n = valid.sum(axis=1).astype(np.float64)
        safe = np.maximum(n, 1.0)
        anchor = np.take_along_axis(block, valid.argmax(axis=1)[:, None], axis=1)
        d = np.where(valid, block - anchor, 0.0)
        shift = d.sum(axis=1) / safe
        d = np.where(valid, d - shift[:, None], 0.0)
        rest = d.sum(axis=1) / safe
        d = np.where(valid, d - rest[:, None], 0.0)
        m2, m3, m4 = ((d**k).sum(axis=1) for k in (2, 3, 4))
        flat = np.nanmax(np.where(valid, block, -np.inf), axis=1) == np.nanmin(np.where(valid, block, np.inf), axis=1)
        m2 = np.where(flat, 0.0, m2)
        with np.errstate(all="ignore"):
            mean = anchor[:, 0] + np.where(flat, 0.0, shift + rest)
            var = m2 / (n - ddof)
            skew = n * np.sqrt(n - 1) / (n - 2) * m3 / m2**1.5
            kurt = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * n * m4 / (m2 * m2) - 3 * (n - 1))
        parts["mean"].append(np.where(n >= max(min_periods, 1), mean, np.nan))
        parts["var"].append(np.where(n >= max(min_periods, ddof + 1), var, np.nan))
        parts["std"].append(np.sqrt(parts["var"][-1]))
        parts["skew"].append(np.where((n >= max(min_periods, 3)) & ~flat, skew, np.nan))
        parts["kurt"].append(np.where((n >= max(min_periods, 4)) & ~flat, kurt, np.nan))
    return {name: np.concatenate(found or [np.empty(0)]) for name, found in parts.items()}


def filled(x: Floats, fill: Floats | None = None) -> Floats:
    """Fill missing values of each column with ``fill``, its own median, or 0 where it has none."""
    out = np.array(x, dtype=np.float64)
    for j in range(out.shape[1]):
        missing = ~np.isfinite(out[:, j])
        value = np.nan if fill is None else float(fill[j])
        if not np.isfinite(value):
            value = float(np.median(out[~missing, j])) if not missing.all() else 0.0
        out[missing, j] = value
    return out


def feature_reference(
    x: Floats,
    window: int,
    min_periods: int = 1,
    bands: Sequence[tuple[float, float]] | None = None,
    fs: float = 1.0,
    fill: Floats | str | None = None,
) -> Floats:
    """Compose the full feature matrix from references that do not cancel, columns in the order of the drop-in.

    Gaps stay gaps, unless ``fill`` is "median" or a value for each column: then what is undefined is 0.
    """
    values = np.where(np.isfinite(x), x, np.nan)
    if fill is not None:
        values = filled(x, None if isinstance(fill, str) else fill)
    groups: dict[str, list[Floats]] = {name: [] for name in FEATURES}
    for j in range(values.shape[1]):
        c = np.ascontiguousarray(values[:, j])
        moments = sliding_moments(c, window, min_periods)
        med = _pandas("median")(c, window, min_periods)
        mad = _numpy_mad(c, window, min_periods)
        groups["median"].append(med)
        groups["mad"].append(mad)
        groups["mean"].append(moments["mean"][:, None])
        groups["std"].append(moments["std"][:, None])
        groups["slope"].append(_numpy_slope(c, window, min_periods))
        groups["skew"].append(np.clip(moments["skew"], -100, 100)[:, None])
        groups["kurt"].append(np.clip(moments["kurt"], -1000, 1000)[:, None])
        groups["energy"].append(_scipy_band_energy(c, window, min_periods, bands=bands, fs=fs))
        robust = (c[:, None] - med) / (1.4826 * np.maximum(mad, 1e-9) + 1e-9)
        groups["robust_z"].append(np.clip(robust, -100, 100))
    parts = [part for name in FEATURES for part in groups[name]]
    found = np.column_stack(parts) if parts else np.empty((values.shape[0], 0))
    return found if fill is None else np.where(np.isfinite(found), found, 0.0)


# ---- the registry ---------------------------------------------------------------------------------------------------


def _one(_: Mapping[str, Any]) -> int:
    return 1


def _two(_: Mapping[str, Any]) -> int:
    return 2


def _quantiles(keywords: Mapping[str, Any]) -> int:
    return int(np.size(keywords["q"]))


def _bands(keywords: Mapping[str, Any]) -> int:
    bands = keywords.get("bands")
    return 3 if bands is None else len(bands)


def _lags(keywords: Mapping[str, Any]) -> int:
    return int(keywords["max_lag"]) + 1


def _frozen(**keywords: Any) -> Mapping[str, Any]:
    return MappingProxyType(keywords)


@dataclass(frozen=True)
class Kernel:
    """A public kernel and what is known of it without looking inside.

    ``earlier`` is how many rows before its window a result depends on.
    """

    name: str
    peer: str
    reference: Callable[..., Floats]
    exact: str
    tolerance: float = 1e-12
    target: float | tuple[float, ...] | None = None
    own_minimum: int = 1
    keywords: Mapping[str, Any] = field(default_factory=_frozen)
    variants: tuple[Mapping[str, Any], ...] = ()
    outputs: Callable[[Mapping[str, Any]], int] = _one
    argument: str = "x"
    float32: bool = True
    takes_out: bool = True
    takes_first_row: bool = True
    earlier: int = 0

    def minimum(self, keywords: Mapping[str, Any]) -> int:
        """Give the non-missing values a result needs, whatever ``min_periods`` says."""
        if "ddof" in keywords and self.exact in {"var", "std", "cov"}:
            return int(keywords["ddof"]) + 1
        return self.own_minimum

    @property
    def heavy(self) -> bool:
        """Say whether a value costs microseconds."""
        return self.exact in {"band_energy", ""}

    def by_column(self, found: Array, columns: int) -> list[Array]:
        """Split a result into the outputs of each input column."""
        return np.split(found, columns, axis=1)

    def width(self, columns: int, **keywords: Any) -> int:
        """Give the output columns of a call with so many input columns."""
        return columns * self.outputs({**self.keywords, **keywords})

    def __call__(self, x: Array, window: int, min_periods: int | None = None, **keywords: Any) -> Array:
        """Call the public function with the default keywords of the registry."""
        arguments = {**self.keywords, **keywords}
        if min_periods is not None:
            arguments["min_periods"] = min_periods
        return self.public(x, window, arguments)

    def public(self, x: Array, window: int, arguments: dict[str, Any]) -> Array:
        """Call the public function with these arguments."""
        function = getattr(importlib.import_module("acm_rs"), self.name)
        found: Array = function(x, window, **arguments)
        return found

    def columns(self, x: Array, window: int, min_periods: int = 1, **keywords: Any) -> Floats:
        """Evaluate the reference column by column; outputs of a column are adjacent."""
        arguments = {**self.keywords, **keywords}
        parts = [
            self.reference(np.ascontiguousarray(x[:, j], dtype=np.float64), window, min_periods, **arguments)
            for j in range(x.shape[1])
        ]
        return np.column_stack(parts) if parts else np.empty((x.shape[0], 0))


@dataclass(frozen=True)
class PairKernel(Kernel):
    """A kernel of two series: every column and its partner."""

    def public(self, x: Array, window: int, arguments: dict[str, Any]) -> Array:
        """Call with the partner of ``x`` as the second series, unless one is given."""
        function = getattr(importlib.import_module("acm_rs"), self.name)
        found: Array = function(x, arguments.pop("y", partner(x)), window, **arguments)
        return found


@dataclass(frozen=True)
class LagKernel(Kernel):
    """A kernel of pairs of columns: every column and its own past, unless pairs are given."""

    def public(self, x: Array, window: int, arguments: dict[str, Any]) -> Array:
        """Call with the pairs of every column with itself."""
        columns = np.shape(x)[1] if np.ndim(x) == 2 else 1
        if isinstance(x, np.ndarray) and 0 < columns < 2**16:
            arguments.setdefault("pairs", [(j, j) for j in range(columns)])
        return super().public(x, window, arguments)


@dataclass(frozen=True)
class FeatureKernel(Kernel):
    """The feature matrix, whose columns are feature by feature."""

    def by_column(self, found: Array, columns: int) -> list[Array]:
        """Pick the features of each input column."""
        energies = (found.shape[1] // columns - 8) * columns
        before, after = np.arange(7 * columns), np.arange(7 * columns + energies, found.shape[1])
        bands = np.arange(7 * columns, 7 * columns + energies).reshape(columns, -1)
        return [
            found[:, [*before[j::columns].tolist(), *bands[j].tolist(), *after[j::columns].tolist()]]
            for j in range(columns)
        ]


def _feature_matrix(x: Floats, window: int, min_periods: int = 1, **keywords: Any) -> Floats:
    return feature_reference(x.reshape(-1, 1), window, min_periods, **keywords)


_DDOF = (_frozen(ddof=0), _frozen(ddof=2))
_ROLLING = (
    Kernel("rolling_sum", "pandas", _pandas("sum"), "sum"),
    Kernel("rolling_mean", "pandas", _pandas("mean"), "mean", target=4e-16),
    Kernel("rolling_var", "pandas", _pandas("var"), "var", own_minimum=2, variants=_DDOF),
    Kernel("rolling_std", "pandas", _pandas("std"), "std", own_minimum=2, target=1e-13, variants=_DDOF),
    Kernel("rolling_min", "pandas", _pandas("min"), "min", target=0.0),
    Kernel("rolling_max", "pandas", _pandas("max"), "max", target=0.0),
    Kernel("rolling_range", "pandas", _pandas_range, "range", target=2.0**-53),
    Kernel("rolling_skew", "pandas", _pandas_shape("skew"), "skew", own_minimum=3, target=2e-13),
    Kernel("rolling_kurt", "pandas", _pandas_shape("kurt"), "kurt", own_minimum=4, target=2e-13),
    # A median rounds once (half a unit in the last place); deviations and interpolation round on the way there too.
    Kernel("rolling_median", "pandas", _pandas("median"), "median", target=2.0**-53),
    Kernel("rolling_mad", "NumPy", _numpy_mad, "mad", target=2.0**-51, variants=(_frozen(scale=1.4826),)),
    Kernel(
        "rolling_quantile",
        "pandas",
        _pandas_quantile,
        "quantile",
        target=2.0**-51,
        keywords=_frozen(q=0.25),
        variants=(_frozen(q=(0.0, 0.1, 1.0)), _frozen(q=[0.95])),
        outputs=_quantiles,
    ),
    Kernel("rolling_slope", "NumPy", _numpy_slope, "slope"),
    Kernel(
        "rolling_mean_std",
        "pandas",
        _pandas_mean_std,
        "mean_std",
        target=(4e-16, 1e-13),
        variants=_DDOF,
        outputs=_two,
    ),
    Kernel(
        "rolling_band_energy",
        "SciPy",
        _scipy_band_energy,
        "band_energy",
        variants=(
            _frozen(bands=((0.0, 0.5), (0.2, 3.0)), fs=4.0),
            _frozen(bands=[(1.0, 8.0), (0.0, 26.0), (7.0, 7.5), (5.0, 25.0)], fs=50.0),
        ),
        outputs=_bands,
    ),
)
_PAIRS = (
    PairKernel("rolling_cov", "pandas", _pandas_pair("cov"), "cov", own_minimum=2, variants=_DDOF),
    PairKernel("rolling_corr", "pandas", _pandas_pair("corr"), "corr", own_minimum=2, target=1e-13),
    LagKernel(
        "rolling_lag_corr",
        "pandas",
        _pandas_lags,
        "lag_corr",
        own_minimum=2,
        target=1e-13,
        keywords=_frozen(max_lag=2),
        variants=(_frozen(max_lag=0), _frozen(max_lag=5)),
        outputs=_lags,
        earlier=5,
    ),
)
_MIGRATION = (
    Kernel("rolling_median_f64", "pandas", _pandas("median"), "median", target=2.0**-53),
    Kernel("rolling_mad_f64", "NumPy", _numpy_mad, "mad", target=2.0**-51),
    Kernel("rolling_mean_std_f64", "pandas", _pandas_mean_std, "mean_std", target=(4e-16, 1e-13), outputs=_two),
)


def _plain(kernel: Kernel) -> Kernel:
    return Kernel(
        **{
            **{name: getattr(kernel, name) for name in kernel.__dataclass_fields__},
            "argument": "data",
            "float32": False,
            "takes_out": False,
            "takes_first_row": False,
        }
    )


FEATURE_MATRIX = FeatureKernel(
    "feature_matrix",
    "pandas, NumPy and SciPy",
    _feature_matrix,
    "",
    outputs=lambda keywords: 8 + _bands(keywords),
)
ROLLING: tuple[Kernel, ...] = (*_ROLLING, *(_plain(k) for k in _MIGRATION))
PAIRS: tuple[Kernel, ...] = _PAIRS
KERNELS: Mapping[str, Kernel] = MappingProxyType({k.name: k for k in (*ROLLING, *PAIRS, FEATURE_MATRIX)})
WINDOWED: tuple[Kernel, ...] = tuple(k for k in KERNELS.values() if k.takes_first_row)
# Those whose numbers exact.py knows; the feature matrix is made of these.
KNOWN_EXACTLY: tuple[Kernel, ...] = tuple(k for k in WINDOWED if k.exact)
NOT_KERNELS = frozenset(
    {
        "ALL_FEATURES",
        "InternalError",
        "Monitor",
        "Result",
        "__version__",
        "cpu_features",
        "feature_names",
        "get_num_threads",
        "set_num_threads",
    }
)
