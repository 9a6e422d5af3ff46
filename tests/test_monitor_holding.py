"""Readings that come again and again: told at the same rows, in the same words, of a history, pieces and a watch."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor
from acm_rs.files.options import ReadOptions
from acm_rs.live.episodes import CLOSED, Follower
from acm_rs.live.opening import open_source
from acm_rs.live.watch import Watch
from acm_rs.monitor.episode import FROZEN, PARTLY
from acm_rs.monitor.holding import Bounds, Holding
from acm_rs.report import report_html
from live import Memory
from test_monitor_outages import plant

COLUMNS = ["load", "ambient", "oil", "winding", "current"]


def history(seed: int = 2) -> pd.DataFrame:
    return plant(seed, 3200)[COLUMNS].round(3)


@cache
def model(drivers: tuple[str, ...] = ("ambient",)) -> bytes:
    return Monitor(drivers=list(drivers)).fit(history()[:2400]).to_bytes(history=False)


def held(columns: list[str], start: int, end: int, frame: pd.DataFrame | None = None) -> pd.DataFrame:
    frame = history()[2400:].copy() if frame is None else frame
    frame.loc[frame.index[start:end], columns] = frame.loc[frame.index[start], columns].to_numpy()
    return frame


def collected(remarks: list[str]) -> list[str]:
    return [remark for remark in remarks if remark.startswith("data collection")]


def live(monitor: Monitor, frame: pd.DataFrame, size: int) -> list[str]:
    """What `update` tells of pieces, through files of the state."""
    found: list[str] = []
    for first in range(0, len(frame), size):
        found += collected(monitor.update(frame[first : first + size]).remarks)
        if first % 3 == 0:
            state, monitor = monitor.state_to_bytes(), Monitor.from_bytes(monitor.to_bytes())
            monitor.state_from_bytes(state)
    return found


def watched(frame: pd.DataFrame, path: Path, lines: int, drivers: tuple[str, ...] = ("ambient",)) -> Any:
    """What a watch tells whose file grows by so many lines at a time, begun anew each time."""
    keeper, told, notes = Memory(), [], []
    text = frame.rename_axis("time").to_csv().splitlines(keepends=True)
    path.write_text(text[0])
    for first in range(1, len(text), lines):
        with path.open("a") as file:
            file.writelines(text[first : first + lines])
        monitor = Monitor.from_bytes(model(drivers))
        source = open_source(
            str(path), ReadOptions(), list(monitor.feature_names_in_), lambda _name, _frame: None, True
        )
        Watch(monitor, source, keeper, told.append, "plant", "source", once=True, note=notes.append).run()
    return told, notes


@pytest.mark.parametrize(
    ("columns", "sizes"),
    [
        (["load", "oil", "winding"], (1, 800)),
        (["oil", "current"], (7,)),
        (["load", "oil", "winding", "current"], (7, 800)),
    ],
)
def test_what_holds_is_told_as_it_begins_and_ends(tmp_path: Path, columns: list[str], sizes: tuple[int, ...]) -> None:
    frame = held(columns, 300, 420)
    monitor = Monitor.from_bytes(model())
    (whole,) = collected(monitor.score(frame).remarks)
    others = [name for name in COLUMNS if name not in columns]
    on = ", ".join(map(repr, others))
    assert whole == (
        f"data collection: {len(columns)} of 5 sensors held exactly the same readings from one row on (2026-01-19 18:00"
        f" to 2026-01-20 13:50), as where one source brings nothing new: {', '.join(map(repr, columns))}; {on}"
        f" {'goes' if len(others) == 1 else 'go'} on; those that held are no faults of each, and what the others should"
        " read leans on them"
    )
    begun = whole.replace("held", "hold").replace("2026-01-19 18:00 to 2026-01-20 13:50", "since 2026-01-19 18:00")
    (open_,) = collected(monitor.score(frame[:415]).remarks)
    assert open_ == begun
    for size in sizes:
        assert live(Monitor.from_bytes(model()), frame, size) == [begun, whole]
    for lines in (50, 900):
        _, notes = watched(frame, tmp_path / f"{lines}.csv", lines)
        assert collected(notes) == [begun, whole]


def test_all_that_holds_is_told_as_such(tmp_path: Path) -> None:
    frame = held(COLUMNS, 300, 420)
    whole = (
        "data collection: all sensors read exactly the same for long (2026-01-19 18:00 to 2026-01-20 13:50): no new "
        "readings came"
    )
    assert collected(Monitor.from_bytes(model()).score(frame).remarks) == [whole]
    begun = whole.replace("2026-01-19 18:00 to 2026-01-20 13:50", "since 2026-01-19 18:00").replace("came", "come")
    assert live(Monitor.from_bytes(model()), frame, 5) == [begun, whole]
    told, notes = watched(frame, tmp_path / "frozen.csv", 60)
    assert collected(notes) == [begun, whole]
    assert FROZEN in {event["kind"] for event in told}


def test_an_alarm_says_that_drivers_go_on_where_no_sensor_does(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    columns = [name for name in COLUMNS if name != "ambient"]
    frame = held(columns, 300, 420)
    monitor = Monitor.from_bytes(model())
    result = monitor.score(frame)
    (episode,) = [one for one in result.found if one.start < 420 and one.end > 340]
    assert (episode.kind, episode.culprits, episode.moving) == (PARTLY, [], ["ambient"])
    sentence = result.explain()[result.found.index(episode)]
    assert sentence.endswith(f": {PARTLY}; 'ambient' goes on; nothing is known of the machine then.")
    assert FROZEN not in " ".join(result.explain())
    rows = [monitor.update(frame.iloc[[row]]) for row in range(len(frame))]
    assert np.array_equal(np.concatenate([one._causes for one in rows]), result._causes)
    follower = Follower("model", "plant")
    closed = [event.alarm for one in rows for event in follower.take(one) if event.what == CLOSED]
    assert [(one.kind, one.moving) for one in closed] == [(one.kind, one.moving) for one in result.found]
    told, _ = watched(frame, tmp_path / "part.csv", 60)
    assert sentence in {event["explanation"] for event in told}
    page = report_html(result)
    assert ">the machine is not seen</td>" in page
    assert "none stands out" not in page
    assert "driver: not watched" in page
    # Where the driver comes from the same source all stands still.
    both = monitor.score(held(COLUMNS, 300, 420))
    assert {one.kind for one in both.found if one.start < 420 and one.end > 340} == {FROZEN}


def test_a_sensor_that_seldom_changes_goes_on() -> None:
    frame = history()
    # It is read by hand, each twelfth row.
    frame["oil"] = np.repeat(frame["oil"].to_numpy()[::12], 12)[: len(frame)]
    monitor = Monitor().fit(frame[:2400])
    others = [name for name in COLUMNS if name != "oil"]
    part = monitor.score(held(others, 300, 420, frame[2400:].copy()))
    assert FROZEN not in {one.kind for one in part.found}
    assert "4 of 5 sensors held" in part.remarks[0]
    assert "; 'oil' goes on" in part.remarks[0]
    whole = monitor.score(held(COLUMNS, 300, 420, frame[2400:].copy()))
    assert FROZEN in {one.kind for one in whole.found}


def test_healthy_rows_and_single_sensors_are_not_told() -> None:
    monitor = Monitor.from_bytes(model())
    for frame in (history()[2400:], held(["oil"], 300, 420), held(COLUMNS, 300, 315)):
        assert not collected(monitor.score(frame).remarks)


def test_a_standstill_as_long_as_those_of_the_history_is_not_told() -> None:
    frame = plant(3, 3000)[COLUMNS]
    stands = np.arange(len(frame)) % 600 > 500
    frame[stands] = 0.0
    frame.loc[stands, "ambient"] = 12.0
    monitor, later = Monitor().fit(frame[:2400]), frame[2400:].copy()
    assert not collected(monitor.score(later).remarks)
    longer = later.copy()
    longer.iloc[300:] = later.iloc[-1].to_numpy()
    (remark,) = collected(monitor.score(longer).remarks)
    assert "all sensors read exactly the same for long (since 2026-01-" in remark
    assert remark.endswith("if the machine does not stand, no new readings come")
    again = live(monitor, longer, 11)
    assert again == [remark]


@pytest.mark.parametrize("seed", range(20))
def test_any_pieces_tell_the_same(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, columns = 400, 5
    values = random.normal(size=(rows, columns)).round(1)
    still = np.zeros(rows, bool)
    for _ in range(6):
        start, some = int(random.integers(rows)), random.random(columns) < 0.7
        length = int(random.integers(20, 90))
        values[start : start + length, some] = values[start, some]
        if random.random() < 0.3:
            still[start : start + length] = True
    values[random.random(values.shape) < 0.05] = np.nan
    times = np.arange(rows, dtype=np.int64) * 10
    names = [f"x{place}" for place in range(columns)]
    bounds = Bounds(names, dict.fromkeys(names[:4], 3.0), 0)

    def told(cuts: list[int]) -> list[str]:
        holding, found = Holding(columns), []
        for first, last in zip(cuts, [*cuts[1:], rows], strict=True):
            some = slice(first, last)
            holds = holding.take(values[some], times[some], still[some], bounds)
            found += [one.told(names, str) for one in holds]
            settings, arrays = holding.put()
            holding = Holding.taken(settings, {name: own.copy() for name, own in arrays.items()})
        return found

    whole = told([0])
    assert whole
    assert told(list(range(rows))) == whole
    assert told(sorted({0, *random.integers(rows, size=30).tolist()})) == whole
