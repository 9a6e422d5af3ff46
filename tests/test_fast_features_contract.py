"""What goes in, what comes out, and what is refused."""

from __future__ import annotations

import decimal
import doctest
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import BACKENDS, adversarial, fan, serving

from core import fast_features as ff

pl = pytest.importorskip("polars")

ROLLING: list[Callable[..., Any]] = [
    ff.rolling_median,
    ff.rolling_mad,
    ff.rolling_mean_std,
    ff.rolling_skew_kurt,
    ff.rolling_ols_slope,
    ff.rolling_spectral_energy,
]
WINDOWED = [*ROLLING, ff.compute_basic_features]


def small() -> pd.DataFrame:
    return pd.DataFrame({"a": [1.0, 4.0, 2.0, 8.0, 5.0], "b": [0.0, 1.0, 0.5, 0.25, 2.0]}, index=list("vwxyz"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_names_and_order_of_the_columns(backend: str) -> None:
    df = small()
    with serving(backend):
        assert list(ff.rolling_median(df, 2)) == ["a_med", "b_med"]
        assert list(ff.rolling_mad(df, 2)) == ["a_mad", "b_mad"]
        assert list(ff.rolling_mean_std(df, 2)) == ["a_mean", "b_mean", "a_std", "b_std"]
        assert list(ff.rolling_skew_kurt(df, 2)) == ["a_skew", "b_skew", "a_kurt", "b_kurt"]
        assert list(ff.rolling_ols_slope(df, 2)) == ["a_slope", "b_slope"]
        energies = ["a_energy_0", "a_energy_1", "b_energy_0", "b_energy_1"]
        assert list(ff.rolling_spectral_energy(df, 2, bands=[(0.0, 0.1), (0.1, 0.5)])) == energies
        assert list(ff.compute_basic_features(df, cols=["b"])) == [
            *("b_med", "b_mad", "b_mean", "b_std", "b_slope", "b_skew", "b_kurt"),
            *("b_energy_0", "b_energy_1", "b_energy_2", "b_rz"),
        ]


@pytest.mark.parametrize("backend", BACKENDS)
def test_mean_and_std_stand_under_their_own_names(backend: str) -> None:
    with serving(backend):
        out = ff.rolling_mean_std(small(), 2)
    assert out["a_mean"].tolist() == [1.0, 2.5, 3.0, 5.0, 6.5]
    np.testing.assert_allclose(out["b_std"].iloc[1:], np.sqrt([0.5, 0.125, 0.03125, 1.53125]), rtol=1e-15)


@pytest.mark.parametrize("function", ROLLING)
@pytest.mark.parametrize("backend", BACKENDS)
def test_kinds_of_frames(backend: str, function: Callable[..., Any]) -> None:
    pandas_frame = fan(rows=40, sensors=3, missing=0.1)
    polars_frame = pl.from_pandas(pandas_frame)
    with serving(backend):
        want = function(pandas_frame, 8, min_periods=5)
        from_polars = function(polars_frame, 8, min_periods=5)
        to_polars = function(polars_frame, 8, min_periods=5, return_type="polars")
        crossed = function(pandas_frame, 8, min_periods=5, return_type="polars")
    pd.testing.assert_index_equal(want.index, pandas_frame.index)
    assert (want.dtypes == np.float64).all()
    pd.testing.assert_frame_equal(from_polars, want.reset_index(drop=True), check_exact=True)
    assert isinstance(to_polars, pl.DataFrame)
    assert to_polars.equals(crossed)
    assert to_polars.columns == list(want.columns)
    assert set(to_polars.dtypes) == {pl.Float64}
    # Missing is null there, never NaN.
    assert not any(to_polars[name].is_nan().any() for name in to_polars.columns)
    np.testing.assert_array_equal(to_polars.to_numpy(), want.to_numpy())


@pytest.mark.parametrize("function", WINDOWED)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_input_stays_as_it_was(backend: str, function: Callable[..., Any]) -> None:
    df = adversarial()
    before, polars_frame = df.copy(deep=True), pl.from_pandas(df)
    polars_before = polars_frame.clone()
    with serving(backend):
        function(df, 4)
        out = function(polars_frame, 4)
    pd.testing.assert_frame_equal(df, before, check_exact=True)
    assert polars_frame.equals(polars_before)
    out.iloc[:, :] = -1.0
    assert polars_frame.equals(polars_before)


@pytest.mark.parametrize("function", WINDOWED)
@pytest.mark.parametrize("backend", BACKENDS)
def test_column_types(backend: str, function: Callable[..., Any]) -> None:
    whole = [3, 1, 4, 1, 5, 9, 2, 6]
    gappy = [3, None, 4, 1, None, 9, 2, 6]
    kinds: dict[str, Any] = {
        "i64": np.array(whole),
        "u8": np.array(whole, dtype=np.uint8),
        "f32": np.array(whole, dtype=np.float32),
        "f16": np.array(whole, dtype=np.float16),
        "bool": np.array(whole) > 3,
        "Int64": pd.array(gappy, dtype="Int64"),
        "Float32": pd.array(gappy, dtype="Float32"),
        "boolean": pd.array([None if v is None else v > 3 for v in gappy], dtype="boolean"),
        "sparse": pd.arrays.SparseArray(np.array(whole, dtype=float)),
    }
    plain = {name: np.array(whole, dtype=float) for name in ("i64", "u8", "f32", "f16", "sparse")}
    plain["bool"] = (np.array(whole) > 3).astype(float)
    plain["Int64"] = plain["Float32"] = np.array(gappy, dtype=float)
    plain["boolean"] = np.array([np.nan if v is None else float(v > 3) for v in gappy])
    df, want_df = pd.DataFrame(kinds), pd.DataFrame(plain)[list(kinds)]
    with serving(backend):
        pd.testing.assert_frame_equal(function(df, 4), function(want_df, 4), check_exact=True)


@pytest.mark.parametrize("backend", BACKENDS)
def test_arrow_backed_and_polars_column_types(backend: str) -> None:
    pa = pytest.importorskip("pyarrow")
    gappy = [3, None, 4, 1, None, 9]
    numbers = [None if v is None else decimal.Decimal(v) for v in gappy]
    want_df = pd.DataFrame({name: np.array(gappy, dtype=float) for name in ("a", "b", "c")})
    arrow = pd.DataFrame(
        {
            "a": pd.array(gappy, dtype=pd.ArrowDtype(pa.int32())),
            "b": pd.array(gappy, dtype=pd.ArrowDtype(pa.float64())),
            "c": pd.array(numbers, dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
        }
    )
    polars_frame = pl.DataFrame(
        {
            "a": pl.Series(gappy, dtype=pl.Int16),
            "b": pl.Series([float("nan") if v is None else v for v in gappy], dtype=pl.Float32, strict=False),
            "c": pl.Series(numbers, dtype=pl.Decimal(5, 2)),
        }
    )
    with serving(backend):
        want = ff.rolling_mean_std(want_df, 3)
        pd.testing.assert_frame_equal(ff.rolling_mean_std(arrow, 3), want, check_exact=True)
        pd.testing.assert_frame_equal(ff.rolling_mean_std(polars_frame, 3), want, check_exact=True)
        flags = pl.DataFrame({"a": [True, None, False]})
        assert ff.rolling_median(flags, 3)["a_med"].tolist() == [1.0, 1.0, 0.5]


@pytest.mark.parametrize("backend", BACKENDS)
def test_choice_of_columns(backend: str) -> None:
    df = small()
    df["note"] = "ok"
    df[("deep", 1)] = 3.0
    with serving(backend):
        out = ff.rolling_median(df, 2, cols=["b", "a"])
        assert list(out) == ["b_med", "a_med"]
        assert out["a_med"].tolist() == [1.0, 2.5, 3.0, 5.0, 6.5]
        assert list(ff.rolling_median(df, 2, cols=pd.Index(["a"]))) == ["a_med"]
        assert list(ff.rolling_median(df, 2, cols=[("deep", 1)])) == ["('deep', 1)_med"]
        none = ff.rolling_median(df, 2, cols=[])
        assert none.shape == (5, 0)
        pd.testing.assert_index_equal(none.index, df.index)
        assert ff.rolling_median(pl.DataFrame({"a": [1.0]}), 2, cols=[], return_type="polars").columns == []
        assert ff.compute_basic_features(df, cols=[]).shape == (5, 0)


@pytest.mark.parametrize("function", WINDOWED)
@pytest.mark.parametrize("backend", BACKENDS)
def test_columns_that_are_refused(backend: str, function: Callable[..., Any]) -> None:
    df = small()
    df["note"] = "ok"
    df["z"] = [1j] * 5
    df["when"] = pd.Timestamp("2012-05-21")
    with serving(backend):
        with pytest.raises(TypeError, match=r"numeric.*'note'.*'z'.*'when'"):
            function(df, 2)
        with pytest.raises(TypeError, match=r"numeric, got 'note'"):
            function(df, 2, cols=["a", "note"])
        with pytest.raises(TypeError, match=r"numeric, got 'note' \(String\)"):
            function(pl.DataFrame({"note": ["x"], "a": [1.0]}), 2)
        with pytest.raises(KeyError, match=r"no such column: 'x', 'y'"):
            function(df, 2, cols=["a", "x", "y"])
        with pytest.raises(KeyError, match="no such column: 'x'"):
            function(pl.DataFrame({"a": [1.0]}), 2, cols=["x"])
        with pytest.raises(TypeError, match="cols must be a list of column names, got str"):
            function(df, 2, cols="a")
        with pytest.raises(TypeError, match="cols must be a list of column names, got int"):
            function(df, 2, cols=3)
        with pytest.raises(ValueError, match="unique, got more than once: 'a'"):
            function(df, 2, cols=["a", "b", "a"])
        with pytest.raises(ValueError, match="unique, got more than once: 'a'"):
            function(pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]), 2)
        for wrong in (np.zeros((3, 2)), {"a": [1.0]}, pd.Series([1.0]), pl.Series([1.0]), None):
            with pytest.raises(TypeError, match="df must be a pandas or a Polars DataFrame, got"):
                function(wrong, 2)


@pytest.mark.parametrize("function", WINDOWED)
@pytest.mark.parametrize("window", [0, -1, 1.0, float("nan"), "5", None, True, np.True_])
def test_windows_that_are_refused(function: Callable[..., Any], window: Any) -> None:
    with pytest.raises(ValueError, match=r"window must be (at least 1|an integer), got"):
        function(small(), window)


@pytest.mark.parametrize("function", ROLLING)
@pytest.mark.parametrize("min_periods", [-1, 4, 1.5, "1", None, False])
def test_min_periods_that_are_refused(function: Callable[..., Any], min_periods: Any) -> None:
    with pytest.raises(ValueError, match=r"min_periods must be (between 0 and window \(3\)|an integer), got"):
        function(small(), 3, min_periods=min_periods)


@pytest.mark.parametrize("backend", BACKENDS)
def test_numpy_integers_and_huge_windows(backend: str) -> None:
    with serving(backend):
        want = ff.rolling_median(small(), 5)
        for window in (np.int32(5), np.uint64(5), 2**40):
            pd.testing.assert_frame_equal(ff.rolling_median(small(), window, min_periods=np.int8(1)), want)
        assert ff.rolling_mad(small(), 100, min_periods=6).isna().all().all()
        assert ff.rolling_median(small(), 100, min_periods=6).isna().all().all()


@pytest.mark.parametrize("function", ROLLING)
def test_return_types_that_are_refused(function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="return_type must be 'pandas' or 'polars', got 'numpy'"):
        function(small(), 2, return_type="numpy")
    frame = pl.from_pandas(small())
    monkeypatch.setattr(ff, "_pl", None)
    with pytest.raises(RuntimeError, match="pip install polars"):
        function(small(), 2, return_type="polars")
    with pytest.raises(TypeError, match="df must be"):
        function(frame, 2)


@pytest.mark.parametrize("function", [ff.rolling_spectral_energy_pl, ff.compute_basic_features_pl])
def test_polars_only_functions(function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.from_pandas(fan(rows=30, sensors=2))
    general = {"rolling_spectral_energy_pl": ff.rolling_spectral_energy, "compute_basic_features_pl": ff._basic}
    same: Any = general[function.__name__]
    out = function(frame, 6)
    assert isinstance(out, pl.DataFrame)
    if same is ff._basic:
        assert out.equals(ff._basic(frame, 6, None, None, "polars"))
    else:
        assert out.equals(same(frame, 6, return_type="polars"))
    with pytest.raises(TypeError, match="df must be a Polars DataFrame, got DataFrame"):
        function(small(), 6)
    monkeypatch.setattr(ff, "_pl", None)
    with pytest.raises(RuntimeError, match="pip install polars"):
        function(frame, 6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_clipping_of_skewness_and_kurtosis(backend: str) -> None:
    df = pd.DataFrame({"a": [0.0] * 19 + [1.0]})
    with serving(backend):
        free = ff.rolling_skew_kurt(df, 20)
        bound = ff.rolling_skew_kurt(df, 20, skew_clip=2.0, kurt_clip=3.0)
        below = ff.rolling_skew_kurt(-df, 20, skew_clip=2.0, kurt_clip=3.0)
    assert free["a_skew"].iloc[-1] > 4.0
    assert free["a_kurt"].iloc[-1] > 19.0
    assert bound.iloc[-1].tolist() == [2.0, 3.0]
    assert below.iloc[-1].tolist() == [-2.0, 3.0]
    for bad in ({"skew_clip": -1.0}, {"kurt_clip": float("nan")}):
        with pytest.raises(ValueError, match=f"{next(iter(bad))} must be a number and at least 0"):
            ff.rolling_skew_kurt(df, 20, **bad)


def test_every_public_name_is_documented_and_exported() -> None:
    for name in ff.__all__:
        thing = getattr(ff, name)
        if callable(thing):
            assert inspect.getdoc(thing), name
    public = {
        name
        for name, thing in vars(ff).items()
        if inspect.isfunction(thing) and thing.__module__ == ff.__name__ and not name.startswith("_")
    }
    assert public <= set(ff.__all__)


@pytest.mark.parametrize("backend", BACKENDS)
def test_examples_in_the_docstrings(backend: str) -> None:
    with serving(backend):
        results = doctest.testmod(ff)
    assert results.attempted > 10
    assert results.failed == 0
