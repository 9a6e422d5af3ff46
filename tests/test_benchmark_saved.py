"""Saved benchmarks and their comparison, steps in cost, and what is written again: nothing is asserted on time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from benchmarks import cliffs, saved
from benchmarks.cases import CASES
from benchmarks.environment import machine_lines
from benchmarks.kernels import variants, written_again
from benchmarks.measure import Plan, Timed, Timing, timed
from benchmarks.run import main, parser
from benchmarks.saved import Run, compare
from benchmarks.table import Section, Table

acm_rs = pytest.importorskip("acm_rs")

TINY = Plan(least=1, most=1, seconds=0.0, sample_seconds=0.0)


def row(name: str, seconds: float, own: bool = True, spread: float = 0.01) -> Timed:
    """A row of ``acm_rs`` or of a peer."""
    low, high = seconds * (1.0 - spread), seconds * (1.0 + spread)
    return Timed("kernels", name, "10x5", "C, all" if own else "pandas", own, seconds, low, high, 5)


def run(*rows: Timed, machine: str = "one", others: float | None = 0.0, pandas: str = "3") -> Run:
    """A run of these rows."""
    keyed = {(one.part, one.row, one.size, one.candidate): one for one in rows}
    return Run("abc", machine, 2, {"pandas": pandas}, others, keyed)


def test_a_run_is_read_as_it_was_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "commit", lambda: "0123456789ab")
    kept = timed("models", "k-means", "10x5", {"acm_rs": Timing([1.0, 2.0, 4.0]), "peer": Timing([3.0])}, ("acm_rs",))
    file = saved.save(tmp_path / "runs", [Section("a"), Section("b", timed=kept)], 2, None)
    assert file == tmp_path / "runs" / "0123456789ab.json"
    found = Run.load(file)
    assert (found.commit, found.threads, found.others) == ("0123456789ab", 2, None)
    assert list(found.rows.values()) == kept
    ours, peer = kept
    assert (ours.seconds, ours.low, ours.high, ours.samples, ours.own) == (2.0, 1.5, 3.0, 3, True)
    assert (peer.seconds, peer.low, peer.high, peer.own) == (3.0, 3.0, 3.0, False)


def test_the_commit_is_told_or_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert saved.commit() == "unknown"
    monkeypatch.setenv("PATH", "")
    assert saved.commit() == "unknown"


def test_slower_and_faster_rows_are_told_beyond_the_limit() -> None:
    old = run(row("a", 1.0), row("b", 1.0), row("c", 1.0), row("d", 1.0))
    new = run(row("a", 1.2), row("b", 1.04), row("c", 0.5), row("d", 1.2, spread=0.3))
    text, good = compare(old, new)
    assert not good
    slower, faster = text.split("## Faster")
    assert [line.split("|")[2].strip() for line in slower.splitlines() if line.startswith("| kernels")] == ["a"]
    assert [line.split("|")[2].strip() for line in faster.splitlines() if line.startswith("| kernels")] == ["c"]
    assert compare(old, new, limit=25.0)[1]
    assert compare(new, old)[0].count("| kernels") == 2


def test_what_the_machine_was_slower_by_is_taken_out() -> None:
    old = run(row("a", 1.0), row("b", 1.0), row("a", 1.0, own=False), row("b", 2.0, own=False))
    new = run(row("a", 1.5), row("b", 1.0), row("a", 1.5, own=False), row("b", 3.0, own=False))
    text, good = compare(old, new)
    assert good
    assert "The peers took 1.50 times as long" in text
    assert [line.split("|")[2].strip() for line in text.splitlines() if line.startswith("| kernels")] == ["b"]


def test_what_makes_two_runs_unlike_is_told() -> None:
    old = run(row("a", 1.0), row("gone", 1.0), others=0.5)
    new = run(row("a", 1.0), row("new", 1.0), row("newer", 1.0), machine="two", pandas="4")
    text, good = compare(old, new)
    assert good
    for told in (
        "1 rows of acm_rs are in both",
        "1 are in the old run alone",
        "2 are in the new run alone",
        "0.50 cores busy during the old run",
        "Two machines",
        "pandas 3 → 4",
    ):
        assert told in text
    assert "busy during the new" not in text


def test_slower_rows_are_the_exit_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = []
    for name, seconds in (("old", 1.0), ("new", 2.0)):
        monkeypatch.setattr(saved, "commit", lambda name=name: name)
        files.append(str(saved.save(tmp_path, [Section("a", timed=[row("a", seconds)])], 1, 0.0)))
    assert main(["compare", *files], {}) == 1
    assert main(["compare", *files, "--limit", "150"], {}) == 0
    assert main(["compare", *reversed(files)], {}) == 0
    assert "# new to old" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 99}', '{"format": 1}', '{"format": 1, "rows": [{}]}'])
def test_what_is_no_saved_run_is_refused(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run.json"
    file.write_text(content, encoding="utf-8")
    for name in (file, tmp_path / "none.json"):
        with pytest.raises(SystemExit) as caught:
            main(["compare", str(name), str(file)], {})
        assert caught.value.code == 2
    told = capsys.readouterr().err
    assert f"{file} is no saved run" in told
    assert "none.json" in told


def test_runs_without_a_common_row_are_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = saved.save(tmp_path, [], 1, None)
    assert json.loads(file.read_text(encoding="utf-8"))["rows"] == []
    with pytest.raises(SystemExit):
        main(["compare", str(file), str(file)], {})
    assert "no row of acm_rs in common" in capsys.readouterr().err


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_what_is_written_again_is_the_same(case: object) -> None:
    assert isinstance(case, type(CASES[0]))
    x = np.asfortranarray(case.matrix(300, 3))
    window = case.windows[0]
    call = case.bind_again(acm_rs, x, window)
    assert (call is not None) == case.takes_out(acm_rs)
    if call is None:
        return
    first = call()
    before = [one.copy() for one in first]
    for one in first:
        one.fill(-1.0)
    second = call()
    assert [a is b for a, b in zip(first, second, strict=True)] == [True] * len(first)
    for a, b in zip(before, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_written_again_is_timed_at_the_most_threads() -> None:
    kinds = variants(["C", "F"], ["1", "all"], acm_rs)
    again = written_again(kinds)
    assert [kind.label for kind in again] == ["C, all, out", "F, all, out"]
    assert all(kind.again and kind.threads == acm_rs.get_num_threads() for kind in again)


def test_steps_in_cost_are_timed_and_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cliffs, "ROWS", 400)
    monkeypatch.setattr(cliffs, "LONG", 5_000)
    monkeypatch.setattr(cliffs, "COLUMNS", (2, 9))
    monkeypatch.setattr(cliffs, "ON_TWO", (((300, 9), 1.0),))
    monkeypatch.setattr(cliffs, "cores", lambda: 2)
    keys = ("mean_std", "mad", "quantile", "ewm_std", "pearson", "lag_corr", "welch")
    before = acm_rs.get_num_threads()
    section = cliffs.cliff_section([case for case in CASES if case.key in keys], acm_rs, TINY, lambda text: None)
    assert acm_rs.get_num_threads() == before
    # Four kernels at two numbers of columns and in one long column, two windows, two odd columns, the second thread.
    assert len(section.verdicts) == 4 * 2 + 4 + 2 + 2 + 1
    assert len(section.timed) == 2 * len(section.verdicts)
    assert all(one.own for one in section.timed)
    whats = " ".join(verdict.what for verdict in section.verdicts)
    for told in (
        "9 columns: C over F",
        "one column over 50",
        "window 256 over window 64",
        "column dead",
        "two threads",
    ):
        assert told in whats
    first, second = section.body[:2]
    assert isinstance(first, Table)
    assert isinstance(second, Table)
    assert len(first.rows) == 4
    assert len(second.rows) == 9


def test_a_step_is_held_to_its_bound() -> None:
    def pair(least: bool, bound: float) -> cliffs.Pair:
        return cliffs.Pair("a", (int, int), ("x", "y"), "1x1", bound, least=least)

    timings = {"x": Timing([3.0]), "y": Timing([2.0])}
    assert pair(False, 1.5).verdict(timings).met
    assert not pair(False, 1.4).verdict(timings).met
    assert pair(True, 0.6).verdict(timings).met
    assert not pair(True, 0.7).verdict(timings).met
    assert pair(True, 0.7).verdict(timings).measured == "0.667"


def test_threads_of_a_step_are_set_for_each_call() -> None:
    asked: list[int] = []
    module = ModuleType("acm_rs")
    module.get_num_threads = lambda: 5
    module.set_num_threads = asked.append
    pair = cliffs.Pair("a", (int, int), ("x", "y"), "1x1", 1.0)
    for one in (pair, replace(pair, threads=(2, 1))):
        for candidate in one.candidates(module):
            candidate.before()
    assert asked == [5, 5, 2, 1]


def test_peers_that_are_missing_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.environment.PACKAGES", ("numpy", "no-such-peer", "nor-this"))
    lines = "\n".join(machine_lines({}))
    assert "numpy " in lines
    assert "Not installed and left out: no-such-peer, nor-this (`pip install no-such-peer nor-this`)." in lines
    assert "no-such-peer not installed" not in lines


def test_full_and_quick_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert parser().parse_args(["--full"]).full
    with pytest.raises(SystemExit):
        parser().parse_args(["--full", "--quick"])
    assert "not allowed" in capsys.readouterr().err
