"""The peers of what works on whole columns and on pairs of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.cases import COLUMN_QUANTILES
from benchmarks.data import Inputs, Matrix
from benchmarks.numpy_peers import median_mad, on_threads, quantiles
from benchmarks.peer import (
    BOTTLENECK,
    NUMBAGG,
    NUMPY,
    NUMPY_THREADS,
    PANDAS,
    POLARS,
    SCIPY,
    Call,
    Peer,
    pandas_form,
    polars_form,
    polars_values,
)


def _columns(form: Callable[[Matrix], Any]) -> Callable[[Inputs, int], Call]:
    """Bind a form that takes contiguous sensors (d, n) and returns one array."""

    def build(inputs: Inputs, window: int) -> Call:
        x = np.ascontiguousarray(inputs.columns)
        return Call(lambda: form(x), lambda result: [np.atleast_2d(result)])

    return build


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


def _median_mad_bottleneck(x: Matrix) -> tuple[Matrix, Matrix]:
    import bottleneck

    median = bottleneck.median(x, axis=1)
    return median, bottleneck.median(np.abs(x - median[:, None]), axis=1)


def _median_mad_scipy(x: Matrix) -> tuple[Matrix, Matrix]:
    from scipy.stats import median_abs_deviation

    return np.median(x, axis=1), median_abs_deviation(x, axis=1)


def _quantiles_pandas(inputs: Inputs, window: int) -> Call:
    frame, wanted = inputs.pandas, list(COLUMN_QUANTILES)
    return Call(lambda: frame.quantile(wanted), lambda result: [result.to_numpy()])


def _quantiles_polars(inputs: Inputs, window: int) -> Call:
    call = polars_form(lambda x, w: [x.quantile(q, "linear") for q in COLUMN_QUANTILES])(inputs, window)
    return Call(call.run, lambda result: [np.vstack(call.outputs(result))])


def _welch_scipy(inputs: Inputs, window: int) -> Call:
    from scipy.signal import welch

    x = np.ascontiguousarray(inputs.columns)
    segment = min(window, inputs.n)
    frequencies = np.arange(segment // 2 + 1) / segment
    run = on_threads(lambda part: welch(part, nperseg=segment)[1].T, x, len(frequencies))
    return Call(run, lambda result: [frequencies[None, :], result])


def _median_mad_pandas(frame: Any, window: int) -> list[Any]:
    median = frame.median()
    return [median.to_frame().T, (frame - median).abs().median().to_frame().T]


WHOLE_PEERS: Mapping[str, tuple[Peer, ...]] = {
    "pearson": (
        Peer(*NUMPY, _columns(_corrcoef)),
        Peer(*POLARS, _polars_corr(rank=False)),
        Peer(*PANDAS, pandas_form(lambda f, w: [f.corr()])),
    ),
    "pearson_gaps": (
        Peer(*PANDAS, pandas_form(lambda f, w: [f.corr()])),
        Peer(*NUMBAGG, _columns(_numbagg_corr)),
    ),
    "spearman": (
        Peer(*PANDAS, pandas_form(lambda f, w: [f.corr(method="spearman")])),
        Peer(*SCIPY, _spearman_scipy),
        Peer(*POLARS, _polars_corr(rank=True)),
    ),
    "spearman_gaps": (Peer(*PANDAS, pandas_form(lambda f, w: [f.corr(method="spearman")]), slice_shape=(10_000, 12)),),
    "median_mad": (
        Peer(*NUMPY, _rows(median_mad)),
        Peer(*NUMPY_THREADS, _threads(median_mad, 2, apart=True)),
        Peer(*BOTTLENECK, _rows(_median_mad_bottleneck)),
        Peer(*SCIPY, _rows(_median_mad_scipy)),
        Peer(*POLARS, polars_form(lambda x, w: [x.median(), (x - x.median()).abs().median()])),
        Peer(*PANDAS, pandas_form(_median_mad_pandas)),
    ),
    "quantiles": (
        Peer(*NUMPY, _columns(quantiles)),
        Peer(*NUMPY_THREADS, _threads(quantiles, len(COLUMN_QUANTILES), apart=False)),
        Peer(*PANDAS, _quantiles_pandas),
        Peer(*POLARS, _quantiles_polars),
    ),
    "impute": (
        Peer(*PANDAS, pandas_form(lambda f, w: [f.fillna(f.median())])),
        Peer(*POLARS, polars_form(lambda x, w: [x.fill_null(x.median())])),
    ),
    "welch": (Peer(*SCIPY, _welch_scipy),),
}
"""Peers of each case, the reference for the numbers first."""
