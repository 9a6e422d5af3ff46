"""Numbers first: a candidate is timed only once it has been compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from registry.inputs import Inputs, Matrix
from registry.timed import Case, Peer


@dataclass(frozen=True)
class Agreement:
    """How far two candidates' numbers are apart on one case.

    Parameters
    ----------
    title, window
        The case, and its window as the table shows it.
    pair
        The two candidates.
    worst
        Largest absolute difference over ``max(1, |value|)``; NaN where one of them is missing and the other is not.
    tolerance
        What is accepted.
    note
        Why nothing is compared, else empty.
    """

    title: str
    window: str
    pair: tuple[str, str]
    worst: float
    tolerance: float
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether the numbers agree, or are known to be another statistic's."""
        return bool(self.note) or self.worst <= self.tolerance


def worst_difference(left: Sequence[Matrix], right: Sequence[Matrix], first_row: int = 0) -> float:
    """Largest difference over ``max(1, |value|)``; NaN where the missing values or the shapes differ."""
    if len(left) != len(right):
        return float("nan")
    worst = 0.0
    for a, b in zip(left, right, strict=True):
        if a.shape != b.shape:
            return float("nan")
        a, b = a[first_row:], b[first_row:]
        missing = np.isnan(a)
        if not np.array_equal(missing, np.isnan(b)):
            return float("nan")
        a, b = a[~missing], b[~missing]
        if a.size:
            worst = max(worst, float(np.max(np.abs(a - b) / np.maximum(1.0, np.abs(b)))))
    return worst


def check_shape(window: int, n: int, d: int) -> tuple[int, int]:
    """Rows and columns the numbers are compared on: a slice, but beyond the window."""
    return min(n, max(1_500, window + 500)), min(d, 4)


def check(case: Case, window: int, inputs: Inputs, module: ModuleType | None) -> list[Agreement]:
    """Compare acm_rs with every peer, or the peers with the first of them where acm_rs lacks the kernel."""
    part = inputs.part(*check_shape(window, inputs.n, inputs.d))
    peers = [peer for peer in case.peers if peer.present()]
    results: list[tuple[str, Peer | None, list[Matrix]]] = []
    if module is not None and case.present(module):
        results.append(("acm_rs", None, case.split(case.bind(module, part.c, window)())))
    for rival in peers:
        call = rival.build(part, window)
        results.append((rival.name, rival, call.outputs(call.run())))
    if not results:
        return []
    name, _, reference = results[0]
    found = []
    for other, peer, numbers in results[1:]:
        note = peer.differs if peer is not None else ""
        first = peer.first_row(window) if peer is not None else 0
        worst = worst_difference(reference, numbers, first)
        found.append(Agreement(case.title, case.shown(window), (name, other), worst, case.tolerance, note))
    return found
