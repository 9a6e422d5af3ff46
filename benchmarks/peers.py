"""The peers of every case; here those of the rolling kernels, each from the layout it likes best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.cases import DURATION, MAX_LAG, MIN_PERIODS, QUANTILES
from benchmarks.data import Inputs, Matrix
from benchmarks.numpy_peers import band_energy_fft, mad_sorted, slope_correlate
from benchmarks.peer import (
    BOTTLENECK,
    NUMBAGG,
    NUMPY,
    PANDAS,
    POLARS,
    SCIPY,
    Call,
    Peer,
    pandas_form,
    polars_form,
    polars_values,
)
from benchmarks.whole_peers import WHOLE_PEERS


def _pandas(statistics: Callable[[Any], list[Any]]) -> Callable[[Inputs, int], Call]:
    return pandas_form(lambda frame, window: statistics(frame.rolling(window, min_periods=MIN_PERIODS)))


def _bottleneck(statistics: Callable[[Any, Matrix, int], list[Matrix]]) -> Callable[[Inputs, int], Call]:
    def build(inputs: Inputs, window: int) -> Call:
        import bottleneck

        x = inputs.f
        return Call(lambda: statistics(bottleneck, x, window), list)

    return build


def _numbagg(names: tuple[str, ...]) -> Callable[[Inputs, int], Call]:
    def build(inputs: Inputs, window: int) -> Call:
        import numbagg

        x = np.ascontiguousarray(inputs.columns)
        functions = [getattr(numbagg, name) for name in names]
        return Call(
            lambda: [function(x, window=window, min_count=MIN_PERIODS, axis=-1) for function in functions],
            lambda result: [one.T for one in result],
        )

    return build


def _numpy(form: Callable[[Matrix, int], Callable[[], list[Matrix]]]) -> Callable[[Inputs, int], Call]:
    """Bind a NumPy form that works on contiguous sensors (d, n) and returns arrays of that shape."""

    def build(inputs: Inputs, window: int) -> Call:
        return Call(form(inputs.columns, window), lambda result: [one.T for one in result])

    return build


def _mad_of_window(values: Matrix) -> float:
    return float(np.median(np.abs(values - np.median(values))))


def _slope_of_window(values: Matrix) -> float:
    position = np.arange(values.size) - 0.5 * (values.size - 1)
    return float(np.dot(position, values) / np.dot(position, position))


def _polars_slope(inputs: Inputs, window: int) -> Call:
    """Least squares in closed form from two rolling sums.

    The positions' mean and spread depend on the row alone: they are columns made outside the timing. Valid for input
    without missing values, which is what it is timed on; a form for gaps needs three more rolling sums.
    """
    import polars as pl

    row = np.arange(inputs.n, dtype=np.float64)
    count = np.minimum(row + 1.0, float(window))
    frame = inputs.polars.with_columns(
        pl.Series("row", row),
        pl.Series("mean_position", row - 0.5 * (count - 1.0)),
        pl.Series("spread", count * (count * count - 1.0) / 12.0),
    )
    x = pl.col(inputs.names)
    weighted = (x * pl.col("row")).rolling_sum(window, min_samples=MIN_PERIODS)
    plain = x.rolling_sum(window, min_samples=MIN_PERIODS)
    slope = (weighted - plain * pl.col("mean_position")) / pl.col("spread")
    return Call(lambda: frame.select(slope), lambda result: [polars_values(result)])


def _polars_mad(x: Any, window: int) -> list[Any]:
    median = x.rolling_median(window, min_samples=MIN_PERIODS)
    return [(x - median).abs().rolling_median(window, min_samples=MIN_PERIODS)]


def _by_time(pandas: str, polars: str) -> tuple[Peer, Peer]:
    """Windows that last so long, in the two libraries that have them."""

    def with_pandas(inputs: Inputs, window: int) -> Call:
        import pandas as pd

        frame = inputs.pandas.set_axis(pd.DatetimeIndex(inputs.times.view("datetime64[ns]")))
        return Call(
            lambda: getattr(frame.rolling(DURATION, min_periods=MIN_PERIODS), pandas)(),
            lambda result: [result.to_numpy()],
        )

    def with_polars(inputs: Inputs, window: int) -> Call:
        import polars as pl

        times = pl.Series("time", inputs.times).cast(pl.Datetime("ns"))
        frame = inputs.polars.with_columns(times).set_sorted("time")
        rolled = getattr(pl.col(inputs.names), polars)("time", window_size=DURATION, min_samples=MIN_PERIODS)
        return Call(lambda: frame.select(rolled), lambda result: [polars_values(result)])

    return Peer(*PANDAS, with_pandas), Peer(*POLARS, with_polars)


def _pandas_corr(inputs: Inputs, window: int) -> Call:
    import pandas as pd

    frame, target = inputs.pandas, pd.Series(inputs.target)
    return Call(lambda: frame.rolling(window, min_periods=MIN_PERIODS).corr(target), lambda result: [result.to_numpy()])


def _polars_corr(inputs: Inputs, window: int) -> Call:
    import polars as pl

    frame = inputs.polars.with_columns(pl.Series("target", inputs.target))
    expressions = [
        pl.rolling_corr(pl.col(name), pl.col("target"), window_size=window, min_samples=MIN_PERIODS).alias(name)
        for name in inputs.names
    ]
    return Call(lambda: frame.select(expressions), lambda result: [polars_values(result)])


def _numbagg_corr(inputs: Inputs, window: int) -> Call:
    import numbagg

    x, target = np.ascontiguousarray(inputs.columns), inputs.target
    return Call(
        lambda: numbagg.move_corr(x, target, window=window, min_count=MIN_PERIODS, axis=-1), lambda result: [result.T]
    )


def _lagged_pairs(columns: int) -> list[tuple[int, int, int]]:
    """First column, second column and lag, in the order of acm_rs' output."""
    return [(a, b, lag) for a in range(columns) for b in range(columns) if a != b for lag in range(MAX_LAG + 1)]


def _pandas_lag_corr(inputs: Inputs, window: int) -> Call:
    frame, pairs, names = inputs.pandas, _lagged_pairs(inputs.d), inputs.names

    def run() -> list[Any]:
        rolled = [frame[name].rolling(window, min_periods=MIN_PERIODS) for name in names]
        shifted = [frame.shift(lag) for lag in range(MAX_LAG + 1)]
        return [rolled[a].corr(shifted[lag][names[b]]) for a, b, lag in pairs]

    return Call(run, lambda result: [np.column_stack([one.to_numpy() for one in result])])


def _numbagg_lag_corr(inputs: Inputs, window: int) -> Call:
    """Every pair and lag in one call; the shifted copies are made outside the timing."""
    import numbagg

    x, pairs = inputs.columns, _lagged_pairs(inputs.d)
    left = x[[a for a, _, _ in pairs]]
    right = np.full_like(left, np.nan)
    for row, (_, b, lag) in zip(right, pairs, strict=True):
        row[lag:] = x[b, : inputs.n - lag]
    return Call(
        lambda: numbagg.move_corr(left, right, window=window, min_count=MIN_PERIODS, axis=-1), lambda result: [result.T]
    )


def _numbagg_ewm(inputs: Inputs, window: int) -> Call:
    import numbagg

    x = np.ascontiguousarray(inputs.columns)
    return Call(lambda: numbagg.move_exp_nanmean(x, alpha=2.0 / (window + 1.0), axis=-1), lambda result: [result.T])


_K = MIN_PERIODS

PEERS: Mapping[str, tuple[Peer, ...]] = {
    "median": (
        Peer(*PANDAS, _pandas(lambda r: [r.median()])),
        Peer(*POLARS, polars_form(lambda x, w: [x.rolling_median(w, min_samples=_K)])),
        Peer(*BOTTLENECK, _bottleneck(lambda bn, x, w: [bn.move_median(x, w, _K, axis=0)])),
    ),
    "mad": (
        Peer(*PANDAS, _pandas(lambda r: [r.apply(_mad_of_window, raw=True)]), slice_shape=(2_000, 1)),
        Peer(
            *POLARS,
            polars_form(_polars_mad),
            differs="deviations from each row's own rolling median, not from the window's: another statistic",
        ),
        Peer(*NUMPY, _numpy(mad_sorted), named=False, first_row=lambda window: window - 1),
    ),
    "mean_std": (
        Peer(*PANDAS, _pandas(lambda r: [r.mean(), r.std()])),
        Peer(
            *POLARS,
            polars_form(lambda x, w: [x.rolling_mean(w, min_samples=_K), x.rolling_std(w, min_samples=_K)]),
        ),
        Peer(
            *BOTTLENECK,
            _bottleneck(lambda bn, x, w: [bn.move_mean(x, w, _K, axis=0), bn.move_std(x, w, _K, axis=0, ddof=1)]),
        ),
        Peer(*NUMBAGG, _numbagg(("move_mean", "move_std"))),
    ),
    "skew_kurt": (
        Peer(*PANDAS, _pandas(lambda r: [r.skew(), r.kurt()])),
        Peer(
            *POLARS,
            polars_form(
                lambda x, w: [
                    x.rolling_skew(w, bias=False, min_samples=_K),
                    x.rolling_kurtosis(w, bias=False, min_samples=_K),
                ]
            ),
        ),
    ),
    "slope": (
        Peer(*PANDAS, _pandas(lambda r: [r.apply(_slope_of_window, raw=True)]), slice_shape=(2_000, 1)),
        Peer(*POLARS, _polars_slope),
        Peer(*SCIPY, _numpy(slope_correlate), named=False, first_row=lambda window: window - 1),
    ),
    "min_max": (
        Peer(*PANDAS, _pandas(lambda r: [r.min(), r.max()])),
        Peer(
            *POLARS,
            polars_form(lambda x, w: [x.rolling_min(w, min_samples=_K), x.rolling_max(w, min_samples=_K)]),
        ),
        Peer(
            *BOTTLENECK,
            _bottleneck(lambda bn, x, w: [bn.move_min(x, w, _K, axis=0), bn.move_max(x, w, _K, axis=0)]),
        ),
    ),
    "range": (
        Peer(*PANDAS, _pandas(lambda r: [r.max() - r.min()])),
        Peer(
            *POLARS,
            polars_form(lambda x, w: [x.rolling_max(w, min_samples=_K) - x.rolling_min(w, min_samples=_K)]),
        ),
        Peer(
            *BOTTLENECK,
            _bottleneck(lambda bn, x, w: [bn.move_max(x, w, _K, axis=0) - bn.move_min(x, w, _K, axis=0)]),
        ),
    ),
    "quantile": (
        Peer(*PANDAS, _pandas(lambda r: [r.quantile(q) for q in QUANTILES])),
        Peer(
            *POLARS,
            polars_form(lambda x, w: [x.rolling_quantile(q, "linear", w, min_samples=_K) for q in QUANTILES]),
        ),
    ),
    "band_energy": (Peer(*SCIPY, _numpy(band_energy_fft), first_row=lambda window: window - 1),),
    "median_center": (
        Peer(*PANDAS, pandas_form(lambda f, w: [f.rolling(w, min_periods=_K, center=True).median()])),
        Peer(*POLARS, polars_form(lambda x, w: [x.rolling_median(w, min_samples=_K, center=True)])),
    ),
    "time_mean": _by_time("mean", "rolling_mean_by"),
    "time_median": _by_time("median", "rolling_median_by"),
    "corr": (Peer(*PANDAS, _pandas_corr), Peer(*POLARS, _polars_corr), Peer(*NUMBAGG, _numbagg_corr)),
    "lag_corr": (
        Peer(*PANDAS, _pandas_lag_corr, slice_shape=(10_000, 3)),
        Peer(*NUMBAGG, _numbagg_lag_corr),
    ),
    "ewm_mean": (
        Peer(*PANDAS, pandas_form(lambda f, w: [f.ewm(span=w, min_periods=_K).mean()])),
        Peer(*POLARS, polars_form(lambda x, w: [x.ewm_mean(span=w, min_samples=_K)])),
        Peer(*NUMBAGG, _numbagg_ewm, first_row=lambda window: _K - 1),
    ),
    **WHOLE_PEERS,
}
"""Peers of each case, the reference for the numbers first."""
