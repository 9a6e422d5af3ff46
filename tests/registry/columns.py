"""Robust statistics of whole columns, and what mends and copies them."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from exact import NAN, Column, Pair, Window, round_ratio

from registry.inputs import Inputs, Matrix
from registry.measure import Array, of_columns, of_values, worse
from registry.order import mad, median, quantile
from registry.over_time import OverTime, filled_by_time, measure_by_time
from registry.references import Floats, clean
from registry.rolling import kurt, mean, skew, std
from registry.row import Accuracy, Probe, frozen, public
from registry.timed import (
    BOTTLENECK,
    NUMPY,
    NUMPY_THREADS,
    PANDAS,
    POLARS,
    RECORD,
    SCIPY,
    WHOLE,
    Call,
    Case,
    Peer,
    Target,
    on_threads,
    over_columns,
    pandas_form,
    polars_form,
    whole,
)
from registry.values import COLUMNS, history, seconds, with_out
from registry.whole import Matrix as Way
from registry.whole import Parts, Whole, each, same, wide

COLUMN_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
QUANTILES = (0.0, 0.05, 0.5, 0.9, 1.0)
SCALE = 1.4826


# ---- exact ----------------------------------------------------------------------------------------------------------


def _exact_moments(w: Window) -> list[Pair]:
    return [(float(w.count), 0.0), mean(w), std(w), skew(w), kurt(w)]


def _exact_z(x: Array) -> list[Pair]:
    w = Column.of(x.tolist()).between(0, x.size)
    values = sorted(w.values)
    median = Fraction(values[(w.count - 1) // 2] + values[w.count // 2], 2 * w.unit)
    away = sorted(abs(Fraction(v, w.unit) - median) for v in values)
    mad = (away[(w.count - 1) // 2] + away[w.count // 2]) / 2
    scale = max(Fraction(SCALE) * mad, Fraction(1e-9))
    return [
        round_ratio(*((Fraction(v) - median) / scale).as_integer_ratio()) if math.isfinite(v) else NAN
        for v in x.tolist()
    ]


def _interpolated(x: Array) -> list[Pair]:
    known = np.flatnonzero(np.isfinite(x)).tolist()
    out: list[Pair] = [NAN] * x.size
    for left, right in zip(known, [*known[1:], x.size], strict=True):
        a = Fraction(float(x[left]))
        b = Fraction(float(x[right])) if right < x.size else a
        for row in range(left, right):
            out[row] = round_ratio(*(a + (b - a) * Fraction(row - left, right - left)).as_integer_ratio())
    return out


def _imputed(x: Array) -> list[Pair]:
    middle = median(Column.of(x.tolist()).between(0, x.size))
    return [(v, 0.0) if math.isfinite(v) else middle for v in x.tolist()]


# ---- references -----------------------------------------------------------------------------------------------------


def _median_mad(x: Floats, scale: float = 1.0) -> Parts:
    frame = clean(x)
    median = frame.median()
    return median.to_numpy(), scale * (frame - median).abs().median().to_numpy()


def _quantiles(x: Floats, q: Any) -> Floats:
    return clean(x).quantile(q).to_numpy()


def _moments(x: Floats) -> Parts:
    frame = clean(x)
    values = (frame.mean(), frame.std(), frame.skew(), frame.kurt())
    return (frame.count().to_numpy().astype(np.int64), *(v.to_numpy() for v in values))


def _zscore(x: Floats) -> Floats:
    median, mad = _median_mad(x, 1.4826)
    return (clean(x).to_numpy() - median) / np.maximum(mad, 1e-9)


def _impute(x: Floats, method: str = "median", limit: int | None = None) -> Floats:
    frame = clean(x)
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


# ---- peers ----------------------------------------------------------------------------------------------------------


def _rows(form: Callable[[Matrix], Any]) -> Callable[[Inputs, int], Call]:
    """Bind a form that takes contiguous sensors (d, n) and returns one statistic a row."""

    def build(inputs: Inputs, window: int) -> Call:
        x = np.ascontiguousarray(inputs.columns)
        return Call(lambda: form(x), lambda result: [np.atleast_2d(row) for row in result])

    return build


def _threads(form: Callable[[Matrix], Matrix], results: int, apart: bool) -> Callable[[Inputs, int], Call]:
    """Bind a NumPy form that returns ``results`` rows, on all cores."""

    def build(inputs: Inputs, window: int) -> Call:
        run = on_threads(form, np.ascontiguousarray(inputs.columns), results)
        return Call(run, lambda result: [row[None, :] for row in result] if apart else [result])

    return build


def median_mad(x: Matrix) -> Matrix:
    """Median and median absolute deviation of each sensor: (2, d)."""
    median = np.median(x, axis=1)
    return np.stack([median, np.median(np.abs(x - median[:, None]), axis=1)])


def _median_mad_bottleneck(x: Matrix) -> tuple[Matrix, Matrix]:
    import bottleneck

    median = bottleneck.median(x, axis=1)
    return median, bottleneck.median(np.abs(x - median[:, None]), axis=1)


def _median_mad_scipy(x: Matrix) -> tuple[Matrix, Matrix]:
    from scipy.stats import median_abs_deviation

    return np.median(x, axis=1), median_abs_deviation(x, axis=1)


def _median_mad_pandas(frame: Any, window: int) -> list[Any]:
    median = frame.median()
    return [median.to_frame().T, (frame - median).abs().median().to_frame().T]


def quantiles(x: Matrix) -> Matrix:
    """Quantiles of each sensor: (q, d)."""
    return np.quantile(x, COLUMN_QUANTILES, axis=1)


def _quantiles_pandas(inputs: Inputs, window: int) -> Call:
    frame, wanted = inputs.pandas, list(COLUMN_QUANTILES)
    return Call(lambda: frame.quantile(wanted), lambda result: [result.to_numpy()])


def _quantiles_polars(inputs: Inputs, window: int) -> Call:
    call = polars_form(lambda x, w: [x.quantile(q, "linear") for q in COLUMN_QUANTILES])(inputs, window)
    return Call(call.run, lambda result: [np.vstack(call.outputs(result))])


# ---- rows -----------------------------------------------------------------------------------------------------------

_FILLS = ("median", "ffill", "bfill", "interpolate", "zero")

ROWS = (
    Whole(
        "column_median_mad",
        (Way(_median_mad, each(2), frozen(scale=SCALE), columns=-1),),
        {"": lambda rows: {"x": history(rows), "scale": 1.5}},
        (Probe(),),
        (
            Accuracy(
                of_columns(lambda x: public("column_median_mad")(x), lambda w: [median(w), mad(w)]),
                2.0**-51,
            ),
        ),
        benchmarks=(
            Case(
                "median_mad",
                "column median + MAD",
                ("column_median_mad",),
                {WHOLE: (Target(5.0, ("NumPy",)), Target(1.5, ("Polars",)), RECORD)},
                1e-15,
                (
                    Peer(*NUMPY, _rows(median_mad)),
                    Peer(*NUMPY_THREADS, _threads(median_mad, 2, apart=True)),
                    Peer(*BOTTLENECK, _rows(_median_mad_bottleneck)),
                    Peer(*SCIPY, _rows(_median_mad_scipy)),
                    Peer(*POLARS, polars_form(lambda x, w: [x.median(), (x - x.median()).abs().median()])),
                    Peer(*PANDAS, pandas_form(_median_mad_pandas)),
                ),
                call=whole("column_median_mad"),
                linear=False,
            ),
        ),
    ),
    Whole(
        "column_quantiles",
        (
            Way(_quantiles, lambda n, d: ((3, d),), frozen(q=(0.0, 0.25, 0.9)), columns=-1),
            Way(_quantiles, each(1), frozen(q=0.5), "one", columns=-1),
        ),
        {"": lambda rows: {"x": history(rows), "q": [0.1, 0.5]}},
        (Probe(frozen(q=[0.1, 0.5])),),
        (
            Accuracy(
                of_columns(lambda x: public("column_quantiles")(x, QUANTILES), lambda w: quantile(w, QUANTILES)),
                2.0**-51,
            ),
        ),
        benchmarks=(
            Case(
                "quantiles",
                f"{len(COLUMN_QUANTILES)} column quantiles",
                ("column_quantiles",),
                {WHOLE: (Target(4.0, ("NumPy",)), RECORD)},
                1e-14,
                (
                    Peer(*NUMPY, over_columns(quantiles)),
                    Peer(*NUMPY_THREADS, _threads(quantiles, len(COLUMN_QUANTILES), apart=False)),
                    Peer(*PANDAS, _quantiles_pandas),
                    Peer(*POLARS, _quantiles_polars),
                ),
                call=whole("column_quantiles", q=COLUMN_QUANTILES),
                linear=False,
            ),
        ),
    ),
    Whole(
        "column_moments",
        (Way(_moments, each(5), columns=-1),),
        {"": lambda rows: {"x": history(rows)}},
        (Probe(),),
        (Accuracy(of_columns(lambda x: public("column_moments")(x), _exact_moments), 2e-13),),
    ),
    Whole(
        "zscore",
        (Way(_zscore, same, columns=-1, takes_out=True),),
        {
            "": with_out(lambda rows: {"x": history(rows), "center": [0.0] * COLUMNS, "scale": [1.0] * COLUMNS}),
            "robust": lambda rows: {"x": history(rows)},
        },
        (Probe(),),
        (Accuracy(of_values(lambda x: public("zscore")(x), _exact_z), 1e-12),),
    ),
    Whole(
        "impute",
        (
            *(Way(_impute, same, frozen(method=fill), fill, columns=-1, takes_out=True) for fill in _FILLS),
            Way(_impute, same, frozen(method="ffill", limit=2), "with a limit", columns=-1, takes_out=True),
            OverTime(filled_by_time, same, frozen(method="time"), "time", columns=-1, takes_out=True),
        ),
        {
            **{
                fill: with_out(lambda rows, fill=fill: {"x": history(rows), "method": fill, "limit": 3})
                for fill in _FILLS
            },
            "given": lambda rows: {"x": history(rows), "fill": [1.0] * COLUMNS},
            "time": lambda rows: {"x": history(rows), "method": "time", "max_gap": "3s", "times": seconds(rows)},
        },
        (Probe(),),
        (
            Accuracy(
                worse(
                    of_values(lambda x: public("impute")(x), _imputed),
                    of_values(lambda x: public("impute")(x, "interpolate"), _interpolated),
                    measure_by_time,
                ),
                1e-12,
            ),
        ),
        benchmarks=(
            Case(
                "impute",
                "fill 5 % missing by the median",
                ("impute",),
                {WHOLE: (RECORD,)},
                1e-15,
                (
                    Peer(*PANDAS, pandas_form(lambda f, w: [f.fillna(f.median())])),
                    Peer(*POLARS, polars_form(lambda x, w: [x.fill_null(x.median())])),
                ),
                call=whole("impute", method="median"),
                gaps=True,
                linear=False,
            ),
        ),
    ),
    Whole(
        "lag_matrix",
        (
            Way(_lag_matrix, wide(3), frozen(lags=3), columns=-1, takes_out=True),
            Way(_lag_matrix, wide(2), frozen(lags=(0, 4)), "of some", columns=-1, takes_out=True),
        ),
        {"": with_out(lambda rows: {"x": history(rows), "lags": [1, 3]}, 2 * COLUMNS)},
        (Probe(frozen(lags=[0])),),
        (Accuracy(of_values(lambda x: public("lag_matrix")(x, [0]), lambda x: [(v, 0.0) for v in x.tolist()]), 0.0),),
    ),
)
