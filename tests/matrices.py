"""The registry of functions of whole columns and matrices, each with its reference from a peer.

They take an array and no window. References take an (n, d) array of float64 and are independent of ``acm_rs``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.fft
import scipy.signal
from oracles import band_edges

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Parts = tuple[Array, ...]
Shape = tuple[int, ...]


def _clean(x: Floats) -> pd.DataFrame:
    return pd.DataFrame(np.where(np.isfinite(x), x, np.nan))


# ---- references -----------------------------------------------------------------------------------------------------


def _correlation(x: Floats, method: str = "pearson", min_periods: int = 1) -> Floats:
    frame = _clean(x)
    if method == "pearson":
        return frame.corr("pearson", min_periods=max(min_periods, 1)).to_numpy()
    return frame.corr(method, min_periods=max(min_periods, 2)).to_numpy()


def _covariance(x: Floats, ddof: int = 1, min_periods: int = 1) -> Floats:
    # pandas heeds ddof only where nothing is missing.
    frame = _clean(x)
    valid = frame.notna().to_numpy().astype(np.float64)
    count = valid.T @ valid
    known = np.where(count >= max(min_periods, ddof + 1), count, np.nan)
    return frame.cov(min_periods=2).to_numpy() * (known - 1) / (known - ddof)


def _lagged_correlation(x: Floats, max_lag: int, min_periods: int = 1) -> Floats:
    frame = _clean(x)
    d = x.shape[1]
    found = []
    for lag in range(max_lag + 1):
        both = pd.concat([frame, frame.shift(lag)], axis=1, ignore_index=True)
        found.append(both.corr(min_periods=max(min_periods, 1)).to_numpy()[:d, d:])
    return np.stack(found)


def _median_mad(x: Floats, scale: float = 1.0) -> Parts:
    frame = _clean(x)
    median = frame.median()
    return median.to_numpy(), scale * (frame - median).abs().median().to_numpy()


def _quantiles(x: Floats, q: Any) -> Floats:
    return _clean(x).quantile(q).to_numpy()


def _moments(x: Floats) -> Parts:
    frame = _clean(x)
    values = (frame.mean(), frame.std(), frame.skew(), frame.kurt())
    return (frame.count().to_numpy().astype(np.int64), *(v.to_numpy() for v in values))


def _zscore(x: Floats) -> Floats:
    median, mad = _median_mad(x, 1.4826)
    return (_clean(x).to_numpy() - median) / np.maximum(mad, 1e-9)


def _impute(x: Floats, method: str = "median", limit: int | None = None) -> Floats:
    frame = _clean(x)
    if method == "interpolate":
        return frame.interpolate(limit=limit).to_numpy()
    if method in {"ffill", "bfill"}:
        return getattr(frame, method)(limit=limit).to_numpy()
    value = 0.0 if method == "zero" else frame.median()
    return frame.fillna(value).to_numpy()


def _lag_matrix(x: Floats, lags: Any) -> Floats:
    steps = list(range(1, lags + 1)) if isinstance(lags, int) else list(lags)
    frame = pd.DataFrame(x)
    return np.column_stack([frame[j].shift(k).to_numpy() for j in frame.columns for k in steps])


def _band_energy(x: Floats, fs: float = 1.0, bands: Any = None, window: str = "boxcar") -> Floats:
    n = x.shape[0]
    d = (x - x.mean(axis=0)) * scipy.signal.get_window(window, n)[:, None]
    power = np.abs(scipy.fft.rfft(d, axis=0)) ** 2
    f = np.fft.rfftfreq(n, 1 / fs)
    return np.column_stack([power[(f >= lo) & (f < hi)].sum(axis=0) for lo, hi in band_edges(bands, fs)])


def _power_spectrum(
    x: Floats, fs: float = 1.0, segment: int | None = None, overlap: float = 0.5, window: str = "hann"
) -> Parts:
    size = min(256 if segment is None else segment, x.shape[0])
    freqs, psd = scipy.signal.welch(x, fs, window, nperseg=size, noverlap=int(overlap * size), axis=0)
    return freqs, psd


def _ewm(method: str) -> Callable[..., Floats]:
    def reference(x: Floats, bias: bool | None = None, **keywords: Any) -> Floats:
        weighted = _clean(x).ewm(**keywords)
        found = getattr(weighted, method)() if bias is None else getattr(weighted, method)(bias=bias)
        return found.to_numpy()

    return reference


# ---- the registry ---------------------------------------------------------------------------------------------------


def _frozen(**keywords: Any) -> Mapping[str, Any]:
    return MappingProxyType(keywords)


@dataclass(frozen=True)
class Matrix:
    """A public function of an array, called in one particular way.

    ``shapes`` gives the shapes of its results for n rows and d columns. ``columns`` is the axis of the results along
    which the columns of the input follow each other, ``None`` where they mix; results numbered in ``shared`` have no
    such axis. ``gaps`` tells whether the reference knows missing values. ``least`` is the fewest rows whose results
    are laid down.
    """

    name: str
    reference: Callable[..., Floats | Parts] | None
    shapes: Callable[[int, int], tuple[Shape, ...]]
    keywords: Mapping[str, Any] = field(default_factory=_frozen)
    tolerance: float = 1e-12
    columns: int | None = None
    shared: frozenset[int] = frozenset()
    argument: str = "x"
    float32: bool = True
    takes_out: bool = False
    gaps: bool = True
    least: int = 0

    def __call__(self, x: Array, **keywords: Any) -> Parts:
        """Call the public function and give its results as a tuple."""
        found = self.alone(x, **keywords)
        return found if isinstance(found, tuple) else (found,)

    def alone(self, x: Array, **keywords: Any) -> Any:
        """Call the public function and give what it gives."""
        return getattr(importlib.import_module("acm_rs"), self.name)(x, **{**self.keywords, **keywords})

    def peer(self, x: Floats) -> Parts:
        """Evaluate the reference."""
        assert self.reference is not None
        found = self.reference(x, **self.keywords)
        return found if isinstance(found, tuple) else (found,)


def _square(_: int, d: int) -> tuple[Shape, ...]:
    return ((d, d),)


def _same(n: int, d: int) -> tuple[Shape, ...]:
    return ((n, d),)


def _each(count: int) -> Callable[[int, int], tuple[Shape, ...]]:
    return lambda n, d: ((d,),) * count


def _wide(width: int) -> Callable[[int, int], tuple[Shape, ...]]:
    return lambda n, d: ((n, d * width),)


def _spectrum(segment: int) -> Callable[[int, int], tuple[Shape, ...]]:
    return lambda n, d: ((min(segment, n) // 2 + 1,), (min(segment, n) // 2 + 1, d))


def _matrix(label: str, *arguments: Any, **keywords: Any) -> tuple[str, Matrix]:
    return label, Matrix(label.split(" ")[0], *arguments, **keywords)


_IMPUTE = ("median", "ffill", "bfill", "interpolate", "zero")
MATRICES: Mapping[str, Matrix] = MappingProxyType(
    dict(
        [
            _matrix("correlation pearson", _correlation, _square),
            _matrix("correlation spearman", _correlation, _square, _frozen(method="spearman", min_periods=5)),
            _matrix("correlation kendall", _correlation, _square, _frozen(method="kendall")),
            _matrix("compute_correlations_f64", _correlation, _square, argument="data", float32=False),
            _matrix("covariance", _covariance, _square),
            _matrix("covariance ddof 0", _covariance, _square, _frozen(ddof=0, min_periods=3)),
            _matrix("lagged_correlation", _lagged_correlation, lambda n, d: ((4, d, d),), _frozen(max_lag=3)),
            _matrix("column_median_mad", _median_mad, _each(2), _frozen(scale=1.4826), columns=-1),
            _matrix("column_quantiles", _quantiles, lambda n, d: ((3, d),), _frozen(q=(0.0, 0.25, 0.9)), columns=-1),
            _matrix("column_quantiles one", _quantiles, _each(1), _frozen(q=0.5), columns=-1),
            _matrix("column_moments", _moments, _each(5), columns=-1),
            _matrix("zscore", _zscore, _same, columns=-1, takes_out=True),
            *(
                _matrix(f"impute {method}", _impute, _same, _frozen(method=method), columns=-1, takes_out=True)
                for method in _IMPUTE
            ),
            _matrix(
                "impute with a limit",
                _impute,
                _same,
                _frozen(method="ffill", limit=2),
                columns=-1,
                takes_out=True,
            ),
            _matrix("lag_matrix", _lag_matrix, _wide(3), _frozen(lags=3), columns=-1, takes_out=True),
            _matrix("lag_matrix of some", _lag_matrix, _wide(2), _frozen(lags=(0, 4)), columns=-1, takes_out=True),
            _matrix(
                "band_energy", _band_energy, lambda n, d: ((d, 3),), _frozen(fs=2.0), columns=0, gaps=False, least=2
            ),
            _matrix(
                "power_spectrum",
                _power_spectrum,
                _spectrum(64),
                _frozen(fs=4.0, segment=64),
                columns=-1,
                shared=frozenset({0}),
                gaps=False,
                least=2,
            ),
            _matrix("seasonality", None, lambda n, d: ((d, 3),) * 4, columns=0),
            _matrix("ewm_mean", _ewm("mean"), _same, _frozen(span=10), columns=-1, takes_out=True),
            _matrix(
                "ewm_mean recursive",
                _ewm("mean"),
                _same,
                _frozen(alpha=0.25, adjust=False, ignore_na=True, min_periods=3),
                columns=-1,
                takes_out=True,
            ),
            _matrix("ewm_std", _ewm("std"), _same, _frozen(halflife=4.0), columns=-1, takes_out=True),
            _matrix("ewm_std biased", _ewm("std"), _same, _frozen(alpha=0.3, bias=True), columns=-1, takes_out=True),
        ]
    )
)
