"""Two Monitors beside each other: which alarms come, go and stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from acm_rs.frames import listed, type_name
from acm_rs.monitor import words
from acm_rs.monitor.episode import Episode
from acm_rs.monitor.monitor import Monitor
from acm_rs.monitor.result import Result, framed

__all__ = ["Change", "Comparison", "compare"]

CHANGES = ("stays", "goes", "comes")


@dataclass(frozen=True)
class Change:
    """Alarms of both Monitors that overlap, or one that the other does not have.

    Parameters
    ----------
    what : str
        "stays" where both have it, "goes" where only the old, "comes" where only the new has it.
    start, end : int
        Its first row and the row after its last, in either.
    old, new : list of Episode
        Of each Monitor.
    """

    what: str
    start: int
    end: int
    old: list[Episode]
    new: list[Episode]


@dataclass(frozen=True)
class Comparison:
    """What two Monitors find in the same readings.

    Parameters
    ----------
    old, new : Result
        What each has found.
    changes : list of Change
        The alarms of both, oldest first.
    remarks : list of str
        What should be known beside it.
    """

    old: Result
    new: Result
    changes: list[Change]
    remarks: list[str] = field(default_factory=list)

    def count(self, what: str) -> int:
        """How many alarms stay, go or come.

        Parameters
        ----------
        what : str
            "stays", "goes" or "comes".

        Returns
        -------
        int
            Their number.
        """
        return sum(one.what == what for one in self.changes)

    @property
    def rows(self) -> dict[str, int]:
        """Rows in alarm: of both, of the old Monitor alone, of the new one alone."""
        old, new = self.old.alarms, self.new.alarms
        both = {"both": old & new, "old": old & ~new, "new": new & ~old}
        return {name: int(np.count_nonzero(which)) for name, which in both.items()}

    @property
    def table(self) -> Any:
        """A row for each change, in the kind of frame that was scored.

        change, start, end, rows; old_peak and new_peak (score over limit), old_culprits and new_culprits.
        """
        first = np.array([one.start for one in self.changes], np.int64)
        last = np.array([one.end - 1 for one in self.changes], np.int64)
        columns = {
            "change": _texts([one.what for one in self.changes]),
            "start": self.old._when(first),
            "end": self.old._when(last),
            "rows": last - first + 1,
            "old_peak": np.array([_peak(one.old) for one in self.changes], float),
            "new_peak": np.array([_peak(one.new) for one in self.changes], float),
            "old_culprits": _texts([blamed(one.old) for one in self.changes]),
            "new_culprits": _texts([blamed(one.new) for one in self.changes]),
        }
        return framed(self.old._sheet, columns, False)

    @property
    def verdict(self) -> str:
        """All of it in a sentence or two."""
        n = len(self.old.scores)
        if not n:
            return "There are no rows to compare on."
        counts = [self.count(what) for what in CHANGES]
        verbs = [("stays", "stay"), ("goes", "go"), ("comes", "come")]
        told = ", ".join(f"{count} {verb[count != 1]}" for count, verb in zip(counts, verbs, strict=True))
        shares = [words.share(float(one.alarms.mean())) for one in (self.old, self.new)]
        judged = [n - int(np.isnan(one.scores).sum()) for one in (self.old, self.new)]
        return (
            f"Of {sum(counts)} alarm{'' if sum(counts) == 1 else 's'}, {told}. Rows in alarm: {shares[0]} with the old,"
            f" {shares[1]} with the new Monitor; rows judged: {judged[0]:,} and {judged[1]:,} of {n:,}."
        )

    def __str__(self) -> str:
        lines = [self.verdict]
        for one in self.changes:
            begin, last = self.old.moment(one.start), self.old.moment(one.end - 1)
            lines.append(f"{one.what:5}  {begin} to {last}  {blamed(one.new) or blamed(one.old)}".rstrip())
        return "\n".join([*lines, *words.wrapped("Notes", self.remarks)])


def compare(old: Monitor, new: Monitor, frame: Any, *, times: Any = None) -> Comparison:
    """Which alarms come, go and stay with another Monitor: look before you trust a model that was trained anew.

    Parameters
    ----------
    old, new : Monitor
        Two that have learnt the same machine.
    frame : frame, or array of float64 or float32, shape (n, d)
        Readings for both, as for ``Monitor.score``; best some that neither has learnt from.
    times : str or array of datetime64, optional
        As for ``Monitor.score``.

    Returns
    -------
    Comparison
        ``print`` shows it; ``table`` has a row for each alarm, ``old`` and ``new`` are both results.

    Raises
    ------
    RuntimeError
        One of them has not learnt yet.
    TypeError
        ``old`` or ``new`` is no Monitor, or ``frame`` no frame or float array.
    ValueError
        More than half of the sensors of one of them are absent, or times go back.

    Notes
    -----
    Alarms that share a row are one: it stays.

    See Also
    --------
    backtest : What a Monitor would have found of known events.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> random = np.random.default_rng(0)
    >>> x = 50 + random.normal(size=(3000, 2)) @ random.normal(size=(2, 5)) + 0.2 * random.normal(size=(3000, 5))
    >>> x[1500:, 2] += 1.0  # recalibrated
    >>> x[2800:, 4] += 1.0  # a fault
    >>> old, new = acm_rs.Monitor().fit(x[:1500]), acm_rs.Monitor().fit(x[1500:2500])
    >>> changed = acm_rs.compare(old, new, x[2500:])
    >>> changed.verdict.partition(".")[0], changed.new.found[-1].culprits[0].name
    ('Of 1 alarm, 1 stays, 0 go, 0 come', 'x4')
    >>> round(float(changed.old.alarms[:250].mean())), round(float(changed.new.alarms[:250].mean()))
    (1, 0)
    """
    for monitor, name in ((old, "old"), (new, "new")):
        if not isinstance(monitor, Monitor):
            raise TypeError(f"`{name}` must be a Monitor, got {type_name(monitor)}")
    before, after = old.score(frame, times=times), new.score(frame, times=times)
    return Comparison(before, after, _changes(before.found, after.found), _remarks(before, after))


def _changes(old: Sequence[Episode], new: Sequence[Episode]) -> list[Change]:
    """Episodes of both in groups that overlap."""
    both = sorted(
        [(one.start, one.end, 0, one) for one in old] + [(one.start, one.end, 1, one) for one in new], key=_at
    )
    found: list[Change] = []
    for start, end, which, one in both:
        if found and start < found[-1].end:
            last = found.pop()
            begin, stop, pair = last.start, max(end, last.end), (list(last.old), list(last.new))
        else:
            begin, stop, pair = start, end, ([], [])
        pair[which].append(one)
        what = "stays" if pair[0] and pair[1] else "goes" if pair[0] else "comes"
        found.append(Change(what, begin, stop, *pair))
    return found


def _at(one: tuple[int, int, int, Episode]) -> tuple[int, int, int]:
    return one[:3]


def _remarks(old: Result, new: Result) -> list[str]:
    found = []
    for what, some, others in (("only the old", old, new), ("only the new", new, old)):
        names = [name for name in some.names if name not in others.names]
        if names:
            found.append(f"watched by {what} Monitor: {listed(names)}")
    both = [text for text in old.remarks if text in new.remarks]
    found += both
    for what, one in (("old", old), ("new", new)):
        found += [f"{what} Monitor: {text}" for text in one.remarks if text not in both]
    return found


def _peak(episodes: Sequence[Episode]) -> float:
    return max((one.peak for one in episodes), default=np.nan)


def blamed(episodes: Sequence[Episode]) -> str:
    """The first culprits of some episodes, each once."""
    named = [f"{who.name} {'+' if who.direction > 0 else '-'}" for one in episodes for who in one.culprits[:2]]
    return "; ".join(dict.fromkeys(named))


def _texts(texts: Sequence[str]) -> Any:
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return column
