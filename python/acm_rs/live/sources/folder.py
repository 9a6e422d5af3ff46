"""A folder into which files come: each is read once, in the order of their names; texts may grow meanwhile."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from acm_rs.files.bad_rows import OnBadRow
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.sources import natural, open_sources
from acm_rs.files.table import load_sensors
from acm_rs.live.head import SAMPLE, heeded, nanoseconds, readings
from acm_rs.live.rows import Batch, Columns, Rows, no_rows
from acm_rs.live.sources.file import GrowingFile
from acm_rs.live.sources.source import Check, unchecked
from acm_rs.monitor.flagging import Rule

__all__ = ["Folder"]

# How a table says that rows were left out, before it tells the first of them.
_BAD = re.compile(r"[\d,]+ bad rows? left out")
_UNFINISHED = (".part", ".tmp", ".temp", ".crdownload", ".partial", ".filepart", ".swp")


class Folder:
    """Gives the rows of the files in a folder.

    Texts are read as they grow, as `GrowingFile` reads them; the last line of one counts without its end when a later
    file is there. Other files (Parquet, Excel, compressed) are read when they have stayed as they are from one look to
    the next. Names that begin with a dot or end like unfinished copies are passed over. What cannot be read is told and
    passed over.

    Parameters
    ----------
    path : Path
        The folder.
    options : ReadOptions
        What is known of its files.
    columns : sequence of str
        The model's columns.
    check : callable
        Refuses readings that the model cannot use.
    once : bool
        All that is there is taken as finished.
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
        rules: Sequence[Rule] = (),
    ) -> None:
        self.path: Path = path
        self.ended: bool = False
        self.idle: str = ""
        self._options, self._columns, self._check, self._once = options, columns, check, once
        self._rules = rules
        self._files: dict[str, dict[str, Any]] = {}
        self._seen: dict[str, list[int]] = {}
        self._tail: GrowingFile | None = None
        self._refused: list[str] = []
        self._folds: list[Any] | None = None
        """Where the clock was at the end of the last file: the next one goes on from there."""

    def poll(self) -> Batch | None:
        """The rows of the first file that has some."""
        paths = self._paths()
        names = {path.name for path in paths}
        self._files = {name: entry for name, entry in self._files.items() if name in names}
        for place, path in enumerate(paths):
            try:
                found = path.stat()
            except OSError:
                continue
            stamp = [found.st_size, found.st_mtime_ns]
            later = place + 1 < len(paths)
            entry = self._files.get(path.name)
            if entry is not None and entry.get("stamp") == stamp and not (later and entry.get("rest")):
                continue
            try:
                batch = self._read(path, stamp, later)
            except Refusal as refusal:
                self._leave(path.name, stamp)
                return Batch(no_rows(len(self._columns)), self.position(), notes=[f"{refusal}; left out"])
            if batch is not None:
                batch.position = self.position()
                return batch
        return None

    def _paths(self) -> list[Path]:
        found = [
            path
            for path in self.path.iterdir()
            if not path.name.startswith((".", "~")) and not path.name.endswith(_UNFINISHED) and path.is_file()
        ]
        return sorted(found, key=lambda path: natural(path.name))

    def _leave(self, name: str, stamp: list[int]) -> None:
        """Not again until it changes."""
        self._files[name] = {"stamp": stamp}
        if self._tail is not None and self._tail.path.name == name:
            self._tail.close()
            self._tail = None

    def _read(self, path: Path, stamp: list[int], later: bool) -> Batch | None:
        if self._tail is not None and self._tail.path == path:
            return self._grown(self._tail, stamp, later)
        entry = self._files.get(path.name, {})
        if "tail" not in entry:
            if not stamp[0]:
                return None
            sources = open_sources(path)
            if len(sources) != 1 or sources[0].kind != "text" or sources[0].path != path:
                return self._whole(path, stamp)
        head = self._tail.head if self._tail is not None else None
        if self._tail is not None:
            self._tail.close()
        self._tail = GrowingFile(path, self._options, self._columns, self._check, self._once, head, self._rules)
        if "tail" in entry:
            self._tail.go_on(entry["tail"])
        elif self._folds is not None:
            self._tail.folds.go_on(self._folds)
        return self._grown(self._tail, stamp, later)

    def _grown(self, tail: GrowingFile, stamp: list[int], later: bool) -> Batch | None:
        batch = tail.poll() or (tail.finish() if later else None)
        entry: dict[str, Any] = {"tail": tail.position(with_head=not later)}
        self.idle = tail.idle
        self._folds = tail.folds.put()
        if batch is None:
            entry |= {"stamp": stamp, "rest": stamp[0] > tail.at}
        self._files[tail.path.name] = entry
        return batch

    def _whole(self, path: Path, stamp: list[int]) -> Batch | None:
        """A file that does not grow."""
        if not self._once and self._seen.get(path.name) != stamp:
            self._seen[path.name] = stamp
            return None
        options = replace(self._options, bad_rows=OnBadRow.skip)
        table = load_sensors(path, options, needed=self._columns, own_codes=True)
        self._check(path, table.frame.head(60))
        frame = table.frame
        values = readings(frame, self._columns, self._rules)
        qualities = heeded(table.qualities, frame, self._rules)
        times, utc = (None, False) if table.time is None else nanoseconds(table.time)
        self._files[path.name] = {"stamp": stamp}
        self._seen.pop(path.name, None)
        told = next((place for place, note in enumerate(table.notes) if _BAD.match(note)), None)
        notes = [] if told is None else table.notes[told + 1 : told + 6]
        bad = 0 if told is None else int(table.notes[told].partition(" ")[0].replace(",", ""))
        columns = Columns([*frame.columns, *table.left_out], frame.head(SAMPLE), True)
        return Batch(Rows(np.ascontiguousarray(values), times), {}, bad, notes, utc, qualities, columns)

    # ---- restarts ---------------------------------------------------------------------------------------------------

    def position(self) -> dict[str, Any]:
        """Where it is."""
        return {"files": dict(self._files), "folds": self._folds}

    def go_on(self, position: dict[str, Any]) -> None:
        """Go on behind the batch that had this position."""
        self._files = dict(position["files"])
        self._folds = position.get("folds")

    def close(self) -> None:
        """Close the file that is open."""
        if self._tail is not None:
            self._tail.close()
