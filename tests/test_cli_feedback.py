"""``acm-rs feedback``: a model is told what people know better, and what it was told stands in its log."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from acm_rs import Monitor
from cli import FAULT, START, STEP, Run, files, plant, runner, write

FIRST = 1_600


@cache
def saved() -> bytes:
    return Monitor().fit(plant()[:FIRST].drop("Remark")).to_bytes()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("pump.acm").write_bytes(saved())
    write("new.csv", plant()[FIRST:])
    return runner(capsys)


def when(row: int) -> str:
    return (START + row * STEP).strftime("%Y-%m-%dT%H:%M")


def test_what_was_accepted_alarms_no_more_until_it_is_rolled_back(run: Run) -> None:
    span = f"{when(FAULT)}.."
    status, said, complained = run("feedback", "pump.acm", "new.csv", "--accept", span, "--by", "Huber", "--why", "oil")
    assert (status, complained) == (0, "")
    assert "1  accept: 200 rows were healthy" in said
    assert "[Huber, " in said
    assert files() == {"pump.acm", "new.csv"}
    _, said, _ = run("score", "pump.acm", "new.csv", "-o", "out.csv", "--json")
    assert json.loads(said)["alarms"] == []
    model = json.loads(said)["model"]
    assert model["changes"] == 1
    assert set(pl.read_csv("out.csv")["model"]) == {model["sha256"][:16]} == {Monitor.load("pump.acm").sha256_[:16]}
    status, said, _ = run("feedback", "pump.acm", "--rollback", "1", "--when", "2026-03-01 10:00")
    assert status == 0
    assert "2  rollback: undone: 1 (accept) [2026-03-01 10:00]" in said
    assert Monitor.load("pump.acm").sha256_ == Monitor.from_bytes(saved()).sha256_
    _, said, _ = run("score", "pump.acm", "new.csv", "--json")
    assert json.loads(said)["alarms"]


def test_exclude_rebase_and_budgets(run: Run) -> None:
    assert run("feedback", "pump.acm", "--exclude", f"..{when(99)}", "-o", "other.acm")[0] == 0
    assert Path("pump.acm").read_bytes() == saved()
    arguments = ("--rebase", "Bearing Temp", "--since", when(FAULT))
    assert run("feedback", "other.acm", "new.csv", *arguments)[0] == 0
    status, said, _ = run("feedback", "other.acm", "--false-alarm-rate", "0.02", "--json")
    assert status == 0
    told = json.loads(said)["log"]
    assert [line["what"] for line in told] == ["fit", "exclude", "rebase", "budget"]
    assert told[1]["told"].startswith("100 rows were taken out of the history")
    assert told[2]["told"].startswith("Bearing Temp reads 3.9")
    monitor = Monitor.load("other.acm")
    assert not monitor.score(plant()[FIRST:].drop("Remark")).alarms[FAULT - FIRST :].any()


def test_the_log_is_shown_and_nothing_written(run: Run) -> None:
    status, said, complained = run("feedback", "pump.acm")
    assert (status, complained) == (0, "")
    assert "0  fit: trained on 1,600 rows, 2026-01-01 00:00 to" in said
    assert Monitor.from_bytes(saved()).sha256_ in said
    assert Path("pump.acm").read_bytes() == saved()


@pytest.mark.parametrize(
    ("status", "says", "arguments"),
    [
        (2, "are two changes", ["--accept", "0..1", "--exclude", "0..1"]),
        (2, "--rebase SENSOR and --since TIME go together", ["--rebase", "Flow"]),
        (2, "--accept 'yesterday': 'yesterday' is no time", ["--accept", "yesterday"]),
        (2, "with --accept and --rebase alone", ["new.csv", "--exclude", "0..1"]),
        (2, "--output needs a change", ["-o", "other.acm"]),
        (1, "no change is in force", ["--rollback", "1"]),
        (1, "--rebase must be one that is watched, got 'Flaw'", ["new.csv", "--rebase", "Flaw", "--since", "2026"]),
        (1, "got none from", ["--accept", "2030-01-01..2030-01-02"]),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, status: int, says: str, arguments: list[str]) -> None:
    got, _, complained = run("feedback", "pump.acm", *arguments)
    assert got == status
    assert says in complained
    assert Path("pump.acm").read_bytes() == saved()
    assert files() == {"pump.acm", "new.csv"}


@pytest.mark.parametrize("dated", [True, False])
def test_a_calibration_that_a_fit_tells_is_confirmed_by_the_command_it_names(run: Run, dated: bool) -> None:
    frame = plant()[:FIRST].drop("Remark")
    sensor = "Bearing Temp"
    frame = frame.with_columns(pl.col(sensor) + 6.0 * (pl.int_range(pl.len()) >= 1_100))
    write("history.csv", frame if dated else frame.drop(frame.columns[0]))
    status, said, _ = run("fit", "history.csv", "-o", "new.acm")
    assert status == 0
    told = re.search(r"acm-rs feedback MODEL --rebase '([^']+)' --since (\S+|\"[^\"]+\")\)", " ".join(said.split()))
    assert told is not None
    assert told[1] == sensor
    since = told[2].strip('"')
    assert since == (when(1_100).replace("T", " ") if dated else "1100")
    status, said, _ = run("feedback", "new.acm", "--rebase", sensor, "--since", since)
    assert status == 0
    assert "as found in the history" in " ".join(said.split())
    assert not any("calibrated" in line for line in Monitor.load("new.acm").warnings_)
