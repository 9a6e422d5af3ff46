"""A file that grows: rotated, truncated, replaced, its last line half written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.live.folds import Folds
from acm_rs.live.head import Head
from acm_rs.live.rows import Batch, no_rows
from acm_rs.live.sources.lines import Lines
from acm_rs.live.sources.source import BLOCK, Check, unchecked
from acm_rs.monitor.flagging import Rule

__all__ = ["GrowingFile"]

_MARK = 256
_SIBLINGS = 10_000
_HOLDS = os.name != "nt"
"""Whether a file that we hold open may be renamed by others: not on Windows, where it is let go of between looks."""


class GrowingFile:
    """Gives the rows of a file as they are appended.

    A line counts when its end is there. Where another file takes the name (rotation, an export written anew), the old
    one is read to its end first; the new one is read from its beginning, or from where the old one was where it holds
    the same up to there. After a restart a rotated file is looked for in the folder by what stands in it.

    Parameters
    ----------
    path : Path
        It need not be there yet.
    options : ReadOptions
        What is known of it.
    columns : sequence of str
        The model's columns.
    check : callable
        Refuses readings that the model cannot use.
    once : bool
        It is read once: of few lines the head is told too.
    head : Head, optional
        What another file of its kind has told.
    rules : sequence of Rule
        How the model itself heeds columns of qualities.
    """

    def __init__(
        self,
        path: Path,
        options: ReadOptions,
        columns: Sequence[str],
        check: Check = unchecked,
        once: bool = False,
        head: Head | None = None,
        rules: Sequence[Rule] = (),
    ) -> None:
        self.path = path
        self.ended: bool = False
        self.idle: str = ""
        self._columns = columns
        self._lines = Lines(path, options, columns, check, once, rules)
        self._lines.head = head
        self._file: IO[bytes] | None = None
        self._offset = 0
        self._mark = b""
        self._notes: list[str] = []
        self._once, self._open_line = once, False

    # ---- reading ----------------------------------------------------------------------------------------------------

    def poll(self) -> Batch | None:
        """The rows of the next whole lines."""
        if self._file is None and not self._found():
            self.idle = f"{self.path} is not there"
            return None
        self._follow_truncation()
        batch = self._read()
        if batch is not None:
            return batch
        if self._is_replaced():
            # Nobody writes into the old file any more: what stands at its end is a line.
            batch = self._read(whole=True)
            self._switch()
            return batch or self.poll()
        self.idle = f"{self.path}: {self._lines.waits}" if self._lines.waits else ""
        if self._once and not self.idle and self._offset == 0 and not self._open_line:
            self.idle = f"{self.path}: it is empty"
        if self._once and self._open_line and not self.idle:
            self.idle = f"{self.path}: one line without its end is left"
        if not _HOLDS:
            self.close()
        if self._notes:
            return self._noted(Batch(no_rows(len(self._columns)), {}))
        return None

    def finish(self) -> Batch | None:
        """The last lines of a file that does not grow any more."""
        if self._file is None and not self._found():
            return None
        return self._read() or self._read(whole=True)

    @property
    def head(self) -> Head | None:
        """What its first lines have told."""
        return self._lines.head

    @property
    def folds(self) -> Folds:
        """Where its clock is."""
        return self._lines.folds

    @property
    def at(self) -> int:
        """Bytes read so far."""
        return self._offset

    def _read(self, whole: bool = False) -> Batch | None:
        assert self._file is not None
        size = BLOCK
        while True:
            self._file.seek(self._offset)
            data = self._file.read(size)
            last = len(data) < size
            batch, used = self._lines.take(data, whole and last)
            self._open_line = last and not data.endswith(b"\n") and bool(data[used:].strip())
            if batch is not None or used or last:
                break
            size *= 2
        if used:
            self._move(data[:used])
        return None if batch is None else self._noted(batch)

    def _noted(self, batch: Batch) -> Batch:
        batch.notes = self._notes + batch.notes
        self._notes = []
        batch.position = self.position()
        return batch

    def _move(self, data: bytes) -> None:
        self._offset += len(data)
        self._mark = (self._mark + data)[-_MARK:]

    # ---- what becomes of the file -----------------------------------------------------------------------------------

    def _open(self) -> bool:
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return False
        self._file = file
        return True

    def _holds(self, file: IO[bytes]) -> bool:
        """Whether a file holds, up to where we are, what we have read."""
        if os.fstat(file.fileno()).st_size < self._offset:
            return False
        file.seek(self._offset - len(self._mark))
        return file.read(len(self._mark)) == self._mark

    def _follow_truncation(self) -> None:
        assert self._file is not None
        if self._offset and not self._holds(self._file):
            self._notes.append(f"{self.path} was cut or written anew: read from its beginning")
            self._restart()

    def _restart(self) -> None:
        self._offset, self._mark = 0, b""
        self._lines.begin_anew()

    def _is_replaced(self) -> bool:
        assert self._file is not None
        try:
            there = self.path.stat()
        except OSError:
            # Between two names; the new file will come.
            return False
        own = os.fstat(self._file.fileno())
        return (there.st_dev, there.st_ino) != (own.st_dev, own.st_ino)

    def _switch(self) -> None:
        """Go on with the file that has the name now."""
        self.close()
        if not self._open() or self._file is None:
            self._restart()
            return
        if not (self._offset and self._holds(self._file)):
            self._notes.append(f"{self.path} is another file now: read from its beginning")
            self._restart()

    # ---- restarts ---------------------------------------------------------------------------------------------------

    def position(self, with_head: bool = True) -> dict[str, Any]:
        """Where it is; without its head it can only go on beside another file of its kind."""
        kept = self._lines.put()
        if not with_head and not self._lines.midway:
            kept["head"] = None
        return {"offset": self._offset, "mark": self._mark.hex(), "sum": _sum(self._mark), **kept}

    def go_on(self, position: dict[str, Any]) -> None:
        """Go on behind the batch that had this position."""
        others = self._lines.head
        self._lines.go_on(position)
        self._offset, self._mark = int(position["offset"]), bytes.fromhex(position["mark"])
        if _sum(self._mark) != position["sum"] or len(self._mark) > self._offset:
            raise ValueError("the position in the file is damaged")
        self._found()
        if position["head"] is None and not self._lines.fresh and self._file is not None:
            self._file.seek(0)
            try:
                self._lines.learn(self._file.read(BLOCK))
            except Refusal:
                # It goes on without a head of its own, as one that was cut in the middle does.
                if others is None:
                    raise
                self._lines.head = others

    def _found(self) -> bool:
        """Open the file that holds what we have read: the one of our name, or one that was rotated away."""
        self._open()
        if self._offset and not (self._file is not None and self._holds(self._file)):
            there, self._file = self._file, self._rotated()
            if self._file is None:
                self._file = there
            else:
                if there is not None:
                    there.close()
                self._notes.append(f"{self.path} was rotated meanwhile: {self._file.name} is read to its end first")
        return self._file is not None

    def _rotated(self) -> IO[bytes] | None:
        """The file in the same folder that holds what we have read."""
        try:
            beside = sorted(self.path.parent.iterdir())[:_SIBLINGS]
        except OSError:
            return None
        stem = self.path.name.partition(".")[0]
        for path in beside:
            if path == self.path or not path.name.startswith(stem) or not path.is_file():
                continue
            try:
                file = path.open("rb")
            except OSError:
                continue
            if self._holds(file):
                return file
            file.close()
        return None

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _sum(mark: bytes) -> str:
    return hashlib.sha256(mark).hexdigest()[:16]
