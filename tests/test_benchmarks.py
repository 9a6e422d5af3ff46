"""The benchmark on tiny inputs: numbers are compared, tables are written, nothing is asserted on time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.agreement import check, worst_difference
from benchmarks.cases import CASES, Case
from benchmarks.data import ADVERSARIES, FAN_SHAPE, Inputs, fan_twin, random_matrix, read_history
from benchmarks.environment import ROOT, BusyClock, clean_environment, machine_lines
from benchmarks.features import feature_calls, load_backend, polars_numpy_features
from benchmarks.kernels import variants
from benchmarks.measure import Candidate, Plan, race
from benchmarks.memory import output_bytes, peak_growth
from benchmarks.numpy_peers import bins_of_bands
from benchmarks.peers import COLUMNS, PEERS
from benchmarks.run import main, parser
from benchmarks.table import BEGIN, END, Section, Verdict, digits, markdown, put_between_marks, summary

acm_rs = pytest.importorskip("acm_rs")

TINY = Plan(least=1, most=1, seconds=0.0, sample_seconds=0.0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_numbers_agree_with_every_peer(case: Case) -> None:
    inputs = Inputs(random_matrix(300, 3))
    window = case.windows[0]
    assert case.present(acm_rs)
    found = check(case, window, inputs, acm_rs)
    present = [peer for peer in PEERS[case.key] if peer.present()]
    assert len(found) == len(present)
    assert [a for a in found if not a.holds] == []


def test_another_statistic_is_named_and_not_compared() -> None:
    (case,) = [one for one in CASES if one.key == "mad"]
    notes = {a.pair[1]: a.note for a in check(case, 16, Inputs(random_matrix(200, 2)), acm_rs)}
    assert notes["pandas"] == ""
    assert "another statistic" in notes["Polars"]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([[1.0], [2.0]], [[1.0], [2.0]], 0.0),
        ([[1.0], [np.nan]], [[1.0], [np.nan]], 0.0),
        ([[100.0]], [[101.0]], 1.0 / 101.0),
        ([[0.5]], [[0.25]], 0.25),
    ],
)
def test_difference_is_relative_above_one(left: list[list[float]], right: list[list[float]], expected: float) -> None:
    assert worst_difference([np.array(left)], [np.array(right)]) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(("left", "right"), [([[1.0]], [[np.nan]]), ([[1.0]], [[1.0], [2.0]])])
def test_difference_is_nan_where_the_missing_or_the_shapes_differ(
    left: list[list[float]], right: list[list[float]]
) -> None:
    assert np.isnan(worst_difference([np.array(left)], [np.array(right)]))
    assert np.isnan(worst_difference([np.array(left)], []))


def test_feature_forms_agree_on_the_twin() -> None:
    inputs = Inputs(fan_twin()[:400, :3])
    numbers = {}
    for call in feature_calls(inputs, 16, acm_rs):
        call.before()
        numbers[call.name] = call.output(call.run())
    expected = numbers["acm_rs.feature_matrix"]
    assert expected.shape == (400, 33)
    assert {"drop-in, rust", "drop-in, polars", "drop-in, pandas", "Polars + NumPy"} <= numbers.keys()
    scale = np.maximum(1.0, np.abs(expected).max(axis=0))
    for name, found in numbers.items():
        np.testing.assert_allclose(found / scale, expected / scale, rtol=0.0, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(("rows", "window"), [(0, 4), (1, 4), (3, 8), (9, 1), (12, 5)])
def test_the_feature_peer_takes_short_and_odd_windows(rows: int, window: int) -> None:
    inputs = Inputs(random_matrix(rows, 2))
    drop_in = load_backend("pandas")
    assert drop_in is not None
    found = polars_numpy_features(inputs.polars, window)
    expected = drop_in.compute_basic_features(inputs.pandas, window=window)
    assert list(found.columns) == list(expected.columns)
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(), rtol=1e-9, atol=1e-9)


def test_backend_variable_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACM_BACKEND", "polars")
    module = load_backend("pandas")
    assert module is not None
    assert module.BACKEND == "pandas"
    assert os.environ["ACM_BACKEND"] == "polars"


def test_a_race_samples_everyone_and_scales_slices() -> None:
    calls: list[str] = []
    timings = race(
        [
            Candidate("a", lambda: calls.append("a"), before=lambda: calls.append("before")),
            Candidate("b", lambda: calls.append("b"), scale=2.0),
        ],
        Plan(least=3, most=3, seconds=0.0, sample_seconds=0.0),
    )
    assert {name: len(timing.samples) for name, timing in timings.items()} == {"a": 3, "b": 3}
    assert calls.count("before") == 4
    assert all(timing.median > 0.0 for timing in timings.values())
    assert race([], TINY) == {}


def test_variants_name_each_number_of_threads_once() -> None:
    everything = acm_rs.get_num_threads()
    labels = [v.label for v in variants(["C", "F"], ["1", "all"], acm_rs)]
    assert labels[-1] == "F, all"
    assert len(labels) == (2 if everything == 1 else 4)


def test_bins_leave_out_the_mean_and_share_none() -> None:
    assert bins_of_bands(64) == [(1, 4), (4, 10), (10, 32)]
    assert bins_of_bands(1) == [(0, 0), (0, 0), (0, 0)]


def test_inputs_come_in_every_layout() -> None:
    inputs = Inputs(random_matrix(20, 3))
    assert inputs.order("C").flags.c_contiguous
    assert inputs.order("F").flags.f_contiguous
    assert inputs.columns.flags.c_contiguous
    np.testing.assert_array_equal(inputs.pandas.to_numpy(), inputs.polars.to_numpy())
    assert inputs.part(5, 2).c.shape == (5, 2)
    for make in ADVERSARIES.values():
        assert make(40, 2).shape == (40, 2)
    assert fan_twin().shape == FAN_SHAPE


def test_a_history_is_read_by_folder_and_by_file(tmp_path: Path) -> None:
    file = tmp_path / "baseline.csv"
    file.write_text("\ufefftime,a,b,tag\n2024-01-01,1,2.5,x\n2024-01-02,,3,y\n", encoding="utf-8")
    for path in (tmp_path, file):
        name, columns, x = read_history(path)
        assert (name, columns) == ("baseline.csv", ["a", "b"])
        np.testing.assert_array_equal(x, [[1.0, 2.5], [np.nan, 3.0]])
    file.write_text("time\n2024-01-01\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no numeric column"):
        read_history(file)


def test_peak_growth_sees_the_output() -> None:
    growth, result = peak_growth(lambda: np.ones(4_000_000))
    assert output_bytes((result, [result])) == 64_000_000
    assert growth >= 16_000_000


def test_memory_child_answers_in_json() -> None:
    spec = {"kind": "kernel", "key": "mean_std", "window": 16, "shape": [500, 4], "order": "F", "warm": True}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", json.dumps(spec)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["output"] == 500 * 8 * 8
    assert answer["growth"] >= 0


def test_table_layout_and_numbers() -> None:
    assert markdown(["a", "bb"], [["x", "1"]]) == "| a | bb |\n|---|---:|\n| x |  1 |"
    assert [digits(v) for v in (None, float("nan"), 12345.6, 123.4, 12.34, 1.234, 0.01234)] == [
        "-",
        "nan",
        "12,346",
        "123",
        "12.3",
        "1.23",
        "0.0123",
    ]


def test_summary_counts_and_lists_what_is_missed() -> None:
    section = Section("s", verdicts=[Verdict("a", "≥ 2 x", "3 x", True), Verdict("b", "≥ 2 x", "1 x", False)])
    section.broken.append("numbers of c")
    text = summary([section]).text()
    assert "1 of 2 targets met." in text
    assert "| b " in text
    assert "| a " not in text
    assert "- numbers of c" in text
    assert "Nothing was held" in summary([Section("empty")]).text()


def test_marks_are_replaced_and_required() -> None:
    assert put_between_marks(f"x\n{BEGIN}\nold\n{END}\ny", "new") == f"x\n{BEGIN}\n\nnew\n\n{END}\ny"
    with pytest.raises(ValueError, match="has no"):
        put_between_marks("x", "new")


def test_slowing_variables_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.delenv("OPENBLAS_L2_SIZE", raising=False)
    monkeypatch.setenv("POLARS_MAX_THREADS", "2")
    removed = clean_environment()
    assert removed == {"OPENBLAS_CORETYPE": "Haswell"}
    assert "OPENBLAS_CORETYPE" not in os.environ
    lines = "\n".join(machine_lines(removed))
    assert "OPENBLAS_CORETYPE=Haswell" in lines
    assert "POLARS_MAX_THREADS=2" in lines


def test_busy_clock_counts_other_processes_only() -> None:
    start = BusyClock(machine=100.0, own=10.0, wall=0.0)
    assert BusyClock(machine=115.0, own=20.0, wall=10.0).others_since(start) == pytest.approx(0.5)
    assert BusyClock(machine=None, own=20.0, wall=10.0).others_since(start) is None
    assert BusyClock.now().own >= 0.0


@pytest.mark.parametrize(
    "arguments",
    [["--sizes", "10by5"], ["--sizes", "0x5"], ["--threads", "none"], ["--parts", "speed"], ["--kernel", "speed"]],
)
def test_bad_arguments_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parser().parse_args(arguments)
    assert caught.value.code == 2
    assert arguments[1] in capsys.readouterr().err


def test_a_whole_run_on_a_tiny_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.run.QUICK", TINY)
    readme = tmp_path / "README.md"
    readme.write_text(f"# x\n{BEGIN}\n{END}\n", encoding="utf-8")
    output = tmp_path / "table.md"
    arguments = ["--quick", "--kernel", "mean_std", "--kernel", "min_max", "--sizes", "200x3", "--parts"]
    arguments += ["kernels,worst,overhead", "--output", str(output), "--readme", str(readme)]
    before = acm_rs.get_num_threads()
    assert main(arguments, {}) == 0
    assert acm_rs.get_num_threads() == before
    text = output.read_text(encoding="utf-8")
    assert text.strip() in capsys.readouterr().out
    for expected in ("rolling mean + std", "Worst input", "Call overhead", "Machine: ", *COLUMNS[:4]):
        assert expected in text
    assert "Machine: " in readme.read_text(encoding="utf-8")
