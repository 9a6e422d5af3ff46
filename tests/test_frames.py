"""Frames in, frames out: the numbers of the array, the names and the index of the frame."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, get_type_hints

import acm_rs
import calls
import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from acm_rs.files.report import ReadReport
from calls import Call
from children import run

Array = npt.NDArray[Any]

# Reports on sensors name them, so those of a frame are others than those of an array.
REPORTS = ("quality", "clean")
FUNCTIONS = [
    call for call in calls.CALLS if call.name[0].islower() and "." not in call.name and call.name not in REPORTS
]
ROWS = 300
DATES = pd.date_range("2026-03-01", periods=ROWS, freq="s", name="taken")


def _pandas(x: Array) -> Any:
    if x.ndim == 1:
        return pd.Series(x, index=DATES[: len(x)], name="load")
    return pd.DataFrame(x, index=DATES[: len(x)], columns=[f"s{j}" for j in range(x.shape[1])])


def _blocks(x: Array) -> Any:
    frame = _pandas(x)
    return frame if x.ndim == 1 else pd.concat([frame[[name]].copy() for name in frame], axis=1)


def _polars(x: Array) -> Any:
    if x.ndim == 1:
        return pl.Series("load", x)
    return pl.DataFrame({f"s{j}": x[:, j] for j in range(x.shape[1])})


def _arrow(x: Array) -> Any:
    if x.ndim == 1:
        return pa.chunked_array([x])
    return pa.table({f"s{j}": x[:, j].copy() for j in range(x.shape[1])})


KINDS: dict[str, Callable[[Array], Any]] = {
    "pandas": _pandas,
    "pandas of several blocks": _blocks,
    "pandas of arrow": lambda x: _pandas(x).astype("double[pyarrow]" if x.dtype.kind == "f" else "int64[pyarrow]"),
    "polars": _polars,
    "pyarrow": _arrow,
}
OF_EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def numbers(found: Any) -> list[Array]:
    """The numbers of a result, part by part; missing ones are NaN."""
    if isinstance(found, acm_rs.Episodes | acm_rs.Threshold | acm_rs.ClusterChoice):
        found = tuple(getattr(found, name) for name in calls.attributes(type(found).__name__))
    if isinstance(found, tuple):
        return [one for part in found for one in numbers(part)]
    if isinstance(found, pa.ChunkedArray):
        found = pl.Series(found)
    if isinstance(found, pa.Table):
        found = pl.DataFrame(found)
    if isinstance(found, pl.DataFrame):
        found = found.select(pl.col("*").exclude(pl.String, pl.Datetime))
    return [np.asarray(found.to_numpy() if hasattr(found, "to_numpy") else found)]


def alike(found: Any, expected: Any) -> bool:
    """The same numbers, whatever holds them."""
    pairs = list(zip(numbers(found), numbers(expected), strict=True))
    return all(np.array_equal(a.ravel(), b.ravel(), equal_nan=a.dtype.kind == "f") for a, b in pairs)


def framed(arguments: dict[str, Any], make: Callable[[Array], Any]) -> dict[str, Any]:
    """The same arguments with frames and series for arrays, without `out`."""
    tables = ("x", "y", "data", "score", "labels", "reference", "a", "b", "centers")
    return {
        name: make(value) if name in tables and isinstance(value, np.ndarray) else value
        for name, value in arguments.items()
        if name != "out"
    }


@OF_EVERY_KIND
@pytest.mark.parametrize(
    "call",
    [c for c in FUNCTIONS if {"x", "data", "score", "labels"} & c.prepare(ROWS)[1].keys()],
    ids=str,
)
def test_every_function_gives_the_numbers_of_the_array(call: Call, kind: str) -> None:
    function, arguments = call.prepare(ROWS)
    arguments.pop("out", None)
    assert alike(function(**framed(arguments, KINDS[kind])), function(**arguments))


def test_the_comparison_sees_a_difference() -> None:
    x = calls.history(9)
    assert alike(_polars(x), x)
    assert not alike(_polars(x), x + 1.0)


# ---- index, names, kind ---------------------------------------------------------------------------------------------

SAME_SHAPE = {
    "rolling_mean": lambda x: acm_rs.rolling_mean(x, 5),
    "rolling_median": lambda x: acm_rs.rolling_median(x, 5),
    "rolling_corr": lambda x: acm_rs.rolling_corr(x, x, 5),
    "rolling_median_f64": lambda x: acm_rs.rolling_median_f64(x, 5),
    "ewm_mean": lambda x: acm_rs.ewm_mean(x, alpha=0.5),
    "zscore": acm_rs.zscore,
    "impute": acm_rs.impute,
}


@pytest.mark.parametrize("name", SAME_SHAPE)
def test_a_frame_comes_back_with_its_index_and_names(name: str) -> None:
    frame = _pandas(calls.history(40))
    frame.columns.name = "sensor"
    found = SAME_SHAPE[name](frame)
    assert isinstance(found, pd.DataFrame)
    pd.testing.assert_index_equal(found.index, frame.index)
    pd.testing.assert_index_equal(found.columns, frame.columns)
    line = SAME_SHAPE[name](frame["s1"])
    assert isinstance(line, pd.Series)
    assert line.name == "s1"
    pd.testing.assert_index_equal(line.index, frame.index)


@pytest.mark.parametrize("name", SAME_SHAPE)
@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_other_frames_come_back_as_they_are(name: str, kind: str) -> None:
    x = calls.history(40)
    frame, line = KINDS[kind](x), KINDS[kind](x[:, 0])
    found, one = SAME_SHAPE[name](frame), SAME_SHAPE[name](line)
    assert type(found) is type(frame)
    assert type(one) is type(line)
    assert (found.columns if kind == "polars" else found.column_names) == ["s0", "s1", "s2", "s3"]


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda x: acm_rs.rolling_mean_std(x, 3), ["p_mean", "p_std", "t_mean", "t_std"]),
        (lambda x: acm_rs.rolling_mean_std_f64(x, 3), ["p_mean", "p_std", "t_mean", "t_std"]),
        (lambda x: acm_rs.rolling_quantile(x, 3, [0.1, 0.9]), ["p_q0.1", "p_q0.9", "t_q0.1", "t_q0.9"]),
        (lambda x: acm_rs.rolling_quantile(x, 3, 0.5), ["p", "t"]),
        (lambda x: acm_rs.rolling_lag_corr(x, 3, 1), ["p_t_lag0", "p_t_lag1", "t_p_lag0", "t_p_lag1"]),
        (lambda x: acm_rs.rolling_lag_corr(x, 3, 0, pairs=[("t", "p")]), ["t_p_lag0"]),
        (lambda x: acm_rs.rolling_band_energy(x, 4, [(0.0, 0.5)]), ["p_energy_0", "t_energy_0"]),
        (lambda x: acm_rs.lag_matrix(x, [0, 2]), ["p_lag0", "p_lag2", "t_lag0", "t_lag2"]),
        (lambda x: acm_rs.lag_matrix(x, 2), ["p_lag1", "p_lag2", "t_lag1", "t_lag2"]),
        (lambda x: acm_rs.feature_matrix(x, 3, features=["mean", "robust_z"]), ["p_mean", "t_mean", "p_rz", "t_rz"]),
        (lambda x: acm_rs.correlation(x), ["p", "t"]),
        (lambda x: acm_rs.covariance(x), ["p", "t"]),
        (lambda x: acm_rs.power_spectrum(x)[1], ["p", "t"]),
        (lambda x: acm_rs.ledoit_wolf(x)[0], ["p", "t"]),
        (lambda x: acm_rs.pca(x, 1)[0], ["p", "t"]),
    ],
)
@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_results_are_named_after_their_sensors(call: Callable[[Any], Any], names: list[str], kind: str) -> None:
    x = calls.complete(12, 2)
    frame = {
        "pandas": lambda: pd.DataFrame(x, columns=["p", "t"]),
        "polars": lambda: pl.DataFrame({"p": x[:, 0], "t": x[:, 1]}),
        "pyarrow": lambda: pa.table({"p": x[:, 0].copy(), "t": x[:, 1].copy()}),
    }[kind]()
    found = call(frame)
    assert type(found) is type(frame)
    assert list(found.column_names if kind == "pyarrow" else found.columns) == names


def test_matrices_of_pandas_have_the_sensors_on_both_sides() -> None:
    frame = _pandas(calls.complete(30))
    for found in (acm_rs.correlation(frame), acm_rs.covariance(frame), acm_rs.ledoit_wolf(frame)[0]):
        assert list(found.index) == list(found.columns) == ["s0", "s1", "s2", "s3"]


def test_statistics_of_columns_are_what_the_frame_itself_would_give() -> None:
    frame = _pandas(calls.history(50))
    median, mad = acm_rs.column_median_mad(frame)
    pd.testing.assert_series_equal(median, frame.median(), check_names=False)
    assert list(mad.index) == list(frame)
    narrow = pl.DataFrame(frame)
    assert acm_rs.column_median_mad(narrow)[0].equals(narrow.fill_nan(None).median())
    pd.testing.assert_frame_equal(acm_rs.column_quantiles(frame, [0.1, 0.5]), frame.quantile([0.1, 0.5]))
    assert acm_rs.column_median_mad(frame["s0"])[0] == frame["s0"].median()
    count, mean, *_ = acm_rs.column_moments(frame)
    assert count.tolist() == frame.count().tolist()
    assert mean.index.tolist() == list(frame)


def test_a_row_for_each_sensor_names_it() -> None:
    frame = _pandas(calls.complete(64))
    found = acm_rs.band_energy(frame, bands=[(0.0, 0.5)])
    assert list(found.index) == list(frame)
    assert list(found.columns) == ["energy_0"]
    other = acm_rs.seasonality(pl.DataFrame(frame))[0]
    assert other["sensor"].to_list() == list(frame)
    assert other.columns == ["sensor", "cycle_0", "cycle_1", "cycle_2"]


def test_scales_are_matched_by_name() -> None:
    frame = _pandas(calls.complete(50))
    center, scale = acm_rs.column_median_mad(frame, 1.4826)
    expected = acm_rs.zscore(frame, center, scale)
    pd.testing.assert_frame_equal(acm_rs.zscore(frame, center[::-1], scale[::-1]), expected)
    other = pl.DataFrame(frame)
    found = acm_rs.zscore(other, *acm_rs.column_median_mad(other, 1.4826))
    assert alike(found, expected)
    with pytest.raises(ValueError, match=r"`center` must have a value for each sensor of `x`; missing: 's3'"):
        acm_rs.zscore(frame, center[:3], scale)


def test_steps_keep_the_rows_that_are_evaluated() -> None:
    frame = _pandas(calls.history(20))
    found = acm_rs.rolling_mean(frame, 3, step=4, first_row=2)
    pd.testing.assert_index_equal(found.index, frame.index[2::4])


def test_labels_of_columns_stay_what_they_are() -> None:
    frame = pd.DataFrame(calls.history(9, 2), columns=[("pump", 1), 7])
    assert list(acm_rs.rolling_mean(frame, 3).columns) == [("pump", 1), 7]
    assert list(acm_rs.rolling_mean_std(frame, 3).columns)[2:] == ["7_mean", "7_std"]


def test_frames_of_pandas_are_not_aligned() -> None:
    frame = _pandas(calls.history(9))
    with pytest.raises(ValueError, match=r"`y` must have the same index as `x`; take y\.loc\[x\.index\]"):
        acm_rs.rolling_corr(frame, frame["s0"].sample(frac=1.0, random_state=3), 3)


def test_out_takes_the_result_of_a_frame() -> None:
    frame = _pandas(calls.history(9))
    out = np.empty((9, 4))
    assert acm_rs.rolling_mean(frame, 3, out=out) is out
    assert alike(out, acm_rs.rolling_mean(frame, 3))


# ---- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 2, 3], dtype="int64"),
        pd.Series([1, 2, 3], dtype="uint8"),
        pd.Series([1.0, 2.0, 3.0], dtype="float16"),
        pd.Series([1.0, 2.0, 3.0], dtype=">f8"),
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([1, None, 3], dtype="Float32"),
        pd.Series([True, False, True]),
        pd.Series([True, None, False], dtype="boolean"),
        pd.Series([1, None, 3], dtype="int64[pyarrow]"),
        pd.Series([True, None, False], dtype="bool[pyarrow]"),
        pd.Series([None, None, None], dtype="object"),
        pd.Series([None, None, None], dtype="null[pyarrow]"),
        pl.Series([1, 2, None], dtype=pl.Int32),
        pl.Series([True, None, False]),
        pl.Series([None, None, None]),
        pl.Series([1, 2, 3], dtype=pl.Decimal(10, 2)),
        pl.Series([1.0, 2.0, None], dtype=pl.Float32),
        pa.chunked_array([[1, 2], [None]]),
        pa.chunked_array([[True, False], [None]]),
        pa.chunked_array([[1.0, 2.0], [3.0]]),
        pa.chunked_array([pa.nulls(3)]),
    ],
    ids=lambda column: str(getattr(column, "dtype", getattr(column, "type", ""))),
)
def test_numbers_of_every_kind_are_converted(column: Any) -> None:
    values = column.to_pylist() if hasattr(column, "to_pylist") else column.to_list()
    expected = np.array([np.nan if pd.isna(value) else float(value) for value in values])
    assert alike(acm_rs.rolling_sum(column, 2), acm_rs.rolling_sum(expected, 2))
    beside = pl.Series(column) if isinstance(column, pa.ChunkedArray) else column
    frame = (
        pl.DataFrame({"a": beside, "b": [1.5, 2.5, 3.5]})
        if isinstance(beside, pl.Series)
        else pd.DataFrame({"a": beside, "b": [1.5, 2.5, 3.5]})
    )
    found = acm_rs.rolling_sum(frame, 2)
    assert alike(found["a"], acm_rs.rolling_sum(expected, 2))
    assert alike(found["b"], np.array([1.5, 4.0, 6.0]))


def test_float32_stays_float32() -> None:
    x = calls.history(20).astype(np.float32)
    for make in KINDS.values():
        if make is not KINDS["pandas of arrow"]:
            found = acm_rs.rolling_mean(make(x), 3)
            assert {one.dtype for one in numbers(found)} == {np.dtype(np.float32)}
    mixed = _pandas(x).assign(s0=calls.history(20)[:, 0])
    assert set(acm_rs.rolling_mean(mixed, 3).dtypes) == {np.dtype(np.float64)}


def test_what_is_missing_is_null_where_nan_is_a_value() -> None:
    x = pl.DataFrame({"p": [1.0, None, None, 4.0], "t": [1.0, 2.0, 3.0, 4.0]})
    found = acm_rs.rolling_mean(x, 2)
    assert found["p"].to_list() == [1.0, 1.0, None, 4.0]
    assert found["t"].null_count() == 0
    table = acm_rs.rolling_mean(x.to_arrow(), 2)
    assert table["p"].to_pylist() == [1.0, 1.0, None, 4.0]


def test_without_pyarrow_polars_has_nulls_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert acm_rs.rolling_mean(pl.DataFrame({"p": [1.0, None, None, 4.0]}), 2)["p"].to_list() == [1.0, 1.0, None, 4.0]


# ---- times ----------------------------------------------------------------------------------------------------------


def test_a_duration_takes_the_index_of_dates() -> None:
    frame = _pandas(calls.history(60))
    expected = acm_rs.rolling_mean(frame.to_numpy(), "7s", times=frame.index.to_numpy())
    assert alike(acm_rs.rolling_mean(frame, "7s"), expected)
    assert alike(acm_rs.rolling_mean(frame["s0"], "7s"), expected[:, 0])
    assert alike(
        acm_rs.ewm_mean(frame, halflife="3s"),
        acm_rs.ewm_mean(frame.to_numpy(), halflife="3s", times=DATES[:60].to_numpy()),
    )


def test_a_column_of_dates_is_no_sensor_and_stays() -> None:
    x = calls.history(60)
    frame = pl.DataFrame({"taken": DATES[:60], "p": x[:, 0], "t": x[:, 1]})
    found = acm_rs.rolling_mean(frame, "7s", step=2)
    assert found.columns == ["taken", "p", "t"]
    assert found["taken"].to_list() == frame["taken"].to_list()[::2]
    assert alike(found, acm_rs.rolling_mean(x[:, :2], "7s", step=2, times=DATES[:60].to_numpy()))
    beside = pd.DataFrame({"p": x[:, 0], "taken": DATES[:60], "t": x[:, 1]})
    assert list(acm_rs.rolling_mean(beside, 3).columns) == ["taken", "p", "t"]


def test_windows_of_rows_have_times_only_where_asked() -> None:
    frame = _pandas(calls.history(60))
    rows = acm_rs.rolling_slope(frame.to_numpy(), 5)
    seconds = acm_rs.rolling_slope(frame.to_numpy(), 5, times=2 * calls.seconds(60))
    frame.index = pd.date_range("2026-01-01", periods=60, freq="2s", tz="Europe/Berlin")
    assert alike(acm_rs.rolling_slope(frame, 5), rows)
    assert alike(acm_rs.rolling_slope(frame, 5, times="index"), seconds)
    named = pl.DataFrame({**{f"s{j}": frame.iloc[:, j].to_numpy() for j in range(4)}, "t": frame.index})
    assert alike(acm_rs.rolling_slope(named, 5), rows)
    assert alike(acm_rs.rolling_slope(named, 5, times="t"), seconds)


@pytest.mark.parametrize(
    "times",
    [
        DATES,
        DATES.tz_localize("Asia/Kolkata"),
        pd.Series(DATES),
        pl.Series(DATES),
        pl.Series(DATES).dt.cast_time_unit("ms"),
        pa.chunked_array([pa.array(DATES)]),
        pd.Series(calls.seconds(ROWS)),
        pl.Series(calls.seconds(ROWS)),
    ],
    ids=lambda times: type(times).__module__ + " " + str(getattr(times, "dtype", getattr(times, "type", ""))),
)
def test_times_are_series_and_indices_too(times: Any) -> None:
    x = calls.history(ROWS)
    expected = acm_rs.rolling_mean(x, "9s", times=calls.seconds(ROWS))
    assert alike(acm_rs.rolling_mean(x, "9s", times=times), expected)
    assert alike(acm_rs.rolling_mean(_polars(x), "9s", times=times), expected)


def test_days_are_dates() -> None:
    days = pl.Series("day", [f"2026-01-{day:02}" for day in range(1, 11)]).str.to_date()
    found = acm_rs.rolling_sum(pl.DataFrame({"day": days, "p": [1.0] * 10}), "2D")
    assert found["p"].to_list() == [1.0] + [2.0] * 9


def test_an_index_of_dates_and_a_column_of_dates_are_one_too_many() -> None:
    frame = _pandas(calls.history(20)).assign(serviced=pd.Timestamp("2025-06-01"))
    with pytest.raises(TypeError, match=r"no column of dates beside its index of dates, got 'serviced'; drop"):
        acm_rs.rolling_mean(frame, "3s")
    with pytest.raises(TypeError, match=r"drop 'serviced'$"):
        acm_rs.rolling_mean(frame, 3, times="index")
    assert alike(
        acm_rs.rolling_mean(frame.assign(serviced=frame.index), 3, times="serviced").drop(columns="serviced"),
        acm_rs.rolling_mean(frame.drop(columns="serviced"), 3),
    )


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_steps_keep_the_times_of_their_rows(kind: str) -> None:
    x = calls.history(20, 1)
    frame: Any = pl.DataFrame({"taken": DATES[:20], "p": x[:, 0]})
    frame = {"pandas": frame.to_pandas, "polars": lambda: frame, "pyarrow": frame.to_arrow}[kind]()
    found = acm_rs.rolling_mean(frame, 3, step=4)
    assert list(found["taken"].to_pylist() if kind == "pyarrow" else found["taken"]) == list(DATES[:20:4])
    assert alike(found["p"], acm_rs.rolling_mean(x, 3, step=4))


def test_an_index_of_arrow_dates_serves_too() -> None:
    frame = _pandas(calls.history(20))
    expected = acm_rs.rolling_mean(frame, "3s")
    frame.index = pd.Index(pd.array(frame.index, dtype="timestamp[ns][pyarrow]"))
    assert alike(acm_rs.rolling_mean(frame, "3s"), expected)


def test_large_whole_numbers_are_rounded_alike() -> None:
    stamps = [2**60 + 1, 2**60 + 3]
    for column in (
        pd.Series(stamps),
        pd.Series(stamps, dtype="int64[pyarrow]"),
        pl.Series(stamps),
        pa.chunked_array([stamps]),
    ):
        assert alike(acm_rs.rolling_max(column, 1), np.array(stamps, dtype=float))


def test_every_name_stays_what_it_is() -> None:
    found = acm_rs.rolling_mean(pl.DataFrame({"": [0.0, 1.0], "column_0": [1.0, 2.0]}), 2)
    assert found.columns == ["", "column_0"]
    deep = pd.DataFrame({("a", "x"): [1.0, 2.0], ("when", ""): DATES[:2]})
    assert list(acm_rs.rolling_mean(deep, 2).columns) == [("when", ""), ("a", "x")]
    series = pd.Series([1.0, 2.0])
    assert list(acm_rs.rolling_mean_std(series, 2)) == ["x_mean", "x_std"]


def test_quantiles_may_be_a_series() -> None:
    frame = _pandas(calls.history(9, 2))
    assert list(acm_rs.rolling_quantile(frame, 3, pd.Series([0.5, 0.9]))) == [
        "s0_q0.5",
        "s0_q0.9",
        "s1_q0.5",
        "s1_q0.9",
    ]


# What is imported at the first call, because it needs Polars.
FOR_CHECKERS = {"pl": pl, "ReadReport": ReadReport}


def test_hints_can_be_resolved() -> None:
    for name in acm_rs.__all__:
        thing = getattr(acm_rs, name)
        if callable(thing):
            get_type_hints(thing.__init__ if isinstance(thing, type) else thing, localns=FOR_CHECKERS)


# ---- what is refused ------------------------------------------------------------------------------------------------

TEXT = pd.DataFrame({"p": [1.0], "site": ["a"], "tag": ["b"]})
TWO_DATES = pl.DataFrame({"a": [1.0], "t": DATES[:1], "u": DATES[:1]})


@pytest.mark.parametrize(
    ("kind", "says", "call"),
    [
        (TypeError, "`x` must hold numbers, but columns 'site', 'tag' hold", lambda: acm_rs.rolling_mean(TEXT, 2)),
        (TypeError, "`x` must hold numbers, but the series holds", lambda: acm_rs.rolling_mean(TEXT["site"], 2)),
        (TypeError, "columns 'z' hold", lambda: acm_rs.zscore(pd.DataFrame({"z": [1 + 2j], "a": [1.0]}))),
        (TypeError, "`x` must have one column of dates at most, got 't', 'u'", lambda: acm_rs.zscore(TWO_DATES)),
        (TypeError, "got LazyFrame; collect it first", lambda: acm_rs.zscore(TWO_DATES.lazy())),
        (TypeError, "got list; convert with numpy.asarray", lambda: acm_rs.zscore([[1.0]])),
        (
            ValueError,
            "columns of different names",
            lambda: acm_rs.zscore(pd.DataFrame([[1.0, 2.0]], columns=["a", "a"])),
        ),
        (ValueError, "at least one column of numbers, got none", lambda: acm_rs.zscore(TWO_DATES.select("t"))),
        (
            ValueError,
            "`times` must be times, \"index\", or the name of a column, got 'when'",
            lambda: acm_rs.rolling_mean(_polars(calls.history(5)), 2, times="when"),
        ),
        (
            TypeError,
            "`times` must name a column of dates, but 's1' holds Float64",
            lambda: acm_rs.rolling_mean(_polars(calls.history(5)), 2, times="s1"),
        ),
        (
            ValueError,
            '`times` = "index" needs a frame with an index of dates, `x` has none',
            lambda: acm_rs.rolling_mean(_polars(calls.history(5)), 2, times="index"),
        ),
        (
            ValueError,
            "`x` has one of int64",
            lambda: acm_rs.rolling_mean(pd.DataFrame({"a": [1.0]}), 2, times="index"),
        ),
        (
            TypeError,
            "`times` must be times where `x` is an array, got 'index'",
            lambda: acm_rs.rolling_mean(calls.history(5), 2, times="index"),
        ),
        (
            ValueError,
            "`times` must be given where `window` is a duration",
            lambda: acm_rs.rolling_mean(_polars(calls.history(5)), "2s"),
        ),
        (
            ValueError,
            "`pairs` must name columns of `x`, got 'q'",
            lambda: acm_rs.rolling_lag_corr(_pandas(calls.history(5)), 2, 1, pairs=[("s0", "q")]),
        ),
        (
            ValueError,
            "`y` must have the columns of `x` in their order: column 0 must be 's0', got 's1'",
            lambda: acm_rs.rolling_cov(
                _polars(calls.history(5, 2)), _polars(calls.history(5, 2)).select("s1", "s0"), 3
            ),
        ),
        (
            ValueError,
            "`centers` must have the columns of `x` in their order",
            lambda: acm_rs.nearest(_pandas(calls.complete(5, 2)), _pandas(calls.complete(3, 2))[["s1", "s0"]]),
        ),
        (
            TypeError,
            "`target` must be numbers in the order of the columns, got a Series with labels",
            lambda: acm_rs.Cusum(5.0, 0.5, target=pd.Series({"s1": 1.0, "s0": 0.0})),
        ),
        (
            TypeError,
            "`weights` must be numbers in the order of the columns, got a Series with labels",
            lambda: acm_rs.ScoreFusion(weights=pd.Series({"s1": 1.0, "s0": 0.0})),
        ),
        (
            ValueError,
            "`times` must have the same index as `x`",
            lambda: acm_rs.rolling_mean(
                _pandas(calls.history(5)), "2s", times=pd.Series(DATES[:5], index=DATES[:5][::-1])
            ),
        ),
        (
            ValueError,
            "`times` must have the same index as `x`",
            lambda: acm_rs.ewm_mean(
                _pandas(calls.history(5)), halflife="2s", times=pd.Series(DATES[:5], index=DATES[:5][::-1])
            ),
        ),
        (
            ValueError,
            "`times` must have the same index as `score`",
            lambda: acm_rs.episodes(
                _pandas(calls.line(5)), 1.0, min_time="2s", times=pd.Series(DATES[:5], index=DATES[:5][::-1])
            ),
        ),
        (
            ValueError,
            "`labels` must have the same index as `x`",
            lambda: acm_rs.silhouette_score(
                _pandas(calls.complete(6)), pd.Series([0, 0, 1, 1, 1, 0], index=DATES[:6][::-1])
            ),
        ),
        (
            ValueError,
            "`reference` must have the same index as `labels`",
            lambda: acm_rs.align_labels(pd.Series([0, 1]), pd.Series([0, 1], index=[1, 0])),
        ),
        (
            TypeError,
            "`pairs` must be",
            lambda: acm_rs.rolling_lag_corr(_pandas(calls.history(5)), 2, 1, pairs=(p for p in [(0, 1)])),
        ),
        (
            ValueError,
            "`pairs`",
            lambda: acm_rs.rolling_lag_corr(_pandas(calls.history(5)), 2, 1, pairs=[(0, 9)]),
        ),
        (
            ValueError,
            "`max_lag` must be",
            lambda: acm_rs.rolling_lag_corr(_pandas(calls.history(5)), 2, "1"),
        ),
        (
            ValueError,
            "the arguments would give several columns named 's0_q0.5', 's1_q0.5'",
            lambda: acm_rs.rolling_quantile(_pandas(calls.history(5, 2)), 2, [0.5, 0.5]),
        ),
        (
            TypeError,
            "`times` must name a column of dates, but 's1' holds Float64",
            lambda: acm_rs.rolling_mean(_pandas(calls.history(5)), 2, times="s1"),
        ),
        (
            ValueError,
            "would give several columns named 'p_mean'",
            lambda: acm_rs.rolling_mean_std(pl.DataFrame({"p": [1.0], "p_mean": DATES[:1]}), 2),
        ),
        (
            ValueError,
            "`labels` must have a value in every row, got 1 missing",
            lambda: acm_rs.smooth_labels(pl.Series([0, None, 1]), 3),
        ),
    ],
)
def test_what_is_no_frame_of_numbers_is_refused(kind: type, says: str, call: Callable[[], object]) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert says in str(caught.value)


# ---- memory and imports ---------------------------------------------------------------------------------------------

GROWTH = """
import sys
import numpy as np, acm_rs, pandas as pd, polars as pl
def told(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name)) * 1024
rows, columns = 200_000, 50
x = np.asfortranarray(np.random.default_rng(0).standard_normal((rows, columns)))
names = [str(j) for j in range(columns)]
frame = {
    "array": lambda: x,
    "pandas": lambda: pd.DataFrame(x, columns=names),
    "blocks": lambda: pd.concat([pd.Series(x[:, j], name=names[j]) for j in range(columns)], axis=1),
    "polars": lambda: pl.DataFrame({name: x[:, j] for j, name in enumerate(names)}),
}[sys.argv[1]]()
acm_rs.rolling_std(frame[:100], 20)
before = told("VmRSS")
found = acm_rs.rolling_std(frame, 20)
print(told("VmHWM") - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("kind", ["array", "pandas", "blocks", "polars"])
def test_a_frame_takes_no_more_memory_than_its_array(kind: str) -> None:
    # The result, and what a call needs beside it: no copy of the input, and a bit a value where nulls are told.
    result = 200_000 * 50 * 8
    assert int(run(GROWTH, kind)) < result + (8 << 20)


def test_nothing_reads_frames_at_import() -> None:
    run("import sys, acm_rs; assert not {'narwhals', 'pandas', 'polars', 'pyarrow'} & set(sys.modules)")
