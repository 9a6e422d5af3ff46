"""Where a watch keeps what it must not forget: here in a file, replaced as a whole after each batch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from acm_rs.files.errors import Refusal
from acm_rs.live.episodes import Alarm
from acm_rs.monitor.result import Result
from acm_rs.monitor.saving import write_file

__all__ = ["Judged", "Keeper", "StateFile", "Unavailable"]


_CHECKSUM = 32


class Unavailable(Exception):
    """What is kept cannot be written now; later it may."""


@dataclass(frozen=True)
class Judged:
    """A batch with its verdict, to be kept as a whole or not at all.

    Parameters
    ----------
    first : int
        The number of its first row since the watch began.
    result : Result or None
        What was found in its rows; None where there are none.
    alarms : list of (Alarm, dict)
        Those that opened, went on or closed in it, each as it is now and as a machine is told.
    events : list of dict
        What is to be told.
    counts : dict
        Rows so far: judged (``rows``), ``bad``, ``late`` and ``repeated``, and the time of the ``last``.
    """

    first: int
    result: Result | None
    alarms: list[tuple[Alarm, dict[str, Any]]]
    events: list[dict[str, Any]]
    counts: dict[str, Any]


class Keeper(Protocol):
    """Keeps the state of a watch, and whatever else it makes of the batches.

    Parameters
    ----------
    where : str
        What people call it.
    first_row : int
        The number of the first row where nothing is kept.
    """

    where: str
    first_row: int

    def load(self) -> bytes | None:
        """The state that was written last."""

    def keep(self, state: bytes, judged: Judged | None) -> None:
        """Write the state, and what a batch gave: both or neither. `Unavailable` where that cannot be done now."""

    def muted(self, told: Sequence[Mapping[str, Any]]) -> set[str]:
        """Those of some events, by their identifiers, that are kept but not told now."""

    def close(self) -> None:
        """Let go of what is open."""


class StateFile:
    """Keeps the state in a file of its own, and nothing else.

    Parameters
    ----------
    path : Path
        Replaced whenever something is kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.where: str = str(path)
        self.first_row: int = 0
        self._known: bytes | None = None
        """How what was read or written last ends: with its checksum."""

    def load(self) -> bytes | None:
        """The state that was written last."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            if not self._path.parent.is_dir():
                raise Refusal(f"{self._path.parent}: no such folder; make it, or name another --state") from None
            return None
        except OSError as error:
            raise Refusal(f"{self._path} cannot be read: {error.strerror or error}") from None
        self._known = data[-_CHECKSUM:]
        return data

    def keep(self, state: bytes, judged: Judged | None) -> None:
        """Replace the file, unless another watch has."""
        try:
            found = _end(self._path)
            if found is not None and found != self._known:
                raise Refusal(
                    f"{self._path}: another acm-rs watch is at work with it; end it, or give this one another --state"
                )
            write_file(self._path, state)
        except OSError as error:
            if isinstance(error, PermissionError) and self._known is None:
                raise Refusal(f"{self._path} cannot be written: no permission; name another --state") from None
            raise Unavailable(f"{self._path} cannot be written: {error.strerror or error}") from None
        self._known = state[-_CHECKSUM:]

    def muted(self, told: Sequence[Mapping[str, Any]]) -> set[str]:
        """None: nobody can shelve here."""
        return set()

    def close(self) -> None:
        """Nothing is open."""


def _end(path: Path) -> bytes | None:
    """How a file ends; None where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _CHECKSUM))
            return file.read()
    except FileNotFoundError:
        return None
