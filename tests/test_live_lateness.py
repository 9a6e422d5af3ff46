"""Late, repeated and out-of-order rows: the rule, against a walk from row to row, whatever the batches."""

from __future__ import annotations

import numpy as np
import pytest
from acm_rs.live.lateness import Sorter
from acm_rs.live.rows import Rows, no_rows, put_together
from hypothesis import given
from hypothesis import strategies as st


def walked(times: list[int], lateness: int) -> tuple[list[tuple[int, int]], int, int]:
    """The rule as it is said, row by row: (time, number) of the rows handed on, and how many are late and repeated."""
    newest: int | None = None
    waiting: dict[int, int] = {}
    out, late, repeated = [], 0, 0
    for number, time in enumerate(times):
        if newest is not None and time <= newest - lateness:
            if time == newest:
                repeated += 1
            else:
                late += 1
            continue
        repeated += time in waiting
        waiting[time] = number
        newest = time if newest is None else max(newest, time)
        for ready in sorted(one for one in waiting if one <= newest - lateness):
            out.append((ready, waiting.pop(ready)))
    return out, late, repeated


@given(
    st.lists(st.integers(0, 40), max_size=60),
    st.sampled_from([0, 1, 5, 20]),
    st.lists(st.integers(0, 9), max_size=40),
    st.booleans(),
)
def test_rows_are_handed_on_by_the_rule_in_whatever_pieces_they_come(
    times: list[int], lateness: int, pieces: list[int], restarts: bool
) -> None:
    rows = Rows(np.arange(len(times), dtype=float)[:, None], np.array(times, np.int64))
    sorter = Sorter(1, lateness)
    got = [no_rows(1)]
    first = 0
    for size in [*pieces, len(times)]:
        if restarts:
            kept = sorter.put()
            sorter = Sorter(1, lateness)
            sorter.go_on(*kept)
        got.append(sorter.take(rows.take(slice(first, first + size))))
        first += size
    handed = put_together(got)
    assert handed.times is not None
    expected, late, repeated = walked(times, lateness)
    assert list(zip(handed.times.tolist(), handed.values[:, 0].tolist(), strict=True)) == expected
    assert (sorter.late, sorter.repeated) == (late, repeated)
    assert sorter.waiting == len(times) - len(expected) - late - repeated


def test_rows_without_times_are_handed_on_as_they_come() -> None:
    rows = Rows(np.ones((3, 2)), None)
    assert Sorter(2, 50).take(rows) is rows


def test_what_was_handed_on_is_never_followed_by_what_is_older() -> None:
    sorter = Sorter(1, 10)
    sorter.take(Rows(np.zeros((2, 1)), np.array([100, 105])))
    assert sorter.flush().times.tolist() == [100, 105]
    assert not len(sorter.take(Rows(np.zeros((1, 1)), np.array([103]))))
    assert sorter.late == 1
    kept = sorter.put()
    wider = Sorter(1, 1_000)
    wider.go_on(*kept)
    assert not len(wider.take(Rows(np.zeros((1, 1)), np.array([104]))))
    assert wider.waiting == 0
    with pytest.raises(ValueError, match="other columns"):
        Sorter(3).go_on(*kept)
