"""``acm-rs explain``, ``report``, ``backtest`` and ``compare``: a model looked at from outside."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from acm_rs import Monitor, backtest, compare
from cli import FAULT, START, STEP, Run, files, plant, runner, write

FIRST = 1_600


@cache
def _model() -> bytes:
    monitor = Monitor().fit(plant()[:FIRST].drop("Remark"))
    monitor.metadata = {"unit:Bearing Temp": "°C"}
    return monitor.to_bytes()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("pump.acm").write_bytes(_model())
    write("new.csv", plant()[FIRST:])
    Path("events.csv").write_text(f"Start,End,Name\n{_at(FAULT)},{_at(2_050)},bearing\n{_at(1_800)},,visit\n")
    return runner(capsys)


def _at(row: int) -> str:
    return (START + row * STEP).strftime("%Y-%m-%d %H:%M")


GIVEN = {"pump.acm", "new.csv", "events.csv"}


# ---- explain --------------------------------------------------------------------------------------------------------


def test_a_moment_is_explained(run: Run) -> None:
    status, said, complained = run("explain", "pump.acm", "new.csv", "--at", _at(2_000), "--at", "110")
    assert (status, complained) == (0, "")
    assert files() == GIVEN
    lines = said.splitlines()
    assert lines[0] == f"{_at(2_000)} (row 400): running."
    assert lines[1].startswith(f"In alarm since {_at(FAULT)[:10]}")
    assert lines[3].startswith("  Bearing Temp, ")
    assert "°C" in lines[3]
    assert lines[3].endswith("deviations too high)")
    assert lines[-2:] == [f"{_at(1_710)} (row 110): standstill.", "Not judged: the machine stands still."]
    told = json.loads(run("explain", "pump.acm", "new.csv", "--at", "-1", "--json")[1])
    [moment] = told["moments"]
    result = Monitor.load("pump.acm").score(plant()[FIRST:].drop("Remark"))
    assert moment["row"] == 499
    assert moment["score"] == result.scores[-1]
    assert moment["explanation"] == result.at(-1).sentences
    assert moment["sensors"][0]["sensor"] == "Bearing Temp"
    assert moment["sensors"][0]["reads"] == result.values[-1, 2]


def test_a_year_is_a_row_where_there_are_no_times(run: Run) -> None:
    write("plain.parquet", plant().drop("TS", "Remark"))
    assert run("explain", "pump.acm", "plain.parquet", "--at", "2026")[1].startswith("row 2026: running.")
    assert run("explain", "pump.acm", "new.csv", "--at", "2026")[1].startswith(f"{_at(FIRST)} (row 0)") is False


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["pump.acm", "new.csv"], 2, "Missing option '--at'"),
        (["pump.acm", "new.csv", "--at", "2030-01-01"], 1, "new.csv: --at must lie within the times of the rows"),
        (["pump.acm", "new.csv", "--at", "soon"], 1, "new.csv: --at must be a time such as '2026-02-10 06:00'"),
        (["pump.acm", "new.csv", "--at", "500"], 1, "--at must be one of the rows 0 to 499"),
        (["new.csv", "new.csv", "--at", "1"], 1, "new.csv cannot be used as a model"),
    ],
)
def test_a_moment_that_is_not_there(run: Run, arguments: list[str], status: int, says: str) -> None:
    got, said, complained = run("explain", *arguments)
    assert (got, said) == (status, "")
    assert says in complained


# ---- report ---------------------------------------------------------------------------------------------------------


def test_a_report_alone(run: Run) -> None:
    pytest.importorskip("plotly")
    status, said, _ = run("report", "pump.acm", "new.csv", "-o", "page.html")
    assert status == 0
    assert "report  page.html (" in said
    assert run("score", "pump.acm", "new.csv", "--report", "same.html", "-q")[0] == 0
    assert Path("page.html").read_bytes() == Path("same.html").read_bytes()
    assert run("report", "pump.acm", "new.csv", "-o", "page.pdf")[0] == 2
    assert run("report", "pump.acm", "new.csv")[0] == 2
    assert files() == GIVEN | {"page.html", "same.html"}


# ---- backtest -------------------------------------------------------------------------------------------------------


def test_a_model_is_tried_on_known_events(run: Run) -> None:
    write("history.csv", plant())
    status, said, complained = run("backtest", "pump.acm", "history.csv", "--events", "events.csv", "--before", "2h")
    assert (status, complained) == (0, "")
    assert files() == GIVEN | {"history.csv"}
    monitor = Monitor.load("pump.acm")
    events = [(_at(FAULT), _at(2_050), "bearing"), (_at(1_800), None, "visit")]
    tried = backtest(plant().drop("Remark"), events, monitor, before="2h")
    assert tried.counts_text() in said
    assert tried.advice in said
    assert "Note: 1,600 rows up to the end of the training are not judged." in said
    assert "Monitor, trained on 1,600 rows" in said
    lines = [line.split() for line in said.splitlines()]
    assert ["0.1", "%", "1", "of", "2", "1"] in [line[:6] for line in lines]
    visit, bearing = (line for line in said.splitlines() if line.startswith("2026-"))
    assert visit.startswith(f"{_at(1_800)} visit")
    assert visit.split()[3:] == ["missed"] * 5
    assert bearing.endswith("Bearing Temp")
    assert " after " in bearing
    told = json.loads(run("backtest", "pump.acm", "history.csv", "-e", "events.csv", "--before", "2h", "--json")[1])
    assert told["model"] == "pump.acm"
    assert [one["found"] for one in told["budgets"]] == [one.found for one in tried.budgets] == [1] * 5
    assert [one["lead"] for one in told["budgets"]] == [one.lead / 1e9 for one in tried.budgets if one.lead is not None]
    assert told["events"][0] == {"name": "visit", "start": _iso(1_800), "end": _iso(1_800)}
    assert told["budgets"][2]["events"][1]["culprit"] == "Bearing Temp"


def _iso(row: int) -> str:
    return (START + row * STEP).isoformat()


def test_a_history_alone_is_learnt_on_the_way(run: Run) -> None:
    write("history.csv", plant())
    options = ["--parts", "3", "--budgets", "0.001,0.05", "--drivers", "Load"]
    arguments = ["backtest", "history.csv", "-e", "events.csv", *options, "-o", "outcomes.csv"]
    status, said, complained = run(*arguments)
    assert (status, complained) == (0, "")
    assert f"Learnt from 2026-01-01 00:00 to {_at(699)} (700 rows), for the rows {_at(700)} to {_at(1_399)}." in said
    assert "table  outcomes.csv" in said
    table = pl.read_csv("outcomes.csv", try_parse_dates=True)
    events = [(_at(FAULT), _at(2_050), "bearing"), (_at(1_800), None, "visit")]
    tried = backtest(plant().drop("Remark"), events, Monitor(drivers=["Load"]), budgets=[0.001, 0.05], parts=3)
    wanted = tried.outcomes
    assert table.columns == ["event", "start", "end", "budget", "outcome", "first", "lead_seconds", "culprit"]
    assert table["event"].to_list() == ["visit", "bearing"] * 2
    assert table["outcome"].to_list() == wanted["outcome"].to_list()
    leads = [None if lead is None else lead.total_seconds() for lead in wanted["lead"].to_list()]
    assert table["lead_seconds"].to_list() == leads
    assert leads[1] is not None


def test_readings_without_dates_have_events_by_row(run: Run) -> None:
    write("plain.parquet", plant()[FIRST:].drop("TS", "Remark"))
    Path("rows.csv").write_text("start,end\n300,450\n")
    arguments = ["backtest", "pump.acm", "plain.parquet", "-e", "rows.csv", "--budgets", "0.01", "--json"]
    told = json.loads(run(*arguments, "--before", "20")[1])
    [budget] = told["budgets"]
    assert budget["found"] == 1
    assert -40 < budget["lead"] <= 20
    assert "false_alarms_in_1000_rows" in budget
    assert "have no dates: --before takes a number of rows" in run(*arguments, "--before", "2h")[2]
    assert "start and end must be row numbers from 0, got" in run(*arguments[:4], "events.csv")[2]


def test_events_without_rows_are_told(run: Run) -> None:
    Path("none.csv").write_text("start,end,name\n")
    status, _, complained = run("backtest", "pump.acm", "new.csv", "-e", "none.csv")
    assert status != 0
    assert "none.csv has no rows, and so no events" in complained


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("start,end,name\n2026-01-14,2026-01-14,x\n", "2026-01-14T00:00:00", "2026-01-14T23:59:59"),
        ("START;END\n14.01.2026;14.01.2026 06:00\n", "2026-01-14T00:00:00", "2026-01-14T06:00:00"),
        ("start,end\n01/13/2026 06:00,01/14/2026\n", "2026-01-13T06:00:00", "2026-01-14T23:59:59"),
        ("start\n2026-01-14 05:00\n", "2026-01-14T05:00:00", "2026-01-14T05:00:00"),
        ("name,start,end\nx,2026-01-14,\n", "2026-01-14T00:00:00", "2026-01-14T23:59:59"),
    ],
)
def test_events_as_people_write_them(run: Run, text: str, start: str, end: str) -> None:
    Path("events.csv").write_text(text)
    _, said, complained = run("backtest", "pump.acm", "new.csv", "-e", "events.csv", "--budgets", "0.01", "--json")
    assert complained == ""
    [event] = json.loads(said)["events"]
    assert (event["start"], event["end"]) == (start, end)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["new.csv"], 2, "Missing option '--events'"),
        (["pump.acm", "-e", "events.csv"], 2, "pump.acm is a model: name the history behind it"),
        (["new.csv", "-e", "none.csv"], 1, "none.csv: no such file"),
        (["new.csv", "-e", "new.csv"], 1, "new.csv must have a column start"),
        (["new.csv", "-e", "bad.csv"], 1, "bad.csv, row 2"),
        (["new.csv", "-e", "turned.csv"], 1, "turned.csv, row 2: the event ends before it starts"),
        (["new.csv", "-e", "events.csv", "--before", "soon"], 1, "--before must be a duration such as '12h' or '7d'"),
        (["new.csv", "-e", "events.csv", "--budgets", "0.01,2"], 2, "--budgets must be shares above 0 and below 0.5"),
        (["pump.acm", "new.csv", "-e", "events.csv", "--drivers", "Load"], 2, "the model has its own"),
        (["new.csv", "-e", "events.csv", "--drivers", "Lod"], 2, "has no column 'Lod'"),
        (["new.csv", "-e", "events.csv", "--parts", "9"], 1, "fewer --parts leave more"),
        (["new.csv", "-e", "events.csv", "-o", "events.csv"], 2, "events.csv is the input too"),
        (["new.csv", "-e", "events.csv", "--json", "-o", "-"], 2, "cannot both be printed"),
    ],
)
def test_what_cannot_be_tried_is_said(run: Run, arguments: list[str], status: int, says: str) -> None:
    Path("bad.csv").write_text("start,end\nsoon,later\n")
    Path("turned.csv").write_text("start,end\n2026-01-14,2026-01-12\n")
    got, said, complained = run("backtest", *arguments)
    assert says in complained
    assert (got, said) == (status, "")
    assert files() == GIVEN | {"bad.csv", "turned.csv"}


# ---- compare --------------------------------------------------------------------------------------------------------


def test_two_models_side_by_side(run: Run) -> None:
    new = Monitor().fit(plant()[:1_000].drop("Remark"))
    new.save("later.acm")
    status, said, complained = run("compare", "pump.acm", "later.acm", "new.csv", "-o", "changes.csv")
    assert (status, complained) == (0, "")
    found = compare(Monitor.load("pump.acm"), new, plant()[FIRST:].drop("Remark"))
    assert said.startswith(found.verdict)
    assert "table  changes.csv" in said
    stays = [line for line in said.splitlines() if line.startswith("stays")]
    assert len(stays) == found.count("stays") > 0
    assert "Bearing Temp +" in stays[-1]
    table = pl.read_csv("changes.csv")
    assert table["change"].to_list() == [one.what for one in found.changes]
    told = json.loads(run("compare", "pump.acm", "later.acm", "new.csv", "--json")[1])
    assert (told["stay"], told["go"], told["come"]) == tuple(map(found.count, ("stays", "goes", "comes")))
    assert told["rows_in_alarm"] == found.rows
    assert told["alarms"][-1]["end"] == _iso(2_099)
    assert told["old"]["SHA-256 of what was learnt"] != told["new"]["SHA-256 of what was learnt"]
    status, _, complained = run("compare", "pump.acm", "none.acm", "new.csv")
    assert (status, complained) == (1, "acm-rs: none.acm: no such file\n")


@pytest.mark.parametrize("command", ["explain", "report", "backtest", "compare"])
def test_help_teaches_with_an_example(run: Run, command: str) -> None:
    status, said, _ = run(command, "--help")
    assert status == 0
    assert f"acm-rs {command} " in said.partition("Example")[2]


def test_an_interruption_leaves_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Monitor, "score", interrupted)
    for arguments in (
        ["explain", "pump.acm", "new.csv", "--at", "1"],
        ["report", "pump.acm", "new.csv", "-o", "page.html"],
        ["backtest", "pump.acm", "new.csv", "-e", "events.csv", "-o", "out.csv"],
        ["compare", "pump.acm", "pump.acm", "new.csv", "-o", "out.csv"],
    ):
        assert run(*arguments) == (130, "", "acm-rs: interrupted, nothing written\n")
    assert files() == GIVEN
