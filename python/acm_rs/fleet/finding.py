"""Which assets there are: in folders, files, frames."""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import polars as pl

from acm_rs.files.errors import Refusal, quoted
from acm_rs.files.sources import is_no_table, matching
from acm_rs.fleet.names import asset_of
from acm_rs.fleet.store import is_address, is_folder, listing, opened
from acm_rs.frames import type_name
from acm_rs.monitor.reading import Readings, read

__all__ = ["Asset", "Found", "assets_of", "digest_of", "is_dask"]

_HEAD = 1 << 16
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
    """

    assets: list[Asset] = field(default_factory=list)
    many: list[str] = field(default_factory=list)


def is_dask(data: Any) -> bool:
    """Whether it is a frame of Dask."""
    return hasattr(data, "to_delayed") and hasattr(data, "npartitions")


def assets_of(data: Any, by: str) -> Found:
    """The assets in a folder, in files, or in frames by name.

    Parameters
    ----------
    data : str, path, sequence of paths, mapping or frame
        As `acm_rs.fleet.fit` takes it; no frame of Dask.
    by : str
        The key of folders ``by=NAME``, and the column that tells of which asset a row is.

    Returns
    -------
    Found
        Sorted by name.

    Raises
    ------
    Refusal
        Nothing is there, or two assets have one name.
    TypeError
        ``data`` is something else.
    """
    if isinstance(data, Mapping):
        found = Found([_named(name, value) for name, value in data.items()])
    elif isinstance(data, str | os.PathLike):
        found = _of_paths([os.fspath(data)], by)
    elif isinstance(data, Sequence) and all(isinstance(one, str | os.PathLike) for one in data):
        found = _of_paths([os.fspath(one) for one in data], by)
    elif not isinstance(data, np.ndarray) and hasattr(data, "__getitem__") and hasattr(data, "columns"):
        found = _of_frame(data, by)
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


def _of_paths(texts: Sequence[str], by: str) -> Found:
    by_name: dict[str, list[str]] = {}
    single: dict[str, str] = {}
    many: list[str] = []
    for text in texts:
        if is_folder(text):
            entries = [(path, name) for path, name in listing(text) if _is_table(name)]
        elif is_address(text):
            entries = [(text, PurePosixPath(text).name)]
        else:
            entries = [(str(path), path.name) for path in matching(text)]
        for path, name in entries:
            asset = _asset_of_path(path if name == PurePosixPath(path).name else name, by)
            if asset is not None:
                by_name.setdefault(asset, []).append(path)
                continue
            if has_column(path, by):
                many.append(path)
                continue
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
    return Found([Asset(name, tuple(files)) for name, files in by_name.items()], many)


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


def has_column(file: str, name: str) -> bool:
    """Whether a table has a column of that name, by its first lines or what a Parquet file says of itself.

    Parameters
    ----------
    file : str
        A path or an address.
    name : str
        The column.

    Returns
    -------
    bool
        False where it cannot be told: what is damaged or compressed is told when it is read.
    """
    try:
        with opened(file) as stream:
            head = stream.read(_HEAD)
            if head.startswith(b"PAR1"):
                stream.seek(0)
                return name in pl.read_parquet_schema(stream)
    except (OSError, pl.exceptions.PolarsError):
        return False
    lines = head.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()[:100]
    cells = (cell for mark in ",;\t|" for row in csv.reader(lines, delimiter=mark) for cell in row)
    return any(cell.strip() == name for cell in cells)


# ---- frames ---------------------------------------------------------------------------------------------------------


def _of_frame(frame: Any, by: str) -> Found:
    import narwhals as nw

    whole: Any = nw.from_native(frame, eager_only=True)
    if by not in whole.columns:
        raise Refusal(f"`data` must have a column {quoted(by)} that tells of which asset a row is; name it with `by`")
    places: dict[str, list[int]] = {}
    for row, key in enumerate(whole[by].to_list()):
        # NaN is what pandas has in place of no text.
        if key is not None and key == key:
            places.setdefault(str(key), []).append(row)
    rest = [name for name in whole.columns if name != by]
    native = whole.to_native()
    if hasattr(native, "iloc"):
        # An index of dates is the clock.
        return Found([Asset(name, frame=native.iloc[rows].drop(columns=by)) for name, rows in places.items()])
    return Found([Asset(name, frame=whole[rows].select(rest).to_native()) for name, rows in places.items()])


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
