"""What people do with alarms: states, shelves, maintenance, repetitions and floods, with who and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from acm_rs.files.errors import Refusal
from acm_rs.live.episodes import CLOSED, OPENED, STILL
from acm_rs.live.flood import Flood
from live import Memory, later, text_of, watch
from stores import Address, store

sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")

from acm_rs.live.store import shelving  # noqa: E402
from acm_rs.live.store.desk import (  # noqa: E402
    ACKNOWLEDGED,
    NORMAL,
    OUT_OF_SERVICE,
    RETURNED,
    UNACKNOWLEDGED,
    Desk,
)
from acm_rs.live.store.tables import audit  # noqa: E402


class Place:
    """A store with a watched file, and a desk to see it from."""

    def __init__(self, where: str, path: Path) -> None:
        self.where, self.path, self.told = where, path, []  # type: ignore[var-annotated]
        self.desk = Desk(where)

    def watched(self, rows: int, **settings: Any) -> list[dict[str, Any]]:
        """What is told when the file has so many rows."""
        self.path.write_bytes(text_of(later()[:rows]))
        told: list[dict[str, Any]] = []
        watch(self.path, store(self.where), told, **settings).run()
        return told

    def states(self) -> dict[str, str]:
        """Of each alarm, by its first culprit or kind."""
        return {entry.sensor or entry.row["kind"]: entry.state for entry in self.desk.alarms()}

    def named(self, sensor: str) -> str:
        return next(
            str(entry.row["episode"]) for entry in self.desk.alarms() if sensor in (entry.sensor, entry.row["kind"])
        )


@pytest.fixture
def place(address: Address, tmp_path: Path) -> Iterator[Place]:
    made = Place(address(), tmp_path / "fan.csv")
    yield made
    made.desk.close()


def test_an_alarm_goes_through_its_states(place: Place) -> None:
    place.watched(400)
    assert place.states() == {"Load": RETURNED, "no data": RETURNED, "Bearing Temp": UNACKNOWLEDGED}
    bearing, load = place.named("Bearing Temp"), place.named("Load")
    (entry,) = place.desk.acknowledge([bearing[:6]], "Huber", "ordered a new one")
    assert entry.state == ACKNOWLEDGED
    assert entry.acknowledged is not None
    assert entry.acknowledged[1:] == ("Huber", "ordered a new one")
    # Whoever comes second changes nothing.
    (again,) = place.desk.acknowledge([bearing], "Maier")
    assert again.acknowledged == entry.acknowledged
    place.desk.acknowledge([load, place.named("no data")], "Huber")
    place.watched(560)
    assert place.states() == {"Load": NORMAL, "no data": NORMAL, "Bearing Temp": ACKNOWLEDGED}
    place.desk.comment(bearing, "grease is black", "Maier")
    _, sensors, told, deeds = place.desk.details(bearing)
    assert sensors[0]["sensor"] == "Bearing Temp"
    assert next(one["what"] for one in told) == "opened"
    assert [(one["what"], one["by"], one["text"]) for one in deeds] == [
        ("ack", "Huber", "ordered a new one"),
        ("comment", "Maier", "grease is black"),
    ]


def test_a_shelved_sensor_is_kept_and_not_told_until_the_shelf_ends(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.watched(365)
    bearing = place.named("Bearing Temp")
    shelf = place.desk.shelve(bearing, timedelta(hours=8), "Huber", "known")
    assert (shelf.sensor, shelf.watch, shelf.until - shelf.since) == ("Bearing Temp", "Pump 3", timedelta(hours=8))
    assert place.states()["Bearing Temp"] == "shelved"
    assert place.watched(380) == []
    assert [one.number for one in place.desk.shelves()] == [shelf.number]
    clock = shelving.now() + timedelta(hours=9)
    for module in ("shelving", "desk", "keeper"):
        monkeypatch.setattr(f"acm_rs.live.store.{module}.now", lambda: clock)
    assert place.desk.shelves() == []
    assert place.states()["Bearing Temp"] == UNACKNOWLEDGED
    # What was held back of an alarm that runs is told now, once.
    (held,) = place.watched(380)
    assert (held["what"], held["alarm"]) == ("grew", bearing)
    assert place.watched(380) == []
    assert [event["what"] for event in place.watched(560, again=3_600 * 10**9)].count("still") > 10
    second = place.desk.shelve(bearing, timedelta(hours=1), "Huber", "once more")
    place.desk.unshelve(second.number, "Maier", "mended")
    assert place.states()["Bearing Temp"] == UNACKNOWLEDGED
    with pytest.raises(Refusal, match=f"no shelf {second.number} in force; it has none"):
        place.desk.unshelve(second.number, "Maier")
    deeds = place.desk.details(bearing)[3]
    assert [one["what"] for one in deeds] == ["shelve", "shelve"]


def test_maintenance_silences_what_begins_in_it(place: Place) -> None:
    place.watched(100)
    begin, end = datetime(2026, 1, 14), datetime(2026, 1, 15)
    shelf = place.desk.maintain("Pump 3", begin, end, "Huber", "new seal")
    told = place.watched(560)
    assert {event["kind"] for event in told if event["at"] >= "2026-01-14"} == set()
    assert place.states()["Bearing Temp"] == OUT_OF_SERVICE
    place.desk.unshelve(shelf.number, "Huber")
    assert place.states()["Bearing Temp"] == UNACKNOWLEDGED
    with pytest.raises(Refusal, match="no watch 'Pump 4'; it has 'Pump 3'"):
        place.desk.maintain("Pump 4", begin, end, "Huber", "x")
    with pytest.raises(Refusal, match="must end after it begins"):
        place.desk.maintain("Pump 3", end, begin, "Huber", "x")


def test_maintenance_is_called_off_once(place: Place) -> None:
    place.watched(100)
    shelf = place.desk.maintain("Pump 3", datetime(2026, 1, 14), datetime(2026, 1, 15), "Huber", "new seal")
    place.desk.unshelve(shelf.number, "Huber")
    for number in (shelf.number, 0, -1, 10**30):
        with pytest.raises(Refusal, match=f"no shelf {number} in force; it has none"):
            place.desk.unshelve(number, "Maier")
    with place.desk._database.transaction(create=False) as connection:
        deeds = connection.execute(sqlalchemy.select(audit.c.what, audit.c.by)).all()
    assert [tuple(one) for one in deeds] == [("maintain", "Huber"), ("unshelve", "Huber")]


def test_maintenance_with_a_zone_is_of_watches_with_one(place: Place) -> None:
    east = timezone(timedelta(hours=2))
    span = datetime(2026, 1, 14, 2, tzinfo=east), datetime(2026, 1, 15, 2, tzinfo=east)
    place.watched(100)
    for begin, end in (span, (span[0], datetime(2026, 1, 15)), (datetime(2026, 1, 14), span[1])):
        with pytest.raises(Refusal, match="times of 'Pump 3' have no zone, and those of the maintenance have one"):
            place.desk.maintain("Pump 3", begin, end, "Huber", "x")
    assert place.desk.shelves() == []


def test_maintenance_is_of_utc_where_the_watch_is(address: Address, tmp_path: Path) -> None:
    where, path = address(), tmp_path / "fan.csv"
    frame = later()[:100].with_columns(pl.col("TS").dt.replace_time_zone("UTC"))
    path.write_bytes(text_of(frame))
    watch(path, store(where), []).run()
    desk = Desk(where)
    east = timezone(timedelta(hours=2))
    shelf = desk.maintain(
        "Pump 3", datetime(2026, 1, 14, 2, tzinfo=east), datetime(2026, 1, 15, 1), "Huber", "new seal"
    )
    assert (shelf.since, shelf.until) == (datetime(2026, 1, 14), datetime(2026, 1, 15, 1))
    desk.close()


def test_rows_without_times_know_no_maintenance(tmp_path: Path) -> None:
    path, where = tmp_path / "fan.csv", f"sqlite:///{tmp_path / 'store.sqlite'}"
    path.write_bytes(text_of(later()[:100].drop("TS")))
    watch(path, store(where), []).run()
    desk = Desk(where)
    with pytest.raises(Refusal, match="rows of 'Pump 3' have no times, so that none begin within a span"):
        desk.maintain("Pump 3", datetime(2026, 1, 14), datetime(2026, 1, 15), "Huber", "x")
    desk.close()


def test_what_is_acknowledged_is_not_told_again_and_again(place: Place) -> None:
    hour = 3_600 * 10**9
    still = [event for event in place.watched(400, again=hour) if event["what"] == STILL]
    assert still
    place.desk.acknowledge([place.named("Bearing Temp")], "Huber")
    assert [event for event in place.watched(560, again=hour) if event["what"] == STILL] == []


def test_what_cannot_be_done_is_refused(place: Place) -> None:
    place.watched(560)
    bearing = place.named("Bearing Temp")
    for name in ("abc", "ffffffff", "%", "____"):
        with pytest.raises(Refusal, match="holds no alarm"):
            place.desk.acknowledge([name], "Huber")
    with pytest.raises(Refusal, match="at most 30d"):
        place.desk.shelve(bearing, timedelta(days=31), "Huber", "x")
    with pytest.raises(Refusal, match=r"--for must be longer than 0s; acm-rs alarms unshelve ends a shelf"):
        place.desk.shelve(bearing, timedelta(0), "Huber", "x")
    for why in ("", " \t"):
        with pytest.raises(Refusal, match="--why must say something"):
            place.desk.shelve(bearing, timedelta(hours=1), "Huber", why)
        with pytest.raises(Refusal, match="--why must say something"):
            place.desk.maintain("Pump 3", datetime(2026, 1, 14), datetime(2026, 1, 15), "Huber", why)
    with pytest.raises(Refusal, match="no watch 'Pump 4'; it has 'Pump 3'"):
        place.desk.alarms("Pump 4")
    assert place.desk.shelves() == []
    with pytest.raises(Refusal, match="must say something"):
        place.desk.comment(bearing, " ", "Huber")
    assert place.desk.details(bearing)[3] == []


def test_an_alarm_that_goes_on_is_told_again_by_the_time_of_its_rows(tmp_path: Path) -> None:
    path, keeper = tmp_path / "fan.csv", Memory()
    path.write_bytes(text_of(later()))
    told: list[dict[str, Any]] = []
    watch(path, keeper, told, again=3_600 * 10**9).run()
    bearing = [event for event in told if event["culprits"] and event["culprits"][0]["sensor"] == "Bearing Temp"]
    times = np.array([event["at"] for event in bearing], "datetime64[m]")
    assert (np.diff(times) <= np.timedelta64(60, "m")).all()
    assert [event["what"] for event in bearing[-3:]] == [STILL] * 3


def event(alarm: int, what: str, minutes: float) -> dict[str, Any]:
    at = str(np.datetime64("2026-01-01T00:00:00") + np.timedelta64(int(60 * minutes), "s"))
    return {"alarm": f"a{alarm}", "what": what, "at": at}


def test_a_flood_is_told_once_with_how_many_were_not_told() -> None:
    flood = Flood(3)
    told, said = [], []
    for number in range(8):
        for what in (OPENED, CLOSED):
            told.append(flood.lets(event(number, what, number)))
            said.append(flood.said)
    assert told == [True] * 6 + [False] * 10
    assert [text for text in said if text] == [
        "a flood: more than 3 alarms in ten minutes; those after are kept and not told"
    ]
    assert flood.lets(event(8, OPENED, 30))
    assert flood.said == "the flood is over: 5 alarms were kept and not told"
    assert flood.lets(event(8, CLOSED, 31))
    assert all(Flood(None).lets(event(number, OPENED, 0)) for number in range(50))
