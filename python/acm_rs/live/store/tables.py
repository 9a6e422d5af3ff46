"""The tables of a store."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.sqlite import DATETIME

__all__ = [
    "VERSION",
    "audit",
    "contributions",
    "episodes",
    "events",
    "handling",
    "metadata",
    "models",
    "scores",
    "shelves",
    "versions",
    "watches",
]

VERSION = 1
metadata: MetaData = MetaData()
# As ISO 8601 writes them: SQLite compares times as texts, and so do those who ask it.
_WRITTEN = "%(year)04d-%(month)02d-%(day)02dT%(hour)02d:%(minute)02d:%(second)02d.%(microsecond)06d"
_TIME = DateTime().with_variant(DATETIME(storage_format=_WRITTEN), "sqlite")  # type: ignore[no-untyped-call]
# SQLite numbers rows by itself in columns of its plain type alone.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

versions: Table = Table("versions", metadata, Column("version", Integer, primary_key=True))
"""Of these tables."""

models: Table = Table(
    "models",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("asset", Text),
    Column("acm_rs", String(40)),
    Column("limit_", Float),
    Column("card", Text, nullable=False),
)
"""Each model that has judged: what it was trained on, line by line, as JSON."""

watches: Table = Table(
    "watches",
    metadata,
    Column("watch", String(200), primary_key=True),
    Column("model", String(64), nullable=False),
    Column("source", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bad", BigInteger, nullable=False),
    Column("late", BigInteger, nullable=False),
    Column("repeated", BigInteger, nullable=False),
    Column("last", _TIME),
    Column("written", _TIME, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("token", String(32), nullable=False),
    Column("state", LargeBinary, nullable=False),
)
"""Each watch with its state: written in one transaction with what it judged."""

scores: Table = Table(
    "scores",
    metadata,
    Column("watch", String(200), primary_key=True),
    Column("row", BigInteger, primary_key=True, autoincrement=False),
    Column("time", _TIME),
    Column("score", Float),
    Column("limit_", Float, nullable=False),
    Column("alarm", Boolean, nullable=False),
    Column("regime", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("model", String(16), nullable=False),
    Index("scores_by_time", "watch", "time"),
)
"""A row for each row; the score is null where it is not judged."""

episodes: Table = Table(
    "episodes",
    metadata,
    Column("episode", String(12), primary_key=True),
    Column("watch", String(200), nullable=False),
    Column("model", String(16), nullable=False),
    Column("kind", Text, nullable=False),
    Column("priority", String(10), nullable=False),
    Column("open", Boolean, nullable=False),
    Column("start_row", BigInteger, nullable=False),
    Column("end_row", BigInteger, nullable=False),
    Column("started", _TIME),
    Column("ended", _TIME),
    Column("first_sign", _TIME),
    Column("peak", Float),
    Column("peak_at", _TIME),
    Column("rows", BigInteger, nullable=False),
    Column("regime", Text, nullable=False),
    Column("explanation", Text, nullable=False),
    Index("episodes_by_time", "watch", "started"),
)
"""An alarm from beginning to end; of an open one, how far it has come."""

contributions: Table = Table(
    "contributions",
    metadata,
    Column("episode", String(12), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("sensor", Text, nullable=False),
    Column("share", Float, nullable=False),
    Column("direction", Integer, nullable=False),
    Column("reads", Float),
    Column("should_read", Float),
    Column("unit", Text),
    Column("deviations", Float),
)
"""The sensors that did it, greatest share first."""

events: Table = Table(
    "events",
    metadata,
    Column("event", String(30), primary_key=True),
    Column("watch", String(200), nullable=False),
    Column("episode", String(12), nullable=False),
    Column("what", String(10), nullable=False),
    Column("at", _TIME),
    Column("body", Text, nullable=False),
)
"""What was to be told, as JSON."""

handling: Table = Table(
    "handling",
    metadata,
    Column("episode", String(12), primary_key=True),
    Column("acknowledged", _TIME, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text),
)
"""Alarms that someone has acknowledged."""

shelves: Table = Table(
    "shelves",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("kind", String(12), nullable=False),
    Column("watch", String(200), nullable=False),
    Column("sensor", Text),
    Column("since", _TIME, nullable=False),
    Column("until", _TIME, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text),
)
"""Spans in which alarms are kept but not told: shelved sensors, and maintenance of a whole machine."""

audit: Table = Table(
    "audit",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("at", _TIME, nullable=False),
    Column("by", Text, nullable=False),
    Column("what", String(20), nullable=False),
    Column("watch", String(200)),
    Column("episode", String(12)),
    Column("text", Text, nullable=False),
)
"""Who did what and when; nothing is ever taken out."""
