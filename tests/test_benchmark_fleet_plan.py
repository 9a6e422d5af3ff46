"""The schedule of the planning page, by hand and in its bounds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fleet_plan import schedule


def test_by_hand() -> None:
    # 3 and 2 at once, 4 when the 2 is done, 1 when the 3 is.
    ended = schedule([3.0, 2.0, 4.0, 1.0], 2)
    assert (ended.seconds, ended.busy, ended.again) == (6.0, 10.0 / 12.0, 0)
    assert schedule([], 3).seconds == 0.0


def test_the_scheduler_hands_out_one_task_after_the_other() -> None:
    # The tenth leaves the scheduler after ten of its seconds.
    assert schedule([5.0] * 10, 10, dispatch=1.0).seconds == 15.0
    assert schedule([0.0] * 10, 10, dispatch=1.0).seconds == 10.0


def test_lost_workers_cost_time_and_no_task() -> None:
    tasks = [10.0] * 400
    quiet = schedule(tasks, 8)
    rough = schedule(tasks, 8, lost_after=100.0, restart=5.0, seed=3)
    assert quiet.again == 0
    assert rough.again > 20
    assert rough.seconds > quiet.seconds
    assert rough == schedule(tasks, 8, lost_after=100.0, restart=5.0, seed=3)
    # Of each worker's life, 10 s tasks lose 5 s a loss and the restart: at least two thirds of the time is work.
    assert 0.6 < rough.busy < quiet.busy


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.floats(0.0, 50.0), min_size=1, max_size=60), st.integers(1, 9))
def test_no_schedule_beats_its_bounds(tasks: list[float], workers: int) -> None:
    ended = schedule(tasks, workers)
    least = max(max(tasks), sum(tasks) / workers)
    # Graham 1966, doi 10.1002/j.1538-7305.1966.tb01709.x: a list's schedule takes less than twice the best.
    assert least - 1e-9 <= ended.seconds <= (2.0 - 1.0 / workers) * least + 1e-9
    assert 0.0 <= ended.busy <= 1.0 + 1e-12
