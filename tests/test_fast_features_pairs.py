"""Rolling correlations of pairs of columns: exact on every backend, and only what was asked for."""

from __future__ import annotations

import tracemalloc
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import BACKENDS, adversarial, exact_correlation, fan, serving

from core import fast_features as ff

WINDOWS = (1, 2, 3, 5, 16, 400)
PAIRED = [
    lambda df, **more: ff.rolling_xcorr(df, 4, df.columns[0], **more),
    lambda df, **more: ff.rolling_pairwise_lag(df, 1, window=4, **more),
    lambda df, **more: ff.batched_pairwise_lag(df, 1, window=4, **more),
]


@cache
def exact(window: int, max_lag: int, min_periods: int = 1) -> pd.DataFrame:
    """Return the correlations of all windows of the adversarial frame."""
    frame = adversarial()
    columns = {}
    for a, b in permutations(frame, 2):
        x = frame[a].to_numpy()
        for lag in range(max_lag + 1):
            y = frame[b].shift(lag).to_numpy()
            values = []
            for t in range(len(x)):
                cut = slice(max(0, t + 1 - window), t + 1)
                both = np.isfinite(x[cut]) & np.isfinite(y[cut])
                values.append(exact_correlation(x[cut], y[cut]) if both.sum() >= max(min_periods, 2) else np.nan)
            columns[f"{a}__{b}_lag{lag}_corr"] = values
    return pd.DataFrame(columns, index=frame.index)


def assert_close(got: pd.DataFrame, want: pd.DataFrame) -> None:
    assert list(got.columns) == list(want.columns)
    pd.testing.assert_index_equal(got.index, want.index)
    pd.testing.assert_frame_equal(got.isna(), want.isna())
    worst = (got - want).abs().max().fillna(0.0).sort_values()
    assert (worst <= 1e-12).all(), worst.tail(5)
    assert (got.abs().max().fillna(0.0) <= 1.0).all()


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_correlation_of_every_window_is_exact(backend: str, window: int) -> None:
    frame = adversarial()
    with serving(backend):
        got = ff.rolling_pairwise_lag(frame, 0, window=window)
        assert_close(got, exact(window, 0))
        for target in frame:
            wanted = [f"{target}__{name}_lag0_corr" for name in frame if name != target]
            xcorr = ff.rolling_xcorr(frame, window, target)
            assert list(xcorr) == [f"{name}_xcorr" for name in frame if name != target]
            assert_close(xcorr.set_axis(wanted, axis=1), exact(window, 0)[wanted])


@pytest.mark.parametrize(("window", "max_lag", "min_periods"), [(6, 2, 4), (16, 1, 1)])
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_lag_is_exact(backend: str, window: int, max_lag: int, min_periods: int) -> None:
    with serving(backend):
        got = ff.rolling_pairwise_lag(adversarial(), max_lag, window=window, min_periods=min_periods)
    assert_close(got, exact(window, max_lag, min_periods))


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("backend", BACKENDS)
def test_pandas_own_correlation_on_benign_data(backend: str, missing: float) -> None:
    rng = np.random.default_rng(11)
    frame = pd.DataFrame(rng.normal(size=(150, 3)), columns=list("abc"))
    frame = frame.mask(rng.random(frame.shape) < missing)
    with serving(backend):
        got = ff.rolling_pairwise_lag(frame, 3, window=12, min_periods=5)
        cross = ff.rolling_xcorr(frame, 12, "b", min_periods=5)
    for a, b in permutations("abc", 2):
        for lag in range(4):
            want = frame[a].rolling(12, min_periods=5).corr(frame[b].shift(lag))
            np.testing.assert_allclose(got[f"{a}__{b}_lag{lag}_corr"], want, rtol=0, atol=1e-12)
    for ref in "ac":
        want = frame["b"].rolling(12, min_periods=5).corr(frame[ref])
        np.testing.assert_allclose(cross[f"{ref}_xcorr"], want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_names_order_and_defaults(backend: str) -> None:
    frame = fan(rows=30, sensors=3).set_axis(["b", "c", "a"], axis=1)
    with serving(backend):
        assert list(ff.rolling_xcorr(frame, 5, "c", ["a", "b", "c"])) == ["a_xcorr", "b_xcorr", "c_xcorr"]
        own = ff.rolling_xcorr(frame, 5, "c", ["c"], min_periods=0)["c_xcorr"]
        np.testing.assert_allclose(own.dropna(), 1.0, rtol=0, atol=1e-12)
        plain = ff.rolling_xcorr(frame, 5, "c", standardize=False)
        pd.testing.assert_frame_equal(plain, ff.rolling_xcorr(frame, 5, "c", standardize=True), check_exact=True)
        lagged = ff.rolling_pairwise_lag(frame, 1, cols=["c", "a"])
        assert list(lagged) == [f"{pair}_lag{k}_corr" for pair in ("c__a", "a__c") for k in (0, 1)]
        # The window is one row longer than the largest lag.
        pd.testing.assert_frame_equal(lagged, ff.rolling_pairwise_lag(frame, 1, ["c", "a"], 2), check_exact=True)
        assert ff.rolling_pairwise_lag(frame).shape == (30, 6 * 4)
        assert ff.batched_pairwise_lag(frame).shape == (30, 3 * 4)
        assert ff.rolling_pairwise_lag(frame, 0).isna().all().all()
        assert list(ff.batched_pairwise_lag(frame, 0, window=2)) == [
            "a__b_lag0_corr",
            "a__c_lag0_corr",
            "b__c_lag0_corr",
        ]
        mixed = frame.set_axis(["b", 1, "a"], axis=1)
        assert next(iter(ff.batched_pairwise_lag(mixed, 0, window=2))) == "1__a_lag0_corr"


@pytest.mark.parametrize("unique_pairs", [True, False])
@pytest.mark.parametrize("batch_size", [1, 2, 5, 10**30])
@pytest.mark.parametrize("backend", BACKENDS)
def test_batches_change_nothing(backend: str, batch_size: int, unique_pairs: bool) -> None:
    frame = adversarial().iloc[:, :5]
    with serving(backend):
        want = ff.rolling_pairwise_lag(frame, 2, cols=sorted(frame), window=8)
        got = ff.batched_pairwise_lag(frame, 2, window=8, batch_size=batch_size, unique_pairs=unique_pairs)
    if unique_pairs:
        names = sorted(frame)
        pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
        want = want[[f"{a}__{b}_lag{lag}_corr" for a, b in pairs for lag in range(3)]]
    pd.testing.assert_frame_equal(got, want, check_exact=True)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
@pytest.mark.parametrize("backend", BACKENDS)
def test_pairs_that_never_correlate_are_dropped(backend: str, batch_size: int) -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(80, 4)), columns=list("abcd"))
    frame["echo"] = -frame["b"].shift(2)
    frame["void"] = np.nan
    options: dict[str, Any] = {"window": 30, "min_periods": 30, "batch_size": batch_size}
    with serving(backend):
        everything = ff.batched_pairwise_lag(frame, 2, unique_pairs=False, **options)
        got = ff.batched_pairwise_lag(frame, 2, unique_pairs=False, min_corr=0.99, **options)
        nothing = ff.batched_pairwise_lag(frame, 2, min_corr=0.999, **options)
        some = ff.batched_pairwise_lag(frame, 2, min_corr=0.3, **options)
    # One lag is enough for a pair; the sign does not matter.
    assert list(got) == ["echo__b_lag0_corr", "echo__b_lag1_corr", "echo__b_lag2_corr"]
    pd.testing.assert_frame_equal(got, everything[list(got)], check_exact=True)
    assert nothing.shape == (80, 0)
    pd.testing.assert_index_equal(nothing.index, frame.index)
    reached = [name[:-5] for name in everything if everything[name].abs().max() >= 0.3]
    pairs = {name.rpartition("_lag")[0] for name in reached}
    assert {name.rpartition("_lag")[0] for name in some} == {p for p in pairs if p.split("__")[0] < p.split("__")[1]}
    assert "a__void_lag0_corr" in everything


@pytest.mark.parametrize("backend", BACKENDS)
def test_memory_is_bounded_by_the_batch(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ff, "_CELLS", 1 << 12)
    rng = np.random.default_rng(5)
    rows, columns = 1000, 20
    frame = pd.DataFrame(rng.normal(size=(rows, columns)), columns=[f"s{i:02}" for i in range(columns)])
    one_pair = rows * 2 * 8
    pairs = columns * (columns - 1) // 2
    with serving(backend):
        ff.batched_pairwise_lag(frame.iloc[:50], 1, window=20, min_periods=20, batch_size=8)
        peaks = []
        for min_corr in (0.999, 0.0):
            tracemalloc.start()
            ff.batched_pairwise_lag(frame, 1, window=20, min_periods=20, batch_size=8, min_corr=min_corr)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    scratch = 40 * 8 * ff._CELLS if backend != "rust" else 0
    assert peaks[0] < 2 * frame.to_numpy().nbytes + 6 * 8 * one_pair + scratch
    assert peaks[0] < pairs * one_pair < peaks[1] < 1.2 * pairs * one_pair + peaks[0]


@pytest.mark.parametrize("unique_pairs", [True, False])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_pairs_of_many_columns_are_never_all_held(backend: str, unique_pairs: bool) -> None:
    columns, batch = 500, 2000
    frame = pd.DataFrame(np.zeros((2, columns)), columns=[f"s{i:03}" for i in range(columns)])
    with serving(backend):
        tracemalloc.start()
        out = ff.batched_pairwise_lag(frame, 0, window=2, batch_size=batch, min_corr=0.5, unique_pairs=unique_pairs)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert out.shape == (2, 0)
    # A list of all pairs is larger than four times that: a tuple of two takes 56 bytes, its place in the list 8.
    pairs = columns * (columns - 1) // (2 if unique_pairs else 1)
    assert peak < 64 * pairs / 4


@pytest.mark.parametrize("function", PAIRED)
@pytest.mark.parametrize("backend", BACKENDS)
def test_kinds_of_frames(backend: str, function: Any) -> None:
    pl = pytest.importorskip("polars")
    frame = fan(rows=40, sensors=3, missing=0.1)
    polars_frame = pl.from_pandas(frame)
    before = frame.copy(deep=True)
    with serving(backend):
        want = function(frame)
        from_polars = function(polars_frame)
        to_polars = function(frame, return_type="polars")
        assert to_polars.equals(function(polars_frame, return_type="polars"))
    pd.testing.assert_frame_equal(frame, before, check_exact=True)
    pd.testing.assert_index_equal(want.index, frame.index)
    pd.testing.assert_frame_equal(from_polars, want.reset_index(drop=True), check_exact=True)
    assert isinstance(to_polars, pl.DataFrame)
    assert to_polars.columns == list(want.columns)
    assert not any(to_polars[name].is_nan().any() for name in to_polars.columns)
    np.testing.assert_array_equal(to_polars.to_numpy(), want.to_numpy())


@pytest.mark.parametrize("rows", [0, 1, 2])
@pytest.mark.parametrize("function", PAIRED)
@pytest.mark.parametrize("backend", BACKENDS)
def test_no_row_and_few_rows(backend: str, function: Any, rows: int) -> None:
    frame = adversarial().iloc[:rows, :3]
    with serving(backend):
        got = function(frame)
    with serving("pandas"):
        assert_close(got, function(frame))
    assert len(got) == rows
    assert (got.dtypes == np.float64).all()
    pd.testing.assert_index_equal(got.index, frame.index)


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_column_and_none(backend: str) -> None:
    frame = fan(rows=6, sensors=1)
    with serving(backend):
        for cols in (None, []):
            for out in (
                ff.rolling_pairwise_lag(frame, cols=cols),
                ff.batched_pairwise_lag(frame, cols=cols),
                ff.rolling_xcorr(frame, 3, frame.columns[0], cols),
            ):
                assert out.shape == (6, 0)
                pd.testing.assert_index_equal(out.index, frame.index)
        short = fan(rows=6, sensors=2)
        assert ff.rolling_pairwise_lag(short, 20).shape == (6, 42)
        assert ff.rolling_pairwise_lag(short, 20).iloc[:, 6:21].isna().all().all()
        if ff._pl is not None:
            assert ff.batched_pairwise_lag(frame, return_type="polars").columns == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_stuck_and_extreme_values(backend: str) -> None:
    frame = pd.DataFrame(
        {
            "line": np.arange(8.0),
            "stuck": [0.1] * 8,
            "held": [1.0, 2.0, 0.1, 0.1, 0.1, 0.1, 3.0, 5.0],
            "large": 1e9 + 1e-3 * np.arange(8.0),
            "down": -3.0 * np.arange(8.0),
        }
    )
    with serving(backend):
        out = ff.rolling_xcorr(frame, 3, "line")
    assert out["stuck_xcorr"].isna().all()
    assert out["held_xcorr"].isna().tolist() == [True, False, False, False, True, True, False, False]
    np.testing.assert_allclose(out["large_xcorr"].iloc[1:], 1.0, rtol=0, atol=1e-9)
    np.testing.assert_allclose(out["down_xcorr"].iloc[1:], -1.0, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [1e-170, 1e-120, 1e120, 1e170])
@pytest.mark.parametrize("backend", ["polars", "pandas"])
def test_scale_does_not_matter(backend: str, size: float) -> None:
    frame = fan(rows=40, sensors=3, missing=0.1)
    with serving(backend):
        want = ff.rolling_pairwise_lag(frame, 1, window=6)
        assert_close(ff.rolling_pairwise_lag(frame * size, 1, window=6), want)


@pytest.mark.parametrize("window", [7, 120])
def test_small_pieces_of_work_give_the_same_numbers(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = fan(rows=100, sensors=3, missing=0.05)
    with serving("pandas"):
        want = ff.rolling_pairwise_lag(frame, 3, window=window)
        for cells in (60, 701):
            monkeypatch.setattr(ff, "_CELLS", cells)
            pd.testing.assert_frame_equal(ff.rolling_pairwise_lag(frame, 3, window=window), want, check_exact=True)


def test_what_is_refused() -> None:
    frame = fan(rows=10, sensors=2).set_axis(["a", "b"], axis=1)
    with pytest.raises(ValueError, match="target_col must be a column of df, got 'z'"):
        ff.rolling_xcorr(frame, 3, "z")
    with pytest.raises(KeyError, match="no such column: 'z'"):
        ff.rolling_xcorr(frame, 3, "a", ["z"])
    with pytest.raises(TypeError, match=r"numeric, got 'note'"):
        ff.rolling_xcorr(frame.assign(note="x"), 3, "note", ["a"])
    with pytest.raises(ValueError, match="window must be at least 1, got 0"):
        ff.rolling_xcorr(frame, 0, "a")
    with pytest.raises(ValueError, match=r"min_periods must be between 0 and window \(3\), got 4"):
        ff.rolling_xcorr(frame, 3, "a", min_periods=4)
    for function in (ff.rolling_pairwise_lag, ff.batched_pairwise_lag):
        with pytest.raises(ValueError, match="max_lag must be at least 0, got -1"):
            function(frame, -1)
        with pytest.raises(ValueError, match=r"max_lag must be an integer, got 1\.5"):
            function(frame, 1.5)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="window must be at least 1, got 0"):
            function(frame, 1, window=0)
        with pytest.raises(ValueError, match=r"min_periods must be between 0 and window \(2\), got 3"):
            function(frame, 1, min_periods=3)
        with pytest.raises(ValueError, match="return_type must be"):
            function(frame, 1, return_type="numpy")  # type: ignore[arg-type]
        with pytest.raises(KeyError, match="no such column: 'z'"):
            function(frame, 1, cols=["a", "z"])
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        ff.batched_pairwise_lag(frame, batch_size=0)
    for min_corr in (float("nan"), -0.1, "0.5", None):
        with pytest.raises(ValueError, match="min_corr must be a number"):
            ff.batched_pairwise_lag(frame, min_corr=min_corr)  # type: ignore[arg-type]
    for function in (ff.rolling_pairwise_lag, ff.batched_pairwise_lag):
        with pytest.raises(TypeError, match="df must be a pandas or a Polars DataFrame, got list"):
            function([1.0])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="df must be a pandas or a Polars DataFrame, got list"):
        ff.rolling_xcorr([1.0], 3, "a")  # type: ignore[arg-type]
