"""``acm-rs demo``: the whole job on a small plant with a known fault."""

from __future__ import annotations

import sys
from datetime import timedelta
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from acm_rs import Monitor
from acm_rs.cli import demo, main
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import load_sensors


@cache
def history() -> pl.DataFrame:
    return demo.plant_history()


def test_the_fault_is_found_and_the_report_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("plotly")
    folder = tmp_path / "a" / "b"
    for _ in range(2):
        assert main(["demo", "--folder", str(folder)]) == 0
        said = capsys.readouterr().out
        assert {path.name for path in folder.iterdir()} == {"healthy.csv", "new.csv", "fan.acm", "report.html"}
    assert str(folder / "report.html") in said
    result = Monitor.load(folder / "fan.acm").score(load_sensors(folder / "new.csv", ReadOptions()).frame)
    last = result.found[-1]
    assert last.open
    assert last.culprits[0].name == "FAN1.VIBRATION"
    assert {culprit.name for culprit in last.culprits[:2]} == {"FAN1.VIBRATION", "FAN1.BEARING_TEMP"}
    assert result.explain()[-1] in said
    delay = result.times[last.start].astype("datetime64[us]").astype(object) - demo.FAULT_START
    assert timedelta(0) <= delay <= timedelta(hours=6)
    assert "after the fault began" in said
    # What is healthy hardly alarms.
    assert sum(one.end - one.start for one in result.found[:-1]) <= 10
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Condition report: Fan 1" in page


def test_a_restart_does_not_alarm(tmp_path: Path) -> None:
    path = tmp_path / "plant.csv"
    demo.plant_history(seed=7).write_csv(path)
    frame = load_sensors(path, ReadOptions()).frame
    fault = frame["TS"].search_sorted(demo.FAULT_START)
    learnt = fault - 7 * 144
    result = Monitor().fit(frame[:learnt]).score(frame[learnt:fault])
    assert "standstill" in set(result.score["regime"])
    assert result.found == []


def test_the_history_is_the_same_every_time() -> None:
    again, other = demo.plant_history(), demo.plant_history(seed=9)
    assert history().equals(again)
    assert not history().equals(other)


def test_without_plotly_it_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("plotly", "plotly.offline"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main(["demo", "--folder", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert 'report   not written: the report needs plotly, which is not installed: pip install "acm-rs[report]"' in said
    assert "FAN1.VIBRATION reads" in said
    assert {path.name for path in tmp_path.iterdir()} == {"healthy.csv", "new.csv", "fan.acm"}


def test_where_no_folder_can_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["demo", "--folder", str(tmp_path / "file" / "sub")]) == 1
    assert "cannot be made" in capsys.readouterr().err
