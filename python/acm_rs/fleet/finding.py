"""Which assets there are: in folders, files, frames."""

from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import lzma
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import polars as pl

from acm_rs.files.errors import Refusal, counted, listed, quoted
from acm_rs.files.options import ReadOptions
from acm_rs.files.reading import read_table
from acm_rs.files.sources import is_no_table, matching
from acm_rs.fleet.names import asset_of, name_of, nameless_text
from acm_rs.fleet.store import FOLDERS, Store, is_address, is_folder, listing, local_copy, opened
from acm_rs.frames import type_name
from acm_rs.monitor.reading import Readings, read

__all__ = ["ASSET", "Asset", "Found", "assets_of", "digest_of", "is_dask"]

ASSET = "asset"
"""The column, or key of folders, that tells of which asset a row is, where nothing else is said."""
_HEAD = 1 << 16
_UNPACK: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}
_TO_BE_READ = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x28\xb5\x2f\xfd")
"""How workbooks and archives begin that are not told by their first bytes."""
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")


@dataclass(frozen=True)
class Asset:
    """A machine and its readings.

    Parameters
    ----------
    name : str
        What it is called.
    files : tuple of str
        Paths or addresses, in the order of their names.
    frame : frame or array, optional
        Readings in memory, where there are no files.
    """

    name: str
    files: tuple[str, ...] = ()
    frame: Any = field(default=None, compare=False)


@dataclass
class Found:
    """What data hold.

    Parameters
    ----------
    assets : list of Asset
        Each with readings of its own.
    many : list of str
        Files with the rows of several assets.
    notes : list of str
        What was left out.
    """

    assets: list[Asset] = field(default_factory=list)
    many: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def is_dask(data: Any) -> bool:
    """Whether it is a frame of Dask."""
    return hasattr(data, "to_delayed") and hasattr(data, "npartitions")


def assets_of(data: Any, by: str | None, options: ReadOptions, store: Store) -> Found:
    """The assets in a folder, in files, or in frames by name.

    Parameters
    ----------
    data : str, path, sequence of paths, mapping or frame
        As `acm_rs.fleet.fit` takes it; no frame of Dask.
    by : str or None
        The key of folders ``by=NAME``, and the column that tells of which asset a row is; ``"asset"`` where None, and
        then it need not be there.
    options : ReadOptions
        How files are read.
    store : Store
        The fleet, whose results are no readings.

    Returns
    -------
    Found
        Sorted by name.

    Raises
    ------
    Refusal
        Nothing is there, two assets have one name, or nothing bears the name ``by``.
    TypeError
        ``data`` is something else.
    """
    if type(data).__name__ == "LazyFrame":
        raise TypeError("`data` is a LazyFrame, which holds no rows yet: collect it, or give the files that it reads")
    if isinstance(data, Mapping):
        found = Found([_named(name, value) for name, value in data.items()])
    elif isinstance(data, str | os.PathLike):
        found = _of_paths([os.fspath(data)], by, options, store)
    elif isinstance(data, Sequence) and all(isinstance(one, str | os.PathLike) for one in data):
        found = _of_paths([os.fspath(one) for one in data], by, options, store)
    elif not isinstance(data, np.ndarray) and hasattr(data, "__getitem__") and hasattr(data, "columns"):
        found = _of_frame(data, by or ASSET)
    else:
        raise TypeError(
            "`data` must be a folder, a file, several of them, a mapping of assets to frames or files, or a frame,"
            f" got {type_name(data)}"
        )
    if not found.assets and not found.many:
        raise Refusal("there are no assets: no file of readings was found")
    for asset in found.assets:
        if not asset.name.strip():
            where = f" ({asset.files[0]})" if asset.files else ""
            raise Refusal(f"an asset must have a name, got {quoted(asset.name)}{where}")
    found.assets.sort(key=lambda asset: asset.name)
    return found


def _named(name: Any, value: Any) -> Asset:
    if not isinstance(name, str):
        raise TypeError(f"`data` must have names of assets as keys, got {type_name(name)}")
    if isinstance(value, str | os.PathLike):
        return Asset(name, tuple(_files(os.fspath(value))))
    if isinstance(value, list | tuple) and value and all(isinstance(one, str | os.PathLike) for one in value):
        return Asset(name, tuple(file for one in value for file in _files(os.fspath(one))))
    return Asset(name, frame=value)


def _files(text: str) -> list[str]:
    """The files of one asset."""
    if is_address(text) or Path(text).exists():
        return [path for path, name in listing(text) if _is_table(name)] if is_folder(text) else [text]
    # What is not there is told by the asset's name when it is read.
    return [str(path) for path in matching(text)] if any(sign in text for sign in "*?[") else [text]


def _is_table(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return not any(part.startswith((".", "_")) for part in parts) and not is_no_table(name)


# ---- paths ----------------------------------------------------------------------------------------------------------


def _of_paths(texts: Sequence[str], given: str | None, options: ReadOptions, store: Store) -> Found:
    by = given or ASSET
    by_name: dict[str, list[str]] = {}
    single: dict[str, str] = {}
    many: list[str] = []
    keyed = nameless = 0
    first = ""
    for text in texts:
        for path, name in _entries(text, store):
            asset = _asset_of_path(path if name == PurePosixPath(path).name else name, by)
            if asset is not None:
                keyed += 1
                if name_of(asset) is None:
                    nameless += 1
                    continue
                by_name.setdefault(asset, []).append(path)
                continue
            if has_column(path, by, options):
                many.append(path)
                continue
            first = first or path
            top, below, _ = name.partition("/")
            if below:
                by_name.setdefault(top, []).append(path)
                continue
            asset = _stem(name)
            if asset in single or asset in by_name:
                other = single.get(asset) or by_name[asset][0]
                raise Refusal(
                    f"two files are of an asset {quoted(asset)}: {other} and {path}; put those of one asset into a"
                    f" folder {by}={asset}, or name the assets in a mapping"
                )
            single[asset] = path
            by_name[asset] = [path]
    if given is not None and first and not many and not keyed:
        columns = columns_of(first, options)
        there = f"; {first} has the columns {listed(columns)}" if columns else ""
        raise Refusal(f"nothing tells of which asset a row is: no folder {by}=NAME, and no column {quoted(by)}{there}")
    notes = [f"{counted(nameless, 'file')} in folders of rows without a name of an asset left out"] if nameless else []
    return Found([Asset(name, tuple(files)) for name, files in by_name.items()], many, notes)


def _entries(text: str, store: Store) -> Iterator[tuple[str, str]]:
    """Tables at a path, an address or a pattern, each with its name below that."""
    if is_folder(text):
        within = is_result(store, text)
        for path, name in listing(text):
            # What the fleet wrote is no reading, where its folder lies in that of the readings.
            if _is_table(name) and (within or not is_result(store, path)):
                yield path, name
    elif is_address(text):
        yield text, PurePosixPath(text).name
    else:
        for one in matching(text):
            if not one.exists():
                raise Refusal(f"{one}: no such file or folder")
            yield str(one), one.name


def is_result(store: Store, path: str) -> bool:
    """Whether a path is one of the fleet's own."""
    return (store.inside(path) or "").partition("/")[0] in FOLDERS


def _asset_of_path(name: str, by: str) -> str | None:
    """The asset that a folder ``by=NAME`` in the path tells."""
    for part in PurePosixPath(name.replace(os.sep, "/")).parts[:-1]:
        if part.startswith(f"{by}="):
            return asset_of(part.removeprefix(f"{by}="))
    return None


def _stem(name: str) -> str:
    path = PurePosixPath(name)
    while path.suffix.lower() in _PACKED and path.stem:
        path = path.with_suffix("")
    return path.stem


def has_column(file: str, name: str, options: ReadOptions) -> bool:
    """Whether a table has a column of that name, by its first lines or what it says of itself.

    Parameters
    ----------
    file : str
        A path or an address.
    name : str
        The column.
    options : ReadOptions
        How the file is read.

    Returns
    -------
    bool
        False where it cannot be told: what is damaged is told when it is read.

    Raises
    ------
    Refusal
        It has a column of that name but for capitals.
    """
    try:
        with opened(file) as stream:
            cells = _first_cells(stream, options)
    except (OSError, EOFError, ValueError, LookupError, lzma.LZMAError, zlib.error, pl.exceptions.PolarsError):
        return False
    if cells is None:
        cells = set(columns_of(file, options))
    if name in cells:
        return True
    alike = {cell for cell in cells if cell.casefold() == name.casefold()}
    # Words among the readings are no columns.
    for column in columns_of(file, options) if alike else ():
        if column in alike:
            raise Refusal(f"{file} has a column {quoted(column)}, not {quoted(name)}: name it with --by")
    return False


def _first_cells(stream: Any, options: ReadOptions) -> set[str] | None:
    """Columns or cells of the first lines; None where all must be read for them."""
    head = stream.read(_HEAD)
    stream.seek(0)
    if head.startswith(b"PAR1"):
        return set(pl.read_parquet_schema(stream))
    if head.startswith(b"ARROW1"):
        return set(pl.read_ipc_schema(stream))
    for start, unpack in _UNPACK.items():
        if head.startswith(start):
            with unpack(stream) as within:
                head = within.read(_HEAD)
    if head.startswith(_TO_BE_READ):
        return None
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else options.encoding or "utf-8"
    lines = head.decode(encoding, "replace").removeprefix("\ufeff").splitlines()[: 100 + options.skip_rows]
    return {cell.strip() for mark in ",;\t|" for row in csv.reader(lines, delimiter=mark) for cell in row}


def columns_of(file: str, options: ReadOptions) -> list[str]:
    """The columns of a table; none where it cannot be read, which is told when it must be.

    Parameters
    ----------
    file : str
        A path or an address.
    options : ReadOptions
        How the file is read.

    Returns
    -------
    list of str
    """
    try:
        with local_copy((file,)) as (paths, _):
            return list(read_table(paths, options).columns)
    except (OSError, ValueError):
        return []


# ---- frames ---------------------------------------------------------------------------------------------------------


def _of_frame(frame: Any, by: str) -> Found:
    import narwhals as nw

    whole: Any = nw.from_native(frame, eager_only=True)
    if by not in whole.columns:
        raise Refusal(f"`data` must have a column {quoted(by)} that tells of which asset a row is; name it with `by`")
    places: dict[str, list[int]] = {}
    nameless = 0
    for row, (key, missing) in enumerate(zip(whole[by].to_list(), whole[by].is_null().to_list(), strict=True)):
        name = None if missing else name_of(key)
        if name is None:
            nameless += 1
        else:
            places.setdefault(name, []).append(row)
    notes = [nameless_text(nameless)] if nameless else []
    rest = [name for name in whole.columns if name != by]
    native = whole.to_native()
    if hasattr(native, "iloc"):
        # An index of dates is the clock.
        parts = {name: native.iloc[rows].drop(columns=by) for name, rows in places.items()}
    else:
        parts = {name: whole[rows].select(rest).to_native() for name, rows in places.items()}
    return Found([Asset(name, frame=frame) for name, frame in parts.items()], notes=notes)


def digest_of(frame: Any) -> tuple[int, str]:
    """Bytes and SHA-256 of what a frame or array holds.

    Parameters
    ----------
    frame : frame or array

    Returns
    -------
    int, str
    """
    digest = hashlib.sha256()
    size = 0
    readings: Readings = read(frame)
    parts = [np.ascontiguousarray(readings.values)]
    if readings.times is not None:
        parts.append(readings.times.astype(np.int64))
    for part in parts:
        size += part.nbytes
        digest.update(str(part.shape).encode())
        digest.update(part.view(np.uint8).data if part.size else b"")
    told = [readings.names, sorted(readings.texts.items()), sorted(readings.units.items()), readings.utc]
    digest.update(re.sub(r"\s+", " ", repr(told)).encode())
    return size, digest.hexdigest()
