"""Rows from anywhere: whatever has a `poll` that gives times with readings by name is a source."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl

from acm_rs.files.errors import Refusal, quoted
from acm_rs.live.rows import Batch, Columns, Rows
from acm_rs.live.sources.source import Check, unchecked
from acm_rs.monitor.flagging import Rule, wrong

__all__ = ["Adapted", "Adapter", "Reading", "load_adapter"]

Reading = tuple[Any, Mapping[str, Any]]
"""A time (datetime, datetime64 or ISO 8601) and readings by sensor; None and what is no number is missing."""

_HEAD, _ENOUGH = 60, 20
"""Rows that are looked at first, and of which the columns are known."""
_EPOCH = datetime(1970, 1, 1)


class Adapter(Protocol):
    """Speaks to something that has rows."""

    def poll(self, position: Any) -> tuple[Iterable[Reading], Any]:
        """The rows behind a position, as far as they are there now, and the position behind them.

        Parameters
        ----------
        position : object
            What an earlier call gave, before a restart too; None at first. All before it has been judged and kept.

        Returns
        -------
        iterable of (time, mapping of str to float)
            Rows; none where nothing is new. It does not wait.
        object
            What JSON can hold.
        """


class Adapted:
    """The rows of an adapter as a source.

    Parameters
    ----------
    name : Path
        What people call it.
    adapter : Adapter
        Speaks to it; where it has a ``close``, that is called at the end, and what its ``idle`` says is told: what it
        waits for beside rows.
    columns : sequence of str
        The model's columns.
    check : callable
        Refuses readings that the model cannot use.
    rules : sequence of Rule
        How the model itself heeds columns of qualities.
    """

    def __init__(
        self,
        name: Path,
        adapter: Adapter,
        columns: Sequence[str],
        check: Check = unchecked,
        rules: Sequence[Rule] = (),
    ) -> None:
        self.ended: bool = False
        self.idle: str = ""
        self._name, self._adapter, self._check = name, adapter, check
        self._places = {column: place for place, column in enumerate(columns)}
        self._rules = [rule for rule in rules if rule.sensor in self._places]
        self._position: Any = None
        self._known = False
        self._sample: list[Mapping[str, Any]] | None = []
        """The first readings, until there are enough of them to know the columns."""

    def poll(self) -> Batch | None:
        """The next rows."""
        given, position = self._adapter.poll(self._position)
        readings = list(given)
        self.idle = str(getattr(self._adapter, "idle", ""))
        if not readings:
            self._position = position
            return None
        if not self._known:
            self._look([values for _, values in readings[:_HEAD]])
        values = np.full((len(readings), len(self._places)), np.nan)
        times = np.zeros(len(readings), np.int64)
        good = np.ones(len(readings), bool)
        zoned: set[bool] = set()
        notes: list[str] = []
        for row, (time, named) in enumerate(readings):
            found = _nanoseconds(time)
            if found is None:
                good[row] = False
                if len(notes) < 5:
                    notes.append(f"{self._name}: {quoted(str(time))} is no time; its row is left out")
                continue
            times[row], has_zone = found
            zoned.add(has_zone)
            for name, value in named.items():
                place = self._places.get(name)
                if place is not None:
                    values[row, place] = _number(value)
        for rule in self._rules:
            cells = [named.get(rule.column) for _, named in readings]
            values[wrong(rule, cells), self._places[rule.sensor]] = math.nan
        if len(zoned) > 1:
            raise Refusal(f"{self._name}: some times have a zone and some have none")
        self._position = position
        rows = Rows(values, times)
        bad = int((~good).sum())
        columns = self._seen([values for _, values in readings])
        rows = rows.take(good) if bad else rows
        return Batch(rows, {"at": position}, bad, notes, utc=zoned == {True}, columns=columns)

    def _seen(self, readings: list[Mapping[str, Any]]) -> Columns | None:
        """The columns, once they are known: a query has all of them in each row, others may give some later."""
        if self._sample is None:
            return None
        self._sample += readings[: _HEAD - len(self._sample)]
        whole = bool(getattr(self._adapter, "whole", False))
        if not whole and len(self._sample) < _ENOUGH:
            return None
        frame, self._sample = _frame(self._sample), None
        return Columns(frame.columns, frame, whole)

    def _look(self, head: list[Mapping[str, Any]]) -> None:
        """Let the first rows be checked: names above all."""
        self._check(self._name, _frame(head))
        self._known = True

    def go_on(self, position: dict[str, Any]) -> None:
        """Go on behind the batch that had this position."""
        self._position = position["at"]

    def close(self) -> None:
        """Close the adapter."""
        close = getattr(self._adapter, "close", None)
        if close is not None:
            close()


def _frame(head: list[Mapping[str, Any]]) -> pl.DataFrame:
    names = dict.fromkeys(name for row in head for name in row)
    return pl.DataFrame({name: [_number(row.get(name)) for row in head] for name in names})


def _number(value: Any) -> float:
    if value is None or isinstance(value, str | bytes):
        # An instrument says "Bad" where it has no reading; a number in quotation marks is one.
        try:
            return float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return math.nan
    try:
        number = float(value)
    except (TypeError, ValueError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _nanoseconds(time: Any) -> tuple[int, bool] | None:
    """Nanoseconds since 1970, and whether they are in UTC."""
    if isinstance(time, np.datetime64):
        return None if np.isnat(time) else (int(time.astype("datetime64[ns]").astype(np.int64)), False)
    if isinstance(time, str):
        try:
            time = datetime.fromisoformat(time.strip())
        except ValueError:
            return None
    if not isinstance(time, datetime):
        return None
    zoned = time.tzinfo is not None
    since = (time.astimezone(UTC).replace(tzinfo=None) if zoned else time) - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 10**6 + since.microseconds) * 1_000, zoned


def load_adapter(text: str) -> Adapter:
    """An adapter by the file that holds it and its name, such as ``plant.py:Plant``.

    Raises
    ------
    Refusal
        There is no such file or name, or it has no `poll`.
    """
    file, _, name = text.rpartition(":")
    path = Path(file)
    if not file or not name.isidentifier():
        raise Refusal(f"python: must be followed by FILE.py:NAME, got {quoted(text)}", status=2)
    spec = importlib.util.spec_from_file_location(f"acm_rs_adapter_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise Refusal(f"{path}: no such file of Python", status=2)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    made = getattr(module, name, None)
    if made is None:
        raise Refusal(f"{path} has no {quoted(name)}", status=2)
    adapter: Adapter = made() if callable(made) else made
    if not callable(getattr(adapter, "poll", None)):
        raise Refusal(f"{quoted(name)} in {path} has no poll(position)", status=2)
    return adapter
