"""The parts of a score: their memories, what people are told of each, and which of them says most of a row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.constants import MOVED
from acm_rs.monitor.episode import FROZEN, NEARLY_ZEROS, PARTLY, STUCK, ZEROS
from acm_rs.monitor.staying import STAYS

__all__ = [
    "AT_ONCE",
    "CAUSES",
    "FEW",
    "LEVELS",
    "LEVEL_NAMES",
    "MEMORIES",
    "PARTS",
    "PAST",
    "PIECE",
    "PRESENT",
    "SCATTER",
    "SHIFTS",
    "SLOW",
    "SLOWLY",
    "STAND",
    "WARM",
    "WILD",
    "WITHIN",
    "farther",
    "leading",
    "sized",
]

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]

SHIFTS = (0.25, 0.05)
"""Weights of the latest row in the means of each sensor's residual: some rows, and some tens of rows."""
SLOW = 0.2
"""Of the means that tell what the machine has done of late: heat comes late."""
PAST = 100
"""Rows after which they remember nothing that counts."""
SCATTER = SHIFTS[1]
LEVELS = (0.03, 0.15)
"""Weights of the latest row in the means of the main components: tens of rows for what creeps, and some rows, in which
quick wear shows first and of whose ups and downs a short history holds many."""
WILD = 5.0
"""Residuals count as so many standard deviations at most: a single reading is soon forgotten."""
WITHIN = 0.85
"""Share of the limit that accepted rows come to: the next of their kind are not quite like them."""
PRESENT = 0.5
"""Share of the sensors that a row must have to be judged; less only where the training seldom had so many."""

AT_ONCE = "squares at once"
"""The quick mean beside that of the scatter."""
LEVEL_NAMES = ("level", *(f"level {memory:g}" for memory in LEVELS[1:]))
"""In files of before there is the first alone."""
MEMORIES = {"scatter": SCATTER, "level": LEVELS[0], **{f"shift {memory:g}": memory for memory in SHIFTS}}
SLOWLY = (f"shift {SHIFTS[1]:g}", "scatter", "level")
"""Statistics with long memories."""
PARTS = ("all together", *(f"shift {memory:g}" for memory in SHIFTS), "scatter", "level", "stuck")
CAUSES = (
    "",
    *("" for _ in SHIFTS),
    "scatters more than usual",
    "sensors move together beyond the usual",
    STUCK,
    "beyond all that training has seen, by load or wear",
    MOVED,
    FROZEN,
    ZEROS,
    STAYS,
    PARTLY,
    NEARLY_ZEROS,
)
"""What people are told of each part, and of rows beyond all of them."""
STAND, FEW = 0.8, 3
"""Share of the sensors that stand still for longer than they ever did where data collection does, and of how many."""
WARM = 2
"""Rows that the fused detector needs before each row: it has two lags."""
PIECE = 4096
"""Rows that are looked at at once."""


def leading(parts: Matrix) -> Labels:
    """The part that says most of a row: what one sensor shows, where it shows enough, before what many show."""
    level, scatter = PARTS.index("level"), PARTS.index("scatter")
    shifts = [number for number, name in enumerate(PARTS) if name.startswith("shift")]
    if not (parts > 1.0).any():
        first: Labels = parts.argmax(axis=1)
        return first
    told = parts.copy()
    shifted = parts[:, shifts].max(axis=1) > 1.0
    told[shifted, scatter] = -np.inf
    told[shifted | (parts[:, [scatter, PARTS.index("stuck")]].max(axis=1) > 1.0), level] = -np.inf
    return told.argmax(axis=1)


def farther(levels: list[Matrix]) -> Matrix:
    """Of several values the one that is farthest from 0, in place of the first of them."""
    found = levels[0]
    for other in levels[1:]:
        np.copyto(found, other, where=np.abs(other) > np.abs(found))
    return found


def sized(name: str, values: Matrix) -> Matrix:
    """How far a statistic is from what is usual: a shift counts both ways, scatter as it grows."""
    return np.abs(values) if name.startswith("shift") else values
