"""Bytes of a growing text into batches: whole lines only, the head learnt once."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.live.folds import Folds
from acm_rs.live.head import Head
from acm_rs.live.rows import Batch, Rows, no_rows
from acm_rs.live.sources.source import Check, unchecked
from acm_rs.monitor.flagging import Rule

__all__ = ["Lines"]

_FEW, _ENOUGH = 5, 20
"""Lines from which a head is tried, and from which it must be understood: of few one guesses wrong."""


class Lines:
    """Reads the lines of one text after another by the rules of their heads.

    Parameters
    ----------
    name : Path
        What people call the source.
    options : ReadOptions
        What is known of it.
    columns : sequence of str
        The model's columns.
    check : callable
        Is given the name and the first readings of each new head, and refuses what the model cannot use.
    once : bool
        Few lines are tried too: more may not come.
    rules : sequence of Rule
        How the model itself heeds columns of qualities.
    """

    def __init__(
        self,
        name: Path,
        options: ReadOptions,
        columns: Sequence[str],
        check: Check = unchecked,
        once: bool = False,
        rules: Sequence[Rule] = (),
    ) -> None:
        self.name: Path = name
        self._rules = rules
        self._options, self._columns, self._check, self._once = options, columns, check, once
        self.waits: str = ""
        """Why the head is not understood yet."""
        self.head: Head | None = None
        self.folds: Folds = Folds()
        """Where the clock is; it is the same in files that follow one another."""
        self.row: int = 1
        """The number of the next line in its file."""
        self.fresh: bool = True
        """The next line is the first of a file, or a header in its middle."""
        self.midway: bool = False
        """The head is that of a header in the middle of the file."""

    def take(self, data: bytes, whole: bool = False) -> tuple[Batch | None, int]:
        """Read the whole lines in some bytes.

        Parameters
        ----------
        data : bytes
            What follows.
        whole : bool
            Nothing will follow: what stands behind the last line's end is a line too.

        Returns
        -------
        Batch or None
            Without a position; None where there is no whole line, or too little of a head.
        int
            How many of the bytes were taken.
        """
        cut = len(data) if whole else data.rfind(b"\n") + 1
        data = data[:cut]
        if not data.strip():
            if not self.fresh:
                self.row += data.count(b"\n")
                return None, cut
            return None, 0
        notes: list[str] = []
        taken, begins = 0, self.fresh
        if self.fresh:
            begun = self._begin(data, whole, notes)
            if begun is None:
                return None, 0
            taken = begun
            self.fresh = False
            self.row += data[:taken].count(b"\n")
        head = self.head
        assert head is not None
        rest = data[taken:]
        if not rest:
            none = no_rows(len(self._columns))
            return Batch(none, {}, notes=notes, qualities=head.qualities, columns=head.known), cut
        told: list[str] = []
        batch = head.read(rest, self.row, told)
        place = head.another(rest) if batch.bad else None
        if place is not None:
            # A logger that began again has written its header: what stands below follows that one.
            self.fresh = True
            if not taken + place:
                return self.take(data, whole)
            cut, rest, told = taken + place, rest[:place], []
            batch = head.read(rest, self.row, told) if rest else Batch(no_rows(len(self._columns)), {})
        self.row += rest.count(b"\n") + (not rest.endswith(b"\n"))
        batch = self._by_the_clock(head, batch, told)
        batch.notes = notes + told
        if begins:
            batch.qualities, batch.columns = head.qualities, head.known
        return batch, cut

    def _by_the_clock(self, head: Head, batch: Batch, told: list[str]) -> Batch:
        """Times of a local clock, which is set back in autumn, as they rise."""
        times = batch.rows.times
        if not head.local or times is None or not len(times):
            return batch
        times, never = self.folds.take(times, head.step, head.place, told)
        rows = Rows(batch.rows.values, times)
        return Batch(rows.take(~never) if never.any() else rows, {}, batch.bad + int(never.sum()), utc=bool(head.place))

    def _begin(self, data: bytes, whole: bool, notes: list[str]) -> int | None:
        """Understand the first lines of a file; how many bytes stand above its rows."""
        known = self.head
        if known is not None and known.header and data.startswith(known.header):
            return len(known.header)
        first = data[: data.find(b"\n") + 1] or data
        if known is not None and not known.read(first, 1, []).bad:
            # A log that was cut in the middle goes on without its header.
            return 0
        lines = data.count(b"\n")
        self.waits = "its head is awaited"
        if lines < _FEW and not whole and not self._once:
            return None
        try:
            head = self._learnt(data)
        except Refusal as refusal:
            if whole or lines >= _ENOUGH:
                raise
            self.waits = f"more lines are awaited ({refusal})"
            return None
        self.waits = ""
        self._check(self.name, head.sample)
        self.midway = self.row > 1
        if known is not None and self.midway:
            notes.append(f"{self.name}, row {self.row}: another header; its columns are matched by name again")
        elif known is not None:
            notes.append(f"{self.name} begins anew with another head; its columns are matched by name again")
        self.head = head
        return len(head.header)

    def _learnt(self, data: bytes) -> Head:
        """A head from the lines above the next header."""
        head = Head(data, self.name, self._options, self._columns, self._rules)
        place = head.another(head.data[len(head.header) :])
        if not place:
            return head
        return Head(data[: len(head.header) + place], self.name, self._options, self._columns, self._rules)

    def learn(self, data: bytes) -> None:
        """Learn the head anew from the first lines of a file of which more has been read."""
        self.head = self._learnt(data[: data.rfind(b"\n") + 1])

    def begin_anew(self) -> None:
        """What follows is the beginning of another file."""
        self.fresh, self.row, self.midway = True, 1, False

    def put(self) -> dict[str, Any]:
        """For JSON."""
        head = None if self.head is None else base64.b64encode(self.head.data).decode()
        return {"head": head, "row": self.row, "fresh": self.fresh, "midway": self.midway, "folds": self.folds.put()}

    def go_on(self, kept: dict[str, Any]) -> None:
        """Go on where `put` left off."""
        if kept["head"] is not None:
            self.head = Head(base64.b64decode(kept["head"]), self.name, self._options, self._columns, self._rules)
            self._check(self.name, self.head.sample)
        self.row, self.fresh = int(kept["row"]), bool(kept["fresh"])
        if "folds" in kept:
            self.folds.go_on(kept["folds"])
        self.midway = bool(kept.get("midway", False))
