"""What is done for one asset: learning, scoring, features, a page. It runs wherever there is a free worker."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl

import acm_rs
from acm_rs.files.errors import Refusal, printable
from acm_rs.files.feature_table import FeatureTable, Fill
from acm_rs.files.memory import Room
from acm_rs.files.options import ReadOptions
from acm_rs.files.pieces import write_pieces
from acm_rs.files.scores import score_table
from acm_rs.files.table import SensorTable, load_sensors
from acm_rs.fleet import ledger
from acm_rs.fleet.finding import Asset, digest_of
from acm_rs.fleet.health import Tally
from acm_rs.fleet.ledger import DONE, FAILED, UNCHANGED, Outcome, marks_json
from acm_rs.fleet.store import Mark, Store, absolute, local_copy
from acm_rs.live.episodes import Alarm, Follower
from acm_rs.live.presence import Presence
from acm_rs.live.rows import Columns, Rows
from acm_rs.live.words import Speaker
from acm_rs.monitor import Monitor, Result
from acm_rs.monitor.reading import read

__all__ = ["CELLS", "MODELS", "Job", "failed", "model_of", "page_of", "perform", "said", "scores_of"]

CELLS = 1_200_000
"""Readings that are judged at once: a year of ten-minute rows of 20 sensors."""
_BESIDE = 64
"""Tables of that size that are in memory meanwhile, or on their way to the disk."""


MODELS = "models"


def model_of(place: str) -> str:
    """The file of an asset's model."""
    return f"{MODELS}/{place}.acm"


def scores_of(place: str) -> str:
    """The file of an asset's scores."""
    return f"scores/asset={place}/scores.parquet"


def alarms_of(place: str) -> str:
    """The file of an asset's alarms."""
    return f"alarms/{place}.json"


def features_of(place: str) -> str:
    """The file of an asset's features."""
    return f"features/asset={place}/features.parquet"


def page_of(place: str) -> str:
    """The file of an asset's page; not beside that of the fleet, whose name an asset may bear."""
    return f"report/asset/{place}.html"


@dataclass(frozen=True)
class Job:
    """Something to do for an asset.

    Parameters
    ----------
    step : str
        ``"fit"``, ``"score"``, ``"features"`` or ``"page"``.
    asset : Asset
        Whose.
    place : str
        Its name as that of a file.
    store : Store
        The fleet.
    options : ReadOptions
        How files are read.
    settings : dict
        What was asked for, as JSON holds it; what is done depends on nothing else but the readings and the model.
    memory : int or None
        Bytes that the worker may take; None where it is as large as the machine.
    threads : int or None
        Threads of the engine; None leaves them.
    """

    step: str
    asset: Asset
    place: str
    store: Store
    options: ReadOptions
    settings: dict[str, Any]
    memory: int | None = None
    threads: int | None = None


def results_of(step: str, place: str) -> list[str]:
    """What is taken away where a step fails: a model of an earlier fit stays."""
    found = {
        "score": [scores_of(place), alarms_of(place)],
        "features": [features_of(place)],
        "page": [page_of(place)],
    }
    return found.get(step, [])


def said(error: Exception) -> str:
    """What went wrong, in a line."""
    text = printable(" ".join(str(error).split()))
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        reason = {errno.ENOSPC: "the disk is full", errno.ENOENT: "no such file or folder"}.get(error.errno or 0)
        text = printable(f"{where}{reason or error.strerror}")
    known = isinstance(error, ValueError | TypeError | OSError | ModuleNotFoundError)
    return text if known and text else f"{type(error).__name__}: {text}"


def failed(job: Job, error: str, seconds: float = 0.0) -> Outcome:
    """Note that an asset failed, and why; what it had of an earlier time, but for its model, is no result any more."""
    section = {"state": FAILED, "error": error, "seconds": seconds, "settings": job.settings}
    try:
        for name in results_of(job.step, job.place):
            job.store.remove(name)
        ledger.note(job.store, job.place, job.asset.name, job.step, section)
    except OSError as again:
        # The others are gone on with, and the caller hears of it.
        if said(again) not in error:
            error = f"{error}; its status cannot be written: {said(again)}"
    return Outcome(job.asset.name, FAILED, error, seconds=seconds)


def perform(job: Job) -> Outcome:
    """Do it, and note what became of it; what is wrong with the asset is an outcome, no exception.

    Parameters
    ----------
    job : Job
        What to do.

    Returns
    -------
    Outcome
    """
    begun = time.perf_counter()
    if job.threads is not None:
        acm_rs.set_num_threads(job.threads)
    try:
        return _performed(job, begun)
    except MemoryError as error:
        why = str(error) or "its readings are too many for the worker"
        return failed(job, f"not enough memory: {why}", time.perf_counter() - begun)
    except Exception as error:
        # A defect in the readings of one asset, or of ours that they bring to light, must not stop the others.
        return failed(job, said(error), time.perf_counter() - begun)


def _performed(job: Job, begun: float) -> Outcome:
    section = ledger.entry(job.store, job.place).get(job.step)
    with ExitStack() as open_files:
        paths: list[Path] = []
        if job.asset.frame is None:
            paths, marks = open_files.enter_context(local_copy(job.asset.files))
        else:
            marks = frame_marks(job.asset)
        model = b""
        if job.step in ("score", "page"):
            model, mark = _model(job)
            marks = (mark, *marks)
        if section and ledger.still_true(section, job.settings, marks, job.store):
            # It was copied or touched: the storage says so, and next time is asked for less.
            ledger.note(
                job.store, job.place, job.asset.name, job.step, {**section, "inputs": marks_json(marks, job.store)}
            )
            return known(job.asset.name, section)
        done = _Done()
        _STEPS[job.step](job, paths, model, done)
    seconds = time.perf_counter() - begun
    section = {
        "state": DONE,
        "rows": done.rows,
        "seconds": seconds,
        "notes": done.notes,
        "settings": job.settings,
        "inputs": marks_json(marks, job.store),
        "outputs": {name: job.store.size(name) for name in done.outputs},
        **done.told,
    }
    ledger.note(job.store, job.place, job.asset.name, job.step, section)
    return Outcome(job.asset.name, DONE, "", done.rows, seconds, done.notes, done.told)


def known(asset: str, section: dict[str, Any]) -> Outcome:
    """The outcome of what was done already."""
    own = {"state", "rows", "seconds", "notes", "settings", "inputs", "outputs"}
    told = {name: value for name, value in section.items() if name not in own}
    return Outcome(asset, UNCHANGED, "", int(section["rows"]), float(section["seconds"]), section["notes"], told)


def frame_marks(asset: Asset) -> tuple[Mark, ...]:
    """What tells a frame."""
    size, digest = digest_of(asset.frame)
    return (Mark("", size, digest, digest),)


def _model(job: Job) -> tuple[bytes, Mark]:
    name = model_of(job.place)
    if job.store.size(name) is None:
        why = ledger.entry(job.store, job.place).get("fit", {}).get("error")
        raise Refusal("it has no model: " + (f"its fit failed ({why})" if why else "fit it first"))
    with local_copy((absolute(job.store.at(name)),)) as (paths, marks):
        return paths[0].read_bytes(), marks[0]


@dataclass
class _Done:
    """What a step leaves behind."""

    rows: int = 0
    notes: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)


# ---- readings -------------------------------------------------------------------------------------------------------


class _Rows(Protocol):
    """The readings of an asset, some rows at a time."""

    rows: int
    columns: int
    name: str
    notes: list[str]

    def frame(self, start: int, stop: int) -> Any: ...

    def clock(self, start: int, stop: int, result: Result) -> pl.Series | None: ...


class _FileRows:
    """Readings that were read from files."""

    def __init__(self, job: Job, paths: list[Path], needed: list[str], *, codes: bool) -> None:
        room = Room.now()
        if job.memory is not None:
            room = Room(min(job.memory, room.memory or job.memory), room.disk)
        self.table: SensorTable = load_sensors(
            paths, job.options, needed=needed, own_codes=codes, disk=job.step != "fit", room=room
        )
        self.rows: int = self.table.sensors.height
        self.columns: int = self.table.sensors.width
        self.name: str = self.table.path.name
        self.notes: list[str] = list(self.table.notes)

    def frame(self, start: int, stop: int) -> Any:
        table = self.table
        time = None if table.time is None else table.time[start:stop]
        return SensorTable(table.path, time, table.sensors[start:stop]).frame

    def clock(self, start: int, stop: int, _result: Result) -> pl.Series | None:
        return None if self.table.time is None else self.table.time[start:stop]


class _FrameRows:
    """Readings in memory."""

    def __init__(self, frame: Any) -> None:
        readings = read(frame)
        self._frame = frame
        self.rows: int = len(readings.values)
        self.columns: int = len(readings.names)
        self.name: str = "frame"
        self.notes: list[str] = []

    def frame(self, start: int, stop: int) -> Any:
        if isinstance(self._frame, np.ndarray) or not hasattr(self._frame, "columns"):
            return self._frame[start:stop]
        import narwhals as nw

        return nw.from_native(self._frame, eager_only=True)[start:stop].to_native()

    def clock(self, _start: int, _stop: int, result: Result) -> pl.Series | None:
        if result.times is None:
            return None
        return pl.Series("time", result.times).cast(pl.Datetime("ns", "UTC" if result.utc else None))


def _rows_of(job: Job, paths: list[Path], needed: list[str] | None = None, *, codes: bool = True) -> _Rows:
    if job.asset.frame is not None:
        return _FrameRows(job.asset.frame)
    return _FileRows(job, paths, needed or [], codes=codes)


# ---- steps ----------------------------------------------------------------------------------------------------------


def _fit(job: Job, paths: list[Path], _model: bytes, done: _Done) -> None:
    rows = _rows_of(job, paths)
    asked = job.settings["monitor"]
    limits = {name: tuple(pair) for name, pair in asked["limits"].items()}
    budget = {name: asked[name] for name in ("false_alarm_rate", "alarms_per_day") if asked[name] is not None}
    kinds = (rows.table.kinds if isinstance(rows, _FileRows) else {}) | asked["kinds"]
    monitor = Monitor(**budget, drivers=asked["drivers"], kinds=kinds, limits=limits)
    monitor.metadata = {**asked["metadata"], "history": rows.name, "asset": job.asset.name}
    healthy = [tuple(span) for span in job.settings["healthy"]] or None
    frame = job.asset.frame if job.asset.frame is not None else rows.frame(0, rows.rows)
    monitor.fit(frame, healthy=healthy)
    name = model_of(job.place)
    job.store.write(name, monitor.to_bytes(history=job.settings["history"]))
    done.rows, done.notes, done.outputs = rows.rows, [*rows.notes, *monitor.warnings_], [name]
    done.told = {"model": monitor.sha256_, "columns": [str(column) for column in monitor.feature_names_in_]}


class _Judge:
    """The readings of an asset judged piece by piece, from the first row to the last."""

    def __init__(self, job: Job, paths: list[Path], model: bytes) -> None:
        self.monitor = Monitor.from_bytes(model)
        # A watch may have gone on with the model: here nothing was before the first row.
        self.monitor._state = self.monitor._fresh()
        budget = job.settings["budget"]
        if budget:
            self.monitor.set_budget(**budget)
            self.monitor._state = self.monitor._fresh()
        self.rows = _rows_of(job, paths, [str(name) for name in self.monitor.feature_names_in_])
        cells = job.settings["cells"]
        if job.memory is not None:
            # However it is cut, the same comes out.
            cells = min(cells, job.memory // (8 * _BESIDE))
        self._size = max(1, cells // max(self.rows.columns, 1))
        self.remarks: list[str] = []
        self._presence = Presence(self.monitor)

    @property
    def lacking(self) -> list[str]:
        """The sensors that have no readings any more, or never had some."""
        return self._presence.missing

    def __iter__(self) -> Iterator[tuple[int, int, Result]]:
        rows = self.rows.rows
        for start in range(0, max(rows, 1), self._size):
            stop = min(start + self._size, rows)
            frame = self.rows.frame(start, stop)
            result = self.monitor.score(frame) if stop - start == rows else self.monitor.update(frame)
            told = list(result.remarks)
            if stop == rows > stop - start:
                # As `score` tells it of a whole history.
                told += [f"the model may have grown stale: {sign}" for sign in self.monitor.stale(result)]
            self.remarks += [remark for remark in told if remark not in self.remarks]
            self._look(start, result)
            yield start, stop, result

    def _look(self, start: int, result: Result) -> None:
        """Which of the model's columns have readings."""
        source = result._source
        assert source is not None
        if not start:
            self._presence.look(Columns([*source.names, *source.texts], pl.DataFrame(), True))
        given = [str(name) for name in self.monitor.feature_names_in_]
        place = {name: number for number, name in enumerate(source.names)}
        values = np.full((len(source.values), len(given)), np.nan, order="F")
        for number, name in enumerate(given):
            if name in place:
                values[:, number] = source.values[:, place[name]]
        self._presence.take(Rows(values, None), start, str)


def _score(job: Job, paths: list[Path], model: bytes, done: _Done) -> None:
    judge = _Judge(job, paths, model)
    sha = judge.monitor.sha256_
    follower, tally = Follower(sha, job.asset.name), Tally()
    alarms: dict[str, Alarm] = {}
    speaker: Speaker | None = None
    result: Result | None = None

    def pieces() -> Iterator[pl.DataFrame]:
        nonlocal speaker, result
        for start, stop, result in judge:
            speaker = speaker or Speaker(sha, job.asset.name, result.units, result._always, None)
            speaker.utc = result.utc
            for event in follower.take(result):
                alarms[event.alarm.id] = event.alarm
            tally.take(result.scores, result.limits, result.alarms, result.times)
            yield score_table(judge.rows.clock(start, stop, result), result, job.asset.name)

    name = scores_of(job.place)
    flow = pieces()
    first = next(flow)

    def whole() -> Iterator[pl.DataFrame]:
        yield first
        yield from flow

    with job.store.writing(name) as path:
        write_pieces(path, pl.DataFrame(), first.schema, whole())
    assert speaker is not None
    assert result is not None
    running = follower.current(result)
    if running is not None:
        # Nothing comes after the last row: what is not in alarm there is over.
        alarms[running.id] = replace(running, open=bool(result.alarms[-1]))
    told = [speaker.alarm(alarm) for alarm in alarms.values()]
    listed = alarms_of(job.place)
    job.store.write(listed, json.dumps(told, indent=1, allow_nan=False).encode())
    done.rows, done.notes, done.outputs = tally.rows, [*judge.rows.notes, *judge.remarks], [name, listed]
    chief = max(told, key=lambda alarm: (alarm["open"], alarm["peak"] or 0.0), default=None)
    done.told = {
        "model": sha,
        **tally.told(lambda moment: speaker.stamp((0, int(moment.astype("datetime64[ns]").astype(np.int64))))),
        "lacking": judge.lacking,
        "alarms": len(told),
        "open": any(alarm["open"] for alarm in told),
        "peak": None if chief is None else chief["peak"],
        "chief": "" if chief is None else chief["explanation"],
        "culprit": "" if chief is None or not chief["culprits"] else chief["culprits"][0]["sensor"],
        "spans": [[alarm["start"], alarm["last"], alarm["peak"]] for alarm in told],
    }


def _features(job: Job, paths: list[Path], _model: bytes, done: _Done) -> None:
    asked = job.settings["window"]
    window = asked if isinstance(asked, int) else np.timedelta64(int(asked["nanoseconds"]), "ns")
    if job.asset.frame is not None:
        readings = read(job.asset.frame)
        times = None if readings.times is None else pl.Series("time", readings.times)
        if times is not None and readings.utc:
            times = times.dt.replace_time_zone("UTC")
        sensors = pl.DataFrame(readings.values, schema=readings.names, nan_to_null=True)
        table, notes = SensorTable(Path(job.asset.name), times, sensors), []
    else:
        rows = _FileRows(job, paths, [], codes=False)
        table, notes = rows.table, rows.notes
    features = FeatureTable(table, window, fill=None if job.settings["fill"] is None else Fill(job.settings["fill"]))
    name = features_of(job.place)
    before = pl.DataFrame([] if table.time is None else [table.time])
    with job.store.writing(name) as path:
        write_pieces(path, before, features.columns, features.pieces())
    done.rows, done.notes, done.outputs = table.sensors.height, list(notes), [name]
    done.told = {"features": len(features.columns), "empty": features.empty}


def _page(job: Job, paths: list[Path], model: bytes, done: _Done) -> None:
    from acm_rs.report import report_html

    judge = _Judge(job, paths, model)
    for start, _stop, result in judge:
        done.rows = judge.rows.rows
        if start:
            result.remarks = [f"the page shows the last rows alone, from row {start:,} on", *judge.remarks]
    name = page_of(job.place)
    job.store.write(name, report_html(result).encode())
    done.outputs = [name]


_STEPS = {"fit": _fit, "score": _score, "features": _features, "page": _page}
