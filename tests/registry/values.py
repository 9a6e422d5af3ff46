"""Values to call things with: readings of sensors, scores, labels and times for as many rows as asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Arguments = dict[str, Any]
Arguing = Callable[[int], Arguments]
"""Gives the arguments of a call for so many rows."""

COLUMNS = 4
FITTED_ROWS = 400


@cache
def _noise() -> Floats:
    random = np.random.default_rng(11)
    return random.standard_normal(65_539)


def history(rows: int, columns: int = COLUMNS) -> Floats:
    """Readings of sensors that share loads, around levels of their own; a few are missing."""
    noise = np.resize(_noise(), (rows, columns))
    loads = np.resize(_noise()[1000:], (rows, 2))
    x = 10.0 ** np.arange(columns) + loads @ (1.0 + np.arange(2 * columns).reshape(2, columns) % 3) + 0.3 * noise
    x[7::97, 0] = np.nan
    return x


def complete(rows: int, columns: int = COLUMNS) -> Floats:
    """The same without gaps."""
    x = history(rows, columns).copy()
    x[7::97, 0] = x[6::97, 0][: len(x[7::97, 0])]
    return x


def line(rows: int) -> Floats:
    """One score a row."""
    return np.abs(np.resize(_noise(), rows))


def labels(rows: int, kinds: int = 3) -> npt.NDArray[np.int64]:
    """States that last for some rows."""
    return (np.arange(rows, dtype=np.int64) // 17) % kinds


def seconds(rows: int) -> npt.NDArray[np.int64]:
    """A row a second, in nanoseconds."""
    return 1_000_000_000 * np.arange(rows, dtype=np.int64)


def nothing(rows: int) -> Arguments:
    """No arguments."""
    return {}


def with_out(arguments: Arguing, width: int = COLUMNS) -> Arguing:
    """The same, and where to put a result of so many columns."""
    return lambda rows: {**arguments(rows), "out": np.empty((rows, width))}
