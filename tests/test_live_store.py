"""A store holds each row and each alarm exactly once, whatever dies: the watch, the database, or the answer."""

from __future__ import annotations

import contextlib
import gc
import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from acm_rs.files.errors import Refusal
from acm_rs.live.keeping import StateFile, Unavailable
from acm_rs.monitor import Result
from live import batch, later, model, text_of, watch
from postgres import Server
from stores import Address, store

sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")

from acm_rs.live.sources.sql import Query  # noqa: E402
from acm_rs.live.store import tables  # noqa: E402
from acm_rs.live.store.address import address_of, database_of, shown  # noqa: E402
from acm_rs.live.store.database import Database  # noqa: E402
from acm_rs.live.store.desk import Desk  # noqa: E402
from sqlalchemy.engine import URL, make_url  # noqa: E402

KEPT = (tables.scores, tables.episodes, tables.contributions, tables.events, tables.models)


class Crash(BaseException):
    """The process is gone."""


def contents(address: str) -> dict[str, list[Any]]:
    """All that is kept but what the clock and the state say."""
    engine = sqlalchemy.create_engine(address)
    with engine.connect() as connection:
        found = {
            table.name: [
                tuple(row) for row in connection.execute(sqlalchemy.select(table).order_by(*table.primary_key.columns))
            ]
            for table in KEPT
        }
        names = ["watch", "model", "rows", "bad", "late", "repeated", "last"]
        found["watches"] = [
            tuple(row) for row in connection.execute(sqlalchemy.select(*(tables.watches.c[name] for name in names)))
        ]
    engine.dispose()
    return found


def undisturbed(address: str, path: Path) -> dict[str, list[Any]]:
    path.write_bytes(text_of(later()))
    watch(path, store(address), []).run()
    return contents(address)


def check(found: dict[str, list[Any]], whole: Result) -> None:
    scores = found["scores"]
    assert [row[1] for row in scores] == list(range(len(whole.scores)))
    assert whole.times is not None
    assert [np.datetime64(row[2], "ns") for row in scores] == whole.times.tolist() or [
        np.datetime64(row[2], "ns") for row in scores
    ] == list(whole.times)
    np.testing.assert_array_equal(np.array([row[3] for row in scores], float), whole.scores)
    assert [row[5] for row in scores] == whole.alarms.tolist()
    episodes = sorted((row for row in found["episodes"] if row[3] != "no data"), key=lambda row: row[6])
    assert [(row[6], row[7] + 1, row[5], row[11]) for row in episodes] == [
        (one.start, one.end, one.open, one.peak) for one in whole.found
    ]
    who = {(row[0], row[1]): row[2:5] for row in found["contributions"]}
    for row, one in zip(episodes, whole.found, strict=True):
        for place, culprit in enumerate(one.culprits):
            assert who[row[0], place] == (culprit.name, culprit.share, culprit.direction)


def test_a_store_holds_what_one_batch_gives(address: Address, tmp_path: Path) -> None:
    where = address()
    found = undisturbed(where, tmp_path / "fan.csv")
    check(found, batch())
    assert found["watches"][0][2] == later().height
    assert {row[3] for row in found["events"]} == {"opened", "grew", "closed"}
    assert all(json.loads(row[5])["event"] == row[0] for row in found["events"])


def test_a_watch_that_dies_at_twenty_places_leaves_what_an_undisturbed_one_leaves(
    address: Address, tmp_path: Path
) -> None:
    """It dies at any statement, before or after it, before the transaction is closed and behind it."""
    calm = undisturbed(address(), tmp_path / "calm.csv")
    random = np.random.default_rng(0)
    text, where, path = text_of(later()), address(), tmp_path / "fan.csv"
    path.write_bytes(b"")
    places = [0, *np.sort(random.integers(0, len(text), 20)).tolist(), len(text)]
    died = 0
    for first, last in itertools.pairwise(places):
        with path.open("ab") as file:
            file.write(text[first:last])
        keeper = store(where)
        engine = keeper._database._engine
        left = int(random.integers(0, 9))
        moment = ["before_cursor_execute", "after_cursor_execute", "commit"][int(random.integers(3))]

        def die(*_: object) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Crash

        try:
            keeper.load()
            sqlalchemy.event.listen(engine, moment, die)
            watch(path, keeper, []).run()
        except Crash:
            died += 1
        engine.dispose()
        # What is left of a process that is gone holds no lock.
        gc.collect()
    assert died > 5
    watch(path, store(where), []).run()
    assert contents(where) == calm


def test_an_answer_that_is_lost_is_not_written_twice(address: Address, tmp_path: Path) -> None:
    calm = undisturbed(address(), tmp_path / "calm.csv")
    where, notes = address(), []
    keeper = store(where)
    keep, lost = keeper.keep, iter([True, False] * 20)

    def forgetful(state: bytes, judged: Any) -> None:
        generation, token, known, anew = keeper._generation, keeper._token, keeper._known, keeper._anew
        keep(state, judged)
        if next(lost):
            keeper._generation, keeper._token, keeper._known, keeper._anew = generation, token, known, anew
            raise Unavailable("the answer did not come")

    keeper.keep = forgetful  # type: ignore[method-assign]
    watch(tmp_path / "calm.csv", keeper, [], notes).run()
    assert any("did not come" in note for note in notes)
    assert contents(where) == calm


def test_two_watches_of_one_name_are_refused(address: Address, tmp_path: Path) -> None:
    path, where = tmp_path / "fan.csv", address()
    path.write_bytes(text_of(later()[:100]))
    watch(path, store(where), []).run()
    first, second = store(where), store(where)
    first.load()
    second.load()
    path.write_bytes(text_of(later()[:200]))
    watch(path, first, []).run()
    second.load = lambda: None  # type: ignore[method-assign]
    second._generation -= 1
    with pytest.raises(Refusal, match="another acm-rs watch is at work under the name 'Pump 3'"):
        watch(path, second, []).run()
    other = watch(path, store(where, name="Other"), [], name="Other")
    other.run()
    assert len(contents(where)["scores"]) == 400


def test_a_fresh_watch_replaces_the_scores_of_the_times_it_judges_again(address: Address, tmp_path: Path) -> None:
    path, where = tmp_path / "fan.csv", address()
    calm = undisturbed(where, path)
    path.write_bytes(text_of(later()[100:]))
    watch(path, store(where, fresh=True), [], called="elsewhere").run()
    found = contents(where)
    assert len(found["scores"]) == len(calm["scores"])
    times = [row[2] for row in sorted(found["scores"], key=lambda row: row[2])]
    assert times == [row[2] for row in calm["scores"]]
    assert len({row[1] for row in found["scores"]}) == len(found["scores"])


def test_the_database_stops_and_starts(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "fan.csv"
    path.write_bytes(text_of(later()[:200]))
    engine = sqlalchemy.create_engine(server.address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE stopped")
    engine.dispose()
    where = server.address.replace("/postgres?", "/stopped?")
    notes: list[str] = []
    keeper = store(where)
    one = watch(path, keeper, [], notes)
    one._go_on()
    one._watch()
    server.stop()
    path.write_bytes(text_of(later()))

    def note(text: str) -> None:
        notes.append(text)
        if "tried again" in text:
            server.start()

    one.note = note
    one._watch()
    keeper.close()
    one.source.close()
    assert any("does not take it" in text for text in notes)
    check(contents(where), batch())


def test_a_disk_that_is_full_for_a_while(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="limits of files are of Unix")
    calm = undisturbed(f"sqlite:///{tmp_path / 'calm.sqlite'}", tmp_path / "calm.csv")
    where, path = f"sqlite:///{tmp_path / 'store.sqlite'}", tmp_path / "fan.csv"
    path.write_bytes(text_of(later()[:100]))
    keeper, notes = store(where), []
    one = watch(path, keeper, [], notes)
    one._go_on()
    one._watch()
    path.write_bytes(text_of(later()[:140]))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def note(text: str) -> None:
        notes.append(text)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    one.note = note
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        one._watch()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert any("does not take it" in text for text in notes)
    path.write_bytes(text_of(later()))
    one._watch()
    keeper.close()
    one.source.close()
    assert contents(where) == calm


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pump.acm").write_bytes(model())
    return tmp_path


def rows_kept(path: Path) -> int:
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(path)) as connection:
        try:
            found = connection.execute("SELECT rows FROM watches").fetchone()
        except sqlite3.OperationalError:
            return 0
    return 0 if found is None else int(found[0])


def grown(path: Path, before: int) -> int:
    """How many rows are kept, once there are more than before."""
    until = time.monotonic() + 60.0
    while (rows := rows_kept(path)) <= before:
        assert time.monotonic() < until, "nothing is kept"
        time.sleep(0.01)
    return rows


@pytest.mark.skipif(os.name == "nt", reason="signals of another kind")
def test_a_process_that_is_killed_leaves_what_an_undisturbed_one_leaves(folder: Path) -> None:
    path, text = folder / "new.csv", text_of(later())
    where = f"sqlite:///{folder / 'pump.alarms.sqlite'}"
    calm = undisturbed(f"sqlite:///{folder / 'calm.sqlite'}", path)
    cut = text.index(b"\n", 3_000) + 1
    path.write_bytes(text[:cut])
    random = np.random.default_rng(2)
    lines = text[cut:].splitlines(keepends=True)
    command = [sys.executable, "-m", "acm_rs", "watch", "pump.acm", "new.csv", "--store", "sqlite", "--interval", "5ms"]
    kept = 0

    def grow() -> None:
        with path.open("ab") as file:
            file.write(b"".join(lines[:3]))
        del lines[:3]

    for _ in range(3):
        with subprocess.Popen([*command, "-q"], stdout=subprocess.DEVNULL) as process:
            try:
                # Killed before it keeps anything it would leave nothing to be wrong.
                for _ in range(2):
                    grow()
                    kept = grown(folder / "pump.alarms.sqlite", kept)
                for _ in range(int(random.integers(10, 40))):
                    grow()
                    time.sleep(float(random.uniform(0.0, 0.02)))
            finally:
                process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        kept, before = rows_kept(folder / "pump.alarms.sqlite"), kept
        assert 0 < before <= kept < later().height
    with path.open("ab") as file:
        file.write(b"".join(lines))
    subprocess.run([*command, "-q", "--once"], check=True, stdout=subprocess.DEVNULL)
    found = contents(where)
    found["models"] = calm["models"]
    assert found == calm


def written(address: URL | None) -> str:
    assert address is not None
    return address.render_as_string(hide_password=False)


def test_addresses_hold_no_secrets_on_the_command_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACM_RS_STORE", raising=False)
    assert address_of(None, Path("fan.acm")) is None
    assert written(address_of("sqlite", Path("a/fan.acm"))) == "sqlite:///a/fan.alarms.sqlite"
    assert written(address_of("alarms.db", None)) == "sqlite:///alarms.db"
    assert written(address_of("postgresql://acm@host/alarms", None)) == "postgresql+psycopg://acm@host/alarms"
    with pytest.raises(Refusal, match=r"--store holds a password.*ACM_RS_STORE.*@FILE") as refused:
        address_of("postgresql://acm:secret@host/alarms", None)
    assert refused.value.status == 2
    assert "secret" not in str(refused.value)
    with pytest.raises(Refusal, match="no address") as refused:
        address_of("postgresql://acm:secret@host:port/alarms", None)
    assert "secret" not in str(refused.value)
    Path("address").write_text("postgresql://acm:secret@host/alarms\n")
    assert written(address_of("@address", None)) == "postgresql+psycopg://acm:secret@host/alarms"
    monkeypatch.setenv("ACM_RS_STORE", "postgresql://acm:secret@host/alarms")
    assert written(address_of(None, None)) == "postgresql+psycopg://acm:secret@host/alarms"
    for said, words in (("@nowhere", "cannot be read"), ("", "must be an address"), ("sqlite", "beside a model")):
        with pytest.raises(Refusal, match=words):
            address_of(said, None)
    with pytest.raises(Refusal, match="needs a driver"):
        Database("oracle://host/x")
    assert "secret" not in Database("postgresql+psycopg://acm:secret@host/alarms").where


SECRETS = (
    "postgresql://acm@host/alarms?password=s3cret",
    "postgresql://acm@host/alarms?connect_timeout=3&sslpassword=s3cret",
    "postgresql://host/alarms?user=acm&PASSWORD=s3cret",
    "mysql+pymysql://host/alarms?passwd=s3cret",
    "mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BUID%3Dacm%3BPWD%3Ds3cret",
)


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_in_the_query_of_an_address_are_refused_on_the_command_line_and_never_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    def store_of(said: str | None) -> URL | None:
        return address_of(said, None)

    for option, variable, of in (
        ("--store", "ACM_RS_STORE", store_of),
        ("--database", "ACM_RS_DATABASE", database_of),
    ):
        with pytest.raises(Refusal, match=rf"{option} holds a password.*{variable}.*@FILE") as refused:
            of(text)
        assert "s3cret" not in str(refused.value)
        Path("address").write_text(text)
        assert "s3cret" in written(of("@address"))
        monkeypatch.setenv(variable, text)
        assert "s3cret" in written(of(None))
    told = shown(make_url(text))
    assert "s3cret" not in told
    assert told.startswith(text.partition("?")[0])


def test_what_no_secret_is_in_an_address_is_taken_and_told(folder: Path) -> None:
    text = "postgresql+psycopg://acm@/alarms?host=%2Frun%2Fpg&passfile=%2Fetc%2Facm%2Fpgpass&sslmode=require"
    assert written(address_of(text, None)) == text
    assert shown(make_url(text)) == text


def test_a_store_and_a_query_tell_no_secret_of_their_address(folder: Path) -> None:
    text = "postgresql+psycopg://acm:hidd3n@127.0.0.1:9/alarms?password=s3cret&connect_timeout=2"
    Path("rows.sql").write_text("SELECT * FROM readings WHERE at > :since")
    told = []
    keeper, query = store(text), Query(Path("rows.sql"), text)
    for ask in (keeper.load, lambda: query.poll(None)):
        with pytest.raises(Unavailable) as error:
            ask()
        told.append(str(error.value))
    for said in (*told, keeper.where):
        assert "127.0.0.1" in said
        assert "s3cret" not in said
        assert "hidd3n" not in said
    keeper.close()
    query.close()


@pytest.mark.parametrize("name", ["ü ö#%41.db", "50%.db", "a+b&c=d.db", "what?x=1#.db"])
def test_files_of_any_name_are_stores_and_databases(folder: Path, name: str) -> None:
    if os.name == "nt" and "?" in name:
        pytest.skip("no name of a file there")
    model_file = folder / f"{name}.acm"
    for address, file in ((address_of(name, None), name), (address_of("sqlite", model_file), f"{name}.alarms.sqlite")):
        assert address is not None
        keeper = store(address)
        keeper.load()
        keeper.close()
        assert Path(file).stat().st_size > 0
        assert keeper.where.endswith(file)
    assert {path.name for path in folder.iterdir()} == {"pump.acm", name, f"{name}.alarms.sqlite"}
    Path("rows.sql").write_text("SELECT * FROM scores WHERE time > :since")
    found = database_of(name)
    assert found is not None
    query = Query(Path("rows.sql"), found)
    assert query.poll(None) == ([], {})
    query.close()


def test_a_folder_that_is_not_there_is_refused_at_the_start(folder: Path) -> None:
    """It is no full disk, which is waited for."""
    for where, words in (("nowhere/store.sqlite", "nowhere: no such folder"), (".", "is a folder")):
        keeper = store(f"sqlite:///{where}")
        with pytest.raises(Refusal, match=words):
            keeper.load()
        keeper.close()
    with pytest.raises(Refusal, match="nowhere: no such folder"):
        StateFile(Path("nowhere/fan.watch")).load()
    assert StateFile(Path("fan.watch")).load() is None
    assert [path.name for path in folder.iterdir()] == ["pump.acm"]


def test_a_file_that_a_query_is_for_is_never_made(folder: Path) -> None:
    Path("rows.sql").write_text("SELECT at, load FROM readings WHERE at > :since")
    with pytest.raises(Refusal, match=r"typo\.db: no such file"):
        Query(Path("rows.sql"), "sqlite:///typo.db")
    with sqlite3.connect("plant.db") as connection:
        connection.execute("CREATE TABLE readings (at TEXT, load REAL)")
    connection.close()
    query = Query(Path("rows.sql"), "sqlite:///plant.db")
    assert query.poll(None) == ([], {})
    query.close()
    Path("plant.db").rename("away.db")
    with pytest.raises(Unavailable, match=r"plant\.db does not answer rows\.sql: no such file"):
        query.poll(None)
    Path("away.db").rename("plant.db")
    assert query.poll(None) == ([], {})
    query.close()
    assert {path.name for path in folder.iterdir()} == {"pump.acm", "rows.sql", "plant.db"}


def test_a_file_that_is_only_looked_at_stays_as_it_is(folder: Path) -> None:
    with sqlite3.connect("plant.db") as connection:
        connection.execute("CREATE TABLE readings (at TEXT, load REAL)")
    connection.close()
    Path("empty.db").touch()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in ("plant.db", "empty.db"):
        desk = Desk(f"sqlite:///{name}")
        with pytest.raises(Refusal, match="holds no alarms yet"):
            desk.alarms()
        desk.close()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    # Those that are made keep readers and the writer from waiting for each other.
    keeper = store("sqlite:///store.db")
    keeper.load()
    keeper.close()
    with sqlite3.connect("store.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.skipif(os.name == "nt", reason="permissions of another kind")
@pytest.mark.parametrize("mode", [0o777, 0o555], ids=["file", "folder"])
@pytest.mark.parametrize("at_work", [False, True])
def test_a_store_that_may_only_be_read_is_listed(mode: int, at_work: bool, tmp_path: Path) -> None:
    new, gone = tmp_path / "new.csv", os.geteuid()
    new.write_bytes(text_of(later()))
    with tempfile.TemporaryDirectory() as made:
        where = f"sqlite:///{made}/store.sqlite"
        watch(new, store(where), []).run()
        keeper, desk = store(where), Desk(where)
        if at_work:
            keeper.load()
            keeper.keep(b"another state", None)
        for path in Path(made).iterdir():
            path.chmod(0o444)
        before = {path.name for path in Path(made).iterdir()}
        Path(made).chmod(mode)
        try:
            if not gone:
                # Whoever may do everything becomes one who may not.
                os.seteuid(65534)
            try:
                states = [entry.state for entry in desk.alarms()]
                assert desk.shelves() == []
                with pytest.raises(Refusal, match=r"store\.sqlite"):
                    desk.comment(desk.alarms()[0].row["episode"], "grease is black", "Huber")
            finally:
                desk.close()
                os.seteuid(gone)
            # What a reader leaves could keep the writer out.
            assert {path.name for path in Path(made).iterdir()} == before
        finally:
            Path(made).chmod(0o755)
            keeper.close()
        assert states == ["unacknowledged", "returned", "returned"]


def test_what_is_no_store_is_refused(folder: Path) -> None:
    Path("text.sqlite").write_bytes(b"this is no database, but a text that is long enough to be looked at" * 20)
    text, newer = store("sqlite:///text.sqlite"), store("sqlite:///newer.sqlite")
    with pytest.raises(Refusal, match="cannot be used as a store"):
        text.load()
    text.close()
    engine = sqlalchemy.create_engine("sqlite:///newer.sqlite")
    tables.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.insert(tables.versions).values(version=99))
    engine.dispose()
    with pytest.raises(Refusal, match="newer acm_rs"):
        newer.load()
    newer.close()
