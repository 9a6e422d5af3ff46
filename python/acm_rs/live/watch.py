"""The one way that a batch takes: source, order, Monitor, alarms, one write, and then what is told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

import acm_rs
from acm_rs.files.errors import Refusal
from acm_rs.live.ahead import Ahead
from acm_rs.live.episodes import GREW, OPENED, Alarm, Follower, Place
from acm_rs.live.flood import Flood
from acm_rs.live.keeping import Judged, Keeper, Unavailable
from acm_rs.live.lateness import Sorter
from acm_rs.live.passed import Passed
from acm_rs.live.presence import Presence
from acm_rs.live.rows import Batch, Rows, put_together
from acm_rs.live.silence import Silence
from acm_rs.live.sources.source import Source
from acm_rs.live.webhook import Webhook
from acm_rs.live.words import Speaker
from acm_rs.monitor.qualities import missed
from acm_rs.monitor.result import Result
from acm_rs.monitor.saving import WATCH, not_whole, pack, unpack

__all__ = ["Counts", "Watch"]

Done = TypeVar("Done")

SHORTEST, LONGEST = 0.2, 30.0
"""Seconds between tries to write, first and at most."""
SHELVES = 5.0
"""Seconds between looks at whether a shelf has ended."""
SPOOL = 1_000
"""Events that wait to be posted at most."""
FAREWELL = 5.0
"""Seconds that a watch that ends waits for what is being posted; the rest is posted the next time."""


@dataclass
class Counts:
    """How many rows came to what.

    Parameters
    ----------
    rows : int
        Judged.
    bad : int
        Could not be read, left out.
    late, repeated : int
        Came too late or again, left out.
    waiting : int
        Wait for later ones.
    alarms : int
        Rows in alarm.
    """

    rows: int = 0
    bad: int = 0
    late: int = 0
    repeated: int = 0
    waiting: int = 0
    alarms: int = 0


@dataclass
class Watch:
    """A model that watches a source.

    Parameters
    ----------
    monitor : Monitor
        Its memory begins anew.
    source : Source
        Where rows come from.
    keeper : Keeper
        Where the state is kept.
    announce : callable
        Is given each event once it is kept; after a crash the last ones may come twice, with the same identifiers.
    name, called : str
        The watch's name; what people call the source.
    lateness : int
        Nanoseconds that a row may come late.
    silence : int or None
        Intervals without rows that are an alarm.
    interval : float
        Seconds between looks at the source.
    once : bool
        Stop when all that is there has been read.
    note : callable
        Is given what people should know of the reading.
    again : int or None
        Nanoseconds after which an alarm that goes on is told again.
    flood : int or None
        Alarms in ten minutes beyond which no more are told.
    webhook : Webhook, optional
        Where each event that is told is posted too.
    patience : float
        Seconds for which writing is tried again where the watch runs once; without end otherwise.
    clock : callable
        The seconds that have passed, by which silence and shelves are measured.
    now : callable
        The seconds since 1970, by which silence is measured from one run to the next.
    """

    monitor: acm_rs.Monitor
    source: Source
    keeper: Keeper
    announce: Callable[[dict[str, Any]], None]
    name: str
    called: str
    lateness: int = 0
    silence: int | None = 10
    interval: float = 1.0
    once: bool = False
    note: Callable[[str], None] = lambda _: None
    again: int | None = None
    flood: int | None = 10
    webhook: Webhook | None = None
    patience: float = 60.0
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    stopping: bool = False
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        monitor = self.monitor
        self._model = monitor.sha256_
        columns = len(monitor.feature_names_in_)
        step = monitor._about["step"]
        self._sorter = Sorter(columns, self.lateness)
        self._ahead = Ahead(columns, None if step is None else int(step), self.lateness)
        self._passed = Passed()
        self._presence = Presence(monitor)
        self._heard: float | None = None
        """When, by `now`, a row that can be judged came last, or the first run looked for one."""
        self._follower = Follower(self._model, self.name, self.again)
        self._flood = Flood(self.flood)
        longest = None if step is None or not self.silence else int(self.silence * step)
        self._silence = Silence(longest, self._model, self.name)
        self.speaker: Speaker = Speaker(
            self._model, self.name, monitor._units, monitor._quick.always, None if step is None else int(step)
        )
        self._pending: list[dict[str, Any]] = []
        self._spool: list[dict[str, Any]] = []
        self._hushed: dict[str, dict[str, Any]] = {}
        """What was not told of alarms that run: it is told when their shelf ends."""
        self._qualities: dict[str, list[str]] | None = None
        """The columns of qualities of what was read last."""
        self._asked = 0.0
        self._position: dict[str, Any] | None = None
        self._clock: str = ""
        """What the times of rows are; empty before the first."""
        monitor._state = monitor._fresh()

    @property
    def missing(self) -> list[str]:
        """The sensors of the model that have no reading, as far as that has been told."""
        return self._presence.missing

    # ---- the loop ---------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Watch until the source ends, or `stopping` is set, or all has been read where it runs once."""
        try:
            self._go_on()
            if self.webhook is not None:
                self.webhook.offer(self._spool)
            self._tell()
            self._watch()
            if self.webhook is not None:
                self.webhook.wait(FAREWELL)
                self._look_at_posted()
        finally:
            if self.webhook is not None:
                self.webhook.close()
            self.source.close()
            self.keeper.close()

    def _watch(self) -> None:
        heard, idle = self.clock(), ""
        before = self._heard
        while not self.stopping:
            batch = self._tried(self.source.poll, f"{self.called} cannot be read")
            if batch is not None:
                if self._take(batch):
                    heard = self.clock()
                elif not self.once:
                    self._listen(self.clock() - heard)
                self._look_at_posted()
                self._look_at_shelves()
                continue
            if self.source.ended:
                last = self._sorter.take(self._ahead.flush())
                self._judge(put_together([last, self._sorter.flush()]), None)
                break
            self._look_at_shelves()
            if self.once:
                if self.source.idle:
                    self.note(self.source.idle)
                if self._heard == before:
                    self._look_back(before)
                break
            idle = self._look_at_idle(idle)
            self._look_at_posted()
            self._listen(self.clock() - heard)
            self._wait(self.interval)
        if self.once and self._passed.run_out:
            self.note(self._passed_text(self._passed.run_out, self._passed.run_rows))

    def _look_back(self, heard: float | None) -> None:
        """Tell, where a run has found no rows, that none have come for long."""
        if heard is not None:
            self._listen(self.now() - heard)
        elif self._silence.longest is not None:
            self._heard = self.now()
            self._write(None)

    def _look_at_idle(self, before: str) -> str:
        """Tell once what the source waits for beside rows, and that it waits no more; what it waits for."""
        idle = self.source.idle
        if idle and not before:
            self.note(f"{idle}; waiting")
        elif before and not idle:
            self.note("it goes on")
        return idle

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))

    def _tried(self, work: Callable[[], Done], what: str) -> Done:
        """Do some work, and where disk or database stand in its way try again and again; nothing is read meanwhile."""
        pause, begun, told = SHORTEST, time.monotonic(), False
        while True:
            try:
                done = work()
            except (OSError, Unavailable) as error:
                said = str(error) if isinstance(error, Unavailable) else f"{what}: {error.strerror or error}"
                waited = time.monotonic() - begun > self.patience or isinstance(error, PermissionError)
                if self.stopping or (self.once and waited):
                    how = "stopped; " if self.stopping else ""
                    whole = "what was kept before is whole, the rows since are read again the next time"
                    raise Refusal(f"{how}{said}; {whole}") from None
                if not told:
                    self.note(f"{said}; tried again until it can be")
                told = True
                self._wait(pause)
                pause = min(2.0 * pause, LONGEST)
                continue
            if told:
                self.note("it goes on")
            return done

    # ---- a batch ----------------------------------------------------------------------------------------------------

    def _take(self, batch: Batch) -> bool:
        """Judge what came; whether there was a row that is judged now or later."""
        for text in batch.notes:
            self.note(text)
        if batch.qualities is not None and batch.qualities != self._qualities:
            self._qualities = batch.qualities
            for text in missed(self.monitor, batch.qualities):
                self.note(f"{self.called}: {text}")
        if batch.columns is not None:
            self._presence.look(batch.columns)
        self.counts.bad += batch.bad
        if not len(batch.rows):
            self._judge(batch.rows, batch.position)
            return False
        self._look_at_clock(batch)
        sorter = self._sorter
        rows = self._ahead.take(batch.rows, sorter.newest)
        self.counts.bad += len(self._ahead.bad)
        for text in self._ahead.told(lambda at: self.speaker.moment((0, at))):
            self.note(text)
        out = sorter.late + sorter.repeated
        ready = sorter.take(rows)
        out = sorter.late + sorter.repeated - out
        taken = len(rows) > out
        if taken:
            self._heard = self.now()
        passed = self._passed.take(rows.times, out, self.lateness)
        if passed is not None and not self.once:
            self.note(self._passed_text(*passed))
        self._judge(ready, batch.position)
        return taken

    def _passed_text(self, out: int, rows: int) -> str:
        newest = self._sorter.newest
        assert newest is not None
        order = "Rows must come oldest first. " if self._passed.mixed else ""
        return (
            f"{out:,} of {rows:,} rows came too late or again and are left out: they are not newer than"
            f" {self.speaker.moment((0, newest))}, the newest so far, less --lateness. {order}If that time is wrong,"
            " begin anew with --fresh"
        )

    def _look_at_clock(self, batch: Batch) -> None:
        """Times with and without a zone, and rows without any, cannot be put into one order."""
        clock = "no times" if batch.rows.times is None else "times in UTC" if batch.utc else "times without a zone"
        if self._clock not in ("", clock):
            raise Refusal(
                f"{self.called} had {self._clock} and has {clock} now: have it written as before, or begin anew with"
                " --fresh"
            )
        self._clock, self.speaker.utc = clock, batch.utc

    def _judge(self, rows: Rows, position: dict[str, Any] | None) -> None:
        """Judge rows, keep what comes of them, and tell it."""
        if position is not None:
            self._position = position
        first = self._follower.row
        alarms: dict[str, Alarm] = {}
        result = None
        told = []
        if len(rows):
            stamps = None if rows.times is None else rows.times.view("datetime64[ns]")
            events = self._silence.take(rows, first)
            result = self.monitor.update(rows.values, times=stamps)
            events += self._follower.take(result)
            self._look_at_holds(result, first)
            for text in self._presence.take(rows, first, self.speaker.moment):
                self.note(f"{self.called}: {text}")
            events.sort(key=lambda event: event.at[0])
            alarms = {event.alarm.id: event.alarm for event in events}
            current = self._follower.current(result)
            if current is not None:
                alarms[current.id] = current
            told = [self.speaker.event(event) for event in events]
            self.counts.rows += len(rows)
            self.counts.alarms += int(result.alarms.sum())
        self._keep(self._judged(first, result, list(alarms.values()), told))

    def _look_at_holds(self, result: Result, first: int) -> None:
        """Tell of readings that come again and again, as where a source brings nothing new: as it begins and ends."""
        rules = self.monitor._fitted()[0]
        state = self.monitor._state.holding
        for one in result._holds:
            assert state is not None
            # Rows are numbered from the first of the watch.
            off = first + len(result.scores) - state.row
            self.note(one.told(rules.names, partial(self._placed, off)))

    def _placed(self, off: int, at: Place) -> str:
        return self.speaker.moment((at[0] + off, at[1]))

    def _listen(self, waited: float) -> None:
        """Tell where no rows come."""
        events = self._silence.look(waited, self._follower.row)
        if events:
            told = [self.speaker.event(event) for event in events]
            self._keep(self._judged(self._follower.row, None, [event.alarm for event in events], told))

    def _judged(self, first: int, result: Result | None, alarms: list[Alarm], told: list[dict[str, Any]]) -> Judged:
        counts = self.counts
        counts.late, counts.repeated = self._sorter.late, self._sorter.repeated
        counts.waiting = self._sorter.waiting + self._ahead.waiting
        kept: dict[str, Any] = {name: getattr(counts, name) for name in ("rows", "bad", "late", "repeated")}
        if result is not None and result.times is not None:
            kept["last"] = result.times[-1].astype("datetime64[us]").item()
        return Judged(first, result, [(one, self.speaker.alarm(one)) for one in alarms], told, kept)

    def _keep(self, judged: Judged | None) -> None:
        """First all is kept, what is yet to be told included; then it is told."""
        if judged is not None:
            self._pending += judged.events
        self._write(judged)
        self._tell()

    def _tell(self) -> None:
        if not self._pending:
            return
        pending = self._pending
        muted = self._tried(lambda: self.keeper.muted(pending), f"{self.keeper.where} cannot be read")
        posted: list[dict[str, Any]] = []
        for event in pending:
            self._hushed.pop(event["alarm"], None)
            if event["event"] in muted:
                if event["what"] in (OPENED, GREW):
                    self._hushed[event["alarm"]] = event
                continue
            if self._flood.lets(event):
                self.announce(event)
                posted.append(event)
            if self._flood.said:
                self.note(self._flood.said)
        self._pending = []
        if self.webhook is not None:
            self._spool += posted
            self._shorten()
        self._write(None)
        if self.webhook is not None:
            self.webhook.offer(posted)

    def _look_at_shelves(self) -> None:
        """Tell of alarms that run what was held back, where their shelf has ended."""
        if not self._hushed or self.clock() - self._asked < SHELVES:
            return
        self._asked = self.clock()
        held = list(self._hushed.values())
        muted = self._tried(lambda: self.keeper.muted(held), f"{self.keeper.where} cannot be read")
        self._pending += [event for event in held if event["event"] not in muted]
        self._tell()

    def _shorten(self) -> None:
        """What cannot be posted for long does not grow without end."""
        lost = len(self._spool) - SPOOL
        if lost > 0:
            self._spool = self._spool[lost:]
            self.note(f"{lost:,} events have waited too long to be posted, and are given up")

    def _look_at_posted(self) -> None:
        """Forget what has been posted."""
        if self.webhook is None:
            return
        done = self.webhook.done()
        for _, said in done:
            if said:
                self.note(said)
        if done:
            gone = {event for event, _ in done}
            self._spool = [event for event in self._spool if event["event"] not in gone]
            self._write(None)

    def _write(self, judged: Judged | None) -> None:
        state = self.to_bytes()
        self._tried(lambda: self.keeper.keep(state, judged), f"{self.keeper.where} cannot be written")

    # ---- the state --------------------------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """All that must not be forgotten."""
        sorter, arrays = self._sorter.put()
        follower, more = self._follower.put()
        settings = {
            "model": self._model,
            "name": self.name,
            "source": self.called,
            "position": self._position,
            "sorter": sorter,
            "follower": follower,
            "silence": self._silence.put(),
            "heard": self._heard,
            "passed": self._passed.put(),
            "presence": self._presence.put(),
            "clock": self._clock,
            "counts": vars(self.counts),
            # As texts, which keep the order of what is in them.
            "pending": [json.dumps(event) for event in self._pending],
            "hushed": [json.dumps(event) for event in self._hushed.values()],
            "spool": [json.dumps(event) for event in self._spool],
        }
        memory: NDArray[Any] = np.frombuffer(self.monitor.state_to_bytes(), np.uint8)
        return pack(settings, {**arrays, **self._ahead.put(), **more, "monitor": memory}, acm_rs.__version__, WATCH)

    def _go_on(self) -> None:
        data = self._tried(self.keeper.load, f"{self.keeper.where} cannot be read")
        if data is None:
            self._follower.begin(self.keeper.first_row)
            return
        try:
            settings, arrays, _, _ = unpack(data, WATCH)
            if settings["model"] != self._model:
                raise ValueError(
                    f"the state is one of the model {str(settings['model'])[:16]!r}, this is {self._model[:16]!r};"
                    " --fresh begins anew"
                )
            for what, own in (("source", self.called), ("name", self.name)):
                if settings[what] != own:
                    raise ValueError(
                        f"the state is one of the {what} {settings[what]!r}, not {own!r}; name another with --state,"
                        " or begin anew with --fresh"
                    )
            self.monitor.state_from_bytes(arrays["monitor"].tobytes())
            self._sorter.go_on(settings["sorter"], arrays)
            self._ahead.go_on(arrays)
            self._follower.go_on(settings["follower"], arrays)
            self._silence.go_on(settings["silence"])
            # States of before do not have these.
            self._heard = None if settings.get("heard") is None else float(settings["heard"])
            if "passed" in settings:
                self._passed.go_on(settings["passed"])
            if "presence" in settings:
                self._presence.go_on(settings["presence"])
            self._clock = str(settings["clock"])
            self.speaker.utc = self._clock == "times in UTC"
            self.counts = Counts(**settings["counts"])
            self._pending = [json.loads(event) for event in settings["pending"]]
            self._hushed = {event["alarm"]: event for event in map(json.loads, settings.get("hushed", []))}
            self._spool = [json.loads(event) for event in settings.get("spool", [])]
            self._position = settings["position"]
            if self._position is not None:
                self.source.go_on(self._position)
        except Refusal:
            raise
        except ValueError as error:
            raise Refusal(f"{self.keeper.where} cannot be gone on from: {error}") from None
        except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
            raise Refusal(f"{self.keeper.where} cannot be gone on from: {not_whole(error, WATCH)}") from None
