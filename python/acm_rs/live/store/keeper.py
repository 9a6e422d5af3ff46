"""Keeps what a watch judges in a database: state, position, scores and alarms in one transaction, so exactly once."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, func, insert, select, update

import acm_rs
from acm_rs.files.errors import Refusal
from acm_rs.live.episodes import NO_DATA, STILL, Alarm, Place
from acm_rs.live.keeping import Judged
from acm_rs.live.store.database import Database, now
from acm_rs.live.store.shelving import acknowledged, shelves_in_force
from acm_rs.live.store.tables import audit, contributions, episodes, events, models, scores, watches
from acm_rs.monitor.result import Result

__all__ = ["Store"]


class Store:
    """Keeps the state of a watch and all that it judges in a database.

    Parameters
    ----------
    database : Database
        Where.
    watch : str
        The watch's name.
    source : str
        What people call the source.
    monitor : Monitor
        The model.
    fresh : bool
        The watch begins anew: its rows are numbered on, and scores of the times that are judged again are replaced.
    """

    def __init__(
        self, database: Database, watch: str, source: str, monitor: acm_rs.Monitor, fresh: bool = False
    ) -> None:
        self._database, self._watch, self._source, self._fresh = database, watch, source, fresh
        self._model = monitor.sha256_
        self._card = {
            "sha256": self._model,
            "asset": monitor.metadata.get("asset"),
            "acm_rs": monitor._identity["acm_rs"],
            "limit_": float(monitor._limit),
            "card": json.dumps(monitor._card),
        }
        self.where: str = database.where
        self.first_row: int = 0
        self._generation = 0
        self._token = secrets.token_hex(8)
        self._anew = False
        self._known = False

    def load(self) -> bytes | None:
        """The state that was written last; None where it begins anew."""
        with self._database.transaction() as connection:
            found = connection.execute(
                select(watches.c.state, watches.c.generation).where(watches.c.watch == self._watch)
            ).one_or_none()
            if found is not None:
                self._generation = found.generation
            if found is None or self._fresh:
                last = connection.execute(select(func.max(scores.c.row)).where(scores.c.watch == self._watch)).scalar()
                self.first_row = 0 if last is None else last + 1
                self._anew = last is not None
                return None
            return bytes(found.state)

    def keep(self, state: bytes, judged: Judged | None) -> None:
        """Write the state and what a batch gave in one transaction."""
        with self._database.transaction() as connection:
            if self._turned(connection, state, judged):
                if not self._known:
                    self._know_model(connection)
                if judged is not None:
                    self._write(connection, judged)
        self._generation += 1
        self._known = True
        self._token = secrets.token_hex(8)
        if judged is not None and judged.result is not None:
            self._anew = False

    def _turned(self, connection: Connection, state: bytes, judged: Judged | None) -> bool:
        """Write the state over the one that we know; False where an answer was lost and it has been written."""
        own = {
            "model": self._model,
            "source": self._source,
            "state": state,
            "generation": self._generation + 1,
            "token": self._token,
            "written": now(),
            **(judged.counts if judged is not None else {}),
        }
        known = (watches.c.watch == self._watch) & (watches.c.generation == self._generation)
        if connection.execute(update(watches).where(known).values(own)).rowcount:
            return True
        found = connection.execute(
            select(watches.c.generation, watches.c.token).where(watches.c.watch == self._watch)
        ).one_or_none()
        if found is None and not self._generation:
            empty = {"rows": 0, "bad": 0, "late": 0, "repeated": 0}
            connection.execute(insert(watches).values({"watch": self._watch, **empty, **own}))
            return True
        if found is not None and (found.generation, found.token) == (self._generation + 1, self._token):
            return False
        raise Refusal(
            f"{self.where}: another acm-rs watch is at work under the name {self._watch!r}; end it, or give this one"
            " another --name"
        )

    def _know_model(self, connection: Connection) -> None:
        if connection.execute(select(models.c.sha256).where(models.c.sha256 == self._model)).first() is None:
            connection.execute(insert(models).values(self._card))

    def _write(self, connection: Connection, judged: Judged) -> None:
        if judged.result is not None:
            if self._anew:
                self._judge_again(connection, judged.result)
            connection.execute(insert(scores), self._rows(judged.first, judged.result))
        for alarm, told in judged.alarms:
            for table in (episodes, contributions):
                connection.execute(delete(table).where(table.c.episode == alarm.id))
            connection.execute(insert(episodes).values(_episode(alarm, told)))
            if told["culprits"]:
                connection.execute(
                    insert(contributions),
                    [{"episode": alarm.id, "place": place, **who} for place, who in enumerate(told["culprits"])],
                )
        if judged.events:
            connection.execute(delete(events).where(events.c.event.in_([event["event"] for event in judged.events])))
            connection.execute(
                insert(events),
                [
                    {
                        "event": event["event"],
                        "watch": self._watch,
                        "episode": event["alarm"],
                        "what": event["what"],
                        "at": _parsed(event["at"]),
                        "body": json.dumps(event),
                    }
                    for event in judged.events
                ],
            )

    def _judge_again(self, connection: Connection, result: Result) -> None:
        """Take out the scores of times that are judged anew."""
        if result.times is not None:
            first = _time(int(result.times[0].astype(np.int64)))
            connection.execute(delete(scores).where((scores.c.watch == self._watch) & (scores.c.time >= first)))
        text = f"judged anew from row {self.first_row:,} on by the model {self._model[:16]}"
        entry = {"at": now(), "by": "acm-rs watch", "what": "fresh", "watch": self._watch, "text": text}
        connection.execute(insert(audit).values(entry))

    def _rows(self, first: int, result: Result) -> list[dict[str, Any]]:
        n = len(result.scores)
        times = [None] * n if result.times is None else result.times.astype("datetime64[us]").tolist()
        numbers = np.where(np.isfinite(result.scores), result.scores, np.nan)
        return [
            {
                "watch": self._watch,
                "row": first + row,
                "time": time,
                "score": None if score != score else score,
                "limit_": limit,
                "alarm": alarm,
                "regime": result.regime_names[regime],
                "confidence": confidence,
                "model": self._model[:16],
            }
            for row, (time, score, limit, alarm, regime, confidence) in enumerate(
                zip(
                    times,
                    numbers.tolist(),
                    result.limits.tolist(),
                    result.alarms.tolist(),
                    result.regimes.tolist(),
                    result.confidences.tolist(),
                    strict=True,
                )
            )
        ]

    def muted(self, told: Sequence[Mapping[str, Any]]) -> set[str]:
        """Events of shelved alarms and of maintenance, and repetitions of what someone has acknowledged."""
        with self._database.transaction() as connection:
            held, clock = shelves_in_force(connection, [self._watch]), now()
            seen = acknowledged(connection, [event["alarm"] for event in told if event["what"] == STILL])
        found = set()
        for event in told:
            sensor = event["culprits"][0]["sensor"] if event["culprits"] else None
            on = any(one.holds(self._watch, sensor, _parsed(event["start"]), clock) for one in held)
            if on or (event["what"] == STILL and event["alarm"] in seen):
                found.add(event["event"])
        return found

    def close(self) -> None:
        """Close all connections."""
        self._database.close()


def _episode(alarm: Alarm, told: Mapping[str, Any]) -> dict[str, Any]:
    data = alarm.kind == NO_DATA
    return {
        "episode": alarm.id,
        "watch": told["watch"],
        "model": told["model"],
        "kind": alarm.kind,
        "priority": told["priority"],
        "open": alarm.open,
        "start_row": alarm.start[0],
        "end_row": alarm.end[0],
        "started": _of(alarm.start),
        "ended": None if alarm.open else _of(alarm.end),
        "first_sign": None if data else _of(alarm.first_sign),
        "peak": told["peak"],
        "peak_at": None if data else _of(alarm.peak_at),
        "rows": alarm.rows,
        "regime": alarm.regime,
        "explanation": told["explanation"],
    }


def _of(place: Place) -> datetime | None:
    return None if place[1] is None else _time(place[1])


def _time(nanoseconds: int) -> datetime:
    found: datetime = np.datetime64(nanoseconds, "ns").astype("datetime64[us]").item()
    return found


def _parsed(stamp: str | int) -> datetime | None:
    return None if isinstance(stamp, int) else np.datetime64(stamp.removesuffix("Z")).astype("datetime64[us]").item()
