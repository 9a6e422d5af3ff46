"""Standard input: rows as a pipe brings them."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.sources import STANDARD_INPUT
from acm_rs.live.rows import Batch, no_rows
from acm_rs.live.sources.lines import Lines
from acm_rs.live.sources.source import BLOCK, Check, unchecked
from acm_rs.monitor.flagging import Rule

__all__ = ["StandardInput"]


class StandardInput:
    """Gives the rows of a pipe until it ends.

    A pipe cannot be read twice: after a restart its lines count anew, and rows that were judged before are known by
    their times.

    Parameters
    ----------
    options : ReadOptions
        What is known of it.
    columns : sequence of str
        The model's columns.
    check : callable
        Refuses readings that the model cannot use.
    descriptor : int, optional
        What to read instead of standard input.
    rules : sequence of Rule
        How the model itself heeds columns of qualities.
    """

    def __init__(
        self,
        options: ReadOptions,
        columns: Sequence[str],
        check: Check = unchecked,
        descriptor: int | None = None,
        rules: Sequence[Rule] = (),
    ) -> None:
        self.ended: bool = False
        self.idle: str = ""
        self._columns = columns
        self._lines = Lines(Path(STANDARD_INPUT), options, columns, check, rules=rules)
        if descriptor is None and sys.stdin is None:
            raise Refusal("standard input (-) is closed: name a file, or pipe something in", status=2)
        self._descriptor = sys.stdin.fileno() if descriptor is None else descriptor
        self._queue: queue.Queue[bytes] = queue.Queue(maxsize=4)
        self._rest = b""
        self._over = False
        # Waiting for a pipe must not keep the watch from its other work, on any system.
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._descriptor, BLOCK)
            except OSError:
                data = b""
            self._queue.put(data)
            if not data:
                return

    def poll(self) -> Batch | None:
        """The rows of the lines that have come."""
        while not self._over and len(self._rest) < BLOCK:
            try:
                data = self._queue.get_nowait()
            except queue.Empty:
                break
            self._over = not data
            self._rest += data
        if self._rest:
            batch, used = self._lines.take(self._rest, self._over)
            self._rest = self._rest[used:]
            if batch is not None:
                batch.position = {}
                return batch
            if used:
                return Batch(no_rows(len(self._columns)), {})
        self.ended = self._over
        return None

    def go_on(self, position: dict[str, Any]) -> None:
        """Its lines count anew."""

    def close(self) -> None:
        """Nothing is open."""
