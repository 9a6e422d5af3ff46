"""``acm-rs score``: a model and new readings in; alarms, a table, a report and JSON out."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from acm_rs import Monitor
from cli import FAULT, START, STEP, Run, files, plant, runner, write

FIRST = 1_600


@pytest.fixture(scope="module")
def model() -> bytes:
    monitor = Monitor().fit(plant()[:FIRST].drop("Remark"))
    monitor.metadata = {"asset": "Pump 3", "unit:Bearing Temp": "°C"}
    return monitor.to_bytes()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: bytes) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("pump.acm").write_bytes(model)
    write("new.csv", plant()[FIRST:])
    return runner(capsys)


def test_alarms_and_their_causes_are_printed(run: Run) -> None:
    status, said, complained = run("score", "pump.acm", "new.csv")
    assert (status, complained) == (0, "")
    assert files() == {"pump.acm", "new.csv"}
    assert "still running" in said
    begin = (START + FAULT * STEP).strftime("%Y-%m-%d")
    assert f"From {begin}" in said
    line = next(line for line in said.splitlines() if line.startswith(f"From {begin}"))
    assert "Bearing Temp reads" in line
    assert "°C" in line
    assert "Note: 40 rows at a standstill, which are not judged." in said


@pytest.mark.parametrize("output", ["out.csv", "out.parquet"])
def test_the_table_has_a_row_for_each_row(run: Run, output: str) -> None:
    status, said, _ = run("score", "pump.acm", "new.csv", "-o", output)
    assert status == 0
    assert f"scores  {output} (" in said
    table = pl.read_csv(output, try_parse_dates=True) if output.endswith("csv") else pl.read_parquet(output)
    result = Monitor.load("pump.acm").score(plant()[FIRST:].drop("Remark"))
    sensors = ["Load", "Flow", "Bearing Temp", "Current"]
    assert table.columns == [
        "TS",
        *("score", "limit", "alarm", "regime", "confidence", "model"),
        *(f"{name}_share" for name in sensors),
        *(f"{name}_expected" for name in sensors),
    ]
    assert table["TS"].to_list() == plant()["TS"][FIRST:].to_list()
    for name in ("score", "limit", "confidence"):
        assert np.array_equal(table[name].cast(pl.Float64).to_numpy(), result.score[name].to_numpy(), equal_nan=True)
    assert table["alarm"].to_list() == result.alarms.tolist()
    assert table["regime"].to_list() == result.score["regime"].to_list()
    assert set(table["model"]) == {result.model["sha256"][:16]}
    assert table["score"].null_count() == int(np.isnan(result.scores).sum()) > 0
    assert np.array_equal(table["Flow_share"].to_numpy(), result.shares[:, 1])
    assert np.array_equal(table["Flow_expected"].to_numpy(), result.expected_values[:, 1], equal_nan=True)


def test_a_report(run: Run) -> None:
    pytest.importorskip("plotly")
    status, said, _ = run("score", "pump.acm", "new.csv", "-o", "out.csv", "--report", "page.html")
    assert status == 0
    assert "report  page.html (" in said
    text = Path("page.html").read_text(encoding="utf-8")
    assert "Condition report: Pump 3" in text
    assert "Plotly.newPlot" in text


def test_quiet_says_nothing(run: Run) -> None:
    assert run("score", "pump.acm", "new.csv", "-q", "-o", "out.csv") == (0, "", "")
    assert run("score", "pump.acm", "new.csv", "-q", "--fail-on-alarm") == (3, "", "")
    assert run("score", "pump.acm", "none.csv", "-q")[2] == "acm-rs: none.csv: no such file\n"


def test_json_is_for_machines(run: Run) -> None:
    status, said, complained = run("score", "pump.acm", "new.csv", "--json", "-o", "out.parquet")
    assert (status, complained) == (0, "")
    assert said.isascii()
    told = json.loads(said)
    result = Monitor.load("pump.acm").score(plant()[FIRST:].drop("Remark"))
    read = told["input"]
    assert (read["path"], read["rows"], read["left_out"]) == ("new.csv", 500, {"Remark": "text"})
    assert read["notes"] == ["left out: 'Remark' (text)"]
    assert told["output"] == [
        {"what": "scores", "path": "out.parquet", "bytes": told["output"][0]["bytes"], "replaced": False}
    ]
    assert told["rows_in_alarm"] == int(result.alarms.sum())
    assert told["rows_not_judged"] == int(np.isnan(result.scores).sum())
    assert told["remarks"] == result.remarks
    assert told["files"] == {"scores": "out.parquet"}
    assert told["model"]["SHA-256 of what was learnt"] == result.monitor_card["SHA-256 of what was learnt"]
    assert [alarm["explanation"] for alarm in told["alarms"]] == result.explain()
    last = told["alarms"][-1]
    assert last["open"] is True
    assert last["start"] == (START + (FIRST + result.found[-1].start) * STEP).isoformat()
    culprit = last["culprits"][0]
    assert (culprit["sensor"], culprit["direction"], culprit["unit"]) == ("Bearing Temp", 1, "°C")
    assert culprit["reads"] - culprit["should_read"] > 2.0


def test_the_exit_status_tells_of_an_alarm_where_asked(run: Run) -> None:
    write("fine.csv", plant()[1_300:1_600])
    assert run("score", "pump.acm", "new.csv", "--fail-on-alarm")[0] == 3
    assert run("score", "pump.acm", "new.csv", "--fail-on-alarm", "--json")[0] == 3
    status, said, _ = run("score", "pump.acm", "fine.csv", "--fail-on-alarm")
    assert status == 0
    assert "No alarm in 2 d 1 h, 300 rows." in said
    assert "lie within the training" in said


def test_what_was_not_judged_is_not_fine(run: Run) -> None:
    still = plant()[605:645]
    write("still.csv", still)
    status, said, complained = run("score", "pump.acm", "still.csv", "--fail-on-alarm", "--report", "still.html")
    assert status == 1
    assert "Nothing was judged in 6 h 30 min, 40 rows: see the notes." in said
    assert "No alarm" not in said
    assert complained.startswith("acm-rs: still.csv: nothing was judged")
    assert '<p class="verdict doubt">Nothing was judged in 6 h 30 min (40 rows): see the notes.</p>' in Path(
        "still.html"
    ).read_text(encoding="utf-8")
    assert run("score", "pump.acm", "still.csv")[0] == 0
    write("some.csv", plant()[500:700])
    status, said, _ = run("score", "pump.acm", "some.csv", "--fail-on-alarm", "--json")
    rows = 200 - json.loads(said)["rows_not_judged"]
    assert status == 0
    assert 100 < rows <= 150
    assert f"No alarm in the {rows} rows judged (of 200)." in run("score", "pump.acm", "some.csv")[1]


def test_the_budget_of_one_run(run: Run, model: bytes) -> None:
    many, few = (
        json.loads(run("score", "pump.acm", "new.csv", "--json", *options)[1])
        for options in (["--far", "0.2"], ["--alarms-per-day", "0.01"])
    )
    assert many["rows_in_alarm"] > few["rows_in_alarm"] > 0
    assert many["model"]["budget"].startswith("20 % of healthy rows")
    assert few["model"]["budget"].startswith("0.01 alarms a day")
    assert Path("pump.acm").read_bytes() == model


def test_columns_are_matched_by_name(run: Run) -> None:
    frame = plant()[FIRST:]
    write("odd.csv", frame.select("Bearing Temp", "TS", "Load", "Flow").with_columns(New=pl.lit(1.0)))
    status, said, _ = run("score", "pump.acm", "odd.csv")
    assert status == 0
    assert "1 sensor is absent and counts as missing: 'Current'" in said
    assert "'New'" in said
    write("bare.csv", frame.select("TS", "Load"))
    status, said, complained = run("score", "pump.acm", "bare.csv", "-o", "out.csv")
    assert (status, said) == (1, "")
    assert "bare.csv: the table must have at least half of the 4 columns" in complained


def test_rows_without_times(run: Run) -> None:
    write("plain.parquet", plant()[FIRST:].drop("TS", "Remark"))
    told = json.loads(run("score", "pump.acm", "plain.parquet", "--json", "-o", "out.csv")[1])
    assert (told["from"], told["to"]) == (0, 499)
    assert told["alarms"][-1]["start"] >= FAULT - FIRST
    assert pl.read_csv("out.csv").columns[0] == "score"


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["none.acm", "new.csv"], 1, "none.acm: no such file"),
        (["new.csv", "pump.acm"], 1, "new.csv cannot be used as a model"),
        (["pump.acm", "none.csv"], 1, "none.csv: no such file"),
        (["pump.acm", "new.csv", "-o", "out.xlsx"], 2, "the output must end in .parquet or .csv"),
        (["pump.acm", "new.csv", "--report", "out.pdf"], 2, "the output must end in .html"),
        (["pump.acm", "new.csv", "-o", "new.csv"], 2, "new.csv is the input too"),
        (["pump.acm", "new.csv", "-o", "no/out.csv"], 1, "the folder no does not exist"),
        (["pump.acm", "new.csv", "--far", "1"], 2, "--false-alarm-rate must lie above 0 and below 0.5"),
        (["pump.acm", "new.csv", "-t", "Tme"], 2, "has no column 'Tme'"),
        ([".", "new.csv"], 1, ". is a folder, not a file"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, arguments: list[str], status: int, says: str) -> None:
    got, said, complained = run("score", *arguments)
    assert (got, said) == (status, "")
    assert says in complained
    assert files() == {"pump.acm", "new.csv"}


def test_a_damaged_model_is_refused(run: Run, model: bytes) -> None:
    damaged = bytearray(model)
    damaged[len(model) // 2] ^= 1
    Path("pump.acm").write_bytes(damaged)
    status, _, complained = run("score", "pump.acm", "new.csv")
    assert status == 1
    assert complained.startswith("acm-rs: pump.acm cannot be used as a model: the file is damaged")
    Path("pump.acm").write_text("a text")
    assert run("score", "pump.acm", "new.csv")[2].startswith(
        "acm-rs: pump.acm cannot be used as a model: this is no file of a Monitor; "
    )


def test_names_that_would_meet_are_refused(run: Run) -> None:
    frame = plant()[:600].select("TS", "Load", "Flow", pl.col("Current").alias("Load_share"))
    write("odd.csv", frame.rename({"TS": "score"}))
    assert run("fit", "odd.csv", "-o", "odd.acm", "-t", "score")[0] == 0
    status, _, complained = run("score", "odd.acm", "odd.csv", "-t", "score", "-o", "out.csv")
    assert status == 1
    assert "two columns of the output would be named 'score'" in complained
    assert "out.csv" not in files()


def test_without_plotly_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("plotly", "plotly.offline"):
        monkeypatch.setitem(sys.modules, name, None)
    status, _, complained = run("score", "pump.acm", "new.csv", "--report", "page.html", "-o", "out.csv")
    assert status == 2
    assert 'pip install "acm-rs[report]"' in complained
    assert files() == {"pump.acm", "new.csv"}


def test_an_interruption_says_what_is_written(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("plotly")
    arguments = ("score", "pump.acm", "new.csv", "-o", "out.csv", "--report", "page.html")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", interrupted)
        assert run(*arguments) == (130, "", "acm-rs: interrupted; only out.csv is written\n")
    assert files() == {"pump.acm", "new.csv", "out.csv"}
    Path("out.csv").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(Monitor, "score", interrupted)
        assert run(*arguments) == (130, "", "acm-rs: interrupted, nothing written\n")
    assert files() == {"pump.acm", "new.csv"}
