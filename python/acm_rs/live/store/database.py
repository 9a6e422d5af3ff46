"""A database that is opened, checked and asked; what it refuses now and may take later is told from what is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, create_engine, event, insert, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, NoSuchModuleError, OperationalError, SQLAlchemyError

from acm_rs.files.errors import Refusal
from acm_rs.live.keeping import Unavailable
from acm_rs.live.store.address import file_of, shown
from acm_rs.live.store.tables import VERSION, metadata, versions

__all__ = ["Database", "now"]

_PATIENCE = 30
"""Seconds that SQLite waits for another writer."""


def now() -> datetime:
    """The time in UTC, without a zone, as the tables hold it."""
    return datetime.now(UTC).replace(tzinfo=None)


class Database:
    """The tables of a store.

    Parameters
    ----------
    address : str or URL
        What SQLAlchemy calls a URL.
    """

    def __init__(self, address: str | URL) -> None:
        url = make_url(address)
        self.where: str = url.database or shown(url) if url.drivername.startswith("sqlite") else shown(url)
        """What people call it; without its password."""
        lite = url.drivername.startswith("sqlite")
        waits = {"timeout": _PATIENCE} if lite else {"connect_timeout": 10} if "psycopg" in url.drivername else {}
        try:
            self._engine: Engine = create_engine(url, pool_pre_ping=not lite, connect_args=waits)
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise Refusal(
                f"{self.where} needs a driver that is not installed ({error}); PostgreSQL's is psycopg:"
                ' pip install "psycopg[binary]"',
                status=2,
            ) from None
        self._lite, self._file = lite, file_of(url)
        if self._file is not None:
            event.listen(self._engine, "do_connect", self._connect)
        self._ready = False

    def _connect(self, dialect: Dialect, _: object, __: object, settings: dict[str, Any]) -> DBAPIConnection | None:
        """Read a file that we cannot write as it stands; SQLite wants to lay its log beside it."""
        file = self._file
        if file is None or not file.exists() or (_writable(file) and _writable(file.parent)):
            return None
        if file.with_name(file.name + "-wal").exists():
            # Someone is at work there, and shares the log.
            return None
        return dialect.connect(f"{file.absolute().as_uri()}?immutable=1", **{**settings, "uri": True})

    @contextmanager
    def transaction(self, create: bool = True) -> Iterator[Connection]:
        """All that is done within is done, or nothing.

        Parameters
        ----------
        create : bool
            Whether tables that are not there are made.

        Raises
        ------
        Unavailable
            It does not answer, is locked, or has no room: later it may.
        Refusal
            It cannot be used as a store.
        """
        if not create and self._file is not None and not self._file.exists():
            raise Refusal(f"{self.where}: no such file; acm-rs watch --store makes a store")
        try:
            if not self._ready:
                self._prepare(create)
                self._ready = True
            with self._engine.begin() as connection:
                yield connection
        except (OperationalError, InterfaceError) as error:
            raise Unavailable(f"{self.where} does not take it: {_first(error)}") from None
        except DBAPIError as error:
            if error.connection_invalidated:
                raise Unavailable(f"{self.where} does not take it: {_first(error)}") from None
            raise Refusal(f"{self.where} cannot be used as a store: {_first(error)}") from None
        except SQLAlchemyError as error:
            raise Refusal(f"{self.where} cannot be used as a store: {_first(error)}") from None

    def _prepare(self, create: bool) -> None:
        """Make the tables, or look whether they are these."""
        if create and self._file is not None:
            if self._file.is_dir():
                raise Refusal(f"{self.where} is a folder; --store names a file in it")
            if not self._file.parent.is_dir():
                raise Refusal(f"{self._file.parent}: no such folder; make it, or keep the store elsewhere")
        if create and self._lite:
            # Readers do not wait for the writer, nor it for them.
            with self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        with self._engine.begin() as connection:
            if create:
                metadata.create_all(connection)
            elif not self._engine.dialect.has_table(connection, versions.name):
                raise Refusal(f"{self.where} holds no alarms yet; acm-rs watch --store makes a store")
            found = connection.execute(select(versions.c.version)).scalar()
            if found is None and create:
                connection.execute(insert(versions).values(version=VERSION))
            elif found is not None and found > VERSION:
                raise Refusal(f"{self.where} was made by a newer acm_rs; update acm_rs")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _first(error: SQLAlchemyError) -> str:
    said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return said or type(error).__name__
