"""A Monitor in one file, and back."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from acm_rs._native import __version__
from acm_rs.monitor import arguments
from acm_rs.monitor.cleaning import Rules
from acm_rs.monitor.saving import pack, read_file, unpack, write_file
from acm_rs.monitor.state import put_state, put_watches, take_state, take_watches
from acm_rs.monitor.watches import State, Watches

__all__ = ["Filed"]


class Filed:
    """What is written to a file, and read from it."""

    _about: dict[str, Any]
    _hash: str | None
    _learned: tuple[Rules, Watches] | None
    _notes: dict[str, str]
    _scores: NDArray[np.float64]
    _state: State

    def __init__(self, **parameters: Any) -> None:
        raise NotImplementedError

    def _fitted(self) -> tuple[Rules, Watches]:
        raise NotImplementedError

    def _settings(self) -> dict[str, Any]:
        raise NotImplementedError

    def _set_limit(self) -> None:
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """Everything as bytes: what it has learnt, its settings and notes, and what ``update`` remembers.

        Returns
        -------
        bytes
            In the safetensors format: a JSON header, raw arrays and a checksum.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        """
        learnt, arrays = put_watches(*self._fitted())
        remembered, own = put_state(self._state)
        settings = {
            "asked": self._settings(),
            "about": self._about,
            "notes": self._notes,
            "learnt": learnt,
            "remembered": remembered,
        }
        return pack(settings, {**arrays, **own, "scores": self._scores}, __version__)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """What `to_bytes` gave.

        Parameters
        ----------
        data : bytes
            Nothing in them is executed.

        Returns
        -------
        Monitor
            It goes on where it was.

        Raises
        ------
        ValueError
            The bytes are damaged (one flipped bit is enough), of something else, or written by a newer acm_rs.
        """
        settings, arrays, _, _ = unpack(bytes(data))
        try:
            asked = settings["asked"]
            self = cls(
                false_alarm_rate=0.01 if asked["false_alarm_rate"] is None else asked["false_alarm_rate"],
                alarms_per_day=asked["alarms_per_day"],
                drivers=asked["drivers"],
                kinds=asked["kinds"],
                limits={name: tuple(pair) for name, pair in asked["limits"].items()},
            )
            self._notes = arguments.notes(settings["notes"])
            self._about = settings["about"]
            self._scores = arrays["scores"]
            self._learned = take_watches(settings["learnt"], arrays)
            self._state = take_state(settings["remembered"], arrays)
            self._hash = None
            self._set_limit()
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"the file of the Monitor is not whole: {error!s:.80}") from None
        return self

    def save(self, path: str | PathLike[str]) -> None:
        """Write everything to one file, whole or not at all.

        Parameters
        ----------
        path : str or path-like
            An existing file is replaced and keeps its permissions.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        OSError
            The file cannot be written, or something else than a regular file is there. What was there stays.
        """
        write_file(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """What `save` wrote.

        Parameters
        ----------
        path : str or path-like
            Nothing in the file is executed.

        Returns
        -------
        Monitor
            It goes on where it was.

        Raises
        ------
        OSError
            The file cannot be read, or is no regular file.
        ValueError
            It is damaged (one flipped bit is enough), of something else, or was written by a newer acm_rs.
        """
        data = read_file(path)
        try:
            return cls.from_bytes(data)
        except ValueError as error:
            raise ValueError(f"{fspath(path)!r}: {error}") from None
