"""One pass over the rows of a text file: blank ones, short ones, and those that cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from acm_rs.files.bad_rows import BadRows
from acm_rs.files.encodings import Utf8
from acm_rs.files.errors import Refusal, counted
from acm_rs.files.meter import Meter
from acm_rs.files.separators import cells_of, whole_row
from acm_rs.files.sources import Source

__all__ = ["Swept", "sweep"]

_BLOCK = 1 << 24
_LONGEST, _LONGEST_LINE = 50, 1 << 28
_FEED, _RETURN, _QUOTE, _HASH = 10, 13, 34, 35


@dataclass
class Swept:
    """Rows that all can be read, one on each line.

    Parameters
    ----------
    path : Path
        The bytes: those of before, or a temporary file where some had to be left out or written anew.
    start, end : int
        Where the rows begin and end.
    rows : ndarray of int64
        Their numbers in the file.
    blank : int
        How many without content were left out.
    notes : list of str
        What a person should know.
    """

    path: Path
    start: int
    end: int
    rows: NDArray[np.int64]
    blank: int = 0
    notes: list[str] = field(default_factory=list)


def sweep(
    source: Source,
    text: Utf8,
    separator: str,
    width: int,
    head: Sequence[str],
    first: int,
    bad_rows: BadRows,
    meter: Meter | None = None,
) -> Swept:
    """Go through the rows of a file in blocks.

    Parameters
    ----------
    source : Source
        The file.
    text : Utf8
        Its rows.
    separator : str
        What parts the cells.
    width : int
        How many cells a row has.
    head : sequence of str
        The line of the header, then those that stand around it, such as titles and units: where files were put one
        behind the other, they come again.
    first : int
        The number of the first row.
    bad_rows : BadRows
        Takes the rows that cannot be read.
    meter : Meter, optional
        Is told how far it is.

    Returns
    -------
    Swept

    Raises
    ------
    Refusal
        A row with too many cells, an open quotation mark or null characters, unless such are skipped.
    """
    return _Sweep(source, text, separator, width, head, first, bad_rows).swept(meter)


class _Sweep:
    def __init__(
        self, source: Source, text: Utf8, separator: str, width: int, head: Sequence[str], first: int, bad_rows: BadRows
    ) -> None:
        self.source, self.text, self.separator, self.width, self.bad_rows = source, text, separator, width, bad_rows
        lines = [line.strip().encode() for line in head]
        self.header, self.beside = (lines[0], set(lines[1:])) if lines else (b"", set())
        # A mark of remarks above the header is one below it as well.
        above = [line for line in self.beside if line.startswith(b"#")]
        self.remarks = bool(above) and not self.header.startswith(b"#")
        self.said = {line.partition(separator.encode())[0] for line in above}
        self.remarked = self.first_remark = 0
        self.next = first
        self.rows: list[NDArray[np.int64]] = []
        self.blank = self.short = self.headers = 0
        self.first_short = ""
        self.first_header = 0
        self.copy: Path | None = None
        self.out: BinaryIO | None = None
        self.content = np.ones(256, dtype=np.uint8)
        self.content[list(b' \t\r\n\v\f"' + separator.encode())] = 0

    def swept(self, meter: Meter | None) -> Swept:
        end = self._end()
        place, rest = self.text.start, b""
        try:
            with self.text.path.open("rb") as file:
                file.seek(place)
                while place + len(rest) < end or rest:
                    if len(rest) > _LONGEST_LINE:
                        raise Refusal(f"{self._place(self.next)}: a line is too long to be read")
                    fresh = file.read(min(_BLOCK, end - place - len(rest)))
                    last = place + len(rest) + len(fresh) >= end or not fresh
                    block = rest + fresh
                    cut = len(block) if last else block.rfind(b"\n") + 1
                    used = self._take(block[:cut], place, last) if cut else 0
                    place += used
                    if meter:
                        meter.add(used)
                    rest = block[used:]
                    if last:
                        break
        finally:
            if self.out:
                self.out.close()
        rows = np.concatenate(self.rows) if self.rows else np.zeros(0, dtype=np.int64)
        notes = []
        if self.short:
            notes.append(
                f"{counted(self.short, 'row')} shorter than the header (first: {self.first_short}):"
                " what they lack is missing"
            )
        if self.headers:
            notes.append(
                f"the header comes again in {counted(self.headers, 'row')} (first: row {self.first_header}): left out"
            )
        if self.remarked:
            which = f"{counted(self.remarked, 'row')} of remarks"
            notes.append(f"{which} that begin with #, as above the header (first: row {self.first_remark}): left out")
        if self.copy:
            return Swept(self.copy, 0, self.copy.stat().st_size, rows, self.blank, notes)
        return Swept(self.text.path, self.text.start, end, rows, self.blank, notes)

    def _end(self) -> int:
        """Where the last row with content ends, so that blank lines below it make no copy."""
        end = self.text.end
        begin = max(self.text.start, end - (1 << 16))
        with self.text.path.open("rb") as file:
            file.seek(begin)
            tail = file.read(end - begin)
        kept = len(tail.rstrip(b"\r\n \x1a"))
        cut = tail.find(b"\n", kept) + 1
        if not kept or not cut:
            return end - (len(tail) - len(tail.rstrip(b"\x1a")))
        below = tail[cut:].rstrip(b"\x1a")
        self.blank += below.count(b"\n") + (not below.endswith(b"\n") and bool(below.strip(b"\r")))
        return begin + cut

    def _take(self, block: bytes, place: int, last: bool) -> int:
        """Take a block of whole lines that stands at a place of the file; the number of bytes used comes back."""
        lines = _Lines(block, self.separator)
        good = np.maximum.reduceat(self.content[lines.bytes], lines.starts) > 0
        self.blank += int((~good).sum())
        keep, cells = good.copy(), lines.cells
        instead: dict[int, bytes] = {}
        inner: list[int] = []
        used = len(block)
        for line in np.flatnonzero(keep & (lines.odd | (cells > self.width) | lines.null)).tolist():
            if not keep[line]:
                continue
            number = self.next + line - len(inner)
            if lines.null[line]:
                keep[line] = False
                self._bad(number, "it holds null characters")
                continue
            found, more = self._cells(lines, line)
            if found is None and not last and line + _LONGEST > lines.count:
                # The rest of the row may stand in the next block.
                used = int(lines.starts[line])
                break
            if found is None:
                keep[line] = False
                self._bad(number, "not readable as CSV; is a quotation mark left open?")
                continue
            if any(cell.strip() for cell in found[self.width :]):
                keep[line] = False
                self._bad(number, f"{len(found)} cells, but the header names {counted(self.width, 'column')}")
                continue
            cells[line] = min(len(found), self.width)
            instead[line] = _written(found[: self.width], self.separator)
            for below in range(line + 1, line + more):
                self.blank -= not good[below]
                keep[below] = False
                inner.append(below)
        count = lines.count if used == len(block) else int(np.searchsorted(lines.starts, used))
        self.blank -= int((~good[count:]).sum())
        if not count:
            return 0
        numbers = np.ones(count, dtype=np.int64)
        numbers[inner] = 0
        numbers = self.next - 1 + np.cumsum(numbers)
        self._headers(lines, keep, numbers)
        self._shorter(numbers, keep[:count], cells[:count], last and not block.endswith(b"\n"))
        self.rows.append(numbers[keep[:count]])
        self._write(block[:used], place, lines, keep[:count], instead)
        self.next = int(numbers[-1]) + 1
        return used

    def _cells(self, lines: _Lines, line: int) -> tuple[list[str] | None, int]:
        """The cells of the row that begins in a line, and over how many lines it goes; None where it has no end."""
        text = lines.text(line)
        cells = cells_of(text, self.separator)
        if cells is not None:
            return cells, 1
        for below in range(line + 1, min(line + _LONGEST, lines.count)):
            text += lines.text(below)
            cells = whole_row(text, self.separator) if lines.quoted[below] else None
            if cells is not None and len(cells) == self.width > 1:
                return cells, below - line + 1
        return None, 1

    def _place(self, number: int) -> str:
        return f"{self.source.name}, row {number}"

    def _bad(self, number: int, why: str) -> None:
        self.bad_rows.unread(self._place(number), number, why)

    def _headers(self, lines: _Lines, keep: NDArray[np.bool_], numbers: NDArray[np.int64]) -> None:
        if not self.header:
            return
        count = numbers.size
        if self.remarks:
            marked = (lines.bytes[lines.starts[:count]] == _HASH) & keep[:count]
            hashes = [line for line in np.flatnonzero(marked).tolist() if self._is_remark(lines, line)]
            if hashes:
                keep[hashes] = False
                self.remarked += len(hashes)
                self.first_remark = self.first_remark or int(numbers[hashes[0]])
        size = lines.ends[:count] - lines.starts[:count]
        alike = (size >= len(self.header)) & (size <= len(self.header) + 2) & keep[:count]
        for line in np.flatnonzero(alike).tolist():
            if lines.line(line).strip() != self.header:
                continue
            keep[line] = False
            self.first_header = self.first_header or int(numbers[line])
            self.headers += 1
            for way in (-1, 1):
                other = line + way
                while 0 <= other < count and lines.line(other).strip() in self.beside:
                    keep[other] = False
                    other += way

    def _is_remark(self, lines: _Lines, line: int) -> bool:
        """Whether a line that begins with # is no row: it lacks cells, or says what one above the header does."""
        if lines.cells[line] < self.width:
            return True
        parting = self.separator.encode()
        first, _, rest = lines.line(line).partition(parting)
        return first in self.said or (self.width > 1 and not rest.strip(b'" \t\r\n' + parting))

    def _shorter(
        self, numbers: NDArray[np.int64], keep: NDArray[np.bool_], cells: NDArray[np.int64], cut_off: bool
    ) -> None:
        short = np.flatnonzero(keep & (cells < self.width))
        if not short.size:
            return
        if cut_off and not self.short and short.size == 1 and short[0] == keep.size - 1 and keep.sum() > 1:
            # The last cell that is there may be half of what it was.
            keep[short[0]] = False
            self._bad(int(numbers[short[0]]), f"the file ends within this row, after {counted(int(cells[-1]), 'cell')}")
            return
        if not self.short:
            self.first_short = f"row {int(numbers[short[0]])}, {int(cells[short[0]])} of {self.width} cells"
        self.short += short.size

    def _write(
        self, block: bytes, place: int, lines: _Lines, keep: NDArray[np.bool_], instead: dict[int, bytes]
    ) -> None:
        """Copy what is kept, from the first block on that is not kept as it is."""
        instead = {line: written for line, written in instead.items() if line < keep.size and keep[line]}
        if self.out is None and keep.all() and not instead:
            return
        if self.out is None:
            self.copy = self.source.scratch("rows")
            self.out = self.copy.open("wb")
            with self.text.path.open("rb") as file:
                file.seek(self.text.start)
                _copy(file, self.out, place - self.text.start)
        special = ~keep
        special[list(instead)] = True
        done = 0
        for line in np.flatnonzero(special).tolist():
            self.out.write(block[done : int(lines.starts[line])])
            self.out.write(instead.get(line, b""))
            done = int(lines.ends[line]) + 1
        self.out.write(block[done:])


class _Lines:
    """The lines of a block and how many cells each of them has."""

    def __init__(self, block: bytes, separator: str) -> None:
        self.block = block
        self.bytes = np.frombuffer(block, dtype=np.uint8)
        ends = np.flatnonzero(self.bytes == _FEED)
        if not block.endswith(b"\n"):
            ends = np.append(ends, len(block))
        self.ends = ends
        self.starts = np.concatenate(([0], ends[:-1] + 1))
        self.count = ends.size
        parts = np.flatnonzero(self.bytes == ord(separator))
        quotes = np.flatnonzero(self.bytes == _QUOTE)
        self.odd = np.zeros(self.count, dtype=np.bool_)
        self.quoted = self.odd
        if quotes.size:
            parts = self._look_at_quotes(quotes, parts, ord(separator))
        self.cells: NDArray[np.int64] = np.searchsorted(parts, self.ends) - np.searchsorted(parts, self.starts) + 1
        nulls = np.flatnonzero(self.bytes == 0)
        self.null = np.zeros(self.count, dtype=np.bool_)
        self.null[np.searchsorted(ends, nulls)] = True

    def _look_at_quotes(self, quotes: NDArray[np.int64], parts: NDArray[np.int64], separator: int) -> NDArray[np.int64]:
        """Find the lines whose quotation marks need a closer look, and the separators outside of such marks."""
        before = np.searchsorted(quotes, self.starts)
        line = np.searchsorted(self.ends, quotes)
        opens = (np.arange(quotes.size) - before[line]) % 2 == 0
        # A mark opens a cell at its beginning and closes it at its end; two of them are one that is meant.
        left = np.where(quotes == self.starts[line], separator, self.bytes[np.maximum(quotes - 1, 0)])
        right = np.where(
            quotes + 1 >= self.ends[line], separator, self.bytes[np.minimum(quotes + 1, self.bytes.size - 1)]
        )
        fits = np.where(opens, (left == separator) | (left == _QUOTE), np.isin(right, (separator, _QUOTE, _RETURN)))
        self.odd[line[~fits]] = True
        self.odd |= (np.searchsorted(quotes, self.ends) - before) % 2 == 1
        self.quoted = np.searchsorted(quotes, self.ends) > before
        inside = (np.searchsorted(quotes, parts) - before[np.searchsorted(self.ends, parts)]) % 2 == 1
        return parts[~inside]

    def line(self, line: int) -> bytes:
        return self.block[int(self.starts[line]) : int(self.ends[line]) + 1]

    def text(self, line: int) -> str:
        return self.line(line).decode()


def _written(cells: list[str], separator: str) -> bytes:
    """A row on one line."""
    said = []
    for cell in cells:
        cell = " ".join(cell.splitlines()) if "\n" in cell or "\r" in cell else cell
        special = separator in cell or '"' in cell
        said.append('"' + cell.replace('"', '""') + '"' if special else cell)
    return (separator.join(said) + "\n").encode()


def _copy(file: BinaryIO, out: BinaryIO, size: int) -> None:
    while size:
        block = file.read(min(size, _BLOCK))
        out.write(block)
        size -= len(block)
