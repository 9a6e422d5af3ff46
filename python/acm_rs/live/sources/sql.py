"""Rows of a query: those behind a high-water mark, and those of a while before it again, in case some came late."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, bindparam, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from acm_rs.files.errors import Refusal, listed, quoted
from acm_rs.live.keeping import Unavailable
from acm_rs.live.sources.adapter import Reading
from acm_rs.live.store.address import file_of, shown

__all__ = ["Query"]

_MANY = 10_000
_BEGINNING = datetime(1900, 1, 1)
_DAY = timedelta(days=1)


class Query:
    """An adapter for a query with the parameter ``:since``.

    Parameters
    ----------
    path : Path
        The file that holds the query: rows whose time is later than ``:since``, in the order of their times.
    address : str or URL
        The database, as SQLAlchemy names it.
    time_column : str, optional
        The column of times; the first that holds some where None.
    lateness : int
        Nanoseconds that rows may come late: so much before the newest is read again.
    """

    def __init__(self, path: Path, address: str | URL, time_column: str | None = None, lateness: int = 0) -> None:
        try:
            self._query = path.read_text(encoding="utf-8")
        except OSError as error:
            raise Refusal(f"{path} cannot be read: {error.strerror or error}", status=2) from None
        if ":since" not in self._query:
            raise Refusal(
                f"{path} must ask for the rows behind :since, such as SELECT time, load FROM readings"
                " WHERE time > :since ORDER BY time",
                status=2,
            )
        self._path, self._column = path, time_column
        self.whole: bool = True
        """Each row has all columns."""
        self._late = timedelta(microseconds=lateness // 1_000)
        url = make_url(address)
        self._where, self._file = shown(url), file_of(url)
        if self._file is not None and not self._file.exists():
            raise Refusal(f"{self._file}: no such file")
        self._engine = create_engine(url, pool_pre_ping=not url.drivername.startswith("sqlite"))

    def poll(self, position: Mapping[str, Any] | None) -> tuple[list[Reading], dict[str, Any]]:
        """The rows that are new, or other than before."""
        kept: Mapping[str, Any] = position or {}
        newest = datetime.fromisoformat(kept["newest"]) if "newest" in kept else None
        seen: dict[str, str] = dict(kept.get("seen", {}))
        # Whatever is asked for, they may come each time: no time of theirs is behind another.
        timeless: list[str] = list(kept.get("timeless", []))
        since = _BEGINNING if newest is None else newest - self._late
        found: list[Reading] = []
        if self._file is not None and not self._file.exists():
            # SQLite would make an empty one.
            raise Unavailable(f"{self._file} does not answer {self._path}: no such file")
        try:
            with self._engine.connect() as connection:
                asked = text(self._query).bindparams(bindparam("since", since, DateTime))
                result = connection.execute(asked)
                names = list(result.keys())
                while not found and (rows := result.fetchmany(_MANY)):
                    column = self._clock(names, rows)
                    for row in rows:
                        values = dict(zip(names, row, strict=True))
                        said = values.pop(column)
                        time = _time(said)
                        if time is None:
                            told = _digest([said, *values.values()])
                            if told not in timeless:
                                timeless.append(told)
                                found.append((None if said is None else str(said), values))
                            continue
                        if "newest" in kept and time <= since:
                            # Texts of times are compared as texts by some databases.
                            continue
                        told = _digest(list(values.values()))
                        if seen.get(time.isoformat()) == told:
                            continue
                        seen[time.isoformat()] = told
                        if newest is None or not _wrong(time, newest):
                            newest = time if newest is None else max(newest, time)
                        found.append((time, values))
        except DBAPIError as error:
            said = str(error.orig).strip().partition("\n")[0]
            # SQLite says of a wrong query what others say of a server that is away.
            wrong = said.startswith("no such") or "syntax error" in said
            away = isinstance(error, OperationalError | InterfaceError) and not wrong
            if error.connection_invalidated or away:
                raise Unavailable(f"{self._where} does not answer {self._path}: {said}") from None
            raise Refusal(f"{self._path} cannot be asked of {self._where}: {said}") from None
        except SQLAlchemyError as error:
            raise Refusal(f"{self._path} cannot be asked of {self._where}: {error}") from None
        after: dict[str, Any] = {"timeless": timeless[-_MANY:]} if timeless else {}
        if newest is None:
            return found, after
        # Only what will be read again needs to be known again.
        bound = (newest - self._late).isoformat()
        known = {at: one for at, one in seen.items() if at > bound}
        return found, {"newest": newest.isoformat(), "seen": known, **after}

    def _clock(self, names: list[str], rows: Sequence[Any]) -> str:
        """The column of times."""
        if self._column is not None:
            if self._column not in names:
                raise Refusal(
                    f"{self._path} gives no column {quoted(self._column)}; it gives {listed(names)}", status=2
                )
            return self._column
        for row in rows:
            for name, value in zip(names, row, strict=True):
                if _time(value) is not None:
                    return name
        raise Refusal(f"{self._path} gives no column of times ({listed(names)}); name it with --time-column", status=2)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _digest(values: list[Any]) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def _wrong(time: datetime, newest: datetime) -> bool:
    """A row far ahead of all others, and of the clock: those that follow it would not be asked for."""
    clock = datetime.now(UTC).replace(tzinfo=time.tzinfo) + _DAY
    return time - newest > _DAY and newest <= clock < time


def _time(value: Any) -> datetime | None:
    """A time; in UTC, and so without its zone where it has one."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC) if value.tzinfo is not None else value
