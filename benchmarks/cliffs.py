"""Steps in cost: inputs that are nearly alike, or the same work laid out otherwise, must take nearly the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from registry.inputs import Matrix, cores, random_matrix
from registry.timed import WHOLE, Case

from benchmarks.kernels import Progress
from benchmarks.measure import Candidate, Plan, Timing, race, timed
from benchmarks.table import JUDGING, Section, Table, Verdict, digits, milliseconds

COLUMNS = (100, 200, 256, 257)
"""Numbers of columns at which rows of C order leave a cache, share its places, or end amid a line."""

ROWS = 10_000
LONG = 500_000
C_OVER_F = 1.3
ONE_OVER_MANY = 2.0
WINDOWS = (("mad", 256, 64, 2.0), ("quantile", 257, 256, 1.2))
"""Case, window, a smaller one, and how many times longer the first may take."""

FADING = ("ewm_mean", "ewm_std")
ODD_OVER_NOISE = 1.5
ON_TWO = (((50_000, 100), 1.8), ((10_000, 50), 1.6))
"""Shape, and how many times faster two threads must be."""


@dataclass(frozen=True)
class Pair:
    """Two calls, and what their times are held to.

    Parameters
    ----------
    what
        The row of the table.
    calls
        The call in question, and the one beside which it is held.
    names
        What they are called.
    size
        Rows x columns of the first.
    bound
        How many times longer the first may take; with ``least``, how many times longer the second must take.
    threads
        Threads of the two, where they are not all.
    least
        Which of the two.
    """

    what: str
    calls: tuple[Callable[[], Any], Callable[[], Any]]
    names: tuple[str, str]
    size: str
    bound: float
    threads: tuple[int, int] | None = None
    least: bool = False

    def candidates(self, module: ModuleType) -> list[Candidate]:
        """The two to race."""
        every = module.get_num_threads()
        return [
            Candidate(name, call, before=partial(module.set_num_threads, count))
            for name, call, count in zip(self.names, self.calls, self.threads or (every, every), strict=True)
        ]

    def verdict(self, timings: dict[str, Timing]) -> Verdict:
        """Hold the two times to the bound."""
        first, second = (timings[name].median for name in self.names)
        ratio = second / first if self.least else first / second
        met = ratio >= self.bound if self.least else ratio <= self.bound
        what = f"{self.what}: {self.names[0]} over {self.names[1]}"
        return Verdict(what, f"{'≥' if self.least else '≤'} {digits(self.bound)}", digits(ratio), met)


def windowed(cases: Sequence[Case], module: ModuleType) -> list[Case]:
    """Those that give each row and column a result of its own, and take any number of columns."""
    return [
        case
        for case in cases
        if case.present(module) and WHOLE not in case.windows and case.most_columns is None and case.takes_out(module)
    ]


def _orders(case: Case, module: ModuleType, columns: int) -> Pair:
    window = case.windows[0]
    x = case.matrix(ROWS, columns)
    calls = [case.bind(module, make(x), window) for make in (np.ascontiguousarray, np.asfortranarray)]
    size = f"{ROWS}x{columns}"
    return Pair(f"{case.named(window)}, {columns} columns", (calls[0], calls[1]), ("C", "F"), size, C_OVER_F)


def _lengths(case: Case, module: ModuleType) -> Pair:
    window, many = case.windows[0], 50
    one = case.bind(module, case.matrix(LONG, 1), window)
    matrix = case.bind(module, case.matrix(LONG // many, many), window)
    names = ("one column", f"{many} columns")
    return Pair(case.named(window), (one, matrix), names, f"{LONG}x1", ONE_OVER_MANY)


def _other_pairs(cases: Sequence[Case], module: ModuleType) -> list[Pair]:
    keyed = {case.key: case for case in windowed(cases, module)}
    found = []
    x = random_matrix(ROWS, 50)
    size = f"{ROWS}x50"
    for key, window, smaller, bound in WINDOWS:
        if key in keyed:
            case = keyed[key]
            calls = case.bind(module, x, window), case.bind(module, x, smaller)
            names = f"window {window}", f"window {smaller}"
            found.append(Pair(case.title, calls, names, size, bound))
    odd: dict[str, Matrix] = {"dead": x.copy(), "stuck": x.copy()}
    odd["dead"][100:, 7] = np.nan
    odd["stuck"][100:, 7] = x[100, 7]
    for key in FADING:
        if key in keyed:
            case, window = keyed[key], keyed[key].windows[0]
            for name, other in odd.items():
                calls = case.bind(module, other, window), case.bind(module, x, window)
                names = f"one column {name}", "noise"
                found.append(Pair(case.title, calls, names, size, ODD_OVER_NOISE))
    if "mean_std" in keyed and cores() >= 2:
        case, window = keyed["mean_std"], keyed["mean_std"].windows[0]
        for (n, d), bound in ON_TWO:
            call = case.bind(module, random_matrix(n, d), window)
            names, threads = ("two threads", "one thread"), (2, 1)
            found.append(
                Pair(f"{case.title}, {n:,} x {d}", (call, call), names, f"{n}x{d}", bound, threads, least=True)
            )
    return found


def cliff_section(cases: Sequence[Case], module: ModuleType, plan: Plan, progress: Progress) -> Section:
    """Time what must not be a step: columns of C order, one long column, windows, odd columns, the second thread."""
    section = Section("Steps in cost")
    every = module.get_num_threads()

    def measure(pair: Pair) -> tuple[dict[str, Timing], Verdict]:
        progress(pair.what)
        timings = race(pair.candidates(module), plan)
        section.timed += timed("cliffs", pair.what, pair.size, timings, pair.names)
        section.verdicts.append(pair.verdict(timings))
        return timings, section.verdicts[-1]

    try:
        rows = []
        for case in windowed(cases, module):
            held = [measure(_orders(case, module, d))[1] for d in COLUMNS if case.fits(ROWS, d, case.windows[0])]
            cells = [verdict.measured for verdict in held]
            word = "met" if all(verdict.met for verdict in held) else "**missed**"
            rows.append([case.title, case.shown(case.windows[0]), *cells, f"≤ {digits(C_OVER_F)}", word])
        section.body.append(Table(["C order over F order", "Window", *map(str, COLUMNS), *JUDGING], rows))
        rows = []
        lengths = [_lengths(case, module) for case in windowed(cases, module)]
        for pair in [*lengths, *_other_pairs(cases, module)]:
            timings, verdict = measure(pair)
            times = [milliseconds(timings[name].median) for name in pair.names]
            rows.append([pair.what, *pair.names, *times, verdict.measured, verdict.target, verdict.word])
        head = ["Kernel", "Timed", "Beside", "ms", "ms beside", "Times", *JUDGING]
        section.body.append(Table(head, rows, left=3))
    finally:
        module.set_num_threads(every)
    section.body.append(
        f"Above: time of {ROWS:,} rows in C order over that in Fortran order, all threads. Below: as many values in "
        f"one column of {LONG:,} rows; windows; a column that is missing or constant among noise; and the time on one "
        "thread over that on two, for which more is better."
    )
    return section
