"""acm-rs alarms as people use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli import Run, runner
from live import later, model, text_of

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACM_RS_STORE", "pump.alarms.sqlite")
    Path("pump.acm").write_bytes(model())
    Path("new.csv").write_bytes(text_of(later()))
    call = runner(capsys)
    assert call("watch", "pump.acm", "new.csv", "--once", "-q", "--store", "sqlite")[0] == 0
    return call


def alarms(run: Run, *arguments: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run("alarms", "list", "--json", *arguments)[1])["alarms"]
    return found


def test_alarms_are_listed_shown_and_handled(run: Run) -> None:
    status, said, _ = run("alarms", "list")
    assert status == 0
    lines = said.splitlines()
    assert [line.split()[1] for line in lines[1:4]] == ["unacknowledged", "returned", "returned"]
    assert lines[-1] == "1 unacknowledged, 2 returned"
    newest = str(alarms(run)[0]["episode"])
    assert run("alarms", "ack", newest[:5], "--by", "Huber", "--why", "seen")[:2] == (0, f"{newest} is acknowledged\n")
    assert alarms(run, "--state", "acknowledged")[0]["acknowledged"]["by"] == "Huber"  # type: ignore[index]
    assert run("alarms", "comment", newest, "black grease", "--by", "Maier")[:2] == (0, "")
    status, said, _ = run("alarms", "shelve", newest, "--for", "8h", "--why", "known", "--by", "Huber")
    assert status == 0
    assert said.startswith("shelved 1: Bearing Temp of Pump 3, ")
    assert said.endswith(" UTC, by Huber: known\n")
    assert alarms(run, "--state", "shelved")[0]["episode"] == newest
    assert said.strip() in run("alarms", "list")[1]
    _, shown, _ = run("alarms", "show", newest)
    assert shown.startswith("From 2026-01-14 05:00 on, still running: Bearing Temp reads")
    for words in ("state       shelved", "told        opened 2026-01-14 05:00", "comment by Maier", "ack by Huber"):
        assert words in shown
    details = json.loads(run("alarms", "show", newest, "--json")[1])
    assert details["sensors"][0]["sensor"] == "Bearing Temp"
    assert [deed["what"] for deed in details["deeds"]] == ["ack", "comment", "shelve"]
    assert details["events"][0]["what"] == "opened"
    assert run("alarms", "unshelve", "1")[:2] == (0, "shelved 1 has ended\n")
    span = ("--from", "2026-01-14T00:00", "--to", "2026-01-15T00:00", "--why", "seal")
    assert run("alarms", "maintain", "Pump 3", *span)[1].startswith("maintenance 2: all sensors of Pump 3, 2026-01-14 ")
    assert alarms(run, "--state", "out of service")[0]["episode"] == newest
    rest = [str(one["episode"]) for one in alarms(run, "--state", "returned")]
    run("alarms", "ack", *rest)
    assert run("alarms", "list", "--watch", "Pump 3", "--state", "returned")[1].startswith("none of 3 alarms")
    assert len(alarms(run, "--all")) == 3


def test_what_is_wrong_is_refused_in_a_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, status, words in (
        (("list", "--state", "loud"), 2, "--state must be one of unacknowledged"),
        (("list", "--store", "nowhere.sqlite"), 1, "nowhere.sqlite: no such file"),
        (("list", "--store", "new.csv"), 1, "new.csv cannot be used as a store"),
        (("show", "zzzzzz"), 1, "holds no alarm 'zzzzzz'"),
        (("shelve", "zzzzzz", "--for", "long", "--why", "x"), 2, "--for must be a duration"),
        (("unshelve", "7"), 1, "has no shelf 7 in force"),
        (("maintain", "Pump 3", "--from", "noon", "--to", "night", "--why", "x"), 2, "--from must be a time"),
        (
            ("maintain", "Pump 3", "--from", "9999-12-31T23:59-12:00", "--to", "9999-12-31", "--why", "x"),
            2,
            "--from must",
        ),
        (
            ("maintain", "Pump 3", "--from", "0001-01-01", "--to", "0001-01-01T00:00+12:00", "--why", "x"),
            2,
            "--to must",
        ),
        (("maintain", "Pump 3", "--from", "2024-03-31T00:00+02:00", "--to", "2024-04-01", "--why", "x"), 2, "no zone"),
        (("unshelve", "99999999999999999999999"), 1, "has no shelf 99999999999999999999999 in force; it has none"),
        (("shelve", "zzzzzz", "--for", "0s", "--why", "x"), 2, "--for must be longer than 0s"),
        (("shelve", "zzzzzz", "--for", "8h", "--why", " "), 2, "--why must say something"),
        (("list", "--watch", "nope"), 1, "has no watch 'nope'; it has 'Pump 3'"),
        ((), 2, "Missing command"),
    ):
        got, said, complained = run("alarms", *arguments)
        assert (got, said) == (status, "")
        assert words in complained
    assert not Path("nowhere.sqlite").exists()
    monkeypatch.delenv("ACM_RS_STORE")
    assert "name the store" in run("alarms", "list")[2]


def test_a_store_and_a_state_file_are_not_both_named(run: Run) -> None:
    got, _, complained = run("watch", "pump.acm", "new.csv", "--once", "--state", "x")
    assert got == 2
    assert "leave one of them out" in complained
