"""Whether a machine has moved away from what a Monitor has learnt of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import listed
from acm_rs.monitor import words
from acm_rs.monitor.alarms import BRIDGE
from acm_rs.monitor.parts import SHIFTS
from acm_rs.monitor.regimes import near_rows
from acm_rs.monitor.watches import Watches

if TYPE_CHECKING:
    from acm_rs.monitor.result import Result

__all__ = ["stale"]

ROWS = 300
"""Rows outside of alarms from which on something is said."""
HIGH, MANY = 0.9, 0.3
"""A quantile of the training's scores, and the share of healthy rows above it that says that they have risen."""
OFF = 1.5
"""By how many standard deviations of its slow means a sensor is off on average before it is said to drift."""
STRANGE = 0.05
"""Share of the rows beyond what was learnt that is told."""


def stale(result: Result, scores: NDArray[np.float64], watches: Watches) -> list[str]:
    """The signs that a model should be learnt again; none where it is as good as new."""
    found = []
    n = len(result.scores)
    if n >= ROWS:
        # What the machine did without a driver's reading nobody knows.
        strange = (result.regimes == result.regime_names.index("unknown")) & ~result._undriven
        unknown = float(np.mean(strange))
        if unknown > STRANGE:
            found.append(
                f"{words.share(unknown)} of the rows are beyond what was learnt: learn again with such rows, or accept "
                "them"
            )
        missing = np.count_nonzero(np.isnan(result.values), axis=0)
        # A column that is not there may have another name now: that is told.
        there = result.names if result._source is None else result._source.names
        gone = [
            name for name, count in zip(result.names, missing.tolist(), strict=True) if count == n and name in there
        ]
        if gone:
            found.append(f"sensors that have no readings any more: {listed(gone)}; learn again without them")
    quiet = ~np.isnan(result.scores) & ~near_rows(result.alarms, BRIDGE)
    if np.count_nonzero(quiet) < ROWS:
        return found
    known = scores[~np.isnan(scores)]
    above = float(np.mean(result.scores[quiet] > np.quantile(known, HIGH)))
    if above > MANY:
        found.append(
            f"scores outside of alarms have risen: {words.share(above)} of them lie where {words.share(1.0 - HIGH)} of "
            "the training's did"
        )
    found += _drifting(result, quiet, watches, result.names)
    return found


def _drifting(result: Result, quiet: NDArray[np.bool_], watches: Watches, names: Sequence[str]) -> list[str]:
    """Sensors that are off on average though nothing alarms."""
    own = slice(0, len(watches.band))
    left = (result.values - result.expected_values)[quiet, own] / result.band[own]
    count = np.count_nonzero(~np.isnan(left), axis=0)
    mean = np.where(count >= ROWS, np.nansum(left, axis=0) / np.maximum(count, 1), 0.0)
    usual = watches.spreads.get(f"shift {min(SHIFTS):g}", np.ones(len(mean)))
    some = [
        f"{names[place]} ({'+' if mean[place] > 0 else '-'}{words.number(abs(mean[place] * result.band[place]), 3)})"
        for place in np.flatnonzero(np.abs(mean) > OFF * usual).tolist()
    ]
    more = f" and {len(some) - 5} more" if len(some) > 5 else ""
    return [f"off on average though nothing alarms: {', '.join(some[:5])}{more}"] if some else []
