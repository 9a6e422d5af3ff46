"""Columns of qualities that a history has and later readings lack, or the other way round: told, and what is done."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from acm_rs import Monitor
from acm_rs.cli import main
from cli import Run, plant, runner, write

LACKS = (
    "qualities of the fit that are absent: Flow_Quality (of Flow); no reading of theirs is flagged, and what they "
    "would flag as bad counts as one"
)
NEW = (
    "qualities that the fit did not have: Flow_Quality (of Flow); what they flag as bad is missing here, and counted "
    "as a reading at the fit"
)


def flagged(frame: pl.DataFrame, name: str = "Flow_Quality") -> pl.DataFrame:
    bad = np.random.default_rng(5).random(frame.height) < 0.01
    return frame.with_columns(pl.Series(name, np.where(bad, "Bad", "Good")))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    write("plain.csv", plant()[:1_500])
    write("flagged.csv", flagged(plant()[:1_500]))
    write("later.csv", plant()[1_500:1_800])
    write("later_flagged.csv", flagged(plant()[1_500:1_800]))
    call = runner(capsys)
    assert call("fit", "plain.csv", "-o", "plain.acm")[0] == 0
    assert call("fit", "flagged.csv", "-o", "flagged.acm")[0] == 0
    return call


@pytest.mark.parametrize(
    ("model", "later", "told"),
    [
        ("flagged", "later", [LACKS]),
        ("plain", "later_flagged", [NEW]),
        ("plain", "later", []),
        ("flagged", "later_flagged", []),
    ],
)
def test_files_with_other_qualities_than_the_history(run: Run, model: str, later: str, told: list[str]) -> None:
    remarks = json.loads(run("score", f"{model}.acm", f"{later}.csv", "--json")[1])["remarks"]
    assert [remark for remark in remarks if "qualit" in remark] == told
    said = run("explain", f"{model}.acm", f"{later}.csv", "--at", "5", "--json")[1]
    assert [remark for remark in json.loads(said)["remarks"] if "qualit" in remark] == told


@pytest.mark.parametrize(("model", "later", "told"), [("flagged", "later", LACKS), ("plain", "later_flagged", NEW)])
@pytest.mark.parametrize("folder", [False, True])
def test_a_watch_tells_it_once(
    run: Run, capsys: pytest.CaptureFixture[str], model: str, later: str, told: str, folder: bool
) -> None:
    source = Path(f"{later}.csv")
    if folder:
        Path("in").mkdir()
        for part in range(2):
            frame = pl.read_csv(source)[150 * part : 150 * part + 150]
            frame.write_parquet(f"in/{part}.parquet")
        source = Path("in")
    assert main(["watch", f"{model}.acm", str(source), "--once"]) == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if "qualit" in line]
    assert notes == [f"Note: {source.absolute()}: {told}"]


def test_a_model_that_heeds_them_itself_misses_none_that_the_file_has(run: Run) -> None:
    Monitor().fit(pl.read_csv("flagged.csv", try_parse_dates=True)).save("own.acm")
    for later, told in (("later_flagged", []), ("later", [LACKS])):
        remarks = json.loads(run("score", "own.acm", f"{later}.csv", "--json")[1])["remarks"]
        assert [remark for remark in remarks if "qualit" in remark] == told


ADAPTER = """
import polars as pl

class Rows:
    def poll(self, position):
        at = position or 0
        rows = pl.read_csv("rest.csv").to_dicts()[at : at + 50]
        return [(row.pop("TS"), row) for row in rows], at + len(rows)
"""


def alarms_of(run: Run) -> list[tuple[str, int]]:
    return [
        (alarm["start"], alarm["rows"])
        for alarm in json.loads(run("score", "own.acm", "rest.csv", "--json")[1])["alarms"]
    ]


def sent(kind: str) -> str:
    if kind == "folder":
        Path("in").mkdir()
        pl.read_csv("rest.csv")[:150].write_parquet("in/0.parquet")
        pl.read_csv("rest.csv")[150:].write_csv("in/1.csv")
        return "in"
    if kind == "adapter":
        Path("rows.py").write_text(ADAPTER)
        return "python:rows.py:Rows"
    return "rest.csv"


@pytest.mark.parametrize("kind", ["file", "folder", "adapter"])
@pytest.mark.parametrize("column", ["Flow.Conf", "Flow_Quality"])
def test_a_watch_heeds_the_qualities_that_only_the_model_explains(
    run: Run, capsys: pytest.CaptureFixture[str], column: str, kind: str
) -> None:
    wrong = np.arange(1_800) % 97 == 5
    wrong[1_560:1_590] = True
    said = np.where(wrong, 10.0, 95.0) if column == "Flow.Conf" else np.where(wrong, "Bad", "Good")
    flow = pl.when(pl.Series(wrong)).then(80.0).otherwise(pl.col("Flow")).alias("Flow")
    frame = plant()[:1_800].with_columns(flow, pl.Series(column, said))
    write("both.csv", frame[:1_500])
    write("rest.csv", frame[1_500:])
    Monitor().fit(pl.read_csv("both.csv", try_parse_dates=True)).save("own.acm")
    scored = alarms_of(run)
    assert main(["watch", "own.acm", sent(kind), "--once", "--json"]) == 0
    out = capsys.readouterr()
    events = [event for line in out.out.splitlines() if (event := json.loads(line))["what"] == "closed"]
    assert [(event["start"], event["rows"]) for event in events] == scored
    assert "qualities" not in out.err
    # Without them the same readings are alarms more, so that the test can fail.
    write("rest.csv", frame[1_500:].drop(column))
    assert len(alarms_of(run)) > len(scored) > 0


def test_a_watch_tells_of_the_qualities_of_a_model_that_a_file_lacks(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = plant()[:1_800].with_columns(pl.Series("Flow.Conf", np.where(np.arange(1_800) % 97 == 5, 10.0, 95.0)))
    write("both.csv", frame[:1_500])
    write("rest.csv", frame[1_500:].drop("Flow.Conf"))
    Monitor().fit(pl.read_csv("both.csv", try_parse_dates=True)).save("own.acm")
    assert main(["watch", "own.acm", "rest.csv", "--once"]) == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if "qualit" in line]
    assert notes == [f"Note: {Path('rest.csv').absolute()}: {LACKS.replace('Flow_Quality', 'Flow.Conf')}"]
