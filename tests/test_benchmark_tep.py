"""The Tennessee Eastman benchmark on a small synthetic twin: what it counts, prints and refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from histories import plant

from benchmarks.tep import Outcome, main
from benchmarks.tep_data import FAULTS, NORMAL, START, TRAIN, NoData, name_of, read_runs
from benchmarks.tep_detectors import ENTRIES, limit_of, numpy_pca, out_of_fold

pl = pytest.importorskip("polars")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five sensors, of which one jumps in each run with a fault."""
    where = tmp_path_factory.mktemp("tep")
    for seed, name in enumerate((TRAIN, NORMAL, *map(name_of, FAULTS))):
        x = plant(260, 5, seed=seed)
        if seed > 1:
            x[START:, seed % 5] += 6.0
        pl.DataFrame({f"s{column}": x[:, column] for column in range(5)}).write_parquet(where / f"{name}.parquet")
    return where


def test_the_report_names_what_jumped(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(folder), "--output", str(tmp_path / "tep.md")]) == 0
    text = capsys.readouterr().out
    assert text == (tmp_path / "tep.md").read_text(encoding="utf-8")
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    faults = [line for line in lines if line[0].isdigit()]
    assert [int(line[0]) for line in faults] == list(FAULTS) * len(ENTRIES)
    # Fault 1 is in the third run made: sensor 2.
    for line in faults[: len(FAULTS)]:
        assert f"s{(int(line[0]) + 1) % 5}" in line[4].split()
        assert float(line[1]) > 90.0
        assert float(line[2]) < 10.0
    names = [line[0] for line in lines if line[0] in {entry.name for entry in ENTRIES}]
    assert names == 2 * [entry.name for entry in ENTRIES]
    # Mahalanobis names it too; the peers' forms name nobody.
    own, peer = (
        text.split(f"### {name}\n")[1].split("###")[0] for name in ("MahalanobisDetector", "scikit-learn PCA, SPE")
    )
    assert own.count(" s") >= len(FAULTS)
    assert " s" not in peer.replace(" sensors", "")


def test_what_is_missing_is_told(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path / "nowhere")]) == 2
    assert "nowhere: no such folder" in capsys.readouterr().err
    assert main(["--data", str(tmp_path)]) == 2
    assert "d00.parquet: no such file" in capsys.readouterr().err
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "d07_te.parquet").write_bytes(b"no table")
    assert main(["--data", str(tmp_path)]) == 2
    assert "d07_te.parquet" in capsys.readouterr().err
    pl.DataFrame({"other": [1.0]}).write_parquet(tmp_path / "d07_te.parquet")
    with pytest.raises(NoData, match="other columns"):
        read_runs(tmp_path)


def test_counts_of_a_hand_made_score() -> None:
    score = np.zeros(170)
    score[[3, 161]] = 2.0
    score[163:169] = 2.0
    found = Outcome({name_of(fault): score for fault in FAULTS}, 1.0)
    assert found.detected(1) == 0.7
    assert found.before(1) == 1 / 160
    assert found.delay(1) == 3
    assert found.easy_delay == 3.0
    assert found.rate == pytest.approx(0.7)
    never = Outcome({name_of(fault): np.zeros(170) for fault in FAULTS}, 1.0)
    assert never.delay(1) is None
    assert never.easy_delay == np.inf


def test_limits_come_from_rows_that_a_fit_has_not_seen() -> None:
    x = np.random.default_rng(0).normal(size=(200, 30))

    def spe(rows: np.ndarray) -> object:
        both = numpy_pca(rows, 0)
        return lambda fresh: both(fresh)[1]

    outside, inside = out_of_fold(spe, x), numpy_pca(x, 0)(x)[1]  # type: ignore[arg-type]
    fresh = numpy_pca(x, 0)(np.random.default_rng(1).normal(size=(2000, 30)))[1]
    assert inside.mean() < 0.9 * fresh.mean()
    assert abs(outside.mean() / fresh.mean() - 1.0) < 0.15
    assert 0.002 < (fresh > limit_of(outside)).mean() < 0.04
