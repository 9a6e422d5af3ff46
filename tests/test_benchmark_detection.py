"""The scoreboard of detection counts as it says, draws the same sets again, and runs."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from benchmarks import detection
from benchmarks.detection_counts import (
    FAULT,
    HEALTHY,
    STATE,
    UNCOUNTED,
    Judged,
    area_and_episodes,
    culprits_named,
    f1,
    false_and_told,
    false_episodes,
    found_and_false,
    mean_area,
    with_state,
)
from benchmarks.detection_models import MODELS, Judge, Said
from benchmarks.detection_page import counted, losses
from benchmarks.detection_plants import PLANTS
from benchmarks.detection_sets import Row, Set, Trial, faulty, healthy


def run(truth: str, alarms: str, scores: np.ndarray | None = None) -> Judged:
    """A run of a letter a row: f fault, h healthy, s state, a dash not counted; x is an alarm."""
    kinds = {"f": FAULT, "h": HEALTHY, "s": STATE, "-": UNCOUNTED}
    flags = np.array([letter == "x" for letter in alarms])
    values = flags.astype(float) if scores is None else scores
    return Judged(np.array([kinds[letter] for letter in truth], np.int8), values, flags)


def test_shares_by_hand() -> None:
    runs = [run("hhhhff", "x...x."), run("hhff--", "..xxxx")]
    assert found_and_false(runs) == (3 / 4, 1 / 6)
    assert with_state([run("hhsssf", ".xxx.x")]) == (1.0, 1 / 2, 2 / 3)
    assert np.isnan(found_and_false([run("hh", "x.")])[0])


def test_f1_by_hand_and_as_in_scikit_learn() -> None:
    # Two hits, one false alarm, one miss; a row that is not counted counts nowhere.
    assert f1([run("hhfff-", "x.xx.x")]) == pytest.approx(2 / 3)
    random = np.random.default_rng(0)
    truth, alarms = random.random(200) < 0.3, random.random(200) < 0.4
    letters = "".join("f" if one else "h" for one in truth), "".join("x" if one else "." for one in alarms)
    assert f1([run(*letters)]) == pytest.approx(f1_score(truth, alarms), abs=1e-15)


def test_the_area_is_the_mean_of_the_runs() -> None:
    random = np.random.default_rng(1)
    areas, runs = [], []
    for _ in range(2):
        truth = random.random(100) < 0.4
        scores = np.round(random.normal(size=100) + truth, 1)
        areas.append(roc_auc_score(truth, scores))
        runs.append(run("".join("f" if one else "h" for one in truth), "." * 100, scores))
    assert mean_area(runs) == pytest.approx(np.mean(areas), abs=1e-12)
    # A row without a score is the least suspicious, and a run without a fault has no area.
    assert mean_area([run("hf", "..", np.array([np.nan, -5.0])), run("hh", "..")]) == 1.0


def test_false_episodes_touch_no_fault_and_bridge_ten_rows() -> None:
    apart, near = "xxx" + 11 * "." + "xxx", "xxx" + 10 * "." + "xxx"
    assert false_episodes(run(17 * "h", apart)) == 2
    assert false_episodes(run(16 * "h", near)) == 1
    assert false_episodes(run(15 * "h" + "f", near)) == 0
    assert false_episodes(run(5 * "h" + "f" + 10 * "h", near)) == 0
    # Two alarm rows are none, also where a gap parts them.
    assert false_episodes(run("hhhhhhh", "x.....x")) == 0
    assert false_episodes(run("hhhhhhh", "xx....x")) == 1
    assert false_episodes(run("hhh", "...")) == 0
    long = run(20 * "h" + "fff", "xxx" + 17 * "." + "xxx")
    assert area_and_episodes([long, run("hhff", "..xx")])[1] == pytest.approx(1000 / 22)


def test_culprits_are_the_first_three_over_the_first_alarms() -> None:
    shares = np.tile([0.0, 1.0, 5.0, 3.0, 2.0], (100, 1))
    shares[90:, 0] = 1000.0
    truth = np.array(10 * [HEALTHY] + 90 * [FAULT], np.int8)
    named = detection.named_first(shares, np.ones(100, bool), truth)
    assert named == [2, 3, 4]
    assert detection.named_first(shares, np.zeros(100, bool), truth) == []
    one = run("f", "x")
    hit, miss = (replace(one, named=named, culprits=[sensor]) for sensor in (4, 1))
    assert culprits_named([hit, miss]) == (0.5,)
    assert np.isnan(culprits_named([one])[0])


@pytest.mark.parametrize("one", PLANTS, ids=lambda one: one.key)
def test_a_seed_makes_one_set(one: Set) -> None:
    def drawn(seed: int) -> list[tuple[str, bytes]]:
        rows = []
        for row in islice(one.rows(seed), 8):
            for trial in row.trials:
                pieces = [trial.train, *(run.rows for run in trial.runs), *(run.truth for run in trial.runs)]
                rows.append((row.name, b"".join(np.ascontiguousarray(piece).tobytes() for piece in pieces)))
        return rows

    first, again, other = drawn(0), drawn(0), drawn(1)
    assert [name for name, _ in first] == [name for name, _ in other]
    assert len({name for name, _ in first}) == len(first)
    assert first == again
    assert all(a[1] != b[1] for a, b in zip(first, other, strict=True))


def test_a_fit_that_warns_is_told() -> None:
    def warns(x: np.ndarray, times: object) -> Judge:
        if x[0, 0] > 0.0:
            warnings.warn("it wanders" if x[0, 0] > 1.0 else "it is warm", UserWarning, stacklevel=1)
        return lambda rows, times: Said(rows[:, 0], rows[:, 0] > 0)

    rows = [
        Row(name, [Trial(np.full((3, 1), value), [healthy(np.array([[0.0], [1.0]]))])])
        for name, value in (("warned", 2.0), ("of another thing", 1.0), ("quiet", -1.0))
    ]
    one = Set("made", "Made", "", ("false %", "told %"), lambda seed: iter(rows), false_and_told)
    cells = detection.board(one, [replace(MODELS[0], fit=warns)], 0)
    assert cells["warned"]["PCA"].mean == (0.5, 1.0)
    assert cells["of another thing"]["PCA"].mean == cells["quiet"]["PCA"].mean == (0.5, 0.0)


def test_a_share_of_clean_is_of_the_same_seed() -> None:
    found = iter([0.8, 0.4, 0.5, 0.5, 0.01, 0.5])
    model = replace(MODELS[0], fit=lambda x, times: lambda rows, times: Said(np.zeros(len(rows)), rows[:, 0] > 0))

    def rows(seed: int) -> list[Row]:
        made = []
        for name in ("clean", "spoilt"):
            alarms = (np.arange(100) < 100 * next(found)).astype(float)[:, None]
            made.append(Row(name, [Trial(np.ones((3, 1)), [faulty(alarms), healthy(-np.ones((10, 1)))])]))
        return made

    one = Set("made", "Made", "", ("found %", "false %"), rows, found_and_false, of_first=True)
    cells: detection.Cells = {}
    for seed in range(3):
        detection.add(cells, detection.board(one, [model], seed))
    numbers = cells["spoilt"]["PCA"].numbers
    assert [pair[0] for pair in numbers[:2]] == pytest.approx([0.5, 1.0])
    assert np.isnan(numbers[2][0])
    assert cells["spoilt"]["PCA"].mean == pytest.approx((0.75, 0.0))
    assert cells["clean"]["PCA"].mean == pytest.approx((1.31 / 3, 0.0))


def test_the_command_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "detection.md"
    asked = ["--sets", "constants", "--models", "PCA", "Fused", "sk PCA", "--seeds", "1", "--jobs", "1"]
    assert detection.main([*asked, "--markdown", str(page)]) == 0
    out, err = capsys.readouterr()
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# How well it detects")
    assert [line for line in out.splitlines() if line[:1] == "|"] == [
        line for line in text.splitlines() if line[:1] == "|"
    ][-4:]
    assert max(len(line) for line in text.splitlines() if line[:1] != "|") <= 118
    assert "constants, seed 0" in err
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in out.splitlines() if line[:1] == "|"]
    assert lines[0] == ["", "PCA", "Fused", "sk PCA"]
    assert [line[0] for line in lines[2:]] == ["to another value", "begins to waver by 0.1"]
    # What scikit-learn's form divides by a spread of 0 it sees at once; few healthy rows are in alarm everywhere.
    assert lines[2][3].startswith("100.0 / ")
    assert all(float(cell.split(" / ")[1]) < 4.0 for line in lines[2:] for cell in line[1:])


def test_what_a_model_refuses_is_told_and_what_it_loses() -> None:
    def no(x: object, times: object) -> None:
        raise ValueError("too few\nof them")

    rows = [Row("only", [Trial(np.ones((3, 1)), [faulty(np.ones((4, 1))), healthy(np.zeros((4, 1)))])])]
    one = Set("made", "Made", "Words.", ("found %", "false %"), lambda seed: iter(rows), found_and_false)
    refusing = replace(MODELS[0], fit=no)
    seeing = replace(
        MODELS[-1],
        name="peer",
        own=False,
        fit=lambda x, times: lambda rows, times: Said(rows[:, 0], rows[:, 0] > 0),
    )
    board = [(one, detection.board(one, [refusing, seeing], 0))]
    text = detection.tables(board, [refusing, seeing])
    assert "- PCA refused only: ValueError: too few\n" in text
    assert "| refused | 100.0 / 0.0 |" in text
    assert counted(board, refusing) == ["0 of 0", "0 of 0"]
    assert counted(board, seeing) == ["1 of 1", "1 of 1"]
    assert losses(board, [refusing, seeing]) == [
        "- Made, only: peer 100.0 / 0.0, no model of acm_rs stays at or below 2 %"
    ]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="none of tep, skab, batadal, fd_fan"):
        detection.main(["--data", str(tmp_path)])
    with pytest.raises(SystemExit, match="--sets: cats is not among wear"):
        detection.main(["--sets", "cats"])
    with pytest.raises(SystemExit, match="--models: dogs is not among PCA"):
        detection.main(["--models", "dogs"])
    with pytest.raises(SystemExit, match="at least 1"):
        detection.main(["--seeds", "0"])
