"""A model at work: the work behind ``acm-rs watch``."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

import acm_rs
from acm_rs.cli.console import console, plain
from acm_rs.cli.fit import Budget, spoken
from acm_rs.cli.score import load_monitor
from acm_rs.cli.windows import duration_of
from acm_rs.files.errors import Refusal, counted, listed
from acm_rs.files.options import ReadOptions
from acm_rs.live.keeping import Keeper, StateFile
from acm_rs.live.opening import checker, open_source, state_path
from acm_rs.live.store.address import address_of, database_of
from acm_rs.live.watch import Watch
from acm_rs.live.webhook import Webhook, webhook_of
from acm_rs.live.words import line_of
from acm_rs.monitor.qualities import rules_of

__all__ = ["Asked", "run_watch"]

_INTERRUPTED = 130
_STYLES = {"opened": "bold red", "grew": "bold red", "closed": "green"}


@dataclass(frozen=True)
class Asked:
    """How a watch is to work.

    Parameters
    ----------
    state : Path, optional
        The file of its state; beside the model by default.
    fresh : bool
        Begin anew, whatever is kept.
    name : str, optional
        The watch's name; the asset's or the model's by default.
    lateness : str
        How late a row may come.
    silence : int
        Intervals without rows that are an alarm; 0: never.
    interval : str
        How long to wait between looks at the source.
    once : bool
        Stop when all that is there has been read.
    store : str, optional
        Where alarms and scores are kept: what stands behind ``--store``.
    database : str, optional
        What a query is for: what stands behind ``--database``.
    webhook : str, optional
        Where events are posted: what stands behind ``--webhook``.
    again : str
        After how long an alarm that goes on is told again; 0: never.
    flood : int
        Alarms in ten minutes that are told at most; 0: all.
    """

    state: Path | None = None
    fresh: bool = False
    name: str | None = None
    lateness: str = "0s"
    silence: int = 10
    interval: str = "1s"
    once: bool = False
    store: str | None = None
    again: str = "0s"
    flood: int = 10
    database: str | None = None
    webhook: str | None = None


def run_watch(
    model: Path,
    source: str,
    asked: Asked,
    *,
    options: ReadOptions,
    budget: Budget,
    threads: int | None = None,
    as_json: bool = False,
    quiet: bool = False,
) -> Watch:
    """Watch a source with a model until it ends or is ended.

    Parameters
    ----------
    model : Path
        The model's file.
    source : str
        A file, a folder, or ``-``.
    asked : Asked
        How it is to work.
    options : ReadOptions
        What is known of the source.
    budget : Budget
        False alarms; the model's own where none are given.
    threads : int, optional
        Threads to use.
    as_json : bool
        A line of JSON for each event instead of text.
    quiet : bool
        Events alone.

    Returns
    -------
    Watch
        With its counts.

    Raises
    ------
    Refusal
        A model, source or state that cannot be used; Ctrl-C, once all is kept.
    """
    budget.check()
    lateness, interval = duration_of("--lateness", asked.lateness), duration_of("--interval", asked.interval)
    if threads is not None:
        acm_rs.set_num_threads(threads)
    monitor = load_monitor(model)
    if budget.given:
        monitor.set_budget(**budget.given)
    address = webhook_of(asked.webhook)
    screen, aside = console(), console(stderr=True)

    def refused(name: Path, error: ValueError) -> Refusal:
        return Refusal(f"{name}: {spoken(str(error))}")

    columns = [str(name) for name in monitor.feature_names_in_]
    name = asked.name or monitor.metadata.get("asset") or model.stem
    reads = open_source(
        source,
        options,
        columns,
        checker(monitor, refused),
        asked.once,
        database=database_of(asked.database),
        lateness=lateness,
        name=name,
        rules=rules_of(monitor),
    )
    called = source if source == "-" or ":" in source else str(Path(source).absolute())
    watch = Watch(
        monitor,
        reads,
        _keeper(model, asked, name, called, monitor),
        _announcer(screen, as_json),
        name,
        called,
        lateness=lateness,
        silence=asked.silence or None,
        interval=interval / 1e9,
        again=duration_of("--again", asked.again) or None,
        flood=asked.flood or None,
        webhook=None if address is None else Webhook(address),
        once=asked.once,
        note=(lambda _: None) if quiet else lambda text: aside.print(plain(f"Note: {text}"), soft_wrap=True),
    )
    with _stopped_by_signals(watch) as got:
        try:
            watch.run()
        except KeyboardInterrupt:
            raise Refusal("interrupted; what was kept before is whole", status=_INTERRUPTED) from None
        except Refusal as refusal:
            if got and got[0] == signal.SIGINT:
                raise Refusal(str(refusal), status=_INTERRUPTED) from None
            raise
    if got and got[0] == signal.SIGINT:
        raise Refusal(_summary(watch, got), status=_INTERRUPTED)
    if not quiet:
        aside.print(plain(_summary(watch, got)), soft_wrap=True)
    return watch


def _keeper(model: Path, asked: Asked, name: str, called: str, monitor: acm_rs.Monitor) -> Keeper:
    address = address_of(asked.store, model)
    if address is not None:
        if asked.state is not None:
            raise Refusal("--state names a file, but the state is kept in the --store; leave one of them out", status=2)
        from acm_rs.live.store.database import Database
        from acm_rs.live.store.keeper import Store

        return Store(Database(address), name, called, monitor, asked.fresh)
    path = asked.state or state_path(model)
    if path.resolve() == model.resolve():
        raise Refusal(f"{path} is the model; --state names a file of its own", status=2)
    if asked.fresh:
        with suppress(FileNotFoundError):
            path.unlink()
    return StateFile(path)


def _announcer(screen: Console, as_json: bool) -> Callable[[Mapping[str, Any]], None]:
    def announce(event: Mapping[str, Any]) -> None:
        if as_json:
            print(json.dumps(event, allow_nan=False), flush=True)
        else:
            screen.print(plain(line_of(event), _STYLES.get(event["what"], "")), soft_wrap=True)
            sys.stdout.flush()

    return announce


@contextmanager
def _stopped_by_signals(watch: Watch) -> Iterator[list[int]]:
    """The first signal lets the batch in hand be finished, the second ends at once."""
    got: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        if got:
            raise KeyboardInterrupt
        got.append(number)
        watch.stopping = True

    before = {}
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            # Only the main thread may.
            with suppress(ValueError):
                before[number] = signal.signal(number, stop)
    try:
        yield got
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _summary(watch: Watch, got: list[int]) -> str:
    counts = watch.counts
    parts = [f"{counted(counts.rows, 'row')} judged, {counts.alarms:,} in alarm"]
    for count, what in (
        (counts.bad, "could not be read"),
        (counts.late, "came too late"),
        (counts.repeated, "came again"),
        (counts.waiting, "wait for later ones"),
    ):
        if count:
            parts.append(f"{count:,} {what}")
    if watch.missing:
        parts.append(f"no readings of {listed(watch.missing)}")
    how = "stopped; " if got else ""
    return f"{how}{', '.join(parts)}; the state is in {watch.keeper.where}"
