"""Covariance and correlation of two series over the window of each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from exact_pairs import Pairs

from registry.inputs import Inputs, target_series
from registry.kernel import DDOF, LagKernel, PairKernel, partner
from registry.references import Floats, rolled
from registry.row import frozen
from registry.timed import MIN_PERIODS, NUMBAGG, PANDAS, POLARS, RECORD, Call, Case, Peer, Target, polars_values
from registry.values import line

MAX_LAG = 3


# ---- references -----------------------------------------------------------------------------------------------------


def _pandas_pair(method: str) -> Callable[..., Floats]:
    def reference(x: Floats, window: int, min_periods: int, **keywords: Any) -> Floats:
        other = partner(x)
        found = getattr(rolled(x, window, min_periods), method)(
            pd.Series(np.where(np.isfinite(other), other, np.nan)), **keywords
        )
        return found.to_numpy(dtype=np.float64).reshape(-1, 1)

    reference.__doc__ = f"pandas rolling {method} of a column and its partner."
    return reference


def _pandas_lags(x: Floats, window: int, min_periods: int, max_lag: int) -> Floats:
    """Correlation of a column with itself moved down by 0, 1, ... rows."""
    series = pd.Series(np.where(np.isfinite(x), x, np.nan))
    rolling = series.rolling(window, min_periods=min_periods)
    return np.column_stack([rolling.corr(series.shift(lag)).to_numpy() for lag in range(max_lag + 1)])


# ---- peers ----------------------------------------------------------------------------------------------------------


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


# ---- rows -----------------------------------------------------------------------------------------------------------


def _lags(keywords: Mapping[str, Any]) -> int:
    return int(keywords["max_lag"]) + 1


ROWS = (
    PairKernel(
        "rolling_cov",
        "pandas",
        _pandas_pair("cov"),
        Pairs.cov,
        own_minimum=2,
        variants=DDOF,
        own=lambda rows: {"y": line(rows), "ddof": 1},
    ),
    PairKernel(
        "rolling_corr",
        "pandas",
        _pandas_pair("corr"),
        Pairs.corr,
        own_minimum=2,
        target=1e-13,
        own=lambda rows: {"y": line(rows)},
        benchmarks=(
            Case(
                "corr",
                "rolling Pearson against one target",
                ("rolling_corr",),
                {16: (Target(1.8),)},
                1e-11,
                (Peer(*PANDAS, _pandas_corr), Peer(*POLARS, _polars_corr), Peer(*NUMBAGG, _numbagg_corr)),
                call=lambda module, x, window, **more: (
                    module.rolling_corr(x, window=window, min_periods=MIN_PERIODS, **more),
                ),
                keywords=lambda rows: {"y": target_series(rows)},
            ),
        ),
    ),
    LagKernel(
        "rolling_lag_corr",
        "pandas",
        _pandas_lags,
        Pairs.corr,
        own_minimum=2,
        target=1e-13,
        keywords=frozen(max_lag=2),
        variants=(frozen(max_lag=0), frozen(max_lag=5)),
        outputs=_lags,
        own=lambda rows: {"max_lag": 2, "pairs": [(0, 1), (2, 1)]},
        earlier=5,
        benchmarks=(
            Case(
                "lag_corr",
                f"rolling lag correlation, 10 columns, lags 0 to {MAX_LAG}",
                ("rolling_lag_corr",),
                {16: (RECORD,)},
                1e-11,
                (Peer(*PANDAS, _pandas_lag_corr, slice_shape=(10_000, 3)), Peer(*NUMBAGG, _numbagg_lag_corr)),
                call=lambda module, x, window, **more: (
                    module.rolling_lag_corr(x, window, MAX_LAG, min_periods=MIN_PERIODS, **more),
                ),
                least_columns=2,
                most_columns=10,
                cost=lambda rows, columns: float(rows * columns * (columns - 1)),
            ),
        ),
    ),
)
