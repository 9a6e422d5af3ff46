"""``acm-rs fit``: a healthy history in, a model out, and everything that is refused."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from acm_rs import Monitor
from acm_rs.cli import main
from cli import FAULT, START, STEP, Run, files, plant, runner, write


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    write("healthy.csv", plant()[:1_600])
    return runner(capsys)


def test_it_learns_and_says_from_what(run: Run) -> None:
    status, said, complained = run("fit", "healthy.csv", "-o", "pump.acm", "--asset", "Pump 3", "--drivers", "Load")
    assert (status, complained) == (0, "")
    assert files() == {"healthy.csv", "pump.acm"}
    monitor = Monitor.load("pump.acm")
    assert monitor.metadata == {"asset": "Pump 3", "history": "healthy.csv"}
    assert monitor.drivers == ("Load",)
    assert monitor.sensors_ == ("Flow", "Bearing Temp", "Current")
    for text in (
        "rows     1,600",
        "left out: 'Remark' (text)",
        "Monitor for Pump 3, trained on 1,600 rows, 2026-01-01 00:00 to 2026-01-12 02:30, every 10 min",
        "standstill (50 rows), which is not judged",
        "1 % of healthy rows in alarm",
        "model  pump.acm (",
        "acm-rs score pump.acm NEW",
    ):
        assert text in said
    assert "`" not in said
    status, said, _ = run("fit", "healthy.csv", "-o", "pump.acm")
    assert "replaced" in said
    assert "name them with --drivers" in said


def test_the_file_is_what_python_makes_of_the_frame(run: Run) -> None:
    assert run("fit", "healthy.csv", "-o", "a.acm", "--false-alarm-rate", "0.02")[0] == 0
    here = Monitor(false_alarm_rate=0.02).fit(plant()[:1_600].drop("Remark"))
    there = Monitor.load("a.acm")
    later = plant()[1_600:].drop("Remark")
    assert here.false_alarm_rate == there.false_alarm_rate == 0.02
    assert here.score(later).score.equals(there.score(later).score)


def test_alarms_a_day(run: Run) -> None:
    assert run("fit", "healthy.csv", "-o", "a.acm", "--alarms-per-day", "0.1")[0] == 0
    assert Monitor.load("a.acm").alarms_per_day == 0.1


@pytest.mark.parametrize(
    ("spans", "rows"),
    [
        (["2026-01-02..2026-01-08"], 7 * 144),
        (["..2026-01-05T00:00"], 4 * 144 + 1),
        (["2026-01-05 06:00.."], 1_600 - 4 * 144 - 36),
        (["2026-01-01..2026-01-04", "2026-01-07..2026-01-08"], 6 * 144),
        (["100..899"], 800),
        (["..1199"], 1_200),
    ],
)
def test_healthy_spans(run: Run, spans: list[str], rows: int) -> None:
    options = [part for span in spans for part in ("--healthy", span)]
    status, said, _ = run("fit", "healthy.csv", "-o", "a.acm", *options)
    assert status == 0
    assert f"trained on {rows:,} rows" in said


def test_a_history_without_times(run: Run) -> None:
    write("plain.parquet", plant()[:1_000].drop("TS", "Remark"))
    status, said, _ = run("fit", "plain.parquet", "-o", "a.acm", "--healthy", "0..899")
    assert status == 0
    assert "trained on 900 rows, without times" in said
    assert "trained on 901 rows" in run("fit", "plain.parquet", "-o", "a.acm", "--healthy", "..900")[1]
    assert run("fit", "plain.parquet", "-o", "a.acm", "--healthy", "2026-01-02..")[::2] == (
        2,
        "acm-rs: plain.parquet has no dates: --healthy takes row numbers, such as 0..5000\n",
    )
    status, _, complained = run("fit", "plain.parquet", "-o", "b.acm", "--alarms-per-day", "1")
    assert status == 1
    assert "--alarms-per-day needs times" in complained
    assert "b.acm" not in files()


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["nowhere.csv", "-o", "a.acm"], 1, "nowhere.csv: no such file"),
        (["healthy.csv", "-o", "no/a.acm"], 1, "the folder no does not exist"),
        (["healthy.csv", "-o", "healthy.csv"], 2, "healthy.csv is the input too"),
        (["healthy.csv", "-o", "a.acm", "--drivers", "Laod"], 2, "has no column 'Laod'; did you mean 'Load'?"),
        (
            ["healthy.csv", "-o", "a.acm", "--far", "0.7"],
            2,
            "--false-alarm-rate must lie above 0 and below 0.5, got 0.7",
        ),
        (
            ["healthy.csv", "-o", "a.acm", "--healthy", "2026-01-05..2026-01-03"],
            1,
            "--healthy must be from an earlier row or time to a later one, got from 2026-01-05 to 2026-01-03",
        ),
        (
            ["healthy.csv", "-o", "a.acm", "--healthy", "2030-01-05..2030-02-01"],
            1,
            "got none from 2030-01-05 to 2030-02-01; the history reaches from 2026-01-01 00:00 to 2026-01-12 02:30",
        ),
        (["healthy.csv", "-o", "a.acm", "--healthy", "1650..1690"], 1, "from 1650 to 1690; the history has 1,600 rows"),
        (["healthy.csv", "-o", "a.acm", "--healthy", "2030-01-05.."], 1, "got none from 2030-01-05 on; the history"),
        (["healthy.csv", "-o", "a.acm", "--healthy", "..2020-01-05"], 1, "got none up to 2020-01-05; the history"),
        (["healthy.csv", "-o", "a.acm", "--far", "nan"], 2, "--false-alarm-rate must lie above 0"),
        (["healthy.csv", "-o", "a.acm", "--alarms-per-day", "0"], 2, "--alarms-per-day must be above 0, got 0"),
        (["healthy.csv", "-o", "a.acm", "--far", "0.1", "--alarms-per-day", "1"], 2, "two budgets"),
        (["healthy.csv", "-o", "a.acm", "--healthy", "january"], 2, "'january' is no time"),
        (["healthy.csv", "-o", "a.acm", "--healthy", ".."], 2, "--healthy must be FROM..TO"),
        (["healthy.csv", "-o", "a.acm", "--healthy", "2026-01-02"], 2, "--healthy must be FROM..TO"),
        (["healthy.csv", "-o", "a.acm", "--healthy", "2031-01-01.."], 1, "--healthy must leave rows to learn from"),
        (["healthy.csv", "-o", "a.acm", "--healthy", "0..40"], 1, "at least 80 healthy rows"),
        (
            ["healthy.csv", "-o", "a.acm", "--drivers", "Load,Flow,Bearing Temp,Current"],
            1,
            "the table must have a sensor to watch",
        ),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, arguments: list[str], status: int, says: str) -> None:
    got, said, complained = run("fit", *arguments)
    assert (got, said) == (status, "")
    assert says in complained
    assert "`" not in complained
    assert files() == {"healthy.csv"}


def test_an_old_model_stays_where_a_fit_fails(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.acm").write_bytes(b"old")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Monitor, "fit", interrupted)
        assert run("fit", "healthy.csv", "-o", "a.acm") == (130, "", "acm-rs: interrupted, nothing written\n")

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        status, _, complained = run("fit", "healthy.csv", "-o", "a.acm")
    assert (status, complained) == (1, "acm-rs: a.acm cannot be written: No space left on device\n")
    assert Path("a.acm").read_bytes() == b"old"
    assert files() == {"healthy.csv", "a.acm"}


def test_zoned_times_and_dates_alone(run: Run) -> None:
    zoned = plant()[:600].with_columns(pl.col("TS").dt.replace_time_zone("UTC"))
    write("zoned.parquet", zoned)
    assert run("fit", "zoned.parquet", "-o", "a.acm")[0] == 0
    days = plant()[:500].with_columns(pl.Series("TS", [(START + i * 144 * STEP).date() for i in range(500)]))
    write("days.parquet", days)
    status, said, _ = run("fit", "days.parquet", "-o", "a.acm")
    assert status == 0
    assert "every 1 d" in said
    assert FAULT > 1_600


def test_json_is_for_machines(run: Run) -> None:
    status, said, complained = run("fit", "healthy.csv", "-o", "pump.acm", "--json")
    assert (status, complained) == (0, "")
    told = json.loads(said)
    monitor = Monitor.load("pump.acm")
    assert told["watched"] == list(monitor.sensors_)
    assert told["output"] == {"path": "pump.acm", "bytes": Path("pump.acm").stat().st_size, "replaced": False}
    assert told["input"]["rows"] == 1_600
    assert told["input"]["left_out"] == {"Remark": "text"}
    assert len(told["warnings"]) == len(monitor.warnings_)
    assert not any("`" in line for line in told["warnings"] + told["summary"])
    assert run("fit", "healthy.csv", "-o", "pump.acm", "-q") == (0, "", "")


@pytest.mark.parametrize(
    ("span", "first", "last"),
    [
        ("2026-01-02..2026-01-09", "2026-01-01 23:00", "2026-01-09 22:50"),
        ("2026-01-02 06:00..2026-01-09 06:00", "2026-01-02 05:00", "2026-01-09 05:00"),
        ("2026-01-02 06:00+02..2026-01-09 06:00 UTC", "2026-01-02 04:00", "2026-01-09 06:00"),
        ("2026-01-02..", "2026-01-01 23:00", "2026-01-12 01:30"),
    ],
)
def test_spans_are_of_the_time_zone_that_the_option_names(run: Run, span: str, first: str, last: str) -> None:
    zone = "Europe/Berlin"
    for given in (zone, "+01:00"):
        status, said, complained = run(
            "fit", "healthy.csv", "-o", "a.acm", "--timezone", given, "--healthy", span, "--json"
        )
        assert (status, complained) == (0, "")
        assert f"{first} to {last} UTC" in " ".join(json.loads(said)["summary"])
    # The history and rows beside it are of that zone too.
    one = ["feedback", "a.acm", "-o", "b.acm", "--exclude", "2026-01-05 06:00..2026-01-05 07:00"]
    assert "7 rows were taken out of the history (2026-01-05 05:00 to 2026-01-05 06:00 UTC)" in run(
        *one, "--timezone", zone
    )[1].replace("\n", " ")
    assert "2026-01-05 06:00 to 2026-01-05 07:00 UTC)" in run(*one)[1]
    at = ["explain", "a.acm", "healthy.csv", "--timezone", zone, "--at"]
    assert run(*at, "2026-01-07 06:00")[1].startswith("2026-01-07 05:00 UTC")
    assert run(*at, "2026-01-07 06:00Z")[1].startswith("2026-01-07 06:00 UTC")


def test_spans_that_are_none(run: Run) -> None:
    fit = ["fit", "healthy.csv", "-o", "a.acm", "--healthy"]
    status, _, complained = run(*fit, "2026-03-29 02:30..", "--timezone", "Europe/Berlin")
    assert (status, complained.count("\n")) == (2, 1)
    assert "--healthy: 2026-03-29 02:30 is not there in Europe/Berlin: the clocks go forward then" in complained
    status, _, complained = run(*fit, "2026-01-02 00:00+01:00..2026-01-09")
    assert (status, complained.count("\n")) == (1, 1)
    assert "says a zone, and the times of the rows have none; leave it out" in complained
    assert run(*fit, "2026-01-02 06:00+25:99..")[0] == 2
    assert files() == {"healthy.csv"}


def valves() -> pl.DataFrame:
    """A valve of four places, and a code of its own in a sensor."""
    frame, random = plant()[:1_600], np.random.default_rng(1)
    places = np.repeat(random.integers(0, 4, 1_600 // 40), 40).astype(float)
    current = frame["Current"].to_numpy().copy()
    current[random.random(1_600) < 0.005] = 64.0
    return frame.with_columns(pl.Series("Valve 'A'=1", places * 0.5 + 0.25), pl.Series("Current", current))


def with_status(words: tuple[str, str], name: str) -> pl.DataFrame:
    """A motor that runs and stands, and what is written of it."""
    frame = valves()
    runs = np.arange(frame.height) // 80 % 2 == 0
    motor = np.where(runs, frame["Current"].to_numpy(), 0.01 * np.arange(frame.height) % 0.3)
    return frame.select("TS", "Load", "Flow", "Bearing Temp", "Current").with_columns(
        pl.Series("Motor", motor), pl.Series(name, np.where(runs, *words))
    )


@pytest.mark.parametrize(
    ("words", "name", "used"),
    [
        (("Running", "Stopped"), "Motor status", True),
        (("ein", "aus"), "Motor.Status", True),
        (("OK", "Fault"), "Motor status", False),
        (("On", "Off"), "Motor Alarm", False),
    ],
)
def test_words_of_what_a_machine_does_are_states_whatever_their_column_is_called(
    run: Run, words: tuple[str, str], name: str, used: bool
) -> None:
    write("status.csv", with_status(words, name))
    assert run("fit", "status.csv", "-o", "a.acm")[0] == 0
    monitor = Monitor.load("a.acm")
    assert (name not in monitor.left_out_) == used
    assert monitor.kinds == ({name: "state"} if used else {})
    assert run("fit", "status.csv", "-o", "a.acm", "--kind", f"{name}=ignore")[0] == 0
    assert Monitor.load("a.acm").kinds == {name: "ignore"}


def test_warnings_name_what_can_be_typed(run: Run) -> None:
    write("valves.csv", valves())
    status, said, _ = run("fit", "valves.csv", "-o", "a.acm")
    assert status == 0
    assert "kinds=" not in said
    typed = shlex.quote("Valve 'A'=1=continuous")
    assert f"taken for a set point, not watched; --kind {typed} watches it" in said
    assert "kinds=" not in " ".join(json.loads(run("fit", "valves.csv", "-o", "a.acm", "--json")[1])["summary"])
    status, said, _ = run(
        "fit", "valves.csv", "-o", "a.acm", *shlex.split(f"--kind {typed}"), "--limits", "Current=..60"
    )
    assert status == 0
    monitor = Monitor.load("a.acm")
    assert monitor.kinds == {"Valve 'A'=1": "continuous"}
    assert monitor.limits == {"Current": (-np.inf, 60.0)}
    assert "Valve 'A'=1" in monitor.sensors_


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            ("--kind", "Valv=state"),
            "healthy.csv has no column 'Valv'; it has 'Load', 'Flow', 'Bearing Temp', 'Current'",
        ),
        (("--kind", "flow=state"), "healthy.csv has no column 'flow'; did you mean 'Flow'?"),
        (
            ("--kind", "Flow=staet"),
            "--kind 'Flow=staet': 'staet' is no kind; did you mean state? There are continuous,",
        ),
        (("--kind", "Flow=7"), "'7' is no kind; there are continuous, state, set-point, counter and ignore"),
        (("--kind", "Flow"), "--kind must be NAME=KIND, such as Valve=state, got 'Flow'"),
        (("--limits", "Flow=3"), "--limits must be NAME=LOW..HIGH, such as Oil=-40..150 or Oil=0.., got 'Flow=3'"),
        (("--limits", "Flow=9..3"), "--limits 'Flow=9..3': the lower end comes first"),
        (("--limits", "Flow=a..3"), "--limits 'Flow=a..3': 'a' is no number"),
        (("--limits", "Flow=..inf"), "leave out the end where there is no limit"),
        (("--limits", "flow=..3"), "healthy.csv has no column 'flow'; did you mean 'Flow'?"),
    ],
)
def test_kinds_and_limits_that_are_none_are_refused(run: Run, given: tuple[str, str], told: str) -> None:
    status, said, complained = run("fit", "healthy.csv", "-o", "a.acm", *given)
    assert (status, said) == (2, "")
    assert told in complained
    assert not Path("a.acm").exists()


def test_what_a_score_tells_can_be_typed_too(run: Run) -> None:
    run("fit", "healthy.csv", "-o", "a.acm")
    later = plant()[1_600:1_890]
    current = later["Current"].to_numpy().copy()
    current[[20, 60, 90, 130, 250]] = 64.0
    write("later.csv", later.with_columns(pl.Series("Current", current)))
    pytest.importorskip("plotly")
    _, said, _ = run("score", "a.acm", "later.csv", "--report", "a.html")
    assert "as in acm-rs fit ... --limits Current=LOW..HIGH; until then it alarms" in said
    assert "limits={" not in said + Path("a.html").read_text(encoding="utf-8")
    assert "--limits Current=LOW..HIGH" in Path("a.html").read_text(encoding="utf-8")


def test_wrong_inputs_are_told_with_what_to_do(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("fit", "healthy.csv", "-o", "a.acm")
    assert run("fit", "a.acm", "-o", "b.acm")[2].endswith("a.acm is a model that acm-rs fit has written, not a table\n")
    assert "(acm-rs fit --help shows how)" in run("fit", "healthy.csv")[2]
    assert "(acm-rs fleet fit --help shows how)" in run("fleet", "fit")[2]
    assert "(acm-rs --help shows how)" in run("fti")[2]
    Path("empty.csv").write_bytes(b"")
    status, said, noted = run("watch", "a.acm", "empty.csv", "--once", "--quiet")
    assert (status, said, noted) == (0, "", "")
    assert main(["watch", "a.acm", "empty.csv", "--once"]) == 0
    assert "Note: empty.csv: it is empty\n" in capsys.readouterr().err


def test_columns_of_other_names_are_no_sign_of_a_stale_model(run: Run) -> None:
    run("fit", "healthy.csv", "-o", "a.acm")
    write("later.csv", plant()[1_600:].rename({"Current": "I"}))
    said = run("score", "a.acm", "later.csv")[1]
    assert "'I', not known at the fit, reads as 'Current' did" in said
    assert "learn again without them" not in said
    write("later.csv", plant()[1_600:].with_columns(Current=pl.lit("")))
    assert "learn again without them" in run("score", "a.acm", "later.csv")[1]
