"""What people do with alarms, after ISA 18.2: see, acknowledge, shelve for a while, comment; who and when is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.engine import URL

from acm_rs.files.errors import Refusal, listed
from acm_rs.live.keeping import Unavailable
from acm_rs.live.store.database import Database, now
from acm_rs.live.store.shelving import MAINTENANCE, SHELVED, Shelf, shelves_in_force
from acm_rs.live.store.tables import audit, contributions, episodes, events, handling, shelves, watches
from acm_rs.monitor.saving import WATCH, unpack

__all__ = ["ACKNOWLEDGED", "NORMAL", "OUT_OF_SERVICE", "RETURNED", "STATES", "UNACKNOWLEDGED", "Desk", "Entry"]

UNACKNOWLEDGED, ACKNOWLEDGED = "unacknowledged", "acknowledged"
RETURNED, NORMAL = "returned", "normal"
OUT_OF_SERVICE = "out of service"
STATES = (UNACKNOWLEDGED, ACKNOWLEDGED, RETURNED, SHELVED, OUT_OF_SERVICE, NORMAL)
"""Runs and nobody has seen it; runs and someone has; is over and nobody has seen it; is not told for a while; began
under maintenance; is over and someone has seen it."""
LONGEST = timedelta(days=30)
_LEAST = 4
_MOST = 2**63
"""Databases number up to here."""


@dataclass(frozen=True)
class Entry:
    """An alarm as people see it.

    Parameters
    ----------
    row : dict
        The row of its episode.
    state : str
        One of `STATES`.
    acknowledged : tuple (datetime, by, why) or None
        When, by whom and why, if it has been.
    sensor : str or None
        The sensor that did most of it.
    """

    row: dict[str, Any]
    state: str
    acknowledged: tuple[datetime, str, str | None] | None
    sensor: str | None


class Desk:
    """The alarms of a store, for people.

    Parameters
    ----------
    address : str or URL
        The store's.
    """

    def __init__(self, address: str | URL) -> None:
        self._database = Database(address)
        self.where: str = self._database.where

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    # ---- seeing -----------------------------------------------------------------------------------------------------

    def alarms(self, watch: str | None = None, ids: Sequence[str] | None = None) -> list[Entry]:
        """Alarms, the newest first.

        Parameters
        ----------
        watch : str, optional
            Of this watch alone.
        ids : sequence of str, optional
            Those alone.
        """
        with _told(), self._database.transaction(create=False) as connection:
            if watch is not None:
                self._state_of(connection, watch)
            return self._entries(connection, watch, ids)

    def shelves(self) -> list[Shelf]:
        """The shelves in force, and maintenance that is not over."""
        with _told(), self._database.transaction(create=False) as connection:
            return [one for one in shelves_in_force(connection) if one.until > now()]

    def details(self, named: str) -> tuple[Entry, list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
        """An alarm with its sensors, what was told of it, and what people did."""
        with _told(), self._database.transaction(create=False) as connection:
            (found,) = self._named(connection, [named])
            (entry,) = self._entries(connection, None, [found])

            def rows(table: Any, order: Any) -> list[dict[str, Any]]:
                asked = select(table).where(table.c.episode == found).order_by(order)
                return [dict(row) for row in connection.execute(asked).mappings()]

            return (
                entry,
                rows(contributions, contributions.c.place),
                rows(events, events.c.event),
                rows(audit, audit.c.number),
            )

    def _entries(self, connection: Connection, watch: str | None, ids: Sequence[str] | None) -> list[Entry]:
        first = contributions.alias("first")
        asked = (
            select(episodes, handling.c.acknowledged, handling.c.by, handling.c.why, first.c.sensor)
            .outerjoin(handling, handling.c.episode == episodes.c.episode)
            .outerjoin(first, (first.c.episode == episodes.c.episode) & (first.c.place == 0))
            .order_by(episodes.c.started.desc(), episodes.c.start_row.desc())
        )
        if watch is not None:
            asked = asked.where(episodes.c.watch == watch)
        if ids is not None:
            asked = asked.where(episodes.c.episode.in_(list(ids)))
        held, clock = shelves_in_force(connection), now()
        found = []
        for row in connection.execute(asked).mappings():
            own = dict(row)
            when, by, why, sensor = (own.pop(name) for name in ("acknowledged", "by", "why", "sensor"))
            done = None if when is None else (when, by, why)
            on = next((one for one in held if one.holds(own["watch"], sensor, own["started"], clock)), None)
            found.append(Entry(own, _state(own["open"], done is not None, on), done, sensor))
        return found

    def _named(self, connection: Connection, given: Sequence[str]) -> list[str]:
        """Identifiers in full; their first characters are enough where no other alarm has them."""
        found = []
        for name in given:
            # An underscore or percent sign would stand for other characters.
            asked = select(episodes.c.episode).where(episodes.c.episode.startswith(name, autoescape=True)).limit(4)
            alike = list(connection.execute(asked).scalars()) if len(name) >= _LEAST else []
            if name in alike:
                alike = [name]
            if len(alike) > 1:
                raise Refusal(f"{name!r} may be {listed(sorted(alike))}; give more of it")
            if not alike:
                raise Refusal(f"{self.where} holds no alarm {name!r}; acm-rs alarms list --all tells those it holds")
            found.append(alike[0])
        return found

    # ---- doing ------------------------------------------------------------------------------------------------------

    def acknowledge(self, given: Sequence[str], by: str, why: str | None = None) -> list[Entry]:
        """Say that someone has seen alarms, once for each."""
        with _told(), self._database.transaction(create=False) as connection:
            names = self._named(connection, given)
            for entry in self._entries(connection, None, names):
                own = entry.row["episode"]
                if entry.acknowledged is not None:
                    continue
                connection.execute(insert(handling).values(episode=own, acknowledged=now(), by=by, why=why))
                self._note(connection, by, "ack", why or "", entry.row["watch"], own)
            return self._entries(connection, None, names)

    def comment(self, named: str, text: str, by: str) -> None:
        """Write something beside an alarm."""
        if not text.strip():
            raise Refusal("a comment must say something", status=2)
        with _told(), self._database.transaction(create=False) as connection:
            (own,) = self._named(connection, [named])
            (entry,) = self._entries(connection, None, [own])
            self._note(connection, by, "comment", text, entry.row["watch"], own)

    def shelve(self, named: str, length: timedelta, by: str, why: str) -> Shelf:
        """Tell nothing of alarms that the same sensor does, for a while.

        Parameters
        ----------
        named : str
            One of them; where no sensor stands out, and for missing data, the whole watch is shelved.
        length : timedelta
            How long, at most 30 days.
        by, why : str
            Who and why.
        """
        _reasoned(why)
        if length <= timedelta(0):
            raise Refusal("--for must be longer than 0s; acm-rs alarms unshelve ends a shelf", status=2)
        if length > LONGEST:
            raise Refusal(
                "--for must be at most 30d: what is healthy for longer is told to the model with acm-rs feedback",
                status=2,
            )
        with _told(), self._database.transaction(create=False) as connection:
            (own,) = self._named(connection, [named])
            (entry,) = self._entries(connection, None, [own])
            since = now()
            return self._put(connection, SHELVED, entry.row["watch"], entry.sensor, since, since + length, by, why, own)

    def maintain(self, watch: str, since: datetime, until: datetime, by: str, why: str) -> Shelf:
        """Tell nothing of alarms that begin within a span of a watch's own time.

        Parameters
        ----------
        watch : str
            Its name.
        since, until : datetime
            Where the watch's times have a zone, of any zone, or of UTC without one; without a zone otherwise.
        by, why : str
            Who and why.
        """
        _reasoned(why)
        with _told(), self._database.transaction(create=False) as connection:
            self._check_zone(connection, watch, since, until)
            since, until = (
                one if one.tzinfo is None else one.astimezone(UTC).replace(tzinfo=None) for one in (since, until)
            )
            if until <= since:
                raise Refusal(f"maintenance must end after it begins, got {since} to {until}", status=2)
            return self._put(connection, MAINTENANCE, watch, None, since, until, by, why, None)

    def _check_zone(self, connection: Connection, watch: str, *given: datetime) -> None:
        """Refuse a span that is of another clock than the rows of a watch."""
        clock = _clock(self._state_of(connection, watch))
        if clock == "no times":
            raise Refusal(f"the rows of {watch!r} have no times, so that none begin within a span of time", status=2)
        if clock == "times in UTC" or all(one.tzinfo is None for one in given):
            return
        what = (
            f"the times of {watch!r} have no zone, and those of the maintenance have one"
            if clock
            else f"{watch!r} has had no row yet that tells whether its times have a zone"
        )
        raise Refusal(f"{what}: give them as the source does, such as 2026-03-02T09:00", status=2)

    def _state_of(self, connection: Connection, watch: str) -> bytes:
        """What a watch remembers; refused where there is none of that name."""
        found = connection.execute(select(watches.c.state).where(watches.c.watch == watch)).scalar()
        if found is None:
            known = list(connection.execute(select(watches.c.watch).order_by(watches.c.watch)).scalars())
            raise Refusal(f"{self.where} has no watch {watch!r}; it has {listed(known) if known else 'none'}")
        return bytes(found)

    def _put(
        self,
        connection: Connection,
        kind: str,
        watch: str,
        sensor: str | None,
        since: datetime,
        until: datetime,
        by: str,
        why: str,
        episode: str | None,
    ) -> Shelf:
        row = {"kind": kind, "watch": watch, "sensor": sensor, "since": since, "until": until, "by": by, "why": why}
        number = connection.execute(insert(shelves).values(row)).inserted_primary_key
        assert number is not None
        whole = sensor or "all sensors"
        text = f"{kind} {number[0]}: {whole} from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M}: {why}"
        self._note(connection, by, "shelve" if kind == SHELVED else "maintain", text, watch, episode)
        return Shelf({"number": number[0], **row})

    def unshelve(self, number: int, by: str, why: str | None = None) -> Shelf:
        """End a shelf, or maintenance, now."""
        with _told(), self._database.transaction(create=False) as connection:
            asked = select(shelves).where(shelves.c.number == number)
            row = connection.execute(asked).mappings().one_or_none() if abs(number) < _MOST else None
            ends = now()
            # Maintenance is of the machine's time: it has ended where it was called off.
            if row is None or row["until"] <= (ends if row["kind"] == SHELVED else row["since"]):
                held = [one.number for one in shelves_in_force(connection) if one.until > ends]
                have = listed([str(one) for one in held]) if held else "none"
                raise Refusal(f"{self.where} has no shelf {number} in force; it has {have}")
            # An end at the beginning: maintenance that was called off.
            ended = ends if row["kind"] == SHELVED else row["since"]
            connection.execute(update(shelves).where(shelves.c.number == number).values(until=ended))
            text = f"{row['kind']} {number} ended{': ' + why if why else ''}"
            self._note(connection, by, "unshelve", text, row["watch"], None)
            return Shelf({**row, "until": ended})

    @staticmethod
    def _note(connection: Connection, by: str, what: str, text: str, watch: str | None, episode: str | None) -> None:
        entry = {"at": now(), "by": by, "what": what, "watch": watch, "episode": episode, "text": text}
        connection.execute(insert(audit).values(entry))


def _state(open: bool, seen: bool, on: Shelf | None) -> str:
    if not open and seen:
        return NORMAL
    if on is not None:
        return SHELVED if on.kind == SHELVED else OUT_OF_SERVICE
    if open:
        return ACKNOWLEDGED if seen else UNACKNOWLEDGED
    return RETURNED


def _clock(state: bytes) -> str:
    """What the times of a watch's rows are, by what it remembers; empty before the first."""
    try:
        return str(unpack(state, WATCH)[0]["clock"])
    except (ValueError, LookupError, TypeError) as error:
        raise Refusal(f"what the watch remembers cannot be read: {error}") from None


def _reasoned(why: str) -> None:
    if not why.strip():
        raise Refusal("--why must say something: who comes later wants to know", status=2)


@contextmanager
def _told() -> Iterator[None]:
    """A store that does not answer is told in a line."""
    try:
        yield
    except Unavailable as error:
        raise Refusal(str(error)) from None
