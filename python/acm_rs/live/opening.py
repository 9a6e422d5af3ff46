"""What people name becomes a source and a place for the state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

import acm_rs
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.live.sources.adapter import Adapted, load_adapter
from acm_rs.live.sources.file import GrowingFile
from acm_rs.live.sources.folder import Folder
from acm_rs.live.sources.source import Check, Source
from acm_rs.live.sources.stdin import StandardInput
from acm_rs.monitor.flagging import Rule

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["checker", "open_source", "state_path"]


def checker(monitor: acm_rs.Monitor, says: Callable[[Path, ValueError], Refusal]) -> Check:
    """What refuses readings that a model cannot use; `says` puts it into words."""

    def check(name: Path, frame: pl.DataFrame) -> None:
        try:
            monitor.score(frame.head(60))
        except ValueError as error:
            raise says(name, error) from None

    return check


def open_source(
    text: str,
    options: ReadOptions,
    columns: list[str],
    check: Check,
    once: bool,
    *,
    database: URL | None = None,
    lateness: int = 0,
    name: str = "",
    rules: Sequence[Rule] = (),
) -> Source:
    """A source by what people call it.

    Parameters
    ----------
    text : str
        A growing file, a folder, ``-`` for standard input, ``sql:FILE`` for a query, ``mqtt://host/topic`` for a
        broker, ``python:FILE:NAME`` for an adapter.
    options : ReadOptions
        What is known of it.
    columns : list of str
        The model's columns.
    check : callable
        Refuses readings that the model cannot use.
    once : bool
        What is there is read, and no more.
    database : URL, optional
        The address of the database that a query is for.
    lateness : int
        Nanoseconds that rows may come late.
    name : str
        The watch's name, by which a broker knows it.
    rules : sequence of Rule
        How the model itself heeds columns of qualities.
    """
    kind, _, rest = text.partition(":")
    if kind == "sql" and rest:
        if database is None:
            raise Refusal("a query needs --database, or the environment variable ACM_RS_DATABASE", status=2)
        from acm_rs.live.sources.sql import Query

        return Adapted(Path(rest), Query(Path(rest), database, options.time_column, lateness), columns, check, rules)
    if kind in ("mqtt", "mqtts") and rest:
        from acm_rs.live.sources.mqtt import Broker

        broker = Broker(text, name, options.time_column, once)
        return Adapted(Path(broker.where), broker, columns, check, rules)
    if kind == "python" and rest:
        return Adapted(Path(rest), load_adapter(rest), columns, check, rules)
    if text == "-":
        return StandardInput(options, columns, check, rules=rules)
    path = Path(text)
    if path.is_dir():
        return Folder(path, options, columns, check, once, rules)
    if once and not path.exists():
        raise Refusal(f"{path}: no such file")
    if path.exists() and not path.is_file():
        raise Refusal(f"{path} is no regular file; a pipe is read from standard input: acm-rs watch MODEL - < {path}")
    return GrowingFile(path, options, columns, check, once, rules=rules)


def state_path(model: Path) -> Path:
    """Where the state lies unless another place is named: beside the model."""
    return model.with_name(model.name + ".watch")
