"""A Monitor in one file, and back."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from acm_rs._native import __version__
from acm_rs.monitor import arguments
from acm_rs.monitor.cleaning import Rules
from acm_rs.monitor.result import Result
from acm_rs.monitor.saving import not_whole, pack, read_file, unpack, write_file
from acm_rs.monitor.state import put_state, put_watches, take_about, take_state, take_watches
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

    def _fresh(self) -> State:
        raise NotImplementedError

    def _judge(self, frame: Any, times: Any, state: State, live: bool) -> Result:
        raise NotImplementedError

    def summary(self) -> str:
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
        arrays = {**arrays, **own, "scores": self._scores}
        settings = {
            "asked": self._settings(),
            "about": self._about,
            "notes": self._notes,
            "learnt": learnt,
            "remembered": remembered,
            "arrays": sorted(arrays),
        }
        return pack(settings, arrays, __version__)

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
            self._about = take_about(settings["about"])
            if settings["arrays"] != sorted(arrays) or arrays["scores"].ndim != 1:
                raise ValueError("its arrays are not those that were written")
            self._scores = arrays["scores"]
            self._learned = take_watches(settings["learnt"], arrays)
            self._state = take_state(settings["remembered"], arrays)
            self._hash = None
            self._set_limit()
            # Of a state of its own: rows change it in place.
            self._try(take_state(settings["remembered"], {name: values.copy() for name, values in arrays.items()}))
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError) as error:
            raise ValueError(not_whole(error)) from None
        return self

    def _try(self, state: State) -> None:
        """Judge a few rows as they were learnt, and one without readings: what does not fit together is found now."""
        rules, watches = self._fitted()
        centres = np.nan_to_num(watches.regimes.centres)
        rows = np.zeros((3 * len(centres) + 1, len(self._about["columns"])))
        rows[:-1, [self._about["columns"].index(name) for name in rules.names]] = centres.repeat(3, axis=0)
        rows[-1] = np.nan
        times = None if state.time is None else np.repeat(state.time, len(rows))
        with np.errstate(all="ignore"):
            for one, live in ((self._fresh(), False), (state, True)):
                result = self._judge(rows, times, one, live)
                result.explain()
                result.quality_rows  # noqa: B018
        self.summary()

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
