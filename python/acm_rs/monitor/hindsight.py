"""What is said of a history once it is seen as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acm_rs.monitor import remarking
from acm_rs.monitor.cleaning import Rules
from acm_rs.monitor.history import History
from acm_rs.monitor.judging import Verdict
from acm_rs.monitor.reading import Readings
from acm_rs.monitor.regimes import STANDSTILL
from acm_rs.monitor.turned import Seen, Trial
from acm_rs.monitor.unlike import filled, held_often, new_codes, on_lines
from acm_rs.monitor.watches import Watches

__all__ = ["Explained", "in_hindsight"]


@dataclass(frozen=True)
class Explained:
    """Remarks, and among them which unit or clock explains what is odd, for which rows are judged again many times: as
    soon as somebody asks."""

    before: list[str]
    trial: Trial
    seen: Seen
    units: Mapping[str, str]
    """As they were when the rows were judged."""
    after: list[str]

    def __call__(self) -> list[str]:
        """All of them."""
        found = self.trial.driver(self.seen, self.units)
        if not found and self.seen.alarms.any():
            found = self.trial.sensors(self.seen, self.units) or self.trial.late(self.seen)
        return [*self.before, *found, *self.after]


def in_hindsight(
    rules: Rules,
    watches: Watches,
    about: dict[str, Any],
    history: History | None,
    usual: Mapping[str, float],
    readings: Readings,
    verdict: Verdict,
    absent: Sequence[str],
) -> list[str]:
    """What a history tells that its rows one by one do not: columns under other names, and codes, readings that hold
    and lines between them, none of which the history of the fit had.

    `usual` tells for how many rows at most each sensor and driver has read the same.
    """
    regimes, watched = watches.regimes, watches.watched
    low, high = (dict(zip(rules.names, end[0].tolist(), strict=True)) for end in (regimes.low, regimes.high))
    found = remarking.renamed(readings, about, absent, low, high) if absent else []
    found += remarking.at_the_end(verdict)
    sensors = [name for name, one in zip(rules.names, watched.tolist(), strict=True) if one]
    ranges = {name: (low[name], high[name]) for name in sensors if name not in rules.counters.names}
    running, taken = verdict.labels != STANDSTILL, verdict.taken(readings, rules.names)
    coarse = remarking.coarse(rules.names, verdict)
    plain = [name for name in usual if name not in (*rules.counters.names, *coarse)]
    found += new_codes(taken, ranges) + held_often(taken, usual, running, coarse)
    return found + filled(taken, usual, running, coarse, history) + on_lines(taken, plain, running, history)
