"""Correlation matrices and lagged columns."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import BACKENDS, adversarial, exact_correlation, exact_kendall, exact_ranks, fan, serving

from core import fast_features as ff

METHODS = ("pearson", "spearman", "kendall")


def exact_spearman(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    both = np.isfinite(x) & np.isfinite(y)
    return exact_correlation(exact_ranks(x[both]), exact_ranks(y[both]))


EXACT: dict[str, Callable[..., float]] = {
    "pearson": exact_correlation,
    "spearman": exact_spearman,
    "kendall": exact_kendall,
}


@cache
def exact_matrix(method: str, min_periods: int = 1) -> pd.DataFrame:
    frame = adversarial()
    out = pd.DataFrame(index=frame.columns, columns=frame.columns, dtype=float)
    for a in frame:
        for b in frame:
            x, y = frame[a].to_numpy(), frame[b].to_numpy()
            size = int((np.isfinite(x) & np.isfinite(y)).sum())
            if size >= min_periods:
                out.loc[a, b] = 1.0 if method == "kendall" and a == b else EXACT[method](x, y)
    return out


def assert_close(got: pd.DataFrame, want: pd.DataFrame) -> None:
    assert list(got.columns) == list(got.index) == list(want.columns)
    pd.testing.assert_frame_equal(got.isna(), want.isna())
    assert float(np.nanmax(np.abs((got - want).to_numpy()))) <= 1e-12
    values = got.to_numpy()
    np.testing.assert_array_equal(values, values.T)
    assert np.nanmax(np.abs(values)) <= 1.0
    diagonal = values.diagonal()
    assert (diagonal[~np.isnan(diagonal)] == 1.0).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("min_periods", [0, 1, 40, 91])
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_coefficient_is_exact(backend: str, min_periods: int, method: Any) -> None:
    frame = adversarial()
    before = frame.copy(deep=True)
    with serving(backend):
        got = ff.build_correlations(frame, method=method, min_periods=min_periods)
    pd.testing.assert_frame_equal(frame, before, check_exact=True)
    if min_periods > len(frame):
        assert got.isna().all().all()
    else:
        assert_close(got, exact_matrix(method, max(min_periods, 1)))


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_pandas_own_matrix_on_benign_data(backend: str, method: Any, missing: float) -> None:
    pytest.importorskip("scipy")
    frame = fan(rows=300, sensors=4, missing=missing)
    with serving(backend):
        got = ff.build_correlations(frame, method=method)
    np.testing.assert_allclose(got, frame.corr(method=method), rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore:One or more sample arguments is too small")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_pandas_own_missing_values(backend: str, method: Any) -> None:
    pytest.importorskip("scipy")
    rng = np.random.default_rng(4)
    values = rng.normal(size=(9, 5))
    values[:, 1] = 3.0
    values[:7, 2] = np.nan
    values[:8, 3] = np.nan
    values[:, 4] = np.nan
    frame = pd.DataFrame(values, columns=list("abcde"))
    for rows in (9, 2, 1):
        part = frame.tail(rows)
        with serving(backend):
            got = ff.build_correlations(part, method=method)
        want = part.corr(method=method)
        np.testing.assert_array_equal(got.isna(), want.isna())
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_choice_of_columns_and_kinds_of_frames(backend: str, method: Any) -> None:
    frame = fan(rows=40, sensors=3, missing=0.05)
    names = [frame.columns[2], frame.columns[0]]
    with serving(backend):
        whole = ff.build_correlations(frame, method=method)
        part = ff.build_correlations(frame, names, method)
        assert list(part.columns) == list(part.index) == names
        np.testing.assert_allclose(part, whole.loc[names, names], rtol=0, atol=1e-15)
        deep = ff.build_correlations(frame.set_axis([("a", 1), ("b", 2), "c"], axis=1), method=method)
        assert deep.columns[0] == ("a", 1)
        np.testing.assert_array_equal(deep, whole)
        assert ff.build_correlations(frame, [], method).shape == (0, 0)
        empty = ff.build_correlations(frame.iloc[:0], method=method)
        assert empty.shape == (3, 3)
        assert empty.isna().all().all()
        if ff._pl is not None:
            pd.testing.assert_frame_equal(ff.build_correlations(ff._pl.from_pandas(frame), method=method), whole)


@pytest.mark.parametrize("scale", [1e-250, 1.0, 1e250])
@pytest.mark.parametrize("backend", ["polars", "pandas"])
def test_scale_does_not_matter(backend: str, scale: float) -> None:
    x = np.array([1.0, 2.0, 4.0, 8.0, 9.0])
    frame = pd.DataFrame({"a": x * scale, "b": (10.0 - x) * scale, "c": [1.7e308, -1.7e308, 0.0, 1.0, 2.0]})
    with serving(backend):
        got = ff.build_correlations(frame)
    np.testing.assert_allclose(got.loc["a", "b"], -1.0, rtol=0, atol=1e-15)
    np.testing.assert_allclose(got.loc["a", "c"], exact_correlation(x, np.array([1.7, -1.7, 0, 0, 0])), rtol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3, 17, 64, 65, 500])
def test_falling_pairs_are_counted(size: int) -> None:
    rng = np.random.default_rng(size)
    for top in (1, 4, size + 1):
        y = rng.integers(0, top, size=size)
        falling = np.triu(y[:, None] > y[None, :], 1).sum()
        assert ff._inversions(y) == falling


@pytest.mark.parametrize("backend", BACKENDS)
def test_large_ordered_columns_have_a_kendall_of_one(backend: str) -> None:
    x = np.arange(20_000.0)
    frame = pd.DataFrame({"up": x, "down": -x, "flat": 1.0})
    with serving(backend):
        got = ff.build_correlations(frame, method="kendall")
    want = [[1.0, -1.0, np.nan], [-1.0, 1.0, np.nan], [np.nan, np.nan, 1.0]]
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-15)


def test_correlations_that_are_refused() -> None:
    frame = fan(rows=10, sensors=2)
    with pytest.raises(ValueError, match="method must be 'pearson', 'spearman' or 'kendall', got 'cosine'"):
        ff.build_correlations(frame, method="cosine")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="min_periods must be at least 0, got -1"):
        ff.build_correlations(frame, min_periods=-1)
    with pytest.raises(ValueError, match=r"min_periods must be an integer, got 1\.0"):
        ff.build_correlations(frame, min_periods=1.0)  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="no such column: 'z'"):
        ff.build_correlations(frame, ["z"])
    with pytest.raises(TypeError, match="numeric, got 'note'"):
        ff.build_correlations(frame.assign(note="x"))
    with pytest.raises(TypeError, match="df must be a pandas or a Polars DataFrame, got dict"):
        ff.build_correlations({"a": [1.0]})  # type: ignore[arg-type]


# --- lagged columns ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_lag", [0, 1, 3, 200])
@pytest.mark.parametrize("backend", BACKENDS)
def test_lags_are_shifted_columns(backend: str, max_lag: int) -> None:
    frame = adversarial()
    before = frame.copy(deep=True)
    with serving(backend):
        got = ff.build_lagged_features(frame, max_lag)
        got_part = ff.build_lagged_features(frame, max_lag, ["walk", "gaps"])
    pd.testing.assert_frame_equal(frame, before, check_exact=True)
    want = pd.DataFrame(
        {f"{name}_lag{k}": frame[name].shift(k) for name in frame for k in range(1, max_lag + 1)}, index=frame.index
    )
    pd.testing.assert_frame_equal(got, want, check_exact=True, check_column_type=False)
    wanted = [f"{name}_lag{k}" for name in ("walk", "gaps") for k in range(1, max_lag + 1)]
    pd.testing.assert_frame_equal(got_part, want[wanted], check_exact=True, check_column_type=False)


@pytest.mark.parametrize("rows", [0, 1, 2])
@pytest.mark.parametrize("backend", BACKENDS)
def test_lags_of_few_rows_and_other_frames(backend: str, rows: int) -> None:
    frame = pd.DataFrame({"a": pd.array([3, None, 5], dtype="Int64"), "b": [True, False, True]}).iloc[:rows]
    with serving(backend):
        got = ff.build_lagged_features(frame, 2)
        assert got.shape == (rows, 4)
        assert (got.dtypes == np.float64).all()
        assert got["b_lag1"].tolist()[1:] == [1.0][: max(rows - 1, 0)]
        assert ff.build_lagged_features(frame).shape == (rows, 6)
        if ff._pl is not None:
            other = ff.build_lagged_features(ff._pl.DataFrame({"a": [3, None, 5], "b": [1.0, 0.0, 1.0]})[:rows], 2)
            pd.testing.assert_frame_equal(other, got.reset_index(drop=True), check_exact=True)


def test_lags_that_are_refused() -> None:
    frame = fan(rows=5, sensors=1)
    with pytest.raises(ValueError, match="max_lag must be at least 0, got -1"):
        ff.build_lagged_features(frame, -1)
    with pytest.raises(ValueError, match="max_lag must be an integer, got True"):
        ff.build_lagged_features(frame, True)
    with pytest.raises(KeyError, match="no such column: 'z'"):
        ff.build_lagged_features(frame, 1, ["z"])
    with pytest.raises(TypeError, match="df must be a pandas or a Polars DataFrame, got ndarray"):
        ff.build_lagged_features(np.zeros((3, 1)))  # type: ignore[arg-type]
