"""``acm-rs quality``: a file in; findings, a table, CSV or JSON out."""

from __future__ import annotations

import io
import json
from pathlib import Path

import polars as pl
import pytest
from acm_rs import quality
from cli import Run, files, plant, runner, write


def readings() -> pl.DataFrame:
    """A pump's readings with an error code, a stuck sensor and a standstill."""
    load, flow = (plant()[name].to_list() for name in ("Load", "Flow"))
    for row in (80, 400, 1_300):
        load[row] = -9999.0
    flow[900:1_000] = [flow[900]] * 100
    return plant().drop("Remark").with_columns(pl.Series("Load", load), pl.Series("Flow", flow))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    write("new.csv", readings())
    write("old.parquet", plant().drop("Remark").with_columns(pl.col("Current").round(1)))
    return runner(capsys)


def test_findings_come_first_then_the_table(run: Run) -> None:
    status, said, complained = run("quality", "new.csv")
    assert (status, complained) == (0, "")
    assert files() == {"new.csv", "old.parquet"}
    lines = said.splitlines()
    assert lines[0] == "2,100 rows of 4 sensors, 2026-01-01 00:00 to 2026-01-15 13:50, every 10 min"
    assert lines[2] == "- Load reads -9999 in 3 rows, far outside everything else: an error code?"
    assert lines[3].startswith("- Flow is stuck in 4.7 % of the rows, 99 rows at a time at most (from 2026-01-07 06:10")
    head = next(place for place, line in enumerate(lines) if line.startswith("sensor"))
    assert {line.split()[0] for line in lines[head + 1 : head + 3]} == {"Load", "Flow"}
    assert all(len(line) <= 100 for line in lines[head:])


def test_against_an_earlier_file(run: Run) -> None:
    status, said, _ = run("quality", "new.csv", "--against", "old.parquet")
    assert status == 0
    assert "Current" in next(line for line in said.splitlines() if line.startswith("- Resolution finer"))


@pytest.mark.parametrize("output", ["table.csv", "table.parquet"])
def test_the_table_as_a_file(run: Run, output: str) -> None:
    status, said, _ = run("quality", "new.csv", "-o", output)
    assert status == 0
    assert said.endswith(f"table  {output}\n")
    table = pl.read_csv(output) if output.endswith("csv") else pl.read_parquet(output)
    wanted = quality(readings(), "TS").sensors
    assert table.columns == wanted.columns
    assert table["sensor"].to_list() == ["Load", "Flow", "Bearing Temp", "Current"]
    assert table["codes"].to_list() == [3, 0, 0, 0]
    assert table["frozen"].to_list() == wanted["frozen"].to_list()


@pytest.mark.parametrize("how", [("--csv",), ("-o", "-")])
def test_the_table_on_standard_output(run: Run, how: tuple[str, ...]) -> None:
    status, said, _ = run("quality", "new.csv", *how)
    assert status == 0
    assert pl.read_csv(io.StringIO(said))["sensor"].to_list() == ["Load", "Flow", "Bearing Temp", "Current"]


def test_json_is_what_python_gives(run: Run) -> None:
    status, said, _ = run("quality", "new.csv", "--json", "--threads", "1")
    assert status == 0
    told = json.loads(said)
    found = quality(readings(), "TS").as_dict()
    assert told["sensors"] == json.loads(json.dumps(found["sensors"]))
    assert told["findings"] == found["findings"]
    assert told["input"]["path"] == "new.csv"
    assert told["files"] == []


def test_codes_are_found_given_or_not_asked_for(run: Run) -> None:
    for said, codes in (("auto", [-9999.0]), ("none", []), ("5,-9999", [-9999.0])):
        status, told, _ = run("quality", "new.csv", "--codes", said, "--json")
        assert status == 0
        assert [code["value"] for code in json.loads(told)["sensors"]["Load"]["codes"]] == codes


def test_quiet_says_nothing(run: Run) -> None:
    assert run("quality", "new.csv", "-o", "table.csv", "-q") == (0, "", "")
    assert "table.csv" in files()


def test_what_cannot_be_is_refused(run: Run) -> None:
    status, _, complained = run("quality", "none.csv")
    assert (status, "none.csv" in complained) == (1, True)
    write("other.csv", pl.DataFrame({"Height": [1.5, 2.25]}))
    status, _, complained = run("quality", "new.csv", "--against", "other.csv")
    assert status == 1
    assert "other.csv is no reference for new.csv" in complained
    status, _, complained = run("quality", "new.csv", "-o", "new.csv")
    assert (status, "is the input too" in complained) == (2, True)
    assert run("quality", "new.csv", "--csv", "-o", "table.csv")[0] == 2
    assert run("quality", "new.csv", "--csv", "--json")[0] == 2
