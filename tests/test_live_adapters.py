"""Rows from elsewhere: an adapter of twenty lines, and queries with rows that come late."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from acm_rs import Monitor
from acm_rs.files.errors import Refusal
from acm_rs.live.keeping import Unavailable
from acm_rs.live.sources.adapter import Adapted, load_adapter
from cli import runner
from live import COLUMNS, Memory, batch, later, model, watch
from stores import Address

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


class Listed:
    """Gives rows from a list, some at a time."""

    def __init__(self, rows: list[Any], many: int = 7) -> None:
        self.rows, self.many = rows, many

    def poll(self, position: int | None) -> tuple[list[Any], int]:
        first = position or 0
        return self.rows[first : first + self.many], min(first + self.many, len(self.rows))


def rows_of(frame: Any) -> list[tuple[datetime, dict[str, float]]]:
    return [(row[0], dict(zip(COLUMNS, (row[1], row[2], row[3], row[4]), strict=True))) for row in frame.iter_rows()]


def test_an_adapter_gives_the_scores_of_one_batch_and_goes_on_where_it_was() -> None:
    rows, keeper = rows_of(later()), Memory()
    for end in (100, 300, len(rows)):
        source = Adapted(Path("plant"), Listed(rows[:end]), COLUMNS)
        watch(source, keeper, []).run()
    np.testing.assert_array_equal(keeper.scores()[:, 1], batch().scores)


def test_times_and_readings_of_all_sorts_are_taken() -> None:
    zoned = datetime(2026, 1, 1, 12, tzinfo=UTC)
    east = datetime.fromisoformat("2026-01-01T14:01:00+02:00")
    given = [
        (zoned, {"Load": 1, "Flow": "2.5", "Current": None, "Other": 7}),
        (east, {"Load": np.float32(2), "Flow": "Bad", "Bearing Temp": float("inf")}),
        ("2026-01-01T12:02:00.5+00:00", {"Load": True}),
        ("soon", {"Load": 3.0}),
        (None, {"Load": 3.0}),
    ]
    source = Adapted(Path("plant"), Listed(given), COLUMNS)
    got = source.poll()
    assert got is not None
    assert got.bad == 2
    assert got.utc
    assert len(got.notes) == 2
    first = 1_767_268_800 * 10**9
    assert got.rows.times is not None
    assert got.rows.times.tolist() == [first, first + 60 * 10**9, first + 120_500_000_000]
    expected = [[1, 2.5, np.nan, np.nan], [2, np.nan, np.nan, np.nan], [1, np.nan, np.nan, np.nan]]
    np.testing.assert_array_equal(got.rows.values, expected)
    mixed = Adapted(Path("plant"), Listed([given[0], (datetime(2026, 1, 1), {})]), COLUMNS)
    with pytest.raises(Refusal, match="some times have a zone"):
        mixed.poll()
    plain = Adapted(Path("plant"), Listed([(np.datetime64("2026-01-01T12:00:00"), {})]), COLUMNS).poll()
    assert plain is not None
    assert not plain.utc


def test_an_adapter_is_found_by_its_file_and_name(tmp_path: Path) -> None:
    path = tmp_path / "plant.py"
    path.write_text("class Bare:\n    pass\n")
    for text, words in (
        ("plant.py", "FILE.py:NAME"),
        (f"{tmp_path / 'other.py'}:Plant", "no such file"),
        (f"{path}:Plant", "has no 'Plant'"),
        (f"{path}:Bare", "no poll"),
    ):
        with pytest.raises(Refusal, match=words):
            load_adapter(text)


def test_the_example_of_opc_ua_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pump.acm").write_bytes(model())
    run = runner(capsys)
    status, _, complained = run("watch", "pump.acm", f"python:{EXAMPLES / 'opcua_stub.py'}:Plant", "--once")
    assert (status, complained[:14]) == (0, "50 rows judged")
    assert len((EXAMPLES / "opcua_stub.py").read_text().partition("class Plant")[2].splitlines()) <= 20


# ---- queries --------------------------------------------------------------------------------------------------------

sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")

from acm_rs.live.sources.sql import Query  # noqa: E402


class Readings:
    """A table of readings, and the query for it."""

    def __init__(self, where: str, folder: Path, texts: bool = False) -> None:
        self.where, self.texts = where, texts
        self.engine = sqlalchemy.create_engine(where)
        kind = sqlalchemy.Text if texts else sqlalchemy.DateTime
        columns = [sqlalchemy.Column(name, sqlalchemy.Float) for name in COLUMNS]
        self.table = sqlalchemy.Table(
            "readings", sqlalchemy.MetaData(), sqlalchemy.Column("at", kind, primary_key=True), *columns
        )
        self.table.create(self.engine)
        self.path = folder / "readings.sql"
        self.path.write_text("SELECT * FROM readings WHERE at > :since ORDER BY at\n")

    def add(self, frame: Any) -> None:
        with self.engine.begin() as connection:
            for time, values in rows_of(frame):
                at = time.isoformat() if self.texts else time
                connection.execute(sqlalchemy.delete(self.table).where(self.table.c.at == at))
                connection.execute(sqlalchemy.insert(self.table).values({"at": at, **values}))

    def source(self, lateness: int = 0) -> Adapted:
        return Adapted(Path("readings"), Query(self.path, self.where, None, lateness), COLUMNS)


def test_a_query_gives_the_scores_of_one_batch(address: Address, tmp_path: Path) -> None:
    readings, keeper = Readings(address(), tmp_path), Memory()
    for rows in (slice(0, 200), slice(200, 250), slice(250, None)):
        readings.add(later()[rows])
        one = watch(readings.source(), keeper, [])
        one.run()
    readings.engine.dispose()
    np.testing.assert_array_equal(keeper.scores()[:, 1], batch().scores)
    assert (one.counts.late, one.counts.repeated) == (0, 0)


@pytest.mark.parametrize("texts", [False, True])
def test_late_and_mended_rows_of_a_query_are_read_again(tmp_path: Path, texts: bool) -> None:
    frame, hour = later()[:200], 3_600 * 10**9
    readings, keeper = Readings(f"sqlite:///{tmp_path / 'plant.sqlite'}", tmp_path, texts), Memory()
    wrong = frame.with_columns(Load=frame["Load"] + 100.0)
    readings.add(frame[:97])
    watch(readings.source(hour), keeper, [], lateness=hour).run()
    readings.add(wrong[99:101])
    watch(readings.source(hour), keeper, [], lateness=hour).run()
    readings.add(frame[97:101])
    readings.add(frame[101:])
    one = watch(readings.source(hour), keeper, [], lateness=hour)
    one.run()
    readings.engine.dispose()
    kept = len(frame) - 6
    whole = Monitor.from_bytes(model()).score(frame)
    np.testing.assert_array_equal(keeper.scores()[:, 1], whole.scores[:kept])
    assert (one.counts.late, one.counts.repeated, one.counts.waiting) == (0, 2, 6)


def asked(path: Path, where: str, column: str | None = None) -> None:
    query = Query(path, where, column)
    try:
        query.poll(None)
    finally:
        query.close()


def test_what_a_query_cannot_be_is_refused_and_a_database_that_is_away_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where = f"sqlite:///{tmp_path / 'plant.sqlite'}"
    readings = Readings(where, tmp_path)
    readings.add(later()[:5])
    readings.engine.dispose()
    path = readings.path
    for query, words in (
        ("SELECT 1", "must ask for the rows behind :since"),
        ("SELECT Load FROM readings WHERE at > :since", "no column of times"),
    ):
        path.write_text(query)
        with pytest.raises(Refusal, match=words):
            asked(path, where)
    path.write_text("SELECT * FROM readings WHERE at > :since")
    with pytest.raises(Refusal, match="gives no column 'when'; it gives 'at'"):
        asked(path, where, "when")
    path.write_text("SELECT * FROM elsewhere WHERE at > :since")
    with pytest.raises(Refusal, match=r"cannot be asked of .*no such table"):
        asked(path, where)
    with pytest.raises(Refusal, match=r"plant\.sqlite: no such file"):
        asked(path, f"sqlite:///{tmp_path}/nowhere/plant.sqlite")
    with pytest.raises(Unavailable, match="does not answer"):
        asked(path, "postgresql+psycopg://acm@127.0.0.1:9/plant?connect_timeout=2")
    monkeypatch.chdir(tmp_path)
    Path("pump.acm").write_bytes(model())
    run = runner(capsys)
    assert "needs --database" in run("watch", "pump.acm", "sql:readings.sql", "--once")[2]
    path.write_text("SELECT * FROM readings WHERE at > :since ORDER BY at")
    status, _, said = run("watch", "pump.acm", "sql:readings.sql", "--database", "plant.sqlite", "--once")
    assert (status, said[:13]) == (0, "5 rows judged")


def test_positions_of_a_query_hold_only_what_will_be_read_again(tmp_path: Path) -> None:
    readings = Readings(f"sqlite:///{tmp_path / 'plant.sqlite'}", tmp_path)
    readings.add(later()[:100])
    query = Query(readings.path, readings.where, None, 1_800 * 10**9)
    found, position = query.poll(None)
    assert len(found) == 100
    assert len(position["seen"]) == 3
    again, same = query.poll(json.loads(json.dumps(position)))
    assert (again, same) == ([], position)
    assert datetime.fromisoformat(position["newest"]) - later()["TS"][99] == timedelta(0)
    query.close()
    readings.engine.dispose()


def test_a_query_goes_on_where_its_first_rows_have_no_time_that_can_be_read(tmp_path: Path) -> None:
    """Such rows are left out, counted and told once, however often the query gives them; the state serves later."""
    frame, keeper = later()[:100], Memory()
    readings = Readings(f"sqlite:///{tmp_path / 'plant.sqlite'}", tmp_path, texts=True)
    with readings.engine.begin() as connection:
        for at in ("soon", "soon too"):
            connection.execute(sqlalchemy.insert(readings.table).values({"at": at, "Load": 1.0}))

    def source() -> Adapted:
        return Adapted(Path("readings"), Query(readings.path, readings.where, "at"), COLUMNS)

    for _ in range(2):
        notes: list[str] = []
        one = watch(source(), keeper, [], notes)
        one.run()
        assert (one.counts.rows, one.counts.bad) == (0, 2)
    first, polls = watch(source(), Memory(), [], notes := []), []
    first.source.poll = lambda poll=first.source.poll: polls.append(poll()) or polls[-1]  # type: ignore[method-assign]
    first.run()
    assert [note for note in notes if "no time" in note] == [
        f"readings: '{at}' is no time; its row is left out" for at in ("soon", "soon too")
    ]
    assert len(polls) == 2
    readings.add(frame)
    again = watch(source(), keeper, [], notes := [])
    again.run()
    readings.engine.dispose()
    assert (again.counts.rows, again.counts.bad) == (100, 2)
    assert not [note for note in notes if "no time" in note]
    np.testing.assert_array_equal(keeper.scores()[:, 1], Monitor.from_bytes(model()).score(frame).scores)
