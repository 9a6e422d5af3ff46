"""Files into text: CSV in whatever encoding and with whatever separator it comes, and Parquet."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from acm_rs.files.errors import Origin, Refusal, counted, printable, quoted
from acm_rs.files.raw import RawTable
from acm_rs.files.times import looks_like_time

__all__ = ["read_table"]

_MAGIC = {
    b"PK\x03\x04": "is a spreadsheet or zip archive: save the sheet as CSV first",
    b"\xd0\xcf\x11\xe0": "is an old spreadsheet file: save the sheet as CSV first",
    b"\x1f\x8b": "is compressed (gzip): unpack it first",
    b"\x28\xb5\x2f\xfd": "is compressed (zstd): unpack it first",
}
_SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}
_MARKS = ((codecs.BOM_UTF8, ""), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_HEAD = 1 << 20
_EMPTY_TEXT = re.compile(r"\s*")


def read_table(path: Path) -> RawTable:
    """Read a CSV or Parquet file, told apart by content.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    RawTable
        At least one named column; possibly no rows.

    Raises
    ------
    Refusal
        No such file, no table in it, or a table that is broken.
    """
    if path.is_dir():
        raise Refusal(f"{path} is a folder, not a file")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
            if magic == b"PAR1":
                return _read_parquet(path)
            for start, what in _MAGIC.items():
                if magic.startswith(start):
                    raise Refusal(f"{path} {what}")
            data = magic + file.read()
    except FileNotFoundError:
        raise Refusal(f"{path}: no such file") from None
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror or error}") from None
    if path.suffix.lower() in (".parquet", ".pq") and data:
        raise Refusal(f"{path} is not a Parquet file, whatever its name says")
    return _read_csv(path, data)


def _read_parquet(path: Path) -> RawTable:
    try:
        frame = pl.read_parquet(path, glob=False)
    except Exception as error:
        # Polars has many error types, and a damaged file can meet any of them.
        raise Refusal(f"{path} is a damaged Parquet file: {_first_line(error)}") from None
    if not frame.width:
        raise Refusal(f"{path} holds no columns")
    return RawTable(frame, Origin(path, np.arange(1, frame.height + 1)))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return printable(lines[0]) if lines else type(error).__name__


def _read_csv(path: Path, data: bytes) -> RawTable:
    data, notes = _as_utf8(path, data)
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    head = _head_text(data)
    if _EMPTY_TEXT.fullmatch(head):
        raise Refusal(f"{path} is empty")
    separator, first = _announced_separator(head)
    if not separator:
        separator = _tell_separator(head)
    names, skipped, header_row = _header(path, head, first, separator)
    names, unnamed = _named(path, names, header_row)
    body = data[len(head[:skipped].encode()) :]
    frame, more = _parse(path, body, separator, len(names), header_row)
    notes += more
    frame.columns = names
    rows = np.arange(header_row + 1, header_row + 1 + frame.height)
    filled = frame.select(pl.any_horizontal(pl.all().str.strip_chars().fill_null("") != "").alias("filled"))["filled"]
    blank = frame.height - int(filled.sum())
    if blank:
        frame, rows = frame.filter(filled), rows[filled.to_numpy()]
    empty = [name for name in unnamed if not (frame[name].str.strip_chars().fill_null("") != "").any()]
    frame = frame.drop(empty)
    unnamed = [name for name in unnamed if name not in empty]
    return RawTable(frame, Origin(path, rows), separator, unnamed, notes, blank)


def _as_utf8(path: Path, data: bytes) -> tuple[bytes, list[str]]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            data = data[len(mark) :]
            if not encoding:
                break
            try:
                return data.decode(encoding).encode(), ["written in UTF-16"]
            except UnicodeError:
                raise Refusal(f"{path} says it is UTF-16 but is not") from None
    if b"\x00" in data[:_HEAD]:
        raise Refusal(f"{path} is not a text file")
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace").encode(), ["not UTF-8: read as Windows-1252"]
    return data, []


def _head_text(data: bytes) -> str:
    """The beginning of the file, cut at a character."""
    return data[:_HEAD].decode(errors="ignore")


def _announced_separator(head: str) -> tuple[str, int]:
    """Spreadsheets may write ``sep=;`` before the header; the number of characters to skip comes with it."""
    found = re.match(r'"?sep=(.)"?\r?\n', head, re.IGNORECASE)
    return (found[1], found.end()) if found else ("", 0)


def _tell_separator(head: str) -> str:
    lines = list(itertools.islice(io.StringIO(head, newline=""), 40))
    for separator in _SEPARATORS:
        try:
            records = [row for row in csv.reader(lines, delimiter=separator) if row]
        except csv.Error:
            continue
        width = len(records[0]) if records else 0
        # A comma may be a decimal mark, so the others are asked first; the last of the sample may be cut off.
        if width > 1 and sum(len(row) == width for row in records) >= 0.9 * len(records) - 1:
            return separator
    return ","


def _header(path: Path, head: str, first: int, separator: str) -> tuple[list[str], int, int]:
    """The names, the characters up to the end of the header, and the row it stands in."""
    lines = _CountedLines(head[first:])
    row = 1 if first else 0
    try:
        for record in csv.reader(lines, delimiter=separator):
            row += 1
            if any(cell.strip() for cell in record):
                return [" ".join(cell.split()) for cell in record], first + lines.used, row
    except csv.Error:
        pass
    raise Refusal(f"{path}, row {row + 1}: the column names cannot be read (is a quotation mark left open?)")


class _CountedLines:
    """Lines that remember how many characters have been taken."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.used = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.used += len(line)
            yield line


def _named(path: Path, cells: list[str], row: int) -> tuple[list[str], list[str]]:
    """Give every column a name and refuse what is no header."""
    named = [cell for cell in cells if cell]
    probe = pl.Series(named)
    if _looks_like_data(probe):
        raise Refusal(f"{path}, row {row}: {quoted(named[0])} looks like data; the first row must name the columns")
    names = [cell or f"column {place}" for place, cell in enumerate(cells, 1)]
    for place, name in enumerate(names, 1):
        earlier = names.index(name) + 1
        if earlier != place:
            raise Refusal(f"{path}, row {row}: columns {earlier} and {place} are both named {quoted(name)}")
    return names, [name for name, cell in zip(names, cells, strict=True) if not cell]


def _looks_like_data(cells: pl.Series) -> bool:
    """Tell whether a row of cells is readings rather than names."""
    numbers = cells.str.contains(r"^[+-]?\d+(?:[.,]\d+)?$")
    return bool(numbers.any()) and (bool(numbers.all()) or looks_like_time(cells.filter(~numbers)))


def _parse(path: Path, body: bytes, separator: str, width: int, header_row: int) -> tuple[pl.DataFrame, list[str]]:
    """Cut the rows into cells; Polars does it fast, the csv module finds what is wrong and where."""
    # Names of our own, so that the cells do not decide how many columns there are.
    header = separator.join(f"c{place}" for place in range(width)).encode() + b"\n"
    try:
        frame = pl.read_csv(io.BytesIO(header + body), separator=separator, infer_schema=False, raise_if_empty=False)
    except pl.exceptions.PolarsError:
        records = _records(path, body, separator, width, header_row)
        columns = {f"c{place}": [row[place] if place < len(row) else None for row in records] for place in range(width)}
        frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
        short = [(place, len(row)) for place, row in enumerate(records) if row and len(row) < width]
    else:
        if frame.width != width:
            raise Refusal(f"{path}, row {header_row + 1}: the cells do not match the {width} column names")
        if not frame.height or width == 1 or not frame[:, -1].has_nulls():
            return frame, []
        short = _short_rows(path, body, separator, width, header_row)
    if not short:
        return frame, []
    place, cells = short[0]
    first = f"first: row {header_row + 1 + place}, {cells} of {width} cells"
    return frame, [f"{counted(len(short), 'row')} shorter than the header ({first}): what they lack is missing"]


def _short_rows(path: Path, body: bytes, separator: str, width: int, header_row: int) -> list[tuple[int, int]]:
    """Rows with fewer cells than columns, which Polars fills up in silence, and how many cells they have."""
    if b'"' in body:
        records = _records(path, body, separator, width, header_row)
        return [(place, len(row)) for place, row in enumerate(records) if row and len(row) < width]
    lines = pl.Series(body.decode().replace("\r\n", "\n").split("\n"))
    cells = lines.str.count_matches(separator, literal=True) + 1
    short = ((cells < width) & (lines.str.strip_chars() != "")).arg_true()
    return list(zip(short.to_list(), cells.gather(short).to_list(), strict=True))


def _records(path: Path, body: bytes, separator: str, width: int, header_row: int) -> list[list[str]]:
    records: list[list[str]] = []
    reader = csv.reader(io.StringIO(body.decode(), newline=""), delimiter=separator, strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row[width:]):
                place = header_row + 1 + len(records)
                raise Refusal(f"{path}, row {place}: {len(row)} cells, but the header names {width} columns")
            records.append(row)
    except csv.Error as error:
        place = header_row + 1 + len(records)
        why = _first_line(error)
        raise Refusal(f"{path}, row {place}: not readable as CSV ({why}); is a quotation mark left open?") from None
    return records
