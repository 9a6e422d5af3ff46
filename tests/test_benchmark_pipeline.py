"""The benchmark of the whole job: its twin in pandas and scikit-learn does the job, and the ways are measured alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.pipeline import WAYS, Clock, main, make
from benchmarks.pipeline_twin import TwinMonitor, read_history


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("plant")
    return folder, make(folder, 2000, 1500, 12)


def test_the_twin_finds_the_fault_and_names_its_sensor(files: tuple[Path, dict[str, Any]]) -> None:
    folder, fault = files
    healthy, new = read_history(folder / "healthy.csv"), read_history(folder / "new.csv")
    assert "status" not in healthy
    assert list(healthy.columns) == list(new.columns)
    result = TwinMonitor().fit(healthy).score(new)
    alarm = result.rows["alarm"].to_numpy()
    assert alarm[: fault["start"]].mean() < 0.05
    assert alarm[fault["start"] :].mean() > 3 * max(alarm[: fault["start"]].mean(), 0.01)
    named = [one["sensor"] for many in result.episodes["culprits"] for one in many]
    assert fault["sensor"] in named
    assert result.shares.sum(axis=1).to_numpy() == pytest.approx(np.ones(1500))
    assert result.expected.shape == result.shares.shape


def test_codes_and_gaps_are_no_readings_to_the_twin() -> None:
    random = np.random.default_rng(0)
    x = pd.DataFrame(random.standard_normal((600, 4)) @ random.standard_normal((4, 4)), columns=list("abcd"))
    later = x.iloc[:200].copy()
    x.iloc[::50, 1] = -9999.0
    twin = TwinMonitor().fit(x)
    later.iloc[::20, 1] = -9999.0
    later.iloc[5::20, 2] = np.nan
    assert not twin.score(later).rows["alarm"].any()


def test_ways_judge_the_same_rows(files: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, _ = files
    written = {}
    for way in WAYS:
        if way.package != "acm_rs" and way.package != "sklearn":
            continue
        output = tmp_path / "scores.parquet"
        clock = Clock()
        alarms, _ = way.run(clock, folder / "healthy.csv", folder / "new.csv", output)
        assert len(alarms) == len(pd.read_parquet(output)) == 1500
        assert clock.seconds["fit"] > 0.0
        written[way.name] = pd.read_parquet(output)
    assert len(written) == 3
    for name in ("acm_rs.Monitor", "pandas + scikit-learn"):
        assert {"score", "limit", "alarm", "regime"} <= set(written[name].columns)
        assert "expected flow 1" in written[name].columns
        assert "contribution of flow 1" in written[name].columns


def test_the_table_has_a_line_for_each_way(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"seconds": 2.0, "cpu": 3.0, "stages": {"read": 0.5, "fit": 1.0, "score": 0.5, "write": 0.0}, "peak": 1e8}
    monkeypatch.setattr("benchmarks.pipeline._measure", lambda *_: {**told, "alarms": [1, 1200], "rows": 1500})
    monkeypatch.setattr("benchmarks.pipeline.find_spec", lambda name: name != "pyod")
    assert main(["--rows", "2000", "--later", "1500", "--sensors", "12", "--rounds", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "pyod is not installed: without PyOD's ECOD (scores only)" in lines
    assert sum(line.startswith(("| acm", "| pandas")) for line in lines) == 3
    assert next(line for line in lines if line.startswith("| acm_rs.Monitor")).count("|") == lines[4].count("|")
