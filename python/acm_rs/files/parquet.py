"""What a Parquet file says of itself, held against what was read from it.

Polars reads the columns. What it does not ask is asked here: whether the pages have the checksums and the numbers of
values that the file says, and whether what was read lies between the least and the greatest value that it says.

Source: the Parquet format's description in Thrift (parquet.thrift) and Thrift's compact protocol.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

__all__ = ["Damaged", "RowGroup", "differs", "look_at_pages", "row_groups"]

_DEEPEST, _LONGEST = 32, 1 << 26
_DATA, _DATA_2 = 0, 3
_FORMATS = {1: ("<i", 4), 2: ("<q", 8), 4: ("<f", 4), 5: ("<d", 8)}


class Damaged(ValueError):
    """The file is not what it says it is."""


@dataclass
class Chunk:
    """The cells of a column in a row group.

    Parameters
    ----------
    column : str
        The column, with dots between the names where it is nested.
    start, size, values : int
        Where its pages begin, how many bytes and how many cells they have.
    missing : int, optional
        How many cells are missing.
    least, greatest : float, optional
        Its extremes.
    wide : bool
        Whether each takes eight bytes.
    """

    column: str
    start: int
    size: int
    values: int
    missing: int | None = None
    least: float | None = None
    greatest: float | None = None
    wide: bool = False


@dataclass
class RowGroup:
    """Some rows of the table.

    Parameters
    ----------
    rows : int
        How many.
    chunks : list of Chunk
        Their columns.
    """

    rows: int
    chunks: list[Chunk]


def row_groups(path: Path) -> list[RowGroup]:
    """What the end of a file says.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    list of RowGroup

    Raises
    ------
    Damaged
        It says nothing that can be.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        end = file.read(8)
        if len(end) < 8 or end[4:] != b"PAR1":
            raise Damaged("it ends too early")
        length = int.from_bytes(end[:4], "little")
        if length + 12 > size:
            raise Damaged("its footer is longer than the file")
        file.seek(size - 8 - length)
        footer = _Thrift(file.read(length)).struct()
    try:
        groups = [_group(group, size) for group in footer.get(4, [])]
        if sum(group.rows for group in groups) != footer[3]:
            raise Damaged("its row groups do not have as many rows as its footer says")
    except (KeyError, TypeError, AttributeError, IndexError, struct.error):
        raise Damaged("its footer cannot be read") from None
    return groups


def _group(said: dict[int, Any], size: int) -> RowGroup:
    chunks = []
    for column in said[1]:
        meta = column[3]
        path = [name.decode() for name in meta[3]]
        start = min(meta[9], meta.get(11) or meta[9])
        if meta[5] and not 0 < start <= start + meta[7] <= size:
            raise Damaged(f"the pages of column '{path[0]}' lie outside of the file")
        chunk = Chunk(".".join(path), start, meta[7], meta[5])
        known = meta.get(12, {})
        chunk.missing = known.get(3)
        if meta[1] in _FORMATS:
            form, width = _FORMATS[meta[1]]
            chunk.wide = width == 8
            least, greatest = known.get(6, known.get(2)), known.get(5, known.get(1))
            if least is not None and greatest is not None and len(least) == len(greatest) == width:
                chunk.least, chunk.greatest = struct.unpack(form, least)[0], struct.unpack(form, greatest)[0]
        chunks.append(chunk)
    return RowGroup(said[3], chunks)


def look_at_pages(path: Path, groups: list[RowGroup]) -> None:
    """Go through the pages of a file.

    Parameters
    ----------
    path : Path
        The file.
    groups : list of RowGroup
        What its end says.

    Raises
    ------
    Damaged
        A page is not as long, does not have as many values or another checksum than is said.
    """
    with path.open("rb") as file:
        for group in groups:
            for chunk in group.chunks:
                _look_at_chunk(file, chunk)


def _look_at_chunk(file: BinaryIO, chunk: Chunk) -> None:
    place, end, values = chunk.start, chunk.start + chunk.size, 0
    named = f"a page of column '{chunk.column}'"
    while place < end and values < chunk.values:
        try:
            header, length = _header(file, place, end)
            kind, size = header[1], header[3]
            if kind in (_DATA, _DATA_2):
                values += header[5 if kind == _DATA else 8][1]
        except (KeyError, TypeError, AttributeError, Damaged):
            raise Damaged(f"{named} cannot be read") from None
        place += length + size
        if size < 0 or place > end:
            raise Damaged(f"{named} is longer than its column")
        if 4 in header:
            file.seek(place - size)
            if zlib.crc32(file.read(size)) != header[4] & 0xFFFFFFFF:
                raise Damaged(f"{named} has another checksum than was written")
    if values != chunk.values:
        raise Damaged(f"column '{chunk.column}' has not as many values as its footer says")


def _header(file: BinaryIO, place: int, end: int) -> tuple[dict[int, Any], int]:
    """What stands before a page, and how long it is: it is short, unless it holds the extremes of long texts."""
    for most in (1 << 12, _LONGEST):
        file.seek(place)
        thrift = _Thrift(file.read(min(end - place, most)))
        try:
            return thrift.struct(), thrift.place
        except Damaged:
            if most == _LONGEST or end - place <= most:
                raise
    raise Damaged("its pages cannot be read")


def differs(frame: pl.DataFrame, groups: list[RowGroup]) -> str:
    """Hold a frame against what its file says of it.

    Parameters
    ----------
    frame : DataFrame
        What was read, nested fields as columns of their own.
    groups : list of RowGroup
        What the file says.

    Returns
    -------
    str
        What is wrong; empty where nothing is.
    """
    rows = sum(group.rows for group in groups)
    if frame.height != rows:
        return f"{frame.height:,} of {rows:,} rows can be read"
    first, names = 0, set(frame.columns)
    for group in groups:
        for chunk in group.chunks:
            if chunk.column in names and (wrong := _wrong(frame[chunk.column].slice(first, group.rows), chunk)):
                return f"column '{chunk.column}', rows {first + 1:,} to {first + group.rows:,}: {wrong}"
        first += group.rows
    return ""


def _wrong(cells: pl.Series, chunk: Chunk) -> str:
    if chunk.missing is not None and cells.null_count() != chunk.missing:
        return f"{cells.null_count():,} cells are missing, {chunk.missing:,} by its own words"
    dtype = cells.dtype
    if chunk.least is None or chunk.greatest is None:
        return ""
    # The file's own integers mean the same as those of times only where both have the same width.
    if not (
        dtype.is_float() or dtype.is_signed_integer() or (dtype == pl.Datetime if chunk.wide else dtype == pl.Date)
    ):
        return ""
    values = cells.to_physical()
    if dtype.is_float():
        values = values.fill_nan(None)
    least, greatest = values.min(), values.max()
    if least is None or greatest is None:
        return ""
    if not (chunk.least <= least and greatest <= chunk.greatest):  # type: ignore[operator]
        return "values beyond the extremes that it says it has"
    return ""


class _Thrift:
    """Structures in Thrift's compact protocol, as dictionaries by the numbers of their fields."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        found: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) != 0:
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            kind = head & 15
            found[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth + 1)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if depth > _DEEPEST:
            raise Damaged("its footer cannot be read")
        if kind in (1, 2, 3):
            return self._byte()
        if kind in (4, 5, 6):
            return self._zigzag()
        if kind == 7:
            return struct.unpack("<d", self._bytes(8))[0]
        if kind == 8:
            return self._bytes(self._number())
        if kind in (9, 10):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._number()
            self._refuse_count(count)
            return [self._value(head & 15, depth + 1) for _ in range(count)]
        if kind == 11:
            count = self._number()
            self._refuse_count(count)
            kinds = self._byte() if count else 0
            return [(self._value(kinds >> 4, depth + 1), self._value(kinds & 15, depth + 1)) for _ in range(count)]
        if kind == 12:
            return self.struct(depth + 1)
        raise Damaged("its footer cannot be read")

    def _refuse_count(self, count: int) -> None:
        if count > len(self.data) - self.place:
            raise Damaged("its footer cannot be read")

    def _byte(self) -> int:
        if self.place >= len(self.data):
            raise Damaged("its footer cannot be read")
        self.place += 1
        return self.data[self.place - 1]

    def _bytes(self, count: int) -> bytes:
        if count > len(self.data) - self.place or count > _LONGEST:
            raise Damaged("its footer cannot be read")
        self.place += count
        return self.data[self.place - count : self.place]

    def _number(self) -> int:
        found = shift = 0
        while True:
            byte = self._byte()
            found |= (byte & 127) << shift
            if byte < 128:
                return found
            shift += 7
            if shift > 63:
                raise Damaged("its footer cannot be read")

    def _zigzag(self) -> int:
        found = self._number()
        return (found >> 1) ^ -(found & 1)
