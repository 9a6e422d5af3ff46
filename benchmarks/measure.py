"""Timing by round robin, so that a busy moment of the machine hits every candidate alike."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field


def _nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Candidate:
    """One thing to time.

    Parameters
    ----------
    name
        Key of the result.
    run
        The call that is timed.
    before
        Called before each sample and not timed.
    scale
        Factor on the measured time: above 1 where ``run`` works on a slice of the input.
    """

    name: str
    run: Callable[[], object]
    before: Callable[[], None] = _nothing
    scale: float = 1.0


@dataclass(frozen=True)
class Plan:
    """How long to measure: rounds at least and at most, and seconds a race may take between the two, rests included.

    Before a sample the threads of the one before may take ``rest_seconds`` to fall asleep.
    """

    least: int = 5
    most: int = 25
    seconds: float = 8.0
    sample_seconds: float = 0.002
    slow_seconds: float = 0.5
    slow_samples: int = 3
    rest_seconds: float = 0.3
    look_seconds: float = 0.02


QUICK = Plan(least=3, most=7, seconds=2.0, slow_samples=2)


@dataclass
class Timing:
    """Samples of one candidate, in seconds a call."""

    samples: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Median of the samples."""
        return statistics.median(self.samples)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The samples' lower and upper quartile."""
        if len(self.samples) < 2:
            return self.median, self.median
        low, _, high = statistics.quantiles(self.samples, n=4, method="inclusive")
        return low, high


@dataclass(frozen=True)
class Timed:
    """What one candidate of a row took, as it is saved.

    Parameters
    ----------
    part, row, size
        Part of the report, its row, and rows x columns of the input.
    candidate
        Name of the candidate: a variant of acm_rs or a peer.
    own
        Whether that is acm_rs.
    seconds, low, high
        Median and quartiles of the samples.
    samples
        How many there are.
    """

    part: str
    row: str
    size: str
    candidate: str
    own: bool
    seconds: float
    low: float
    high: float
    samples: int


def timed(part: str, row: str, size: str, timings: Mapping[str, Timing], own: Collection[str]) -> list[Timed]:
    """Note what the candidates of a row took; ``own`` are the names of those that are acm_rs."""
    return [
        Timed(part, row, size, name, name in own, timing.median, *timing.quartiles, len(timing.samples))
        for name, timing in timings.items()
    ]


@dataclass
class _Runner:
    candidate: Candidate
    once: float
    loops: int
    timing: Timing = field(default_factory=Timing)

    def sample(self, plan: Plan) -> None:
        run = self.candidate.run
        self.candidate.before()
        rest(plan)
        if self.once < 0.02:
            run()
        begin = time.perf_counter()
        for _ in range(self.loops):
            run()
        elapsed = time.perf_counter() - begin
        self.timing.samples.append(elapsed / self.loops * self.candidate.scale)


def _warm(candidate: Candidate, plan: Plan) -> _Runner:
    candidate.before()
    candidate.run()
    begin = time.perf_counter()
    candidate.run()
    once = max(time.perf_counter() - begin, 1e-7)
    return _Runner(candidate, once, max(1, min(1000, math.ceil(plan.sample_seconds / once))))


def rest(plan: Plan) -> None:
    """Wait until the threads of this process sleep, or until they have had ``plan.rest_seconds`` for it.

    Those of OpenMP and OpenBLAS look for more work for a while after a call, 8 and 100 ms where this was written: on
    every core that the next candidate wants. Of a thread that runs, Linux adds up the time at ticks, 1 to 10 ms apart:
    a look must take longer than that to see it.
    """
    end = time.perf_counter() + plan.rest_seconds
    while time.perf_counter() < end:
        begin, busy = time.perf_counter(), time.process_time()
        time.sleep(plan.look_seconds)
        if time.process_time() - busy < 0.2 * (time.perf_counter() - begin):
            return


def race(candidates: Sequence[Candidate], plan: Plan) -> dict[str, Timing]:
    """Time the candidates in turns.

    Each is called twice first, which also compiles what is compiled on the first call. Then every round takes one
    sample of each, beginning with another one each time, once all threads sleep. A candidate slower than
    ``plan.slow_seconds`` sits out once it has ``plan.slow_samples``.
    """
    runners = [_warm(candidate, plan) for candidate in candidates]
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        begin = time.perf_counter()
        for number in range(plan.most):
            if number >= plan.least and time.perf_counter() - begin > plan.seconds:
                break
            shift = number % len(runners) if runners else 0
            for runner in runners[shift:] + runners[:shift]:
                if runner.once < plan.slow_seconds or len(runner.timing.samples) < plan.slow_samples:
                    runner.sample(plan)
    finally:
        if collecting:
            gc.enable()
    return {runner.candidate.name: runner.timing for runner in runners}
