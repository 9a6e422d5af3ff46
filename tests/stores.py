"""Stores for tests: empty ones, in SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Address = Callable[[], str]


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    """Gives an empty store each time it is asked."""
    count = iter(range(100))
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / f'store{next(count)}.sqlite'}"
    running = request.getfixturevalue("server")

    def made() -> str:
        name = f"t{abs(hash(tmp_path))}x{next(count)}"
        import sqlalchemy

        engine = sqlalchemy.create_engine(running.address, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return str(running.address).replace("/postgres?", f"/{name}?")

    return made


def store(address: str, fresh: bool = False, name: str = "Pump 3") -> Any:
    """What keeps a watch in a store."""
    from acm_rs import Monitor
    from acm_rs.live.store.database import Database
    from acm_rs.live.store.keeper import Store
    from live import model

    return Store(Database(address), name, "source", Monitor.from_bytes(model()), fresh)
