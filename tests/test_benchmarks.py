"""The benchmark on tiny inputs: numbers are compared, tables are written, nothing is asserted on time."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from registry.columns import median_mad
from registry.inputs import Inputs, irregular_times, random_matrix, target_series
from registry.spectra import bins_of_bands
from registry.timed import COLUMNS, WHOLE, Call, Case, ModelCase, Peer, Target, at_most, on_threads

import benchmarks.memory
from benchmarks import measure
from benchmarks.agreement import check, worst_difference
from benchmarks.cases import CASES, MODEL_CASES, WIDE_KEYS
from benchmarks.data import ADVERSARIES, FAN_SHAPE, GAPS, fan_twin, read_history
from benchmarks.environment import ROOT, BusyClock, clean_environment, machine_lines
from benchmarks.extremes import overhead_section, worst_section
from benchmarks.features import feature_calls, load_backend, polars_numpy_features
from benchmarks.kernels import Variant, kernel_section, peer_candidate, variants
from benchmarks.measure import Candidate, Plan, race, rest
from benchmarks.memory import memory_section, output_bytes, wide_memory_section
from benchmarks.model_section import model_section
from benchmarks.run import main, parser
from benchmarks.saved import Run
from benchmarks.table import (
    BEGIN,
    END,
    Section,
    Table,
    Verdict,
    digits,
    markdown,
    put_between_marks,
    short_table,
    summary,
)

acm_rs = pytest.importorskip("acm_rs")

TINY = Plan(least=1, most=1, seconds=0.0, sample_seconds=0.0)


def case_of(key: str) -> Case:
    """The case of this name."""
    (case,) = [one for one in CASES if one.key == key]
    return case


def table(section: Section) -> list[str]:
    """The lines of its first table, targets and all."""
    first = section.body[0]
    assert isinstance(first, Table)
    return first.text(targets=True).splitlines()


def silent(text: str) -> None:
    """Report no progress."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_numbers_agree_with_every_peer(case: Case) -> None:
    inputs = Inputs(case.matrix(300, 3))
    window = case.windows[0]
    assert case.present(acm_rs)
    found = check(case, window, inputs, acm_rs)
    present = [peer for peer in case.peers if peer.present()]
    assert len(found) == len(present)
    assert [a for a in found if not a.holds] == []


def test_another_statistic_is_named_and_not_compared() -> None:
    notes = {a.pair[1]: a.note for a in check(case_of("mad"), 16, Inputs(random_matrix(200, 2)), acm_rs)}
    assert notes["pandas"] == ""
    assert "another statistic" in notes["Polars"]


def test_every_case_has_peers_whose_columns_the_table_has() -> None:
    assert [case.key for case in CASES] == list(dict.fromkeys(case.key for case in CASES))
    assert all(case.peers for case in CASES)
    for case in CASES:
        names = [peer.name for peer in case.peers]
        assert len(set(names)) == len(names)
        assert set(names) <= set(COLUMNS)
        judged = {name for targets in case.targets.values() for target in targets for name in target.peers}
        assert judged <= set(names)
    assert set(WIDE_KEYS) <= {case.key for case in CASES}


def test_a_case_runs_without_the_functions_that_are_missing() -> None:
    empty = ModuleType("acm_rs")
    for case in CASES:
        assert not case.present(None)
        assert not case.present(empty)
    found = check(case_of("pearson"), WHOLE, Inputs(random_matrix(50, 3)), empty)
    assert {a.pair[0] for a in found} == {"NumPy"}
    assert all(a.holds for a in found)


@pytest.mark.parametrize(
    ("key", "window", "shown", "named"),
    [
        ("median", 64, "64", "rolling median, window 64"),
        ("time_mean", 16, "8h", "rolling mean, irregular times, 8h"),
        ("pearson", WHOLE, "-", "Pearson matrix"),
    ],
)
def test_a_window_is_shown_as_what_it_is(key: str, window: int, shown: str, named: str) -> None:
    case = case_of(key)
    assert case.shown(window) == shown
    assert case.named(window) == named


def test_a_case_that_does_not_fit_the_input_is_left_out() -> None:
    assert case_of("lag_corr").fits(100, 2, 16)
    assert not case_of("lag_corr").fits(100, 1, 16)
    assert not case_of("median").fits(100, 1, 256)
    assert case_of("median_mad").fits(1, 1, WHOLE)
    assert case_of("lag_corr").matrix(20, 50).shape == (20, 10)
    assert case_of("pearson_gaps").matrix(20, 50).shape == (20, 50)
    assert np.isnan(case_of("pearson_gaps").matrix(200, 5)).any()


def test_times_rise_and_hold_gaps() -> None:
    steps = np.diff(irregular_times(1_000)) // 1_000_000_000
    assert steps.min() >= 20 * 60
    assert set(np.unique(steps[steps > 40 * 60])) == {6 * 3600}
    # A slice sees the same rows as the whole: what a peer is timed on starts where the input starts.
    inputs = Inputs(random_matrix(30, 2))
    np.testing.assert_array_equal(inputs.times, irregular_times(30))
    np.testing.assert_array_equal(inputs.target, target_series(30))


def test_the_time_of_a_slice_is_scaled_by_the_work() -> None:
    def build(inputs: Inputs, window: int) -> Call:
        return Call(lambda: inputs.c.shape, lambda result: [])

    peer = Peer("pandas", "pandas", build, slice_shape=(50, 3))
    inputs = Inputs(random_matrix(100, 10))
    for key, scale in (("mad", 100 * 10 / (50 * 3)), ("spearman", 2 * 55 / 6), ("lag_corr", 2 * 90 / 6)):
        candidate = peer_candidate(case_of(key), peer, 16, inputs)
        assert candidate.run() == (50, 3)
        assert candidate.scale == pytest.approx(scale, rel=1e-15)


def test_a_row_for_the_record_has_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.kernels.TARGET_SHAPE", (60, 3))
    kinds = [Variant("C", 1, "C, 1")]
    record = replace(case_of("median"), targets={16: (Target(None, ("pandas",)),)})
    section = kernel_section([record], (60, 3), acm_rs, kinds, TINY, silent)
    assert section.verdicts == []
    assert table(section)[-1].endswith("|      - |       - |")
    # The peer that a target above names is not listed once more.
    both = replace(case_of("median"), targets={16: (Target(1e9, ("pandas",)), Target(None, ("pandas",)))})
    section = kernel_section([both], (60, 3), acm_rs, kinds, TINY, silent)
    assert [verdict.met for verdict in section.verdicts] == [False]
    assert table(section)[-1].endswith("| ≥ 1,000,000,000 | **missed** |")
    assert not {"Target", "Verdict", "**missed**"} & set(section.text(targets=False).split())
    assert [row[:2] for row in section.headlines] == [["rolling median", "16"]]
    assert not {"target", "**missed**"} & set(short_table([section], []).split())


def test_gaps_with_a_row_of_their_own_are_not_held_to_random_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow_with_gaps(module: ModuleType, x: np.ndarray, window: int) -> tuple[np.ndarray]:
        for _ in range(200 if np.isnan(x).any() else 1):
            found = x.sum(axis=0)
        return (found,)

    monkeypatch.setattr("benchmarks.extremes.ADVERSARIES", {n: ADVERSARIES[n] for n in (*GAPS, "constant")})
    case = replace(case_of("median_mad"), functions=(), call=slow_with_gaps, gaps_apart=True)
    section = worst_section([case, replace(case, gaps=True)], (500, 3), acm_rs, TINY, silent)
    assert "‡" in "".join(table(section))
    assert len(section.verdicts) == 1
    assert "constant" in section.verdicts[0].what


def test_overhead_of_what_is_not_linear_is_that_of_one_value() -> None:
    before = acm_rs.get_num_threads()
    cases = [replace(case_of("min_max"), linear=False), case_of("corr"), replace(case_of("median"), gaps=True)]
    section = overhead_section(cases, acm_rs, TINY, silent)
    assert acm_rs.get_num_threads() == before
    assert [verdict.what.split(",")[0] for verdict in section.verdicts[:2]] == [case.title for case in cases[:2]]
    beside = [verdict.what.split(" of ")[0] for verdict in section.verdicts[2:]]
    installed = importlib.util.find_spec("bottleneck") is not None
    assert beside == (["rolling mean", "rolling min", "rolling max", "rolling std"] if installed else [])
    (line,) = [line for line in table(section) if line.startswith("| rolling min + max")]
    cells = [cell.strip() for cell in line.split("|")[1:-1]]
    assert cells[4] == "-"
    assert cells[5] == cells[2]


def test_a_form_on_threads_gives_the_same_numbers() -> None:
    x = random_matrix(7, 40)
    np.testing.assert_array_equal(on_threads(median_mad, x, 2)(), median_mad(x))
    np.testing.assert_array_equal(on_threads(median_mad, x[:1], 2)(), median_mad(x[:1]))


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


def test_feature_forms_agree_on_the_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACM_BACKEND", "polars")
    inputs = Inputs(fan_twin()[:400, :3])
    numbers = {}
    for call in feature_calls(inputs, 16, acm_rs):
        numbers[call.name] = call.output(call.run())
    expected = numbers["acm_rs.feature_matrix"]
    assert expected.shape == (400, 33)
    assert {"drop-in, rust", "drop-in, polars", "drop-in, pandas", "Polars + NumPy"} <= numbers.keys()
    assert os.environ["ACM_BACKEND"] == "polars"
    scale = np.maximum(1.0, np.abs(expected).max(axis=0))
    for name, found in numbers.items():
        np.testing.assert_allclose(found / scale, expected / scale, rtol=0.0, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(("rows", "window"), [(0, 4), (1, 4), (3, 8), (9, 1), (12, 5)])
def test_the_feature_peer_takes_short_and_odd_windows(rows: int, window: int) -> None:
    inputs = Inputs(random_matrix(rows, 2))
    drop_in = load_backend("pandas")
    assert drop_in is not None
    if rows == 0 and int(version("polars").split(".")[0]) < 2:
        pytest.skip("Polars before 2.0 panics at no rows")
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


def test_a_sample_begins_when_the_threads_of_the_one_before_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"wall": 0.0, "busy": 0.0, "spinning": 0.0}

    def sleep(seconds: float) -> None:
        spun = min(seconds, clock["spinning"])
        clock["wall"] += seconds
        clock["busy"] += spun
        clock["spinning"] -= spun

    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock["wall"])
    monkeypatch.setattr(measure.time, "process_time", lambda: clock["busy"])
    monkeypatch.setattr(measure.time, "sleep", sleep)
    plan = Plan(rest_seconds=0.1, look_seconds=0.002)
    for spinning, rested in ((0.0, 0.002), (0.008, 0.010), (10.0, 0.1)):
        clock.update(wall=0.0, spinning=spinning)
        rest(plan)
        assert clock["wall"] == pytest.approx(rested)

    seen: list[float] = []

    def spin() -> None:
        seen.append(clock["spinning"])
        clock["wall"] += 0.03
        clock["spinning"] = 0.05

    race([Candidate("a", spin), Candidate("b", spin)], Plan(least=3, most=3, seconds=0.0))
    assert seen[4:] == pytest.approx([0.0] * 6, abs=1e-12)


def test_a_look_is_long_enough_to_see_a_thread_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    wall, tick, spinning = 0.0, 0.004, 0.1

    def sleep(seconds: float) -> None:
        nonlocal wall
        wall += seconds

    monkeypatch.setattr(measure.time, "perf_counter", lambda: wall)
    monkeypatch.setattr(measure.time, "process_time", lambda: min(wall // tick * tick, spinning))
    monkeypatch.setattr(measure.time, "sleep", sleep)
    rest(Plan())
    assert spinning <= wall < Plan().rest_seconds
    # A look between two ticks sees nothing.
    wall = 0.0
    rest(Plan(look_seconds=tick / 2))
    assert wall == tick / 2


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
    # In a process of its own: where the peak cannot be set back, an earlier one would hide it.
    script = "import numpy, benchmarks.memory as m; print(m.peak_growth(lambda: numpy.ones(4_000_000))[0])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert int(done.stdout) >= 16_000_000
    result = np.ones(4_000_000)
    assert output_bytes((result, [result])) == 64_000_000


@pytest.mark.parametrize(
    ("key", "window", "gaps", "output"),
    [("mean_std", 16, False, 500 * 8 * 8), ("time_mean", 16, False, 500 * 4 * 8), ("pearson", WHOLE, True, 4 * 4 * 8)],
)
def test_memory_child_answers_in_json(key: str, window: int, gaps: bool, output: int) -> None:
    spec = {"kind": "kernel", "key": key, "window": window, "shape": [500, 4], "order": "F", "warm": True, "gaps": gaps}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", json.dumps(spec)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["output"] == output
    assert answer["growth"] >= 0


def test_memory_is_held_to_output_scratch_and_a_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def measured(spec: dict[str, object]) -> dict[str, int] | None:
        asked.append(spec)
        return None if spec["key"] == "median" else {"growth": 10_000_000, "output": 1_000_000}

    monkeypatch.setattr(benchmarks.memory, "measure_in_child", measured)
    monkeypatch.setattr(Case, "present", lambda self, module: True)
    keys = ["median", "lag_corr", "spearman"]
    section = memory_section(keys, (10_000, 80), acm_rs, ["C"], silent)
    assert [verdict.met for verdict in section.verdicts] == [False, True]
    assert "scratch" in section.verdicts[1].target
    assert all("the measuring process failed" in line for line in section.broken)
    assert len(section.broken) == 2
    assert {spec["key"]: spec["shape"] for spec in asked}["lag_corr"] == [10_000, 10]
    asked.clear()
    section = wide_memory_section(["median", "pearson", "pearson_gaps"], acm_rs, silent)
    assert [spec["gaps"] for spec in asked] == [False, True]
    assert [verdict.measured for verdict in section.verdicts] == ["9 MB", "9 MB"]
    assert all(verdict.met for verdict in section.verdicts)


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
    text = summary([section], targets=True).text(targets=True)
    assert "1 of 2 targets met." in text
    assert "| b " in text
    assert "| a " not in text
    assert "- numbers of c" in text
    assert "Nothing was held" in summary([Section("empty")], targets=True).text(targets=True)
    text = summary([section], targets=False).text(targets=False)
    assert "target" not in text
    assert "- numbers of c" in text
    assert "agree" in summary([Section("empty")], targets=False).text(targets=False)


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
    arguments = ["--quick", "--kernel", "mean_std", "--kernel", "min_max", "--kernel", "corr", "--kernel", "pearson"]
    arguments += ["--kernel", "spearman_gaps", "--sizes", "200x3", "--parts"]
    arguments += [
        "kernels,worst,overhead",
        "--targets",
        "--save",
        str(tmp_path / "runs"),
        "--output",
        str(output),
        "--readme",
        str(readme),
    ]
    before = acm_rs.get_num_threads()
    assert main(arguments, {}) == 0
    assert acm_rs.get_num_threads() == before
    text = output.read_text(encoding="utf-8")
    assert text.strip() in capsys.readouterr().out
    for expected in ("rolling mean + std", "Pearson matrix", "Worst input", "Call overhead", "Machine: ", *COLUMNS[:4]):
        assert expected in text
    assert "Machine: " in readme.read_text(encoding="utf-8")
    assert "| Target |" in text
    assert "acm_rs C, all, out" in text
    (saved,) = (tmp_path / "runs").iterdir()
    rows = Run.load(saved).rows
    assert {part for part, *_ in rows} == {"kernels", "worst", "overhead"}
    assert rows["kernels", "rolling mean + std, window 16", "200x3", "C, all"].own
    assert not rows["kernels", "rolling mean + std, window 16", "200x3", "pandas"].own
    # Nothing has changed since.
    assert main(["compare", str(saved), str(saved)], {}) == 0


@pytest.mark.parametrize("case", MODEL_CASES, ids=lambda case: case.key)
def test_models_find_what_their_peers_find(case: ModelCase) -> None:
    # Few rows of pure noise have many minima of the inertia, all alike.
    agree = at_most(1.01) if case.key == "kmeans" else case.agree
    small = replace(case, rows=600, columns=min(case.columns, 12), agree=agree)
    assert small.present(acm_rs)
    assert small.present_peers()
    section = model_section([small], acm_rs, TINY, silent)
    assert section.broken == []
    assert len(section.headlines) == 1
    apart = [name for name in case.apart if name in small.present_peers()]
    assert len(section.verdicts) == (case.times is not None) + len(apart)
    assert case.title in section.text(targets=False)


def test_models_that_are_missing_are_left_out() -> None:
    section = model_section(MODEL_CASES, ModuleType("acm_rs"), TINY, silent)
    assert section.headlines == []


def test_wrong_models_are_told() -> None:
    case = next(case for case in MODEL_CASES if case.key == "ar1")
    wrong = replace(case, rows=300, columns=3, ours=lambda module, x: lambda: np.zeros(len(x)))
    (told,) = model_section([wrong], acm_rs, TINY, silent).broken
    assert "AR(1)" in told
