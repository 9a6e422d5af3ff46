"""The report of what Monitor finds counts as it says."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks import monitor
from benchmarks.detection_counts import area


def test_a_plant_is_judged_beside_its_healthy_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "SIZES", (3.0,))
    said = monitor.plants([3])
    assert said.startswith("## 1 plants, seeds 3 to 3")
    found = [line for line in said.splitlines() if line.startswith("| ") and "100.0" in line]
    assert len(found) >= 7, said


def test_the_area_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    truth = random.random(300) < 0.3
    scores = np.round(random.normal(size=300) + truth, 1)
    assert area(scores, truth) == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)


def test_a_folder_without_histories_is_said(tmp_path: pytest.TempPathFactory) -> None:
    with pytest.raises(SystemExit, match="none of tep, skab, batadal, fd_fan"):
        monitor.main(["--data", str(tmp_path)])
