"""What has become of each asset: one small file for each, replaced whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from acm_rs._native import __version__
from acm_rs.files.errors import Refusal
from acm_rs.fleet.store import Mark, Store, absolute

__all__ = ["DONE", "FAILED", "UNCHANGED", "Outcome", "entries", "entry", "files_of", "note", "still_true"]

DONE, UNCHANGED, FAILED = "done", "unchanged", "failed"
FORMAT = 1
STATUS = "status"
_WITHIN = "fleet:"
"""What stands before the name of a file in the fleet's own folder."""


@dataclass(frozen=True)
class Outcome:
    """What became of an asset in one step.

    Parameters
    ----------
    asset : str
        The asset; a file's path where it could not be parted by assets.
    state : str
        ``"done"``, ``"unchanged"`` (it had been done from the same data) or ``"failed"``.
    error : str
        Why it failed; empty otherwise.
    rows : int
        Rows of its readings.
    seconds : float
        Time it took.
    notes : list of str
        What was mended, guessed or left out.
    told : dict
        What the step found, as in the asset's status file.
    """

    asset: str
    state: str
    error: str = ""
    rows: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)


def entry(store: Store, place: str) -> dict[str, Any]:
    """An asset's status; empty where there is none that can be read."""
    data = store.read(f"{STATUS}/{place}.json")
    if data is None:
        return {}
    try:
        found = json.loads(data)
        form = int(found["format"])
        str(found["asset"])
    except (ValueError, KeyError, TypeError):
        # It was damaged: what it told of is done once more.
        return {}
    if form > FORMAT:
        raise Refusal(f"{store.at(f'{STATUS}/{place}.json')} was written by a newer acm_rs; update acm_rs")
    return dict(found)


def entries(store: Store) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every asset's place and status, in the order of their names."""
    found = []
    for name in store.list(STATUS):
        place = name.rpartition("/")[2].removesuffix(".json")
        told = entry(store, place)
        if told:
            found.append((str(told["asset"]), place, told))
    yield from ((place, told) for _, place, told in sorted(found, key=lambda one: one[:2]))


def note(store: Store, place: str, asset: str, step: str, section: Mapping[str, Any]) -> None:
    """Write what became of an asset in a step; what is known of other steps stays."""
    told = entry(store, place)
    told |= {"format": FORMAT, "asset": asset, "acm_rs": __version__, step: dict(section)}
    store.write(f"{STATUS}/{place}.json", json.dumps(told, indent=1, allow_nan=False).encode())


def marks_json(marks: tuple[Mark, ...], store: Store) -> list[dict[str, Any]]:
    """Marks as JSON has them: files of the fleet by their names in it, as it may be copied; others by whole paths."""
    return [asdict(_placed(mark, store)) for mark in marks]


def _placed(mark: Mark, store: Store) -> Mark:
    if not mark.file:
        return mark
    within = store.inside(mark.file)
    if within is not None:
        return replace(mark, file=_WITHIN + within)
    return replace(mark, file=absolute(mark.file))


def files_of(section: Mapping[str, Any], store: Store) -> list[str]:
    """The paths or addresses of what a section was made from; empty for what was in memory."""
    files = [str(told["file"]) for told in section["inputs"]]
    return [store.at(file.removeprefix(_WITHIN)) if file.startswith(_WITHIN) else file for file in files]


def still_true(
    section: Mapping[str, Any] | None, settings: Mapping[str, Any], marks: tuple[Mark, ...], store: Store
) -> bool:
    """Whether what a section tells was made from these files in this way, and is still there.

    Parameters
    ----------
    section : mapping or None
        What was noted.
    settings : mapping
        What was asked for.
    marks : tuple of Mark
        The files, with the SHA-256 of their bytes where they have been read: then they may lie elsewhere.
    store : Store
        Where the results are.

    Returns
    -------
    bool
    """
    if not section or section.get("state") != DONE or section.get("settings") != json.loads(json.dumps(settings)):
        return False
    try:
        before = [Mark(**told) for told in section["inputs"]]
        same = len(before) == len(marks) and all(
            was.surely(_placed(now, store)) or (bool(now.sha256) and (was.size, was.sha256) == (now.size, now.sha256))
            for was, now in zip(before, marks, strict=True)
        )
        return same and all(store.size(name) == size for name, size in section["outputs"].items())
    except (KeyError, TypeError, AttributeError):
        return False
