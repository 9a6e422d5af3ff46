"""Text files as rows of cells."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.bad_rows import BadRows
from acm_rs.files.blanks import tell_blanks
from acm_rs.files.encodings import Utf8, as_utf8
from acm_rs.files.errors import Refusal, printable
from acm_rs.files.grid import HEADER_WITHIN
from acm_rs.files.layout import Layout, find_layout
from acm_rs.files.meter import Meter
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import About
from acm_rs.files.rows import sweep
from acm_rs.files.separators import BLANKS, Record, announced, records, tell_separator
from acm_rs.files.sources import Source

__all__ = ["TextLayout", "text_layout"]

_HEAD_LINES, _HEAD_BYTES = 200, 1 << 22
_TAIL_BYTES = 1 << 16


@dataclass
class TextLayout:
    """Where the rows of a text file are and what its columns are called.

    The bytes between `start` and `end` are UTF-8 and hold rows of cells and nothing else: header, footer, blank rows
    and rows that cannot be read are left out, and each row is one line. What a row lacks at its end is missing.

    Parameters
    ----------
    path : Path
        The bytes: the file itself, or a temporary file that lives as long as `source`.
    source : Source
        The file as people name it.
    start, end : int
        Where the first row begins and the last row ends, in bytes.
    separator : str
        What parts the cells, one character.
    names : list of str
        The columns, each with a name of its own.
    rows : ndarray of int64
        For each row its number in the file as people see it.
    written_separator : str
        What parts the cells in the file as people see it.
    unnamed : list of str
        Columns without a name in the file, by the name given to them here.
    about : dict of str to About
        What the file says of its columns.
    notes : list of str
        What a person should know about the reading.
    blank_rows : int
        Rows without any content, left out.
    above : int
        Lines above the first row.
    """

    path: Path
    source: Source
    start: int
    end: int
    separator: str
    names: list[str]
    rows: NDArray[np.int64]
    written_separator: str
    unnamed: list[str] = field(default_factory=list)
    about: dict[str, About] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    blank_rows: int = 0
    above: int = 0

    def blocks(self, size: int = 1 << 24) -> Iterator[bytes]:
        """The rows, in blocks of about `size` bytes, each of whole rows."""
        left = self.end - self.start
        rest = b""
        with self.path.open("rb") as file:
            file.seek(self.start)
            while left:
                block = file.read(min(size, left))
                if not block:
                    raise Refusal(f"{self.source.name} has become shorter while it was read")
                left -= len(block)
                block = rest + block
                cut = block.rfind(b"\n") + 1 if left else len(block)
                rest = block[cut:]
                if cut:
                    yield block[:cut]

    def parse(self, block: bytes, columns: list[str] | None = None) -> pl.DataFrame:
        """The cells of a block as strings, of all columns or of some."""
        known = {name: place for place, name in enumerate(self.names)}
        places = [known[name] for name in (self.names if columns is None else columns)]
        # Names of our own, so that the cells do not decide how many columns there are.
        header = self.separator.join(f"c{place}" for place in range(len(self.names))).encode() + b"\n"
        try:
            frame = pl.read_csv(
                io.BytesIO(header + block),
                separator=self.separator,
                infer_schema=False,
                columns=[f"c{place}" for place in sorted(places)],
            )
        except pl.exceptions.PolarsError as error:
            why = printable(str(error).strip().partition("\n")[0])
            raise Refusal(f"{self.source.name} is not readable as CSV ({why})") from None
        return frame.select(pl.col(f"c{place}").alias(self.names[place]) for place in places)

    def frame(self, columns: list[str] | None = None) -> pl.DataFrame:
        """The cells as strings, of all columns or of some."""
        names = self.names if columns is None else columns
        parts = [self.parse(block, names) for block in self.blocks(1 << 27)]
        return pl.concat(parts, rechunk=True) if parts else pl.DataFrame(schema=dict.fromkeys(names, pl.String))


def text_layout(source: Source, options: ReadOptions, bad_rows: BadRows, meter: Meter | None = None) -> TextLayout:
    """Find the rows and columns of a text file; the file is gone through once, in blocks.

    Parameters
    ----------
    source : Source
        The file.
    options : ReadOptions
        What is known beforehand.
    bad_rows : BadRows
        Takes the rows that have too many cells or an open quotation mark.
    meter : Meter, optional
        Is told how far it is.

    Returns
    -------
    TextLayout

    Raises
    ------
    Refusal
        No text, no header, columns that are named alike, or a bad row.
    """
    text = as_utf8(source, options.encoding)
    lines = _first_lines(text)
    separator = announced(lines[0]) if lines else ""
    skipped = max(options.skip_rows, 1 if separator else 0)
    if not any(line.strip() for line in lines):
        raise Refusal(f"{source.name} is empty")
    if not any(line.strip() for line in lines[skipped:]):
        raise Refusal(f"{source.name} has no rows below the {skipped} that --skip-rows leaves out")
    start = text.start + sum(len(line.encode()) for line in lines[:skipped])
    lines = lines[skipped:]
    written = separator or tell_separator(lines)
    if written == BLANKS:
        text, lines = _with_tabs(source, replace(text, start=start), lines)
        start = text.start
    separator = "\t" if written == BLANKS else written
    head = list(records(lines, separator))
    layout = find_layout(source.name, [record.cells for record in head], skipped)
    if head[layout.header].open:
        place = f"{source.name}, row {skipped + layout.header + 1}"
        raise Refusal(f"{place}: the column names cannot be read (is a quotation mark left open?)")
    _name_empty_ends(layout, head)
    above = sum(record.lines for record in head[: layout.first])
    start += sum(len(line.encode()) for line in lines[:above])
    end = text.end - _below(text, start, separator, layout, max(map(len, lines)))
    before = sum(record.lines for record in head[: layout.header])
    header = [lines[before], *lines[:before], *lines[before + 1 : above]] if head[layout.header].lines == 1 else []
    rows = replace(text, start=start, end=end)
    found = sweep(source, rows, separator, len(layout.names), header, skipped + layout.first + 1, bad_rows, meter)
    return TextLayout(
        found.path,
        source,
        found.start,
        found.end,
        separator,
        layout.names,
        found.rows,
        written,
        layout.unnamed,
        layout.about,
        [*source.notes, *text.notes, *layout.notes, *found.notes],
        found.blank + sum(not any(map(str.strip, record.cells)) for record in head[layout.header : layout.first]),
        skipped + above,
    )


def _first_lines(text: Utf8) -> list[str]:
    lines: list[str] = []
    size = 0
    with text.path.open("rb") as file:
        file.seek(text.start)
        while size < text.end - text.start and len(lines) < _HEAD_LINES and (size < _HEAD_BYTES or len(lines) < 60):
            line = file.readline(text.end - text.start - size)
            size += len(line)
            lines.append(line.decode())
    return lines


def _below(text: Utf8, start: int, separator: str, layout: Layout, longest: int) -> int:
    """How many bytes at the end are no readings."""
    begin = max(start, text.end - max(_TAIL_BYTES, 2 * HEADER_WITHIN * longest))
    with text.path.open("rb") as file:
        file.seek(begin)
        tail = file.read(text.end - begin)
    if begin > start:
        tail = tail[tail.find(b"\n") + 1 :]
    lines = [line.decode() for line in tail.rstrip(b"\x1a").splitlines(keepends=True)]
    while lines and not lines[-1].strip():
        lines.pop()
    rows = list(records(lines[-2 * HEADER_WITHIN :], separator))
    footer = layout.footer([row.cells for row in rows])
    if not footer:
        return 0
    kept = len(lines) - sum(row.lines for row in rows[-footer:])
    return len(tail) - sum(len(line.encode()) for line in lines[:kept])


def _name_empty_ends(layout: Layout, head: list[Record]) -> None:
    """Where each row ends in a separator that the header does not have, there is an empty column more."""
    width = len(layout.names)
    rows = [record.cells for record in head[layout.first :] if len(record.cells) > 1]
    if rows and all(len(row) > width and not any(cell.strip() for cell in row[width:]) for row in rows):
        more = [f"column {place + 1}" for place in range(width, min(map(len, rows)))]
        layout.names += more
        layout.unnamed += more


def _with_tabs(source: Source, text: Utf8, lines: list[str]) -> tuple[Utf8, list[str]]:
    """Write a text whose cells are parted by blanks anew, with tabs between them."""
    cut = tell_blanks([line for line in lines if line.strip()])
    if cut is None:
        raise AssertionError("the lines were cut at blanks before")
    path = source.scratch("tabs")
    with text.path.open("rb") as file, path.open("wb") as out:
        file.seek(text.start)
        left = text.end - text.start
        while left > 0 and (line := file.readline(left)):
            left -= len(line)
            out.write("\t".join(cut.cells(line.decode())).encode() + b"\n")
    text = Utf8(path, 0, path.stat().st_size, text.notes)
    return text, _first_lines(text)
