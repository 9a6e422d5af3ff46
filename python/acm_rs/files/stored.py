"""Tables with stored types: Parquet, Feather and Arrow, files and streams.

Damage is looked for: rows that cannot be read, pages with another checksum or length than was written, values beyond
the extremes that the file says it has. What lies between them and has no checksum cannot be told from readings: write
Parquet with checksums of its pages where files may be damaged on their way.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import IO, TypeVar

import numpy as np
import polars as pl
from polars.selectors import by_name

from acm_rs.files.bad_rows import BadRows
from acm_rs.files.errors import Origin, Refusal, listed, printable
from acm_rs.files.meter import Meter
from acm_rs.files.parquet import Damaged, RowGroup, differs, look_at_pages, row_groups
from acm_rs.files.raw import About, RawTable
from acm_rs.files.sources import Source
from acm_rs.files.spool import Part, SpooledTable
from acm_rs.files.units import unit_of_name

__all__ = ["Damaged", "StoredFile", "unbroken"]

_T = TypeVar("_T")

# Bytes of numbers that are read from a large file in one go, where a column is less than that.
_AT_ONCE = 1 << 24

# Bytes are text where those of the first filled cells are, and so short.
_FIRST, _LONGEST_TEXT = 1000, 64

# With which bytes a file ends, and what is wrong with one that does not.
_ENDS = {
    "arrow": (b"ARROW1", "it ends too early"),
    "arrow stream": (b"\xff\xff\xff\xff\x00\x00\x00\x00", "its end is missing"),
}
_NAMES = {"parquet": "Parquet", "arrow": "Feather or Arrow", "arrow stream": "Arrow stream"}
# What pandas calls an index that has no name.
_PANDAS_INDEX = re.compile(r"__index_level_\d+__")
_PANIC = re.compile(
    rb"(?:(?<=\n)\n|\A\n)?thread '[^\n]*panicked at[^\n]*\n.*?note: [^\n]*RUST_BACKTRACE[^\n]*\n", re.DOTALL
)
# How engines say that the system had no memory left, on Unix and on Windows.
_NO_MEMORY = re.compile(r"\(os error (?:12|8|14|1455)\)|[Cc]annot allocate memory")
# What fastexcel says of a sheet that is a chart.
_CHART = re.compile(rb"'chartsheet' not a valid worksheet\n?")


class StoredFile:
    """A file with stored types, which is looked at before it is read.

    Parameters
    ----------
    source : Source
        A Parquet, Feather or Arrow file, or an Arrow stream.

    Raises
    ------
    Refusal
        A damaged file, or one without columns.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._groups: list[RowGroup] | None = None
        with self._told():
            if source.kind == "parquet":
                self._groups = row_groups(source.path)
                look_at_pages(source.path, self._groups)
            else:
                _look_at_end(source)
            self._schema = unbroken(lambda: self._scan().collect_schema())
        if not self._schema:
            raise Refusal(f"{source.name} holds no columns")
        columns, self._notes = _columns_of(self._schema)
        self._columns = [replace(column, as_text=column.as_text or self._is_text(column)) for column in columns]
        self._ahead = pl.DataFrame()

    @property
    def size(self) -> int:
        """Bytes of its cells as numbers."""
        return 8 * self._rows * len(self._columns)

    @cached_property
    def _rows(self) -> int:
        if self._groups is not None:
            return sum(group.rows for group in self._groups)
        with self._told():
            first = self._scan([next(iter(self._schema))])
            return int(unbroken(lambda: first.select(pl.len()).collect()).item())

    def whole(self, bad_rows: BadRows) -> RawTable:
        """Read all of it.

        Parameters
        ----------
        bad_rows : BadRows
            For the stages after this one.

        Returns
        -------
        RawTable
            Nested fields as columns of their own (``a.b``), dictionaries as their values, decimals as
            numbers.

        Raises
        ------
        Refusal
            A damaged file.
        """
        with self._told():
            frame = self._flat(unbroken(self._everything))
            frame = frame.select(column.plain(pl.nth(place)) for place, column in enumerate(self._columns))
        return RawTable(frame, *self._about(frame.height, bad_rows))

    def on_disk(self, bad_rows: BadRows, meter: Meter) -> SpooledTable:
        """Look at its cells column by column, and leave them where they are.

        Parameters
        ----------
        bad_rows : BadRows
            For the stages after this one.
        meter : Meter
            Is told how far it is.

        Returns
        -------
        SpooledTable
            The columns of `whole`, read when they are asked for.

        Raises
        ------
        Refusal
            A damaged file.
        """
        size, roots = self.source.path.stat().st_size, list(self._schema)
        at_once = self._at_once()
        with self._told():
            for place in range(0, len(roots), at_once):
                some = roots[place : place + at_once]
                if self._flat(self._cells(some)).height != self._rows:
                    raise Damaged(f"column '{some[0]}' has another number of rows than it says")
                # Text is gone through twice before its columns are understood.
                meter.add(2 * size * len(some) / len(roots))
            empty = self._plain(pl.DataFrame(schema=self._schema), self._columns)
        table = SpooledTable(empty, *self._about(self._rows, bad_rows), meter=meter, size=size)
        names = {column.name: column for column in self._columns}
        table.parts.append(_StoredPart(self.source.path, frozenset(names), self._rows, self, names))
        return table

    def _is_text(self, column: _Column) -> bool:
        """Whether the bytes of a column are short texts, as far as its first filled cells tell."""
        if column.kind != pl.Binary:
            return False
        with self._told():
            first = self._cells([column.root], _FIRST).select(column.flat()).to_series().drop_nulls()
            if not first.len():
                late = self._scan([column.root]).select(column.flat().drop_nulls().head(_FIRST))
                first = unbroken(late.collect).to_series()
        if not first.len() or int(first.bin.size().max() or 0) > _LONGEST_TEXT:  # type: ignore[arg-type]
            return False
        try:
            return not first.cast(pl.String).str.contains("\0", literal=True).any()
        except pl.exceptions.PolarsError:
            return False

    def read(self, columns: Sequence[_Column], rows: int | None = None) -> pl.DataFrame:
        """Read some columns, all rows or the first."""
        roots = list(dict.fromkeys(column.root for column in columns))
        with self._told():
            if rows is not None or len(roots) > 1:
                return self._plain(self._cells(roots, rows), columns)
            if roots[0] not in self._ahead.columns:
                # Of many short columns the next ones come along: they are asked for one after the other.
                every = list(self._schema)
                place = every.index(roots[0])
                self._ahead = pl.DataFrame()
                self._ahead = self._cells(every[place : place + self._at_once()])
            return self._plain(self._ahead, columns)

    def _at_once(self) -> int:
        return max(1, _AT_ONCE // max(1, 8 * self._rows))

    def _everything(self) -> pl.DataFrame:
        path = self.source.path
        if self.source.kind == "parquet":
            return pl.read_parquet(path, glob=False, hive_partitioning=False)
        # A file that is opened here is not mapped into memory: it may be temporary.
        with path.open("rb") as file:
            return pl.read_ipc(file) if self.source.kind == "arrow" else pl.read_ipc_stream(file)

    def _cells(self, names: Sequence[str], rows: int | None = None) -> pl.DataFrame:
        return unbroken(lambda: self._scan(names, rows).collect())

    def _scan(self, names: Sequence[str] | None = None, rows: int | None = None) -> pl.LazyFrame:
        path = self.source.path
        if self.source.kind == "arrow stream":
            # Its cells are passed over where they are not asked for.
            rows = 0 if names is None else rows
            return pl.read_ipc_stream(path, columns=None if names is None else list(names), n_rows=rows).lazy()
        if self.source.kind == "parquet":
            scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        else:
            scan = pl.scan_ipc(path, glob=False)
        scan = scan if names is None else scan.select(by_name(*names))
        return scan if rows is None else scan.head(rows)

    def _flat(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give nested fields columns of their own, and hold all against what the file says of them."""
        roots = set(frame.columns)
        frame = frame.select(column.flat() for column in self._columns if column.root in roots)
        if self._groups is not None and (wrong := differs(frame, self._groups)):
            raise Damaged(wrong)
        return frame

    @staticmethod
    def _plain(frame: pl.DataFrame, columns: Sequence[_Column]) -> pl.DataFrame:
        return frame.select(column.plain(column.flat()) for column in columns)

    def _about(
        self, height: int, bad_rows: BadRows
    ) -> tuple[Origin, str, list[str], list[str], int, dict[str, About], BadRows]:
        units = {column.name: unit_of_name(column.name) for column in self._columns}
        about = {name: About(unit) for name, unit in units.items() if unit}
        unnamed = [column.name for column in self._columns if not column.named]
        origin = Origin(self.source.name, np.arange(1, height + 1))
        return origin, "", unnamed, [*self.source.notes, *self._notes], 0, about, bad_rows

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say of what goes wrong here that the file is damaged, unless it is memory that was missing."""
        try:
            yield
        except Refusal:
            raise
        except (Damaged, pl.exceptions.PolarsError, OSError, ValueError, RuntimeError) as error:
            if _NO_MEMORY.search(str(error)):
                raise MemoryError(f"{self.source.name} needs more than there is: {_first_line(error)}") from None
            if isinstance(error, pl.exceptions.DuplicateError):
                raise Refusal(f"{self.source.name} has two columns of one name: {_first_line(error)}") from None
            what = f"{self.source.name} is a damaged {_NAMES[self.source.kind]} file"
            raise Refusal(f"{what}: {_first_line(error)}") from None


@dataclass(frozen=True)
class _StoredPart(Part):
    """The rows of a file with stored types.

    Parameters
    ----------
    keeper : StoredFile
        The file.
    of : mapping of str to _Column
        Its columns by name.
    """

    keeper: StoredFile
    of: Mapping[str, _Column] = field(default_factory=dict)

    def read(self, names: Sequence[str], rows: int | None = None) -> pl.DataFrame:
        """The cells of some columns."""
        return self.keeper.read([self.of[name] for name in names], rows)


def _look_at_end(source: Source) -> None:
    end, missing = _ENDS[source.kind]
    with source.path.open("rb") as file:
        file.seek(-min(len(end), file.seek(0, 2)), 2)
        if file.read(len(end)) != end:
            raise Damaged(missing)


def unbroken(read: Callable[[], _T]) -> _T:
    """Read with an engine that may break down over a file, which then is damaged.

    Parameters
    ----------
    read : callable
        What reads.

    Returns
    -------
    object
        What it gives.

    Raises
    ------
    Damaged
        The engine broke down; what it says of that does not come to the terminal.
    """
    try:
        with _without_panic():
            return read()
    except Exception:
        raise
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise Damaged(_first_line(error)) from None


class _Aside:
    """Where the process's standard error goes while engines read: there is one, however many threads read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._kept = -1
        self._written: IO[bytes] | None = None

    def begin(self) -> None:
        """Put it aside; whoever is first does."""
        with self._lock:
            self._inside += 1
            if self._inside > 1:
                return
            try:
                sys.stderr.flush()
                self._kept = os.dup(2)
            except (OSError, AttributeError, ValueError):
                return
            self._written = tempfile.TemporaryFile()  # noqa: SIM115
            os.dup2(self._written.fileno(), 2)

    def end(self) -> None:
        """Put it back; whoever is last does. What was written comes now, but for the engine's own."""
        with self._lock:
            self._inside -= 1
            if self._inside or self._written is None:
                return
            with suppress(OSError, AttributeError, ValueError):
                sys.stderr.flush()
            os.dup2(self._kept, 2)
            os.close(self._kept)
            with self._written as written:
                written.seek(0)
                said = _CHART.sub(b"", _PANIC.sub(b"", written.read()))
            self._written = None
            if said:
                with suppress(OSError):
                    os.write(2, said)


_ASIDE = _Aside()


@contextmanager
def _without_panic() -> Iterator[None]:
    """Keep from the terminal what an engine writes when it breaks down; what else is written meanwhile comes after."""
    _ASIDE.begin()
    try:
        yield
    finally:
        _ASIDE.end()


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return printable(lines[0])[:200] if lines else type(error).__name__


# ---- columns --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    """A column of the table, and where its cells are in the file.

    Parameters
    ----------
    name : str
        Its name in the table.
    root : str
        The column of the file.
    fields : tuple of str
        The way to a nested field.
    named : bool
        Whether the name is its own.
    kind : DataType
        What is stored.
    as_text : bool
        Whether it becomes text.
    """

    name: str
    root: str
    fields: tuple[str, ...]
    kind: pl.DataType
    named: bool = True
    as_text: bool = False

    def flat(self) -> pl.Expr:
        """Its cells as they are stored, named as in the file."""
        cells: pl.Expr = by_name(self.root)
        for name in self.fields:
            cells = cells.struct.field(name)
        return cells.alias(".".join((self.root, *self.fields)))

    def plain(self, cells: pl.Expr) -> pl.Expr:
        """Cells of the few types that the stages after this one know."""
        if self.as_text and self.kind == pl.Binary:
            cells = cells.map_batches(_text, return_dtype=pl.String)
        elif self.as_text or self.kind in (pl.Categorical, pl.Enum):
            cells = cells.cast(pl.String)
        elif isinstance(self.kind, pl.Decimal):
            # By way of their text: the float nearest to the decimal.
            cells = cells.cast(pl.String).cast(pl.Float64)
        return cells.alias(self.name)


def _text(cells: pl.Series) -> pl.Series:
    """Bytes as the text that some programs keep in them; a cell that holds none is no number either."""
    try:
        return cells.cast(pl.String)
    except pl.exceptions.PolarsError:
        return pl.Series(cells.name, [None if cell is None else _decoded(cell) for cell in cells], pl.String)


def _decoded(cell: bytes) -> str:
    try:
        return cell.decode()
    except UnicodeDecodeError:
        return f"0x{cell.hex()}"


def _columns_of(schema: pl.Schema) -> tuple[list[_Column], list[str]]:
    """The columns of a table, and what was done to get them."""
    leaves = [leaf for root, kind in schema.items() for leaf in _leaves(root, (), kind)]
    names = [".".join((root, *fields)) for root, fields, _ in leaves]
    notes = []
    if nested := [name for name, kind in schema.items() if isinstance(kind, pl.Struct)]:
        notes.append(f"fields of {listed(nested)} taken as columns")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Refusal(f"the fields of nested columns are named like another column: {listed([twice])}")
    kinds = [kind for _, _, kind in leaves]
    # A date and a time of day in columns of their own are paired as they are in text.
    paired = kinds.count(pl.Date()) == kinds.count(pl.Time()) == 1
    columns = []
    for place, (name, (root, fields, kind)) in enumerate(zip(names, leaves, strict=True), 1):
        given = name
        if not name.strip() or _PANDAS_INDEX.fullmatch(name):
            # A name that a library gave is none.
            given = "index" if name.strip() and "index" not in names else f"column {place}"
        as_text = kind == pl.Time or (kind == pl.Date and paired)
        columns.append(_Column(given, root, fields, kind, given == name, as_text))
    if durations := [column.name for column in columns if isinstance(column.kind, pl.Duration)]:
        notes.append(f"durations in seconds: {listed(durations)}")
    return columns, notes


def _leaves(
    root: str, fields: tuple[str, ...], kind: pl.DataType
) -> Iterator[tuple[str, tuple[str, ...], pl.DataType]]:
    if isinstance(kind, pl.Struct):
        for name, inner in pl.Schema(kind.to_schema()).items():
            yield from _leaves(root, (*fields, name), inner)
    else:
        yield root, fields, kind
