"""What a history teaches a Monitor: all that is learnt of it, what was accepted in it, and the limit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor import accepting, flagging, telling
from acm_rs.monitor.alarms import OFF, alarmed, limit_for, limit_for_count, spells, stated_interval
from acm_rs.monitor.described import Described
from acm_rs.monitor.history import History
from acm_rs.monitor.lesson import learn_machine
from acm_rs.monitor.rebasing import Rebase, shifts

__all__ = ["Relearning"]

Flags = NDArray[np.bool_]

OTHERS = 80
"""Rows that nobody accepted which tell a limit: as many as a history must have."""


class Relearning(Described):
    """A Monitor that learns a history, the first time and again."""

    def _learn(
        self,
        history: History,
        rebased: list[Rebase],
        clocks: list[str] | None = None,
        zone: str | None = None,
        heeded: flagging.Heeded | None = None,
    ) -> None:
        """Learn a history, and let the rows that were accepted in it be healthy; `clocks` are its times that are no
        dates, `zone` is theirs, and `heeded` what it says of its readings, by default what is known."""
        flags = self._about.get("flags", {}) if heeded is None else _flags(heeded, history)
        zone = self._about.get("zone") if clocks is None else zone
        clocks = self._about.get("clocks", []) if clocks is None else clocks
        lesson = learn_machine(history, self._kinds, self._limits, self._drivers, rebased)
        self._about, self._scores, self._history = lesson.about, lesson.scores, history
        self._about |= {"clocks": list(clocks)} if clocks else {}
        self._about |= {"zone": zone} if zone else {}
        if flags:
            self._about |= {"flags": flags, "mended": flags["told"] + self._about["mended"]}
        self._learned = lesson.rules, lesson.watches
        self._state = self._fresh()
        accepted = history.accepted
        sure = accepted > 0
        if sure.any():
            # The limit is that of the other rows, where these are enough; what was accepted stays below it.
            others = np.where(sure, np.nan, lesson.scores)
            self._scores = others if np.count_nonzero(others == others) >= OTHERS else lesson.scores
            self._set_limit()
            self._scores = np.where(sure, np.minimum(lesson.scores, OFF * self._limit), lesson.scores)
            for number in np.unique(accepted[sure]).tolist():
                self._allow(history, accepted == number)
        self._set_limit()
        sensors = [name for name, one in zip(lesson.rules.names, lesson.watches.watched, strict=True) if one]
        self._about["alarms"] = telling.own_alarms(self._scores, self._limit, lesson.firsts, sensors, history.times)

    def _allow(self, history: History, rows: Flags) -> None:
        """Widen the watches for some rows of a history."""
        rules, watches = self._fitted()
        first, last = np.flatnonzero(rows)[[0, -1]].tolist()
        some = slice(max(0, first - accepting.BEFORE), last + 1)
        when = history.times
        off = shifts(rules.rebased, history.names, when, len(rows), history=True)
        places = [history.names.index(name) for name in rules.names]
        risen, _ = rules.counters.risen(history.values[:, places], rules.names, when, begins=history.begins)
        raw = np.asfortranarray(risen[some])
        own = None if off is None else off[some][:, places]
        fixed = history.values[rows][:, [history.names.index(name) for name in rules.constants.names]]
        rules.constants.allow(fixed)
        accepting.allow(rules, watches, raw, own, rows[some] & history.chosen[some], self._limit)

    def _set_limit(self) -> None:
        known = self._scores[~np.isnan(self._scores)]
        if self._per_day is not None:
            self._limit = limit_for_count(known, self._per_day * self._about["step"] / 86_400e9)
        else:
            assert self._rate is not None
            self._limit = limit_for(known, self._rate)
        alarms = alarmed(known, self._limit)[0]
        self._alarm_share = float(alarms.mean())
        self._alarm_count = len(spells(alarms)[0])
        self._interval = stated_interval(
            known,
            self._limit,
            self._rate or self._alarm_share,
            self._about.get("lasts", 0.0),
            self._leaves if self._about["slow"] else 1.0,
        )
        self._fitted()[1].widen(self._limit)
        self._hash = self._ready = None


def _flags(heeded: flagging.Heeded, history: History) -> dict[str, Any]:
    """What columns say of others' readings, as it is kept."""
    if not heeded.rules and not heeded.notes:
        return {}
    told = telling.mended(heeded.marks, history.times)
    return {"rules": [rule.put() for rule in heeded.rules], "told": told, "notes": heeded.notes}
