"""How far a function is from exact arithmetic on the six families.

An error is ``|ours - exact| / max(1, |exact|)``; spectra and covariances are held against what they are summed from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from exact import Column, Pair, Window, as_exact
from exact_pairs import Form, Pairs, whole
from families import FAMILIES, family

Array = npt.NDArray[Any]
CASES = [(name, missing) for name in FAMILIES for missing in (False, True)]
FEW_CASES = [("A-offset", True), ("C-calm", True), ("D-walk", False)]


@dataclass(frozen=True)
class Worst:
    """The largest error and where it was met."""

    error: float
    where: str


def largest(found: Iterable[tuple[float, str]]) -> Worst:
    """The largest of errors and places."""
    error, where = max(found, key=lambda one: one[0])
    return Worst(error, where if error else "")


def worse(*measures: Callable[[bool], Worst]) -> Callable[[bool], Worst]:
    """The worst of several measures."""
    return lambda few: max((measure(few) for measure in measures), key=lambda one: one.error)


def case_name(name: str, missing: bool) -> str:
    """What a family is called in the tables."""
    return f"{name[2:]}{' with gaps' if missing else ''}"


def of_columns(function: Callable[[Array], Any], values: Callable[[Window], Sequence[Pair]]) -> Callable[[bool], Worst]:
    """Measure a function whose results are numbers of a whole column; ``values`` are the exact ones."""

    def measure(few: bool) -> Worst:
        found = []
        for name, missing in FEW_CASES if few else CASES:
            x = family(name, missing)
            w = Column.of(x.tolist()).between(0, x.size)
            got = function(x)
            ours = np.array([np.ravel(part)[0] for part in got])[None, :]
            error = as_exact([values(w)], ours.size).scaled_error(ours)
            found.append((float(error.max()), case_name(name, missing)))
        return largest(found)

    return measure


def of_values(function: Callable[[Array], Array], value: Callable[[Array], list[Pair]]) -> Callable[[bool], Worst]:
    """Measure a function that gives a number for each value of a column."""

    def measure(few: bool) -> Worst:
        found = []
        for name, missing in FEW_CASES if few else CASES:
            x = family(name, missing)[:4500]
            want = as_exact([[pair] for pair in value(x)], 1)
            found.append((float(want.scaled_error(function(x)).max()), case_name(name, missing)))
        return largest(found)

    return measure


def table(few: bool, rows: int) -> Array:
    """The families side by side, and one more of each that goes along with it."""
    names = list(FAMILIES)[:3] if few else list(FAMILIES)
    x = np.column_stack([family(name, True)[:rows] for name in names])
    other = np.column_stack([family(name)[rows : 2 * rows] + family(name)[:rows] for name in names])
    return np.column_stack([x, other])


def of_matrix(form: Form, got: Array, x: Array, lag: int = 0) -> Worst:
    """Measure a matrix of every column with every one."""
    columns = [Column.of(x[:, j].tolist()) for j in range(x.shape[1])]
    want = whole(form, columns, lag=lag)
    size = np.fmax(1.0, np.abs(want.hi))
    if form is Pairs.cov:
        spread = [[Pairs(a, b).spread(0, len(x)) for b in columns] for a in columns]
        size = np.fmax(size, np.array(spread).reshape(size.shape))
    return Worst(float((want.error(got.reshape(want.hi.shape)) / size).max()), f"{x.shape[1]} columns of the families")


def wide_and_narrow(measure: Callable[[bool], Worst]) -> Callable[[bool], Worst]:
    """How many columns there are decides how sums are cut: half of them are measured too."""
    return lambda few: measure(True) if few else max(measure(True), measure(False), key=lambda one: one.error)
