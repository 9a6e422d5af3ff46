"""What is kept but not told: shelved sensors, machines under maintenance, and repetitions of what someone has seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from acm_rs.live.store.database import now
from acm_rs.live.store.tables import handling, shelves

__all__ = ["MAINTENANCE", "SHELVED", "Shelf", "acknowledged", "shelves_in_force"]

SHELVED, MAINTENANCE = "shelved", "maintenance"


class Shelf:
    """A span in which alarms are not told.

    Parameters
    ----------
    row : mapping
        A row of the table.
    """

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.number: int = row["number"]
        self.kind: str = row["kind"]
        self.watch: str = row["watch"]
        self.sensor: str | None = row["sensor"]
        self.since: datetime = row["since"]
        self.until: datetime = row["until"]
        self.by: str = row["by"]
        self.why: str | None = row["why"]

    def holds(self, watch: str, sensor: str | None, started: datetime | None, at: datetime) -> bool:
        """Whether it holds an alarm at a time of the clock.

        Parameters
        ----------
        watch : str
            The alarm's watch.
        sensor : str or None
            The sensor that did most of it.
        started : datetime or None
            When it began, by the source.
        at : datetime
            The clock, in UTC.
        """
        if watch != self.watch or (self.sensor is not None and sensor != self.sensor):
            return False
        # Maintenance is a span of the machine's time, a shelf one of the people's.
        if self.kind == MAINTENANCE:
            return started is not None and self.since <= started < self.until
        return self.since <= at < self.until


def shelves_in_force(connection: Connection, watches: Iterable[str] | None = None) -> list[Shelf]:
    """The shelves that have not ended, and all maintenance."""
    asked = select(shelves).where((shelves.c.until > now()) | (shelves.c.kind == MAINTENANCE))
    if watches is not None:
        asked = asked.where(shelves.c.watch.in_(list(watches)))
    return [Shelf(dict(row)) for row in connection.execute(asked.order_by(shelves.c.number)).mappings()]


def acknowledged(connection: Connection, episodes: Sequence[str]) -> set[str]:
    """Those of some alarms that someone has acknowledged."""
    found = connection.execute(select(handling.c.episode).where(handling.c.episode.in_(list(episodes))))
    return set(found.scalars())
