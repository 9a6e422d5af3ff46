"""Frames as people have them, given to a Monitor: labels that are no texts, several dates, odd types."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from acm_rs import Monitor
from acm_rs.files.scores import json_time

X = np.random.default_rng(0).normal(size=(400, 4))
TIMES = pd.date_range("2026-01-01", periods=400, freq="10min")


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], ["a", 7, "b", "c"]], ids=["all", "one"])
def test_labels_may_be_integers(labels: list[Any]) -> None:
    frame = pd.DataFrame(X, columns=labels)
    monitor = Monitor().fit(frame)
    result = Monitor.from_bytes(monitor.to_bytes()).score(frame)
    plain = Monitor().fit(X).score(X)
    np.testing.assert_array_equal(result.scores, plain.scores)
    assert result.names == tuple(str(label) for label in labels)
    assert list(result.expected.columns) == list(result.contributions.columns) == labels
    assert list(monitor.score(frame[labels[1:]]).expected.columns) == [str(labels[0]), *labels[1:]]


@pytest.mark.parametrize("kind", ["pandas", "pyarrow", "as texts"])
def test_one_name_for_two_columns_is_refused(kind: str) -> None:
    made = {
        "pandas": lambda: pd.DataFrame(X[:, :2], columns=["a", "a"]),
        "pyarrow": lambda: pa.Table.from_arrays([pa.array(X[:, 0]), pa.array(X[:, 1])], names=["a", "a"]),
        "as texts": lambda: pd.DataFrame(X[:, :2], columns=[1, "1"]),
    }[kind]()
    with pytest.raises(ValueError, match=r"`frame` must have columns of different names, got '[a1]' twice"):
        Monitor().fit(made)


def test_several_columns_of_dates_are_refused_until_one_is_named() -> None:
    frame = pl.DataFrame({"index": TIMES.to_numpy(), "w": TIMES.to_numpy(), "a": X[:, 0], "b": X[:, 1]})
    for made in (frame, frame.to_pandas()):
        with pytest.raises(TypeError, match=r"several \('index', 'w'\); name one with `times`"):
            Monitor().fit(made)
        monitor = Monitor().fit(made, times="w")
        assert monitor.left_out_ == {"index": "holds dates"}
        assert monitor.score(made, times="w").times is not None


def _whole(x: pd.Series) -> pd.Series:
    """Seconds that durations hold exactly."""
    return (64.0 * x).round() / 64.0


OTHERS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "decimals": lambda x: x.map(lambda value: Decimal(repr(value))),
    "objects": lambda x: x.astype(object).where(np.arange(len(x)) % 50 != 3, None),
    "categories": lambda x: x.astype("category"),
    "durations": lambda x: pd.to_timedelta(_whole(x), unit="s"),
    "durations of Arrow": lambda x: pd.to_timedelta(_whole(x), unit="s").astype(pd.ArrowDtype(pa.duration("ns"))),
    "durations as objects": lambda x: _whole(x).map(lambda value: timedelta(seconds=value)).astype(object),
}


@pytest.mark.parametrize("held", OTHERS)
def test_numbers_that_a_frame_holds_under_another_type_are_read(held: str) -> None:
    frame = pd.DataFrame(X, columns=list("abcd"), index=TIMES)
    plain = frame.assign(a=_whole(frame.a)) if "durations" in held else frame
    plain = plain.assign(a=plain.a.where(np.arange(400) % 50 != 3)) if held == "objects" else plain
    made = frame.assign(a=OTHERS[held](frame.a))
    monitor = Monitor().fit(made)
    assert monitor.sensors_ == ("a", "b", "c", "d")
    assert not monitor.left_out_
    np.testing.assert_array_equal(monitor.score(made).scores, Monitor().fit(plain).score(plain).scores)
    one = monitor.update(made.iloc[0]), monitor.update(dict(made.iloc[1])), monitor.update(made[2:40])
    assert np.isfinite(one[2].scores).any()
    assert not any("absent" in remark or "numbers" in remark for part in one for remark in part.remarks)


@pytest.mark.parametrize("make", [pl.from_pandas, pa.Table.from_pandas], ids=["polars", "pyarrow"])
def test_durations_of_other_frames_are_seconds(make: Callable[[pd.DataFrame], object]) -> None:
    frame = pd.DataFrame(X, columns=list("abcd"), index=TIMES).rename_axis("t").reset_index()
    plain = frame.assign(a=frame.a.round(3))
    made = make(frame.assign(a=pd.to_timedelta(plain.a, unit="s").dt.round("ms")))
    monitor = Monitor().fit(plain)
    np.testing.assert_array_equal(monitor.score(made).scores, monitor.score(plain).scores)


def test_texts_that_spell_numbers_are_said_to_do_so() -> None:
    frame = pd.DataFrame(X, columns=list("abcd"))
    odd = frame.assign(odd=frame.a.map(repr), word="good", empty=pd.Series([None] * 400, dtype=object))
    monitor = Monitor().fit(odd)
    way = f"is of type {odd.odd.dtype}; convert it with .astype(float)"
    assert monitor.left_out_["odd"] == way
    assert monitor.left_out_["word"] == "holds no numbers"
    assert monitor.left_out_["empty"] == "holds nothing"
    told = [one for one in monitor.warnings_ if "not read as numbers" in one]
    assert len(told) == 1
    assert f"'odd' {way}" in told[0]
    assert "word" not in told[0]
    with pytest.raises(ValueError, match=r"'odd' is of type (object|str); convert it with \.astype\(float\)"):
        Monitor().fit(odd[["odd"]])
    said = Monitor().fit(frame).score(frame.assign(a=frame.a.map(repr))).remarks
    assert [one for one in said if "absent" in one or "hold none" in one] == []
    assert f"columns that are not read as numbers and count as missing: 'a' {way}" in said


def test_words_among_numbers_are_named() -> None:
    frame = pd.DataFrame(X, columns=list("abcd"))
    odd = frame.a.astype(object).where(np.arange(400) != 7, "Bad")
    way = "is of type object and holds 'Bad' among numbers; make that missing and convert it"
    monitor = Monitor().fit(frame.assign(odd=odd))
    assert monitor.left_out_["odd"] == way
    assert any(f"'odd' {way}" in one for one in monitor.warnings_)
    said = Monitor().fit(frame).score(frame.assign(a=odd)).remarks
    assert f"columns that are not read as numbers and count as missing: 'a' {way}" in said


@pytest.mark.parametrize("zone", ["Europe/Vienna", None], ids=["zoned", "naive"])
def test_utc_is_said_where_times_have_a_zone(zone: str | None) -> None:
    frame = pd.DataFrame(X, columns=list("abcd"), index=TIMES.tz_localize(zone))
    utc, z = (" UTC", "Z") if zone else ("", "")
    begin = "2025-12-31 23:00" if zone else "2026-01-01 00:00"
    monitor = Monitor().fit(frame)
    by_argument = monitor.score(X, times=frame.index)
    by_column = monitor.score(pl.from_pandas(frame.reset_index(names="t")))
    for result in (monitor.score(frame), by_argument, by_column):
        assert result.moment(0) == begin + utc
        assert json_time(result, 0) == begin.replace(" ", "T") + ":00" + z
    assert begin in monitor.summary()
    assert (" UTC, every" in monitor.summary()) == bool(zone)


@pytest.mark.parametrize("dated", [True, False])
def test_a_row_comes_as_a_series_or_a_mapping_too(dated: bool) -> None:
    random = np.random.default_rng(5)
    index = pd.date_range("2026-01-01", periods=900, freq="1min", tz="UTC") if dated else None
    frame = pd.DataFrame(random.normal(size=(900, 4)), columns=list("abcd"), index=index)
    frame.iloc[820:830, 1] = np.nan
    monitor = Monitor().fit(frame[:800])
    again = Monitor.from_bytes(monitor.to_bytes())
    rows = [monitor.update(frame[row : row + 1]) for row in range(800, 850)]
    alone = [again.update(frame.iloc[row]) for row in range(800, 850)]
    for name in ("scores", "expected_values"):
        both = [np.concatenate([getattr(one, name) for one in each]) for each in (rows, alone)]
        assert both[0].tobytes() == both[1].tobytes()
    if not dated:
        named = Monitor.from_bytes(monitor.to_bytes())
        whole = Monitor.from_bytes(monitor.to_bytes())
        cells: list[dict[str, Any]] = [frame.iloc[row].to_dict() for row in range(850, 900)]
        found = [named.update(one | {"c": None} if number == 7 else one).scores for number, one in enumerate(cells)]
        missing = frame[850:].copy()
        missing.iloc[7, 2] = np.nan
        assert np.concatenate(found).tobytes() == whole.update(missing).scores.tobytes()
    told = monitor.score({"a": 1.0, "b": np.float32(2.0), "c": True, "d": 0, "t": "9:30"}).remarks
    assert any("'t'" in remark for remark in told)
    for wrong in ({"a": 1.0, "b": 2.0, 1: 3.0, "1": 4.0}, {"t": "9:30"}, {}):
        with pytest.raises(ValueError, match=r"different names, got '1' twice|at least one number"):
            monitor.score(wrong)
    with pytest.raises(TypeError, match="one number for each name where it is a mapping, got list for 'a'"):
        monitor.update({"a": [1.0, 2.0]})
    with pytest.raises(TypeError, match="one number for each name where it is a mapping, got int for 'a'"):
        monitor.update({"a": 10**400})


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_a_date_in_a_mapping_is_its_time(zone: str | None) -> None:
    times = pd.date_range("2026-01-01", periods=900, freq="1min", tz=zone)
    frame = pd.DataFrame(np.random.default_rng(5).normal(size=(900, 4)), columns=list("abcd")).assign(time=times)
    frame.loc[820, "b"] = np.nan
    monitor = Monitor().fit(frame[:800], times="time")
    again = Monitor.from_bytes(monitor.to_bytes())
    whole = monitor.update(frame[800:850], times="time")
    rows: list[dict[Any, Any]] = frame[800:850].to_dict("records")
    rows[20]["b"] = pd.NA
    alone = [again.update(row) for row in rows[:25]] + [again.update(row, times="time") for row in rows[25:]]
    assert np.concatenate([one.scores for one in alone]).tobytes() == whole.scores.tobytes()
    assert np.concatenate([one.times for one in alone]).tobytes() == whole.times.tobytes()
    told = again.score(rows[0] | {"next service": times[0]}, times="time").remarks
    assert any("'next service'" in remark for remark in told)
    with pytest.raises(ValueError, match="must name a date of the row where it is a mapping, got 'a'"):
        again.update(rows[0], times="a")


def test_rows_of_numbered_columns_and_series_without_a_name() -> None:
    x = np.random.default_rng(7).normal(size=(900, 3))
    frame = pd.DataFrame(x)
    monitor = Monitor().fit(frame[:800])
    plain = Monitor().fit(x[:800])
    assert monitor.update(frame.iloc[801]).scores.tobytes() == plain.update(x[801]).scores.tobytes()
    alone = Monitor().fit(pd.Series(x[:800, 0]))
    assert (
        alone.score(pd.Series(x[800:, 0])).scores.tobytes()
        == Monitor().fit(x[:800, :1]).score(x[800:, :1]).scores.tobytes()
    )


def test_a_series_is_a_machine_of_one_sensor() -> None:
    random = np.random.default_rng(6)
    series = pd.Series(random.normal(size=1500), index=pd.date_range("2026-01-01", periods=1500, freq="1min"), name="a")
    monitor, whole = Monitor().fit(series[:1000]), Monitor().fit(series[:1000].to_frame())
    assert monitor.sensors_ == ("a",)
    rows = series[1000:].copy()
    rows.iloc[200:] += 5.0
    found = monitor.score(rows)
    assert found.scores.tobytes() == whole.score(rows.to_frame()).scores.tobytes()
    assert found.alarms[210:].all()
    assert monitor.update(series[1000:1001]).scores.shape == (1,)
    with pytest.raises(ValueError, match="3 are absent: 'b', 'c', 'd'"):
        Monitor().fit(pd.DataFrame(random.normal(size=(500, 4)), columns=list("abcd"))).update(series[:5])


def test_what_a_mask_hides_is_missing() -> None:
    masked = np.ma.masked_array(X.copy(), mask=np.zeros(X.shape, bool))
    masked[100:105, 1] = -5.0
    masked[100:105, 1] = np.ma.masked
    assert masked.data[102, 1] == -5.0
    plain = X.copy()
    plain[100:105, 1] = np.nan
    monitor = Monitor().fit(plain)
    assert monitor.to_bytes() == Monitor().fit(masked).to_bytes()
    np.testing.assert_array_equal(monitor.score(masked).scores, monitor.score(plain).scores)
    with pytest.raises(TypeError, match="array of float64 or float32, got int64"):
        monitor.score(np.ma.masked_array(X.astype(int)))
    hidden = np.ma.masked_array(TIMES.to_numpy().copy())
    hidden[7] = np.ma.masked
    with pytest.raises(ValueError, match="`times` must all be known, row 7 has none"):
        monitor.score(plain, times=hidden)


def _as_objects(times: pd.DatetimeIndex) -> pd.Index[Any]:
    return pd.Index(list(times.to_pydatetime()), dtype=object)


def _beside_a_unit(times: pd.DatetimeIndex) -> pd.Index[Any]:
    return pd.MultiIndex.from_arrays([["P1"] * len(times), times], names=["unit", "time"])


@pytest.mark.parametrize("made", [_as_objects, _beside_a_unit])
def test_times_of_an_index_under_another_type(made: Callable[[pd.DatetimeIndex], pd.Index[Any]]) -> None:
    plain = pd.DataFrame(X, TIMES, columns=list("abcd"))
    other = plain.set_axis(made(TIMES))
    monitor = Monitor().fit(plain)
    assert Monitor().fit(other).to_bytes() == monitor.to_bytes()
    scored = monitor.score(other)
    np.testing.assert_array_equal(scored.times, TIMES.to_numpy())
    np.testing.assert_array_equal(scored.scores, monitor.score(plain).scores)
    with pytest.raises(ValueError, match="`times` must not go back, row 1"):
        monitor.score(other[::-1])


def test_dates_and_zones_of_an_index_of_objects() -> None:
    plain = pd.DataFrame(X, pd.date_range("2024-01-01", periods=400), columns=list("abcd"))
    monitor = Monitor().fit(plain)
    scored = monitor.score(plain.set_axis(pd.Index(list(plain.index.date), dtype=object)))
    np.testing.assert_array_equal(scored.times, plain.index.to_numpy())
    zoned = TIMES.tz_localize("Europe/Berlin")
    assert (
        Monitor().fit(plain.set_axis(_as_objects(zoned))).to_bytes() == Monitor().fit(plain.set_axis(zoned)).to_bytes()
    )


def test_a_column_of_days_as_objects_is_told() -> None:
    days = pd.date_range("2024-01-01", periods=400).date
    frame = pd.DataFrame(X, columns=list("abcd")).assign(day=days)
    assert "times that are no dates are not used ('day')" in Monitor().fit(frame).summary()


def test_several_machines_in_one_index() -> None:
    plain = pd.DataFrame(X, TIMES, columns=list("abcd"))
    both = pd.concat({"P1": plain, "P2": plain + 1.0}, names=["unit", "time"])
    for frame in (both, both.sort_index(level="time")):
        with pytest.raises(ValueError, match=r"one machine .* 2 values of level 'unit' \('P1', 'P2'\)"):
            Monitor().fit(frame)
    with pytest.raises(ValueError, match=r"\.xs\('P1', level=0\)"):
        Monitor().fit(pd.concat({"P1": plain, "P2": plain}))
    assert Monitor().fit(both.xs("P1", level="unit")).to_bytes() == Monitor().fit(plain).to_bytes()
    numbered = plain.set_axis(pd.MultiIndex.from_arrays([range(400), TIMES[::-1]], names=["row", "time"]))
    with pytest.raises(ValueError, match="`times` must not go back, row 1"):
        Monitor().fit(numbered)
    runs = pd.concat({1: plain[:200], 2: plain[200:]}, names=["run", "time"])
    assert Monitor().fit(runs).to_bytes() == Monitor().fit(plain).to_bytes()


def test_an_index_of_durations_is_told() -> None:
    frame = pd.DataFrame(X, TIMES - TIMES[0], columns=list("abcd"))
    assert "times that are no dates are not used (the index)" in Monitor().fit(frame).summary()


@pytest.mark.parametrize(("rows", "over"), [(1, 0), (2, 1), (3, 2), (4, 3)])
def test_rows_above_the_limit_at_the_end_are_told(rows: int, over: int) -> None:
    monitor = Monitor().fit(pd.DataFrame(X, TIMES, columns=list("abcd")))
    frame = pd.DataFrame(X[:50].copy(), TIMES[:50] + timedelta(days=30), columns=list("abcd"))
    frame.iloc[-rows:, :2] += 7.0
    result = monitor.score(frame)
    assert np.count_nonzero(result.scores > result.limits) == over
    assert result.alarms.any() == (over == 3)
    told = [remark for remark in result.remarks if "above the limit, and an alarm takes 3 in sequence" in remark]
    begins = {1: "the last row lies", 2: "the last 2 rows lie"}
    assert [remark.startswith(begins[over]) for remark in told] == [True] * (over in begins)


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum([str(number) for number in range(7)])])
def test_the_way_to_convert_categories_of_texts_is_one(kind: Any) -> None:
    texts = pl.Series("e", [str(row % 7) for row in range(len(X))]).cast(kind)
    frame = pl.DataFrame(X, schema=list("abcd")).with_columns(texts)
    assert "convert it with .cast(pl.String).cast(float)" in Monitor().fit(frame).summary()
    converted = frame.with_columns(pl.col("e").cast(pl.String).cast(float))
    assert "not read as numbers" not in Monitor().fit(converted).summary()
