"""Assets' names as names of files: safe everywhere, and no two assets share one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

import numpy as np

from acm_rs.files.errors import counted

__all__ = ["NO_NAMES", "asset_of", "name_of", "nameless_text", "places_of", "safe"]

# What every file system, every object storage and every shell takes as it is.
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")
# Windows takes these for devices, whatever stands behind a dot.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
NO_NAMES = ("", "__HIVE_DEFAULT_PARTITION__")
"""Nothing, and what Spark, Hive and Dask call a folder of rows without a key."""
_LONGEST = 150
"""Letters of a safe name at most: file systems take 255 bytes, and an ending comes behind it."""


def safe(name: str) -> str:
    """An asset's name as the name of a file or folder: percent-encoded, as readers of Parquet in folders decode it.

    Parameters
    ----------
    name : str
        The asset.

    Returns
    -------
    str
        Of ASCII letters, digits and ``_-.%~``; another for every name. A name that is very long is cut, and the first
        digits of its SHA-256 stand behind a ``~``.
    """
    letters = [letter if letter in _PLAIN else _encoded(letter) for letter in name]
    for place in {0, len(letters) - 1}:
        # A dot in front hides a file, and Windows drops one at the end.
        if letters and letters[place] == ".":
            letters[place] = _encoded(".")
    if _DEVICE.fullmatch(name):
        letters[0] = _encoded(name[0])
    return _cut("".join(letters), name)


def name_of(value: Any) -> str | None:
    """The asset that a cell names.

    Parameters
    ----------
    value : object
        Text, or a number: whole ones are written without a point, also where the column holds floats.

    Returns
    -------
    str or None
        Without blanks at its ends; None for no name.
    """
    if value is None or value != value:
        return None
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    text = str(int(value) if whole else value).strip()
    return None if text in NO_NAMES else text


def nameless_text(rows: int) -> str:
    """That rows are of no asset."""
    return f"{counted(rows, 'row')} without a name of an asset left out"


def asset_of(text: str) -> str:
    """The asset that the value of a folder ``key=value`` stands for.

    Parameters
    ----------
    text : str
        Percent-encoded.

    Returns
    -------
    str
    """
    return unquote(text, errors="surrogateescape")


def places_of(names: Iterable[str], taken: Mapping[str, str]) -> dict[str, str]:
    """A safe name for each asset, also on file systems that take ``PUMP`` and ``pump`` for one.

    Parameters
    ----------
    names : iterable of str
        Assets.
    taken : mapping of str to str
        Those that have a safe name already, which stays.

    Returns
    -------
    dict of str to str
        By asset. Of names that differ in capitals alone the first keeps its letters; those of the others are encoded.
    """
    found = {name: taken[name] for name in names if name in taken}
    used = {place.casefold() for place in taken.values()}
    for name in sorted({*names} - {*found}):
        place = safe(name)
        if place.casefold() in used:
            place = _cut("".join(map(_encoded, name)), name)
        used.add(place.casefold())
        found[name] = place
    return found


def _encoded(letter: str) -> str:
    return "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogateescape"))


def _cut(text: str, name: str) -> str:
    if len(text) <= _LONGEST:
        return text
    digits = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    # No escape is cut in two.
    head = re.sub(r"%[0-9A-F]?$", "", text[: _LONGEST - 17])
    return f"{head}~{digits}"
