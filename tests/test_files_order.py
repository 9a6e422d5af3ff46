"""Rows in the order of time, each time once, from one file or several."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from acm_rs.files.errors import Origin, Refusal
from acm_rs.files.order import Order, order_of
from acm_rs.files.times import Times, to_utc, without_repeats
from hypothesis import given
from hypothesis import strategies as st

READING = st.tuples(st.integers(0, 15), st.one_of(st.none(), st.floats(0, 1)))
FILES = st.lists(
    st.tuples(st.sampled_from(["any", "rising", "falling"]), st.lists(READING, min_size=1, max_size=8)),
    min_size=1,
    max_size=4,
)


def origin(*heights: int) -> Origin:
    starts = np.cumsum([0, *heights]).tolist()
    files = tuple((Path(f"{place}.csv"), start) for place, start in enumerate(starts[:-1]))
    rows = np.concatenate([np.arange(2, height + 2) for height in heights])
    return Origin(Path("0.csv"), rows, files if len(files) > 1 else ())


@given(files=FILES)
def test_the_last_of_each_time_is_kept(files: list[tuple[str, list[tuple[int, float | None]]]]) -> None:
    written = []
    for kind, readings in files:
        rising = sorted(readings, key=lambda reading: reading[0])
        written.append({"any": readings, "rising": rising, "falling": rising[::-1]}[kind])
    kept: dict[int, float | None] = {}
    odds, times_met = 0, 0
    for readings in written:
        times = [time for time, _ in readings]
        steps = np.diff(times)
        turned = bool((steps <= 0).all() and (steps < 0).any())
        of: dict[int, list[float | None]] = {}
        for time, value in readings[::-1] if turned else readings:
            of.setdefault(time, []).append(value)
        for time, values in of.items():
            known = [value for value in values if value is not None]
            at_odds = len(set(known)) > 1
            odds, times_met = odds + at_odds, times_met + 1
            value = values[-1] if at_odds or not known else known[-1]
            kept[time] = kept.get(time) if value is None else value
    column = pl.Series("A", [value for readings in written for _, value in readings], dtype=pl.Float64)
    stamps = pl.Series("t", [time for readings in written for time, _ in readings])
    try:
        order = order_of(stamps, origin(*map(len, written)), "t", [column])
    except Refusal:
        assert 2 * odds > times_met
        return
    assert 2 * odds <= times_met
    assert order.take(stamps).to_list() == sorted(kept)
    assert order.take(column).to_list() == [kept[time] for time in sorted(kept)]


def test_what_was_done_is_told_with_the_first_place() -> None:
    stamps = pl.Series("t", [5, 4, 3, 2, 3, 6, 6, 7, 1, 8])
    order = order_of(stamps, origin(3, 3, 4), "t")
    assert order.notes == [
        "newest row first in 1 of 3 files: sorted by time",
        "sorted by time: it ran backwards at 1 row (first: 2.csv, row 4)",
        "repeated times: 2 rows left out, the last of each time kept, what it lacks taken from the file before"
        " (first: 3 in 0.csv, row 4)",
    ]
    assert order_of(pl.Series([1, 2, 3]), origin(3), "t").notes == []
    assert order_of(pl.Series([4, 5, 1, 2]), origin(2, 2), "t").notes == []


@pytest.mark.parametrize("times", [2, 3])
def test_rows_of_one_time_that_differ_are_refused_where_most_do(times: int) -> None:
    def order(cells: list[float], *, rows: int = 12) -> Order:
        column = pl.Series("A", cells, dtype=pl.Float64)
        return order_of(pl.Series("t", [k // times for k in range(rows)]), origin(rows), "t", [column])

    said = r"0\.csv, row 2, column 't': this time stands in more than one row, as do most, and the rows differ"
    with pytest.raises(Refusal, match=said):
        order([float(k) for k in range(12)])
    # The same row over and over is one; and half of the times are not most.
    assert "repeated times" in order([float(k // times) for k in range(12)]).notes[0]
    half = order([float(k // times if k < 6 else k) for k in range(12)])
    assert "repeated times" in half.notes[0]


def test_rows_of_one_time_that_complete_each_other_are_one() -> None:
    stamps = pl.Series("t", [1, 1, 2, 2, 3, 3, 3, 4])
    a = pl.Series("A", [1.0, None, None, 2.0, 3.0, None, None, 4.0])
    b = pl.Series("B", [None, 1.5, None, 2.5, None, 3.25, None, None])
    c = pl.Series("C", [9.0, 9.0, 8.0, 7.0, None, None, 5.0, 6.0])
    order = order_of(stamps, origin(8), "t", [a, b, c])
    assert order.take(a).to_list() == [1.0, 2.0, 3.0, 4.0]
    assert order.take(b).to_list() == [1.5, 2.5, 3.25, None]
    assert order.take(c).to_list() == [9.0, 7.0, 5.0, 6.0]
    assert order.notes == [
        "rows of one time that complete each other: 3 rows merged with the last of its time (first: 1 in 0.csv, row 2)",
        "repeated times: 1 row left out, the last of each time kept (first: 1 in 0.csv, row 2)",
    ]
    # The last row stays as it is where another contradicts it.
    order = order_of(
        pl.Series([1, 1, 2, 3]), origin(4), "t", [pl.Series([1.0, None, 1.0, 1.0]), pl.Series([4.0, 5.0, 1, 1])]
    )
    assert order.take(pl.Series([1.0, None, 1.0, 1.0])).to_list() == [None, 1.0, 1.0]


def test_rows_that_complete_each_other_in_files_that_overlap() -> None:
    stamps = pl.Series("t", [1, 1, 2, 1, 1])
    a = pl.Series("A", [1.0, None, 2.0, None, None])
    b = pl.Series("B", [None, 1.5, None, 9.5, None])
    order = order_of(stamps, origin(3, 2), "t", [a, b])
    assert order.take(a).to_list() == [1.0, 2.0]
    assert order.take(b).to_list() == [9.5, None]


def test_a_clock_of_twelve_hours_without_am_or_pm_is_refused() -> None:
    real = [datetime(2026, 1, 5) + timedelta(minutes=10 * step) for step in range(288)]
    written = pl.Series("t", [time.replace(hour=(time.hour - 1) % 12 + 1) for time in real])
    cells = [pl.Series("A", np.arange(288.0))]
    with pytest.raises(Refusal, match=r"0\.csv, row 2, column 't': .* a clock of twelve hours without AM or PM"):
        order_of(written, origin(288), "t", cells)
    # Half a day twice has no such hours, and days of which each row stands twice have more.
    for hours in ([0, 1, 2, 3, 4, 5], list(range(24))):
        twice = pl.Series("t", [time for time in real if time.hour in hours for _ in range(2)])
        assert order_of(twice, origin(len(twice)), "t").notes


def test_places_stay_true_when_rows_are_left_out() -> None:
    left = origin(3, 3).kept(np.array([False, True, True, True, False, True]))
    assert [left.row(row) for row in range(4)] == ["0.csv, row 3", "0.csv, row 4", "1.csv, row 2", "1.csv, row 4"]


def test_the_hour_that_comes_twice_in_the_second_file() -> None:
    start = datetime(2024, 10, 27)
    shown = [start + timedelta(minutes=10 * (i if i < 18 else i - 6)) for i in range(36)]
    earlier = [start - timedelta(days=30) + timedelta(minutes=10 * i) for i in range(12)]
    # Named in the wrong order, which is no step back of the clock.
    times = Times(pl.Series("t", [*shown, *earlier]))
    found = without_repeats(times, origin(36, 12))
    assert found.values.to_list() == [*(start + timedelta(minutes=10 * i) for i in range(36)), *earlier]
    assert "on 2024-10-27 (0.csv, row 20)" in found.told[0]


@pytest.mark.parametrize("newest_first", [False, True])
def test_the_hour_that_comes_twice_over_two_files(newest_first: bool) -> None:
    start = datetime(2024, 10, 27)
    shown = [start + timedelta(minutes=10 * (i if i < 18 else i - 6)) for i in range(36)]
    files = [shown[18:], shown[:18]]
    cells = [time for part in files for time in (part[::-1] if newest_first else part)]
    told = Times(pl.Series("t", cells))
    expected = [start + timedelta(minutes=10 * i) for i in range(36)]
    found = without_repeats(told, origin(18, 18))
    assert sorted(found.values.to_list()) == expected
    assert "on 2024-10-27 (0.csv" in found.told[0]
    utc = to_utc(told, "Europe/Berlin", origin(18, 18), "t").values.to_list()
    assert sorted(utc) == [moment.replace(tzinfo=UTC) - timedelta(hours=2) for moment in expected]
