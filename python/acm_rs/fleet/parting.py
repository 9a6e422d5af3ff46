"""Tables with the rows of many assets: parted into a file or several for each asset."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from acm_rs.files.errors import Refusal, quoted
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import RawTable
from acm_rs.files.reading import read_table
from acm_rs.files.spool import Part, SpooledTable
from acm_rs.files.units import unit_of_name
from acm_rs.fleet.names import NO_NAMES, name_of, nameless_text, safe
from acm_rs.fleet.store import Mark, Store, local_copy, mark_of

__all__ = ["DATA", "Parted", "of_pieces", "part_file", "part_frame", "settle"]

DATA = "data"
"""The folder with what was parted."""
_ROWS = 1 << 20
_OF_THE_FILE = ("encoding", "skip_rows", "sheet")
"""What is said of a file as it lies there, and of no piece of it."""


@dataclass(frozen=True)
class Parted:
    """What became of a table.

    Parameters
    ----------
    key : str
        What its pieces are called.
    pieces : dict of str to list of str
        For each asset the files in the store.
    notes : list of str
        What should be known.
    nameless : int
        Rows of no asset in a frame; of those of a file the notes tell.
    """

    key: str
    pieces: dict[str, list[str]]
    notes: list[str]
    nameless: int = 0


def part_file(store: Store, file: str, by: str, options: ReadOptions) -> Parted:
    """Write the rows of each asset in a file to files of their own; what was parted already is not parted again.

    Parameters
    ----------
    store : Store
        The fleet.
    file : str
        A path or an address.
    by : str
        The column that tells of which asset a row is.
    options : ReadOptions
        How the file is read.

    Returns
    -------
    Parted
        Cells are as they stand in the file.

    Raises
    ------
    Refusal
        A file that cannot be read, or without the column.
    """
    path = PurePosixPath(file.replace("\\", "/"))
    key = f"{safe(path.name.partition('.')[0])[:40]}-{hashlib.sha256(file.encode()).hexdigest()[:12]}"
    settings = {"by": by, "bad_rows": str(options.bad_rows), **{name: getattr(options, name) for name in _OF_THE_FILE}}
    before = _kept(store, key)
    if before is not None and before["settings"] == settings:
        known = Mark(**before["mark"])
        if known.surely(mark_of(file)):
            return Parted(key, before["pieces"], before["notes"])
    with local_copy((file,)) as (paths, (mark,)):
        if before is not None and before["settings"] == settings and before["mark"]["sha256"] == mark.sha256:
            return Parted(key, before["pieces"], before["notes"])
        raw = read_table(paths, options)
        if by not in raw.columns:
            raise Refusal(f"{file} has no column {quoted(by)}")
        names = {name: _with_unit(raw, name) for name in raw.columns if name != by}
        writer = _begun(store, key, before)
        for block in _blocks(raw):
            writer.add(block.rename(names), by)
        notes = [*raw.notes, *raw.bad_rows.lines()]
    if writer.nameless:
        notes.append(nameless_text(writer.nameless))
    return settle(store, Parted(key, writer.pieces, notes), settings, asdict(mark), before)


def of_pieces(options: ReadOptions) -> ReadOptions:
    """How the pieces of a file are read, of which more was said than holds for them.

    Parameters
    ----------
    options : ReadOptions
        How the file was read.

    Returns
    -------
    ReadOptions
    """
    return replace(options, encoding=None, skip_rows=0, sheet=None)


def part_frame(frame: Any, address: str, key: str, by: str) -> Parted:
    """Write the rows of each asset in a frame, a partition of a larger one, to files of their own.

    Parameters
    ----------
    frame : frame
        Of pandas, Polars or PyArrow; an index that has a name, or holds dates, becomes a column.
    address : str
        The fleet.
    key : str
        What its pieces are called.
    by : str
        The column that tells of which asset a row is.

    Returns
    -------
    Parted
    """
    import narwhals as nw

    store = Store(address)
    index = getattr(frame, "index", None)
    if index is not None and getattr(index, "dtype", None) is not None:
        dated = index.dtype.kind == "M" or not hasattr(index.dtype, "kind")
        if dated or any(name is not None for name in index.names):
            named = index.name is not None or index.nlevels > 1
            frame = frame.reset_index(names=None if named else "time", allow_duplicates=True)
            # A name that the frame has already must not keep the clock out.
            frame = frame.loc[:, ~frame.columns.duplicated()]
    table = nw.from_native(frame, eager_only=True).to_polars()
    before = _kept(store, key)
    writer = _begun(store, key, before)
    writer.add(table, by)
    return settle(store, Parted(key, writer.pieces, [], writer.nameless), {"by": by}, None, before)


def _kept(store: Store, key: str) -> dict[str, Any] | None:
    data = store.read(f"{DATA}/{key}.json")
    if data is None:
        return None
    try:
        kept: dict[str, Any] = json.loads(data)
        there = all(store.size(name) is not None for files in kept["pieces"].values() for name in files)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return kept if there and {"mark", "settings", "notes"} <= set(kept) else None


def _begun(store: Store, key: str, before: dict[str, Any] | None) -> _Writer:
    """Write pieces over those of an earlier time: until all are there, none may be taken for the whole."""
    _note(store, key, (before or {"pieces": {}, "notes": []}) | {"settings": None, "mark": None})
    return _Writer(store, key)


def _note(store: Store, key: str, note: dict[str, Any]) -> None:
    store.write(f"{DATA}/{key}.json", json.dumps(note, indent=1).encode())


def settle(
    store: Store,
    parted: Parted,
    settings: dict[str, Any],
    mark: dict[str, Any] | None,
    before: dict[str, Any] | None,
) -> Parted:
    """Note what was parted, and take away pieces of an earlier time that are none any more."""
    now = {name for files in parted.pieces.values() for name in files}
    note = {"settings": settings, "mark": mark, "pieces": parted.pieces, "notes": parted.notes}
    _note(store, parted.key, note)
    old = set() if before is None else {name for files in before["pieces"].values() for name in files}
    if before is not None and before["settings"] is None:
        # It was cut short, and no note tells what it had written.
        old.update(name for name in store.list(DATA) if f"/{parted.key}-" in name)
    for name in old - now:
        store.remove(name)
    return parted


class _Writer:
    """Puts the rows of each asset into files."""

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._key = store, key
        self._blocks: Counter[str] = Counter()
        self.pieces: dict[str, list[str]] = {}
        self.nameless = 0

    def add(self, block: pl.DataFrame, by: str) -> None:
        """Write a block of rows, after those before."""
        if by not in block.columns:
            raise Refusal(f"the table has no column {quoted(by)} that tells of which asset a row is")
        keys = block[by]
        names = keys.cast(pl.String).str.strip_chars()
        if keys.dtype.is_float():
            names = pl.Series([name_of(key) for key in keys.to_list()], dtype=pl.String)
        there = names.is_not_null() & ~names.is_in(NO_NAMES)
        self.nameless += block.height - int(there.sum())
        block = block.drop(by).filter(there)
        for name, rows in (
            pl.DataFrame({"name": names.filter(there)}).with_row_index("row").group_by("name", maintain_order=True)
        ):
            asset = str(name[0])
            # Two assets may share a folder where capitals count for nothing, but no file.
            own = hashlib.sha256(asset.encode("utf-8", "surrogateescape")).hexdigest()[:8]
            place = f"{DATA}/asset={safe(asset)}/{self._key}-{own}-{self._blocks[asset]:05d}.parquet"
            self._blocks[asset] += 1
            with self._store.writing(place) as path:
                block[rows["row"].sort()].write_parquet(path)
            self.pieces.setdefault(asset, []).append(place)


def _with_unit(raw: RawTable, name: str) -> str:
    """A unit that stands in a row of its own goes with the name."""
    unit = raw.about[name].unit if name in raw.about else ""
    return f"{name} [{unit}]" if unit and not unit_of_name(name) else name


def _blocks(raw: RawTable) -> Iterator[pl.DataFrame]:
    """The rows of a table, as many as memory holds at once."""
    if not isinstance(raw, SpooledTable):
        yield raw.frame
        return
    for part in raw.parts:
        if type(part) is Part:
            yield from _slices(pl.scan_ipc(part.path, glob=False), part.height, raw.columns)
        elif _is_parquet(part.path):
            yield from _slices(pl.scan_parquet(part.path, glob=False, hive_partitioning=False), part.height, None)
        else:
            yield part.read(raw.columns)


def _slices(rows: pl.LazyFrame, height: int, names: Sequence[str] | None) -> Iterator[pl.DataFrame]:
    for start in range(0, height, _ROWS):
        some = rows.slice(start, _ROWS)
        yield (some if names is None else some.select(list(names))).collect()


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"
