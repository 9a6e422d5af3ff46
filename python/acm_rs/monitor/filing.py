"""A Monitor in one file, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from acm_rs._native import __version__
from acm_rs.monitor import arguments
from acm_rs.monitor.beside import added_to, beyond
from acm_rs.monitor.changes import take_log
from acm_rs.monitor.cleaning import Rules
from acm_rs.monitor.history import History
from acm_rs.monitor.result import Result
from acm_rs.monitor.saving import MEMORY, not_whole, pack, read_file, unpack, write_file
from acm_rs.monitor.state import put_state, put_watches, take_about, take_state, take_watches
from acm_rs.monitor.watches import State, Watches

__all__ = ["Filed"]


class Filed:
    """What is written to a file, and read from it."""

    _about: dict[str, Any]
    _hash: str | None
    _history: History | None
    _log: list[dict[str, Any]]
    _undo: dict[int, bytes]
    _learned: tuple[Rules, Watches] | None
    _notes: dict[str, str]
    _per_day: float | None
    _rate: float | None
    _ready: Any
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

    @property
    def sha256_(self) -> str:
        raise NotImplementedError

    def _kept(self, readings: bool = False) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What it has learnt, its settings and what `update` remembers; the history's readings where asked for."""
        learnt, arrays = put_watches(*self._fitted())
        remembered, own = put_state(self._state)
        history, rows = (None, {}) if self._history is None else self._history.put(readings)
        arrays = {**arrays, **own, **rows, "scores": self._scores}
        settings = {
            "asked": self._settings(),
            "about": self._about,
            "learnt": learnt,
            "remembered": remembered,
            "history": history,
        }
        return settings, arrays

    def _take(self, settings: dict[str, Any], arrays: dict[str, NDArray[Any]], history: History | None) -> None:
        """What `_kept` gave; `history` holds the readings where they are not in it."""
        asked = settings["asked"]
        self._rate, self._per_day = arguments.budget(asked["false_alarm_rate"], asked["alarms_per_day"])
        self._about = take_about(settings["about"])
        if arrays["scores"].ndim != 1:
            raise ValueError("its scores are not one for each row")
        self._scores = arrays["scores"]
        self._learned = take_watches(settings["learnt"], arrays)
        self._state = take_state(settings["remembered"], arrays)
        own = settings["history"]
        if own is None:
            self._history = None
        elif history is None:
            self._history = History.take(own, arrays)
        else:
            self._history = history.cut(own["chunks"], arrays)
        self._set_limit()

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """A change is made as a whole, or not at all."""
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    def to_bytes(self, *, history: bool = True) -> bytes:
        """Everything as bytes: what it has learnt, its settings and notes, and what ``update`` remembers.

        Parameters
        ----------
        history : bool, default True
            Whether the rows that were learnt from go with it: at most 8 bytes a reading, 1 or 2 where readings have few
            digits. Without them ``exclude`` is not possible, and ``accept`` only widens limits.

        Returns
        -------
        bytes
            In the safetensors format: a JSON header, raw arrays and a checksum.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        """
        kept, arrays = self._kept(history)
        if not history:
            kept["history"] = None
            arrays = {name: values for name, values in arrays.items() if not name.startswith("history.")}
        arrays |= {f"undo.{number}": np.frombuffer(change, np.uint8) for number, change in self._undo.items()}
        settings = {**kept, "notes": self._notes, "log": self._log, "arrays": sorted(arrays)}
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
                drivers=asked["drivers"],
                kinds=asked["kinds"],
                limits={name: tuple(pair) for name, pair in asked["limits"].items()},
            )
            self._notes = arguments.notes(settings["notes"])
            if settings["arrays"] != sorted(arrays):
                raise ValueError("its arrays are not those that were written")
            self._log, self._undo = take_log(settings["log"], arrays)
            self._take(settings, arrays, None)
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
                result.remarks, result.quality_rows  # noqa: B018
        self.summary()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._learned is None:
            return _unfitted, (type(self), self._settings(), self._notes)
        return type(self).from_bytes, (self.to_bytes(),)

    def state_to_bytes(self) -> bytes:
        """What ``update`` remembers, without what was learnt: some kilobytes, to write after each batch.

        Returns
        -------
        bytes
            In the safetensors format, with the version, the SHA-256 of the model and a checksum.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        """
        own = self.sha256_
        remembered, arrays = put_state(self._state)
        fused = self._fitted()[1].fused
        if fused is not None and "state.fused" in arrays:
            # It holds the detector with its memory; the detector is known.
            lean = beyond(fused.to_bytes(), arrays["state.fused"].tobytes())
            arrays["state.fused"] = np.frombuffer(lean, np.uint8)
        return pack({"model": own, "remembered": remembered}, arrays, __version__, MEMORY)

    def state_from_bytes(self, data: bytes) -> None:
        """Go on where `state_to_bytes` left off: ``update`` gives the bytes that it would have given without a restart.

        Parameters
        ----------
        data : bytes
            Nothing in them is executed.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        ValueError
            The bytes are damaged, of something else, of another model (both are named), or written by a newer acm_rs.
            What was remembered before stays.

        Examples
        --------
        >>> import numpy as np, acm_rs
        >>> random = np.random.default_rng(0)
        >>> x = 50 + random.normal(size=(700, 2)) @ random.normal(size=(2, 4)) + 0.2 * random.normal(size=(700, 4))
        >>> monitor = acm_rs.Monitor().fit(x[:600])
        >>> model = monitor.to_bytes()
        >>> _ = monitor.update(x[600:650])
        >>> state = monitor.state_to_bytes()
        >>> again = acm_rs.Monitor.from_bytes(model)
        >>> again.state_from_bytes(state)
        >>> np.array_equal(again.update(x[650:]).scores, monitor.update(x[650:]).scores)
        True
        """
        own = self.sha256_
        settings, arrays, _, _ = unpack(bytes(data), MEMORY)
        try:
            named = str(settings["model"])
            if named == own:
                fused = self._fitted()[1].fused
                if fused is not None and "state.fused" in arrays:
                    whole = added_to(fused.to_bytes(), arrays["state.fused"].tobytes())
                    arrays["state.fused"] = np.frombuffer(whole, np.uint8)
                state = take_state(settings["remembered"], arrays)
                self._try(take_state(settings["remembered"], {name: values.copy() for name, values in arrays.items()}))
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError) as error:
            raise ValueError(not_whole(error, MEMORY)) from None
        if named != own:
            raise ValueError(f"the state is one of the model {named[:16]!r}, this is {own[:16]!r}; begin anew")
        self._state = state

    def save(self, path: str | PathLike[str], *, history: bool = True) -> None:
        """Write everything to one file, whole or not at all.

        Parameters
        ----------
        path : str or path-like
            An existing file is replaced and keeps its permissions.
        history : bool, default True
            Whether the rows that were learnt from go with it, as for `to_bytes`.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        OSError
            The file cannot be written, or something else than a regular file is there. What was there stays.
        """
        write_file(path, self.to_bytes(history=history))

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


def _unfitted(cls: type[Filed], settings: dict[str, Any], notes: dict[str, str]) -> Filed:
    monitor = cls(**settings)
    monitor._notes = dict(notes)
    return monitor
