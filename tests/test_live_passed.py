"""Rows that come too late or again: told where they are lost, from one run to the next, and where nothing comes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from acm_rs.live.passed import Passed
from acm_rs.live.sources.adapter import Adapted
from live import COLUMNS, Memory, later, text_of, watch

DAY = 86_400.0


def write(path: Path, *parts: list[bytes]) -> None:
    path.write_bytes(b"".join(line for part in parts for line in part))


def test_runs_by_a_timer_tell_the_rows_that_they_leave_out(tmp_path: Path) -> None:
    """A clock that was a year ahead for two rows makes all rows late, however few each run finds."""
    path, keeper = tmp_path / "fan.csv", Memory()
    # Of years long past, whatever the computer's clock says.
    header, *rows = text_of(later()[:245]).replace(b"2026-", b"2014-").splitlines(keepends=True)
    ahead = [row.replace(b"2014-", b"2015-") for row in rows[200:202]]
    for run in range(4):
        notes: list[str] = []
        write(path, [header], rows[:200], ahead, rows[202 : 202 + 9 * run])
        one = watch(path, keeper, [], notes)
        one.run()
        said = [note for note in notes if "too late" in note]
        if not run:
            assert said == []
        else:
            (text,) = said
            assert text.startswith("9 of 9 rows came too late or again and are left out: they are not newer than 2015-")
            assert text.endswith("If that time is wrong, begin anew with --fresh")
    assert (one.counts.rows, one.counts.late) == (202, 27)


def test_good_rows_in_the_same_batch_do_not_hide_late_ones(tmp_path: Path) -> None:
    path, notes = tmp_path / "fan.csv", []
    header, *rows = text_of(later()[:150]).splitlines(keepends=True)
    write(path, [header], rows[:50], rows[100:150], rows[50:100])
    one = watch(path, Memory(), [], notes)
    one.run()
    assert [note.partition(" came too late or again")[0] for note in notes] == ["50 of 150 rows"]
    assert "Rows must come oldest first" in notes[-1]


def test_a_query_that_gives_the_newest_first(tmp_path: Path) -> None:
    frame, notes = later()[:100][::-1], []
    rows = [(row.pop("TS"), row) for row in frame.to_dicts()]

    class Query:
        def poll(self, position: int | None) -> tuple[list[object], int]:
            return ([] if position else list(rows)), 1

    for once in (True, False):
        notes.clear()
        one = watch(Adapted(Path("plant"), Query(), COLUMNS), Memory(), [], notes, once=once)

        def note(text: str, one: object = one) -> None:
            notes.append(text)
            one.stopping = True  # type: ignore[attr-defined]

        one.note = note
        one.run()
        (text,) = notes
        assert text.startswith("99 of 100 rows came too late or again and are left out")
        assert "Rows must come oldest first" in text


def test_what_was_read_before_is_not_lost(tmp_path: Path) -> None:
    """A file that is written anew with more rows begins with those that were judged."""
    path, keeper, notes = tmp_path / "fan.csv", Memory(), []
    header, *rows = text_of(later()[:120]).splitlines(keepends=True)
    for first, last in ((0, 60), (10, 90), (30, 120)):
        write(path, [header], rows[first:last])
        watch(path, keeper, [], notes).run()
    assert not [note for note in notes if "too late" in note]
    assert len(keeper.scores()) == 120


@pytest.mark.parametrize("every", [2, 30])
def test_single_rows_of_two_clocks(every: int) -> None:
    """Where one in two is late it is told once; where one in thirty is, never."""
    one, told, newest = Passed(), [], 0
    for row in range(900):
        late = row % every == 1
        newest += not late
        told.append(one.take(np.array([newest - 5 * late]), int(late), 0))
    said = [text for text in told if text is not None]
    assert len(said) == (1 if every == 2 else 0)
    again = Passed()
    again.go_on(one.put())
    assert again.put() == one.put()


def test_silence_is_measured_from_one_run_to_the_next(tmp_path: Path) -> None:
    """A source that brings nothing is told as a watch that goes on would tell it, once, and as it ends."""
    path, keeper, told = tmp_path / "fan.csv", Memory(), []
    lines = text_of(later()[:60]).splitlines(keepends=True)
    now = [1_000_000_000.0]

    def run(rows: int) -> list[str]:
        write(path, lines[: rows + 1])
        told.clear()
        watch(path, keeper, told, now=lambda: now[0]).run()
        return [f"{event['what']} {event['kind']}" for event in told if event["kind"] == "no data"]

    assert run(40) == []
    now[0] += 0.9 * 6_000.0
    assert run(40) == []
    now[0] += 0.2 * 6_000.0
    assert run(40) == ["opened no data"]
    now[0] += DAY
    assert run(40) == []
    assert run(50) == ["closed no data"]
    now[0] += DAY
    # It found rows, however late it looked.
    assert run(60) == []
    now[0] -= 10 * DAY
    assert run(60) == []


def test_silence_of_a_source_that_never_had_a_row(tmp_path: Path) -> None:
    path, keeper, told = tmp_path / "fan.csv", Memory(), []
    write(path, text_of(later()[:1]).splitlines(keepends=True)[:1])
    for passed, many in ((0.0, 0), (DAY, 1), (2 * DAY, 0)):
        told.clear()
        watch(path, keeper, told, now=lambda passed=passed: 1e9 + passed).run()
        assert len(told) == many
