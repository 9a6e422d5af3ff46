"""A wrong clock does not silence a watch: rows far ahead are left out and told, and no judged row is no data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from acm_rs.live.ahead import Ahead
from acm_rs.live.rows import Rows, no_rows, put_together
from hypothesis import given
from hypothesis import strategies as st
from live import COLUMNS, Memory, bounded, later, text_of, watch

DAY = 86_400 * 10**9
NOW = 1_000 * DAY


def cut(times: list[int], pieces: list[int], restarts: bool) -> tuple[list[int], list[int], int]:
    """What stays, what is left out, and how many wait."""
    gate = Ahead(1, 10, now=lambda: NOW)
    out, bad, at, newest = [no_rows(1)], [], 0, None
    while at < len(times):
        size = pieces.pop() if pieces else len(times)
        part = np.array(times[at : at + size], np.int64)
        at += size
        found = gate.take(Rows(np.zeros((len(part), 1)), part), newest)
        bad += gate.bad
        out.append(found)
        assert found.times is not None
        if len(found):
            newest = max(int(found.times.max()), newest if newest is not None else int(found.times.max()))
        if restarts:
            arrays = gate.put()
            gate = Ahead(1, 10, now=lambda: NOW)
            gate.go_on(arrays)
    rows = put_together(out)
    assert rows.times is not None
    return rows.times.tolist(), bad, gate.waiting


@pytest.mark.parametrize(
    ("days", "out", "waits"),
    [
        ([1, 2, 9, 3, 4], [9], 0),
        ([1, 2, 9, 10, 11], [], 0),
        ([1, 2, 9], [], 1),
        ([1, 2, 9, 3, 9], [9], 1),
        ([1, 9, 20, 9, 10], [20], 0),
        # Beyond the clock, several together, and behind them a real gap.
        ([1, 2, 5_000, 5_000, 5_001, 9, 10], [5_000, 5_000, 5_001], 0),
        # A source that lives in the future, and the first row of all.
        ([5_000, 5_001, 5_009, 5_010], [], 0),
        ([1, 9, 17, 25, 33, 41], [], 1),
    ],
)
def test_rows_far_ahead_are_left_out_where_none_confirms_them(days: list[int], out: list[int], waits: int) -> None:
    kept, bad, waiting = cut([day * DAY for day in days], [], False)
    assert [at // DAY for at in bad] == out
    assert waiting == waits
    assert len(kept) == len(days) - len(out) - waits


@given(
    st.lists(st.integers(0, 60).map(lambda at: at * DAY // 3), max_size=40),
    st.lists(st.integers(1, 5), max_size=40),
    st.booleans(),
)
def test_it_does_not_matter_in_what_pieces_they_come(times: list[int], pieces: list[int], restarts: bool) -> None:
    assert cut(times, list(pieces), restarts) == cut(times, [], False)


def future(at: str = "2034-01-01T00:00:00") -> bytes:
    return f"{at},1,2,3,4,ok\n".encode()


def lines(frame: pl.DataFrame) -> list[bytes]:
    return text_of(frame).splitlines(keepends=True)


@pytest.mark.parametrize("pieces", [1, 7, 10_000])
def test_a_row_of_the_future_does_not_silence_the_watch(tmp_path: Path, pieces: int) -> None:
    frame, calm, told_calm = later()[:400], Memory(), []
    path = tmp_path / "fan.csv"
    path.write_bytes(text_of(frame))
    watch(path, calm, told_calm).run()
    header, *rows = lines(frame)
    rows[200:200] = [future()]
    rows[300:300] = [future("2026-03-01T00:00:00")]
    keeper, told, notes = Memory(), [], []
    path.write_bytes(header + b"".join(rows[:190]))
    watch(path, keeper, told, notes).run()
    for at in range(190, min(len(rows), 190 + 20 * pieces), pieces):
        with path.open("ab") as file:
            file.write(b"".join(rows[at : at + pieces]))
        watch(path, keeper, told, notes).run()
    with path.open("ab") as file:
        file.write(b"".join(rows[190 + 20 * pieces :]))
    one = watch(path, keeper, told, notes)
    one.run()
    np.testing.assert_array_equal(keeper.scores(), calm.scores())
    assert [event["event"] for event in told] == [event["event"] for event in told_calm]
    assert (one.counts.rows, one.counts.bad, one.counts.late) == (400, 2, 0)
    assert [note for note in notes if "far ahead" in note] == [
        f"a row says {at} 00:00, far ahead of all others, and no other row confirms it: left out"
        for at in ("2034-01-01", "2026-03-01")
    ]


def test_rows_that_are_all_late_are_told_once_and_are_no_data(tmp_path: Path) -> None:
    """The first row of all is of the future: nothing says that it is wrong."""
    frame, path = later()[:60], tmp_path / "fan.csv"
    header, *rows = lines(frame)
    path.write_bytes(header + future() + b"".join(rows[:5]))
    keeper, told, notes = Memory(), [], []
    watch(path, keeper, told, notes).run()
    assert [note[:33] for note in notes] == ["5 of 6 rows came too late or agai"]
    notes.clear()
    left = rows[5:]
    passed = [0.0]
    one = watch(path, keeper, told, notes, once=False, clock=lambda: passed[0])
    one._silence.longest = 15 * 10**9
    poll = one.source.poll

    def fed() -> Any:
        with path.open("ab") as file:
            file.write(b"".join(left[:1]))
        del left[:1]
        passed[0] += 1.0
        return poll()

    def announce(event: dict[str, Any]) -> None:
        told.append(event)
        one.stopping = True

    one.source.poll, one.announce = fed, announce  # type: ignore[method-assign]
    bounded(one).run()
    assert left
    assert [(event["what"], event["kind"]) for event in told] == [("opened", "no data")]
    (said,) = [note for note in notes if "came too late" in note]
    assert said.startswith("11 of 12 rows came too late or again and are left out: they are not newer than 2034-01-01")


def test_a_query_goes_on_behind_a_row_of_the_future(tmp_path: Path) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")
    from acm_rs.live.sources.adapter import Adapted
    from acm_rs.live.sources.sql import Query

    where = f"sqlite:///{tmp_path / 'plant.sqlite'}"
    engine, query = sqlalchemy.create_engine(where), tmp_path / "readings.sql"
    query.write_text('SELECT at, "Load", "Flow", "Bearing Temp", "Current" FROM readings WHERE at > :since ORDER BY at')
    kinds = [sqlalchemy.Column(name, sqlalchemy.Float) for name in COLUMNS]
    table = sqlalchemy.Table("readings", sqlalchemy.MetaData(), sqlalchemy.Column("at", sqlalchemy.DateTime), *kinds)
    table.metadata.create_all(engine)
    keeper, frame = Memory(), later()[:60].rename({"TS": "at"})
    wrong = {**dict.fromkeys(COLUMNS, 1.0), "at": datetime.now(UTC).replace(tzinfo=None) + timedelta(days=3_000)}
    for part in ([*frame[:30].select("at", *COLUMNS).to_dicts(), wrong], frame[30:].select("at", *COLUMNS).to_dicts()):
        with engine.begin() as connection:
            connection.execute(sqlalchemy.insert(table), part)
        one = watch(Adapted(Path("readings"), Query(query, where), COLUMNS), keeper, [])
        one.run()
    engine.dispose()
    assert (one.counts.rows, one.counts.bad, one.counts.late) == (60, 1, 0)
