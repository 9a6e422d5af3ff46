"""Columns of odd kinds: booleans of Arrow, nothing at all, masks, names that meet in the results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import BACKENDS, serving

from core import fast_features as ff

pl = pytest.importorskip("polars")

ALL: dict[str, Callable[..., Any]] = {
    "median": lambda df: ff.rolling_median(df, 3),
    "mad": lambda df: ff.rolling_mad(df, 3),
    "mean_std": lambda df: ff.rolling_mean_std(df, 3),
    "skew_kurt": lambda df: ff.rolling_skew_kurt(df, 4),
    "slope": lambda df: ff.rolling_ols_slope(df, 3),
    "energy": lambda df: ff.rolling_spectral_energy(df, 4),
    "xcorr": lambda df: ff.rolling_xcorr(df, 3, df.columns[0]),
    "pairs": lambda df: ff.rolling_pairwise_lag(df, 1, window=3),
    "batched": lambda df: ff.batched_pairwise_lag(df, 1, window=3),
    "correlations": ff.build_correlations,
    "lags": lambda df: ff.build_lagged_features(df, 2),
    "features": lambda df: ff.compute_basic_features(df, 3),
    "impute": lambda df: ff.impute_features(df, df, 1e-6)[1],
    "normalizer": lambda df: (
        ff.ConfidenceGatedNormalizer()
        .fit_global(df, list(df.columns))
        .normalize(df, [0] * len(df), [1.0] * len(df))
        .z_scores
    ),
    "given": lambda df: ff.normalize_with_confidence_gating(
        df,
        list(df.columns),
        [0] * len(df),
        [1.0] * len(df),
        dict.fromkeys(df.columns, 1.0),
        dict.fromkeys(df.columns, 2.0),
    )[0],
}
ROWS = 6
NUMBERS = np.array([1.0, 4.0, 2.0, 8.0, 5.0, 7.0])
FLAGS = [True, None, False, True, None, True]


def empty_columns() -> dict[str, Any]:
    out: dict[str, Any] = {
        "objects of None": np.array([None] * ROWS, dtype=object),
        "objects of NaN": np.array([np.nan] * ROWS, dtype=object),
        "Int64": pd.array([None] * ROWS, dtype="Int64"),
        "boolean": pd.array([None] * ROWS, dtype="boolean"),
        "Float64": pd.array([None] * ROWS, dtype="Float64"),
        "string": pd.array([None] * ROWS, dtype="string"),
        "category": pd.Categorical([None] * ROWS),
    }
    try:
        import pyarrow as pa
    except ImportError:
        return out
    kinds = (pa.null(), pa.int64(), pa.bool_(), pa.float32(), pa.string())
    return out | {f"arrow {kind}": pd.array([None] * ROWS, dtype=pd.ArrowDtype(kind)) for kind in kinds}


def pair(column: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": NUMBERS, "b": column})


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_sensor_without_values_is_a_sensor(backend: str, name: str) -> None:
    function = ALL[name]
    with serving(backend):
        want = function(pair(np.full(ROWS, np.nan)))
        for kind, column in empty_columns().items():
            pd.testing.assert_frame_equal(function(pair(column)), want, check_exact=True, obj=kind)
        wide = pl.DataFrame({"a": NUMBERS})
        for dtype in (pl.Null, pl.String, pl.Int64, pl.Boolean, pl.Categorical):
            got = function(wide.with_columns(pl.Series("b", [None] * ROWS, dtype=dtype)))
            got = got.to_pandas() if isinstance(got, pl.DataFrame) else got
            pd.testing.assert_frame_equal(got, want, check_exact=True, check_dtype=False, obj=str(dtype))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("backend", BACKENDS)
def test_booleans_are_zero_and_one(backend: str, name: str) -> None:
    pa = pytest.importorskip("pyarrow")
    function = ALL[name]
    plain = np.array([np.nan if flag is None else float(flag) for flag in FLAGS])
    whole = np.array([flag is not None for flag in FLAGS])
    with serving(backend):
        want = function(pair(plain))
        for column in (pd.array(FLAGS, dtype=pd.ArrowDtype(pa.bool_())), pd.array(FLAGS, dtype="boolean")):
            pd.testing.assert_frame_equal(function(pair(column)), want, check_exact=True)
        got = function(pl.DataFrame({"a": NUMBERS, "b": FLAGS}))
        got = got.to_pandas() if isinstance(got, pl.DataFrame) else got
        pd.testing.assert_frame_equal(got, want, check_exact=True, check_dtype=False)
        pd.testing.assert_frame_equal(function(pair(whole)), function(pair(whole.astype(float))), check_exact=True)


def test_what_holds_something_else_is_refused() -> None:
    for column in (
        [None, "x", None, None, None, None],
        [None, 1.0, None, None, None, None],
        np.full(ROWS, np.datetime64("NaT", "ns")),
        np.full(ROWS, np.timedelta64("NaT", "ns")),
        np.full(ROWS, complex("nan")),
    ):
        series = pd.Series(column, dtype=object) if isinstance(column, list) else column
        with pytest.raises(TypeError, match="columns must be numeric, got 'b'"):
            ff.rolling_median(pair(series), 3)
    with pytest.raises(TypeError, match=r"columns must be numeric, got 'b' \(String\)"):
        ff.rolling_median(pl.DataFrame({"b": ["x", None]}), 3)
    with pytest.raises(TypeError, match="columns must be numeric, got 'b'"):
        ff.rolling_median(pl.DataFrame({"b": pl.Series([None], dtype=pl.Datetime)}), 3)


# --- masks ------------------------------------------------------------------------------------------------------------


def test_what_is_masked_is_missing() -> None:
    masked = np.ma.masked_array([1.0, 999, 3, 1], mask=[0, 1, 0, 0])
    plain = np.array([1.0, np.nan, 3, 1])
    for function in (ff.spectral_energy, ff.goertzel_energy, ff.ols_slope):
        np.testing.assert_array_equal(function(masked), function(plain))
        np.testing.assert_array_equal(function(masked.astype(int)), function(plain))
        np.testing.assert_array_equal(function(np.ma.masked_array(plain, mask=False)), function(plain))
    assert ff.spectral_energy(masked).sum() == pytest.approx(40.0 / 9.0, rel=1e-15)
    assert np.isnan(ff.spectral_energy(np.ma.masked_all(3))).all()
    assert ff.ols_slope(np.ma.masked_array([True, False, True], mask=[0, 0, 1])) == -1.0
    assert ff.ols_slope(np.ma.masked_array([None, 2.0], mask=[1, 1], dtype=object)) == 0.0
    assert ff.ols_slope([None, None]) == 0.0


def test_masked_labels_confidences_and_statistics() -> None:
    frame = pd.DataFrame({"a": NUMBERS})
    normalizer = ff.ConfidenceGatedNormalizer(min_regime_samples=1).fit_global(frame, ["a"]).fit_regime(0, frame)
    labels = np.ma.masked_array([0] * ROWS, mask=[0, 1, 0, 0, 0, 0])
    sure = np.ma.masked_array([0.9] * ROWS, mask=[0, 0, 1, 0, 0, 0])
    result = normalizer.normalize(frame, labels, sure)
    assert result.method_used.tolist() == ["regime_0", "global", "global", *["regime_0"] * 3]
    assert result.regime_labels.tolist() == [0, -1, 0, 0, 0, 0]
    assert result.confidence_values.tolist() == [0.9, 0.9, 0.0, 0.9, 0.9, 0.9]
    z, _ = ff.normalize_with_confidence_gating(frame, ["a"], labels, sure, {"a": np.ma.masked}, {"a": 1.0})
    assert z["a"].isna().all()
    gaps = pd.DataFrame({"a": np.ma.masked_array(NUMBERS, mask=[0, 1, 0, 0, 0, 0])})
    by_mask = ff.compute_basic_features(gaps, 3, fill_values={"a": np.ma.masked})
    pd.testing.assert_frame_equal(by_mask, ff.compute_basic_features(gaps, 3), check_exact=True)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pairs", "batched"])
@pytest.mark.parametrize(
    "names", [["a", "a__b", "b", "b__a"], ["a", "a_", "_b", "b"], ["x", "x__y", "y__x"], ["p", "p__", "__p"]]
)
def test_pairs_that_give_one_name_are_refused(name: str, names: list[str]) -> None:
    frame = pd.DataFrame({label: np.roll(NUMBERS, i) for i, label in enumerate(names)})
    every = [f"{a}__{b}" for a in names for b in names if a != b]
    if len(set(every)) == len(every):
        assert ALL[name](frame).shape[0] == ROWS
        return
    function = ff.rolling_pairwise_lag if name == "pairs" else ff.batched_pairwise_lag
    more = {} if name == "pairs" else {"unique_pairs": False}
    with pytest.raises(
        ValueError, match=r"column names .* got \('.*', '.*'\) and \('.*', '.*'\), which both give '.*__"
    ):
        function(frame, 1, **more)
    assert not ALL["pairs"](frame[names[:2]]).columns.duplicated().any()


def test_unique_pairs_are_refused_only_where_two_of_them_meet() -> None:
    frame = pd.DataFrame({label: np.roll(NUMBERS, i) for i, label in enumerate(["a", "a__b", "b", "b__c", "c"])})
    with pytest.raises(ValueError, match=r"\('a', 'b__c'\) and \('a__b', 'c'\), which both give 'a__b__c'"):
        ff.batched_pairwise_lag(frame, 1)
    assert len(ff.batched_pairwise_lag(frame.drop(columns="c"), 1).columns) == 12


@pytest.mark.parametrize(
    "name", [name for name in ALL if name not in ("correlations", "impute", "normalizer", "given")]
)
def test_names_that_are_spelled_alike_are_refused(name: str) -> None:
    frame = pd.DataFrame({"t": NUMBERS, 1: NUMBERS + 1.0, "1": NUMBERS})
    with pytest.raises(ValueError, match=r"column names .* got 1 and '1', which both give '1"):
        ALL[name](frame)
    apart = ALL[name](frame.rename(columns={1: "one"}))
    assert not apart.columns.duplicated().any()


@pytest.mark.parametrize("name", ["correlations", "impute", "normalizer", "given"])
def test_labels_that_stay_as_they_are_may_be_spelled_alike(name: str) -> None:
    out = ALL[name](pd.DataFrame({1: NUMBERS, "1": NUMBERS[::-1]}))
    assert list(out.columns) == [1, "1"]


@pytest.mark.parametrize("name", ALL)
def test_columns_of_one_name_are_refused(name: str) -> None:
    frame = pd.DataFrame(np.column_stack([NUMBERS, NUMBERS]), columns=["a", "a"])
    with pytest.raises(ValueError, match="column names must be unique, got more than once: 'a'"):
        ALL[name](frame)
