"""Correlation and covariance of every column with every one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats
from exact import NAN, Column, as_exact, round_root
from exact_pairs import Pairs

from registry.inputs import Inputs, Matrix
from registry.measure import Worst, of_matrix, table, wide_and_narrow
from registry.references import Floats, clean
from registry.row import Accuracy, Probe, first_pair, frozen, public
from registry.timed import (
    NUMBAGG,
    NUMPY,
    PANDAS,
    POLARS,
    RECORD,
    SCIPY,
    WHOLE,
    Call,
    Case,
    Peer,
    Target,
    over_columns,
    pandas_form,
    polars_values,
    whole,
)
from registry.values import history
from registry.whole import Matrix as Way
from registry.whole import Whole, square

# ---- exact ----------------------------------------------------------------------------------------------------------


def _pearson(name: str) -> Callable[[bool], Worst]:
    return wide_and_narrow(lambda few: of_matrix(Pairs.corr, public(name)(x := table(few, 2000)), x))


def _ranked(method: str, few: bool) -> Worst:
    x = table(few, 400)
    d = x.shape[1]
    found = [[NAN] * d for _ in range(d)]
    for i in range(d):
        for j in range(d):
            both = np.isfinite(x[:, i]) & np.isfinite(x[:, j])
            a, b = x[both, i], x[both, j]
            if method == "spearman":
                ranks = [Column.of(scipy.stats.rankdata(v).tolist()) for v in (a, b)]
                found[i][j] = Pairs(*ranks).corr(0, a.size)
            else:
                left, right = (np.sign(v[:, None] - v[None, :]).astype(np.int64) for v in (a, b))
                over, under = int((left * right).sum()), int((left * left).sum()) * int((right * right).sum())
                hi, lo = round_root(over * over, under)
                found[i][j] = (math.copysign(hi, over), math.copysign(1.0, over) * lo)
    want = as_exact(found, d)
    error = want.scaled_error(public("correlation")(x, method))
    return Worst(float(error.max()), f"{d} columns of the families")


def _lags(few: bool) -> Worst:
    x = table(few, 2000)
    got = public("lagged_correlation")(x, 3)
    return max((of_matrix(Pairs.corr, got[k], x, k) for k in range(4)), key=lambda one: one.error)


# ---- references -----------------------------------------------------------------------------------------------------


def _correlation(x: Floats, method: str = "pearson", min_periods: int = 1) -> Floats:
    frame = clean(x)
    if method == "pearson":
        return frame.corr("pearson", min_periods=max(min_periods, 1)).to_numpy()
    return frame.corr(method, min_periods=max(min_periods, 2)).to_numpy()


def _covariance(x: Floats, ddof: int = 1, min_periods: int = 1) -> Floats:
    # pandas heeds ddof only where nothing is missing.
    frame = clean(x)
    valid = frame.notna().to_numpy().astype(np.float64)
    count = valid.T @ valid
    known = np.where(count >= max(min_periods, ddof + 1), count, np.nan)
    return frame.cov(min_periods=2).to_numpy() * (known - 1) / (known - ddof)


def _lagged_correlation(x: Floats, max_lag: int, min_periods: int = 1) -> Floats:
    frame = clean(x)
    d = x.shape[1]
    found = []
    for lag in range(max_lag + 1):
        both = pd.concat([frame, frame.shift(lag)], axis=1, ignore_index=True)
        found.append(both.corr(min_periods=max(min_periods, 1)).to_numpy()[:d, d:])
    return np.stack(found)


# ---- peers ----------------------------------------------------------------------------------------------------------


def _corrcoef(x: Matrix) -> Matrix:
    return np.corrcoef(x)


def _numbagg_corr(x: Matrix) -> Any:
    import numbagg

    return numbagg.nancorrmatrix(x)


def _polars_corr(rank: bool) -> Callable[[Inputs, int], Call]:
    """Polars' own matrix, which it gets from NumPy; for Spearman of ranks that Polars makes on all cores."""

    def build(inputs: Inputs, window: int) -> Call:
        import polars as pl

        frame = inputs.polars
        return Call(
            lambda: (frame.select(pl.all().rank()) if rank else frame).corr(), lambda result: [polars_values(result)]
        )

    return build


def _spearman_scipy(inputs: Inputs, window: int) -> Call:
    from scipy.stats import spearmanr

    x = inputs.f

    def outputs(result: Any) -> list[Matrix]:
        # Of two columns it returns one number.
        pair = float(result)
        return [np.array([[1.0, pair], [pair, 1.0]])]

    return Call(
        lambda: spearmanr(x).statistic, lambda result: outputs(result) if np.ndim(result) == 0 else [np.asarray(result)]
    )


def _pairs(rows: int, columns: int) -> float:
    """Unordered pairs, a column with itself among them."""
    return rows * columns * (columns + 1) / 2.0


def _ranks(rows: int, columns: int) -> int:
    """A value's place in its column's order and the way back, four bytes each."""
    return 8 * rows * columns


# ---- rows -----------------------------------------------------------------------------------------------------------

_METHODS = ("pearson", "spearman", "kendall")
_PAIR = Probe(result=first_pair, pairs=True, diagonal=True)

ROWS = (
    Whole(
        "correlation",
        (
            Way(_correlation, square, label="pearson"),
            Way(_correlation, square, frozen(method="spearman", min_periods=5), "spearman"),
            Way(_correlation, square, frozen(method="kendall"), "kendall"),
        ),
        {
            method: lambda rows, method=method: {"x": history(rows, 8), "method": method, "min_periods": 2}
            for method in _METHODS
        },
        (
            _PAIR,
            *(Probe(frozen(method=m), m, first_pair, pairs=True, diagonal=True) for m in ("spearman", "kendall")),
        ),
        (
            Accuracy(_pearson("correlation"), 1e-13),
            Accuracy(wide_and_narrow(lambda few: _ranked("spearman", few)), 1e-13, label="spearman"),
            Accuracy(wide_and_narrow(lambda few: _ranked("kendall", few)), 1e-13, label="kendall"),
        ),
        benchmarks=(
            Case(
                "pearson",
                "Pearson matrix",
                ("correlation",),
                {WHOLE: (Target(1.5, ("NumPy",)),)},
                1e-12,
                (
                    Peer(*NUMPY, over_columns(_corrcoef)),
                    Peer(*POLARS, _polars_corr(rank=False)),
                    Peer(*PANDAS, pandas_form(lambda f, w: [f.corr()])),
                ),
                call=whole("correlation", method="pearson"),
                least_columns=2,
                cost=_pairs,
                linear=False,
                gaps_apart=True,
            ),
            Case(
                "pearson_gaps",
                "Pearson matrix, 5 % missing",
                ("correlation",),
                {WHOLE: (Target(15.0, ("pandas",)),)},
                1e-12,
                (
                    Peer(*PANDAS, pandas_form(lambda f, w: [f.corr()])),
                    Peer(*NUMBAGG, over_columns(_numbagg_corr)),
                ),
                call=whole("correlation", method="pearson"),
                gaps=True,
                least_columns=2,
                cost=_pairs,
                linear=False,
            ),
            Case(
                "spearman",
                "Spearman matrix",
                ("correlation",),
                {WHOLE: (Target(10.0, ("pandas", "SciPy")), RECORD)},
                1e-12,
                (
                    Peer(*PANDAS, pandas_form(lambda f, w: [f.corr(method="spearman")])),
                    Peer(*SCIPY, _spearman_scipy),
                    Peer(*POLARS, _polars_corr(rank=True)),
                ),
                call=whole("correlation", method="spearman"),
                least_columns=2,
                cost=_pairs,
                linear=False,
                gaps_apart=True,
                scratch=_ranks,
            ),
            Case(
                "spearman_gaps",
                "Spearman matrix, 5 % missing",
                ("correlation",),
                {WHOLE: (Target(60.0, ("pandas",)),)},
                1e-12,
                (
                    Peer(
                        *PANDAS,
                        pandas_form(lambda f, w: [f.corr(method="spearman")]),
                        slice_shape=(10_000, 12),
                    ),
                ),
                call=whole("correlation", method="spearman"),
                gaps=True,
                least_columns=2,
                cost=_pairs,
                linear=False,
                scratch=_ranks,
            ),
        ),
    ),
    Whole(
        "compute_correlations_f64",
        (Way(_correlation, square, argument="data", float32=False),),
        {"": lambda rows: {"data": history(rows, 8), "method": "pearson"}},
        (_PAIR,),
        (Accuracy(_pearson("compute_correlations_f64"), 1e-13),),
    ),
    Whole(
        "covariance",
        (Way(_covariance, square), Way(_covariance, square, frozen(ddof=0, min_periods=3), "ddof 0")),
        {"": lambda rows: {"x": history(rows, 8), "ddof": 1, "min_periods": 2}},
        (Probe(result=first_pair, pairs=True),),
        (
            Accuracy(
                wide_and_narrow(lambda few: of_matrix(Pairs.cov, public("covariance")(x := table(few, 2000)), x)), 1e-12
            ),
        ),
    ),
    Whole(
        "lagged_correlation",
        (Way(_lagged_correlation, lambda n, d: ((4, d, d),), frozen(max_lag=3)),),
        {"": lambda rows: {"x": history(rows, 8), "max_lag": 2, "min_periods": 2}},
        (Probe(frozen(max_lag=0), result=first_pair, pairs=True),),
        (Accuracy(wide_and_narrow(_lags), 1e-13),),
    ),
)
