"""What a row of the table is: how acm_rs is called for it, on what input, and what it is held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from benchmarks.data import Matrix, gappy_matrix, random_matrix

WHOLE = 0
"""Stands for the window of a case that has none: whole columns, or pairs of them."""


@dataclass(frozen=True)
class Target:
    """How many times faster than the fastest of ``peers`` a kernel must be (no names: of all named peers).

    ``times`` is None for a row that is held to nothing and shown for the record, unless a target above names that peer.
    """

    times: float | None
    peers: tuple[str, ...] = ()


def _nothing(rows: int) -> dict[str, Any]:
    return {}


def _values(rows: int, columns: int) -> float:
    return float(rows * columns)


def _none(rows: int, columns: int) -> int:
    return 0


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Parameters
    ----------
    key
        Name on the command line and in ``PEERS``.
    title
        Name in the table.
    functions
        Functions of acm_rs the case needs; the case runs without acm_rs' column where one is missing.
    call
        Calls acm_rs: module, input, window, keyword arguments -> results.
    split
        Results -> one 2-D array per statistic.
    targets
        Window, or ``WHOLE`` -> targets.
    tolerance
        Largest accepted difference between acm_rs and a peer, relative to ``max(1, |value|)``.
    label
        Shown as the window where that is no number of rows.
    keywords
        Rows -> further arguments of ``call``, made outside the timing.
    gaps
        Whether 5 % of the input is missing.
    least_columns, most_columns
        Columns it needs, and columns it is timed on at most where the output grows with their square.
    cost
        Rows, columns -> what the work grows with: scales the time of a slice to the whole.
    linear
        Whether the work is proportional to the rows. Where it is not, only a call on one value tells the overhead.
    gaps_apart
        Whether missing values are another algorithm, with a row of its own: not held to the time of random input.
    scratch
        Rows, columns -> bytes of documented scratch.
    """

    key: str
    title: str
    functions: tuple[str, ...]
    call: Callable[..., tuple[Any, ...]]
    split: Callable[[tuple[Any, ...]], list[Matrix]]
    targets: Mapping[int, tuple[Target, ...]]
    tolerance: float
    label: str = ""
    keywords: Callable[[int], dict[str, Any]] = _nothing
    gaps: bool = False
    least_columns: int = 1
    most_columns: int | None = None
    cost: Callable[[int, int], float] = _values
    linear: bool = True
    gaps_apart: bool = False
    scratch: Callable[[int, int], int] = _none

    @property
    def windows(self) -> tuple[int, ...]:
        """Windows that are timed."""
        return tuple(self.targets)

    def shown(self, window: int) -> str:
        """Write the window as the table does."""
        return self.label or (str(window) if window != WHOLE else "-")

    def named(self, window: int) -> str:
        """Write title and window, as verdicts and progress do."""
        if window == WHOLE:
            return self.title
        return f"{self.title}, {self.label or f'window {window}'}"

    def columns(self, columns: int) -> int:
        """Columns it takes of an input that has so many."""
        return columns if self.most_columns is None else min(columns, self.most_columns)

    def fits(self, rows: int, columns: int, window: int) -> bool:
        """Tell whether an input of this size is large enough."""
        return columns >= self.least_columns and window <= rows

    def matrix(self, rows: int, columns: int) -> Matrix:
        """Make its input."""
        return (gappy_matrix if self.gaps else random_matrix)(rows, self.columns(columns))

    def bind(self, module: ModuleType, x: Matrix, window: int) -> Callable[[], tuple[Any, ...]]:
        """Bind acm_rs' call to an input."""
        return partial(self.call, module, x, window, **self.keywords(len(x)))

    def present(self, module: ModuleType | None) -> bool:
        """Tell whether acm_rs has everything the case needs."""
        return module is not None and all(hasattr(module, name) for name in self.functions)
