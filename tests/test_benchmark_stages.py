"""The benchmark of a pipeline by stages: its own pieces by hand, and each way runs every stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.pipeline import make
from benchmarks.stages import STAGES, WAYS, _measure, episodes_of, standardised, table


def test_scores_in_robust_deviations() -> None:
    training = np.array([1.0, 2.0, 3.0, 4.0, 5.0, np.nan, 1e9])
    # Median 3.5; deviations 2.5, 1.5, .5, .5, 1.5 and a large one.
    np.testing.assert_allclose(
        standardised(training, np.array([3.5, 3.5 + 1.4826 * 1.5, np.inf, np.nan])), [0.0, 1.0, 6.0, 0.0]
    )


def test_episodes_by_hand() -> None:
    score = np.zeros(60)
    score[5:9] = 4.0
    score[20:30] = 2.5
    score[24] = 3.5
    score[36:40] = 5.0
    score[52:] = 9.0
    # Four rows are too few; a stretch opens where it is above 3; gaps of up to ten rows are bridged.
    assert episodes_of(score) == [(24, 39), (52, 59)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("stages")
    make(found, 1200, 1500, 6)
    return found


@pytest.mark.parametrize("way", WAYS)
def test_each_way_runs_every_stage(folder: Path, way: str) -> None:
    if way == "pandas":
        pytest.importorskip("hdbscan", reason="hdbscan is not installed")
    told = _measure(way, folder / "healthy.csv", folder / "new.csv")
    expected = ("fit", "score") if way == "Monitor" else STAGES
    assert tuple(told["seconds"]) == expected
    assert all(peak > 1e6 for peak in told["peaks"].values())


def test_the_table_has_a_line_for_each_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(way: str, *_: Path) -> dict[str, object]:
        names = ("fit", "score") if way == "Monitor" else STAGES
        each = {"pandas": 8.0, "without acm_rs": 4.0}.get(way, 2.0)
        return {"seconds": dict.fromkeys(names, each), "peaks": dict.fromkeys(names, 3_000_000), "episodes": 7}

    monkeypatch.setattr("benchmarks.stages._measure", told)
    lines = table("A title", Path("a"), Path("b"), 2).splitlines()
    assert lines[0] == "## A title"
    assert lines[4] == "| features | 8.00 s | 4.00 s | 2.00 s | 4.0 | 2.0 | 3 MB | 3 MB | 3 MB |"
    assert lines[-3] == "| whole | 88.00 s | 44.00 s | 22.00 s | 4.0 | 2.0 | 3 MB | 3 MB | 3 MB |"
    assert "22.0 times as fast as pandas" in lines[-1]
    assert lines[-1].endswith("Episodes: 7 pandas, 7 without acm_rs, 7 with acm_rs, 7 Monitor.")
