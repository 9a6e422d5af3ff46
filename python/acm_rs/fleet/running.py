"""The fleet's three jobs: fit, score, features. Each is a task for each asset."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from acm_rs.durations import nanoseconds_of
from acm_rs.files.errors import Refusal, quoted
from acm_rs.files.front import options_of
from acm_rs.files.meter import Told
from acm_rs.files.options import ReadOptions
from acm_rs.fleet import ledger
from acm_rs.fleet.crew import Crew
from acm_rs.fleet.finding import ASSET, Asset, Found, assets_of, is_dask
from acm_rs.fleet.ledger import DONE, FAILED, UNCHANGED, Outcome
from acm_rs.fleet.names import nameless_text, places_of
from acm_rs.fleet.parting import DATA, Parted, of_pieces, part_file, part_frame
from acm_rs.fleet.store import Store, absolute, mark_of
from acm_rs.fleet.work import CELLS, MODELS, Job, failed, frame_marks, known, model_of, perform, said
from acm_rs.monitor import Monitor

__all__ = ["Address", "Summary", "features", "fit", "launch", "prepared", "score"]

Address = str | os.PathLike[str]


_PARTITION = "frame~"
"""How pieces of a frame of Dask begin, and those of no file."""


def _silent(_done: int, _total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Summary:
    """What became of a fleet in one step.

    Parameters
    ----------
    step : str
        ``"fit"``, ``"score"`` or ``"features"``.
    outcomes : list of Outcome
        One for each asset, in the order of their names.
    notes : list of str
        What was told of files with the rows of several assets.
    """

    step: str
    outcomes: list[Outcome] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def _of(self, state: str) -> list[Outcome]:
        return [one for one in self.outcomes if one.state == state]

    @property
    def done(self) -> list[Outcome]:
        """Assets that were done now."""
        return self._of(DONE)

    @property
    def unchanged(self) -> list[Outcome]:
        """Assets that had been done from the same data in the same way."""
        return self._of(UNCHANGED)

    @property
    def failed(self) -> list[Outcome]:
        """Assets that failed, each with its ``error``."""
        return self._of(FAILED)

    @property
    def strangers(self) -> dict[str, tuple[list[str], list[str]]]:
        """Assets learnt from other columns than most: what each lacks of those, and what it has beside them."""
        columns = {one.asset: tuple(one.told.get("columns", ())) for one in self.outcomes if one.state != FAILED}
        return strangers(columns)

    def __str__(self) -> str:
        counts = [
            f"{len(some):,} {what}"
            for some, what in ((self.done, DONE), (self.unchanged, UNCHANGED), (self.failed, FAILED))
            if some
        ]
        lines = [f"{self.step}: {', '.join(counts) or 'no assets'}"]
        lines += [f"{one.asset}: {one.error}" for one in self.failed]
        lines += [stranger_text(name, *which) for name, which in self.strangers.items()]
        return "\n".join(lines + self.notes)


def strangers(columns: Mapping[str, Iterable[str]]) -> dict[str, tuple[list[str], list[str]]]:
    """Assets with other columns than most: what each lacks of those, and what it has beside them."""
    sets = {name: frozenset(some) for name, some in columns.items() if some}
    counts: dict[frozenset[str], int] = {}
    for some in sets.values():
        counts[some] = counts.get(some, 0) + 1
    usual = max(counts, key=lambda some: counts[some], default=frozenset())
    if not counts or counts[usual] * 2 <= len(sets):
        # There is no rule where most differ.
        return {}
    return {name: (sorted(usual - some), sorted(some - usual)) for name, some in sorted(sets.items()) if some != usual}


def stranger_text(name: str, lacks: list[str], has: list[str]) -> str:
    """An asset with other columns, in a line."""
    parts = []
    if lacks:
        parts.append(f"without {_some(lacks)}")
    if has:
        parts.append(f"with {_some(has)} besides")
    return f"{name}: other columns than most of the fleet, {' and '.join(parts)}"


def _some(names: list[str], limit: int = 6) -> str:
    shown = ", ".join(map(quoted, names[:limit]))
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit:,} more"


def fit(
    data: Any,
    folder: Address,
    *,
    by: str | None = None,
    monitor: Monitor | None = None,
    healthy: Sequence[tuple[Any, Any]] = (),
    history: bool = True,
    read: Mapping[str, Any] | None = None,
    workers: int | None = None,
    scheduler: Any = None,
    memory_limit: str | None = None,
    told: Callable[[int, int], None] = _silent,
) -> Summary:
    """Learn every asset of a fleet from its healthy history: a model for each.

    Parameters
    ----------
    data : str, path, sequence of paths, mapping, frame or frame of Dask
        Where the readings are. A folder: with folders ``asset=NAME`` in it, as Dask, Spark and Arrow write them, with
        a file for each asset, or with a folder for each. Files: each is an asset, called as the file. A mapping of
        names to files, or to frames or arrays as `Monitor.fit` takes them. A frame, files or a frame of Dask with a
        column ``by``. Paths may be addresses that fsspec knows.
    folder : str or path
        The fleet: models, results and what became of each asset; made if need be. May be an address such as
        ``s3://bucket/fleet``.
    by : str, optional
        The column that tells of which asset a row is, and the key of folders: ``"asset"`` by default. What is given
        must be there.
    monitor : Monitor, optional
        One that has learnt nothing: its settings and metadata are those of every model.
    healthy : sequence of (from, to), default ()
        Spans to learn from, as for `Monitor.fit`; all rows where empty.
    history : bool, default True
        Keep the history in the models, so that parts of it can be taken out later.
    read : mapping, optional
        Keyword arguments of `read_table` for the files.
    workers : int, optional
        Processes, one thread each; 1 works in this one without Dask; by default as many as processors.
    scheduler : str or distributed.Client, optional
        A cluster of Dask that is there, instead; its workers must reach data and folder.
    memory_limit : str, optional
        What each process may take, such as ``"2GB"``; by default its share of the machine.
    told : callable, optional
        Is told how many assets are through, and of how many.

    Returns
    -------
    Summary
        An outcome for each asset. One that fails is named with its reason, and the others are done. What had been
        done from the same bytes with the same settings is not done again.

    Raises
    ------
    ModuleNotFoundError
        Dask is not installed, and ``workers`` is not 1.
    TypeError, ValueError
        ``data`` hold no assets, or an argument is none of what it may be.

    Notes
    -----
    The bytes of the models do not depend on the workers, nor on what was interrupted and done again.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from acm_rs import fleet
    >>> random = np.random.default_rng(0)
    >>> def pump(rows):
    ...     return 50 + random.normal(size=(rows, 2)) @ [[1, 2, 3], [3, 1, -1]] + 0.2 * random.normal(size=(rows, 3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     done = fleet.fit({"pump 1": pump(400), "pump 2": pump(400), "pump 3": pump(40)}, folder, workers=1)
    ...     again = fleet.score({"pump 1": pump(100)}, folder, workers=1)
    >>> len(done.done), [one.asset for one in done.failed], again.done[0].rows
    (2, ['pump 3'], 100)
    """
    if monitor is not None and not isinstance(monitor, Monitor):
        raise TypeError(f"`monitor` must be a Monitor, got {type(monitor).__name__}")
    if monitor is not None and monitor._learned is not None:
        raise ValueError(
            "`monitor` must be one that has learnt nothing, got one that is fitted; give its settings anew"
        )
    if not isinstance(history, bool):
        raise TypeError(f"`history` must be True or False, got {type(history).__name__}")
    model = Monitor() if monitor is None else monitor
    settings = {
        "monitor": {**model._settings(), "metadata": dict(model.metadata)},
        "healthy": _spans(healthy),
        "history": history,
    }
    with Crew(workers, scheduler, memory_limit) as crew:
        return launch("fit", data, folder, by, settings, read, crew, told)


def score(
    data: Any,
    folder: Address,
    *,
    by: str | None = None,
    false_alarm_rate: float | None = None,
    alarms_per_day: float | None = None,
    cells: int = CELLS,
    read: Mapping[str, Any] | None = None,
    workers: int | None = None,
    scheduler: Any = None,
    memory_limit: str | None = None,
    told: Callable[[int, int], None] = _silent,
) -> Summary:
    """Score new readings of every asset with its model: a table of scores and the alarms for each.

    Parameters
    ----------
    data, folder, by, read, workers, scheduler, memory_limit, told
        As for `fit`.
    false_alarm_rate, alarms_per_day : float, optional
        Another budget; the models stay as they are.
    cells : int, default 1200000
        Readings that are judged at once, fewer where a worker's memory is small. A longer history is judged in pieces,
        by the model's memory of the rows before.

    Returns
    -------
    Summary
        ``told`` of each outcome has alarms, health, and the first and last time.

    Raises
    ------
    ModuleNotFoundError, TypeError, ValueError
        As for `fit`.

    Notes
    -----
    Scores, alarms and all other columns are the same bytes for any workers and any ``cells``, and those of one
    `Monitor.score`.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from acm_rs import fleet
    >>> random = np.random.default_rng(0)
    >>> x = 50 + random.normal(size=(900, 2)) @ random.normal(size=(2, 6)) + 0.2 * random.normal(size=(900, 6))
    >>> x[800:, 4] += 1.0
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = fleet.fit({"fan": x[:600]}, folder, workers=1)
    ...     found = fleet.score({"fan": x[600:]}, folder, workers=1)
    >>> found.done[0].told["alarms"], found.done[0].told["open"], found.done[0].told["culprit"]
    (1, True, 'x4')
    """
    budget: dict[str, Any] = {}
    for name, value in (("false_alarm_rate", false_alarm_rate), ("alarms_per_day", alarms_per_day)):
        if value is not None:
            budget[name] = value
    if budget:
        # It says itself what is no budget, before anything is read.
        Monitor(**budget)
    if isinstance(cells, bool) or not isinstance(cells, int) or cells < 1:
        raise ValueError(f"`cells` must be a whole number of at least 1, got {cells!r}")
    with Crew(workers, scheduler, memory_limit) as crew:
        return launch("score", data, folder, by, {"budget": budget, "cells": cells}, read, crew, told)


def features(
    data: Any,
    folder: Address,
    *,
    window: int | str = 16,
    fill: str | None = None,
    by: str | None = None,
    read: Mapping[str, Any] | None = None,
    workers: int | None = None,
    scheduler: Any = None,
    memory_limit: str | None = None,
    told: Callable[[int, int], None] = _silent,
) -> Summary:
    """Compute the features of every asset, as ``acm-rs features`` does for one: a table for each.

    Parameters
    ----------
    data, folder, by, read, workers, scheduler, memory_limit, told
        As for `fit`.
    window : int or str, default 16
        Rows in a window, or how long it is: ``"2h"``.
    fill : str, optional
        ``"median"`` fills missing values first; by default they are left out.

    Returns
    -------
    Summary

    Raises
    ------
    ModuleNotFoundError, TypeError, ValueError
        As for `fit`, or ``window`` or ``fill`` is none.

    Notes
    -----
    A long history is cut, each piece with the rows before it that its first window sees. The features are the same
    bytes for any workers, and those of `feature_matrix`.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from acm_rs import fleet
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     done = fleet.features({"fan": np.random.default_rng(0).normal(size=(100, 2))}, folder, workers=1)
    >>> done.done[0].rows, done.done[0].told["features"]
    (100, 22)
    """
    asked: int | dict[str, int]
    if isinstance(window, str):
        length = nanoseconds_of(window)
        if length is None:
            raise ValueError(f"`window` must be a number of rows or a duration such as '2h', got {window!r}")
        asked = {"nanoseconds": length}
    elif isinstance(window, bool) or not isinstance(window, int | np.integer) or window < 1:
        raise ValueError(f"`window` must be a number of rows or a duration such as '2h', got {window!r}")
    else:
        asked = int(window)
    if fill not in (None, "median"):
        raise ValueError(f"`fill` must be 'median' or None, got {fill!r}")
    with Crew(workers, scheduler, memory_limit) as crew:
        return launch("features", data, folder, by, {"window": asked, "fill": fill}, read, crew, told)


def _spans(healthy: Sequence[tuple[Any, Any]]) -> list[list[Any]]:
    """Spans as JSON holds them."""
    found = []
    for span in healthy:
        if not isinstance(span, list | tuple) or len(span) != 2:
            raise TypeError("`healthy` must be spans (from, to) of times or row numbers; truths are of one asset alone")
        found.append([int(end) if isinstance(end, int | np.integer) else str(end) for end in span])
    return found


# ---- what they have in common ---------------------------------------------------------------------------------------


def launch(
    step: str,
    data: Any,
    folder: Address,
    by: str | None,
    settings: Mapping[str, Any],
    read: Mapping[str, Any] | ReadOptions | None,
    crew: Crew,
    told: Told,
) -> Summary:
    """Find the assets, leave out what is done, and do the rest."""
    if by is not None and not isinstance(by, str):
        raise TypeError(f"`by` must be the name of a column, got {type(by).__name__}")
    store = Store(folder)
    if crew.apart and store.address.startswith("memory://"):
        raise Refusal(f"{store.address} is in the memory of this process, which others do not share; take one worker")
    kept = dict(ledger.entries(store))
    if step == "score" and not kept and not store.list(MODELS):
        raise Refusal(f"{store.address} is no fleet that has learnt anything: there is no model in it; fit it first")
    options = read if isinstance(read, ReadOptions) else options_of(read or {})
    assets, outcomes, notes = prepared(step, data, store, by, options, crew)
    settings = json.loads(json.dumps(settings, default=_plain))
    outcomes += carried_out(step, assets, store, kept, options, settings, crew, told)
    if step == "score":
        notes += _of_earlier_fits(kept, outcomes)
    return Summary(step, sorted(outcomes, key=lambda one: one.asset), notes)


def _of_earlier_fits(kept: Mapping[str, Mapping[str, Any]], outcomes: Sequence[Outcome]) -> list[str]:
    """Which assets were judged by a model though a later fit of theirs failed."""
    judged = {one.asset for one in outcomes if one.state != FAILED}
    old = sorted(
        told["asset"] for told in kept.values() if told["asset"] in judged and told.get("fit", {}).get("error")
    )
    return [f"judged by the model of an earlier fit, for the last one failed: {_some(old)}"] if old else []


def _plain(value: Any) -> Any:
    """A number of NumPy as JSON holds it."""
    if isinstance(value, np.number):
        return value.item()
    raise TypeError(f"{value!r} is nothing that JSON holds")


def prepared(
    step: str, data: Any, store: Store, by: str | None, options: ReadOptions, crew: Crew
) -> tuple[list[Asset], list[Outcome], list[str]]:
    """Every asset with readings of its own; files that could not be parted; and what was told."""
    if is_dask(data):
        assets, notes = _of_dask(step, data, store, by or ASSET, crew)
        return assets, [], notes
    found: Found = assets_of(data, by, options, store)
    if not found.many:
        return found.assets, [], found.notes
    pieces: dict[str, list[str]] = {}
    lost: list[Outcome] = []
    notes = list(found.notes)
    parted: dict[str, Parted] = {}
    store.require()
    tasks = [(store, absolute(file), by or ASSET, options) for file in found.many]
    for task, made in crew.each(_part, tasks):
        if isinstance(made, Exception):
            lost.append(Outcome(task[1], FAILED, said(made)))
        else:
            parted[task[1]] = made
    for _, file, _, _ in tasks:
        if file in parted:
            notes += [f"{file}: {note}" for note in parted[file].notes]
            for name, files in parted[file].pieces.items():
                pieces.setdefault(name, []).extend(store.at(name) for name in files)
    own = {asset.name: asset for asset in found.assets}
    for name in sorted(pieces):
        before = own.get(name)
        own[name] = Asset(name, (*(before.files if before else ()), *pieces[name]))
    return [own[name] for name in sorted(own)], lost, notes


def _part(task: tuple[Store, str, str, ReadOptions]) -> Parted:
    return part_file(*task)


def _of_dask(step: str, data: Any, store: Store, by: str, crew: Crew) -> tuple[list[Asset], list[str]]:
    """A frame of Dask, parted by assets: as much of it is in memory as its partitions are large."""
    import dask

    store.require()
    if by not in list(data.columns):
        raise Refusal(f"`data` must have a column {quoted(by)} that tells of which asset a row is; name it with `by`")
    # What was scored is kept where another frame is learnt: its page is made from it.
    begin = f"{_PARTITION}{step}~"
    keys = [f"{begin}{place:05d}" for place in range(data.npartitions)]
    delayed = dask.delayed(part_frame, pure=False)
    graphs = [
        delayed(part, absolute(store.address), key, by) for part, key in zip(data.to_delayed(), keys, strict=True)
    ]
    pieces: dict[str, list[str]] = {}
    now = {f"{DATA}/{key}.json" for key in keys}
    nameless = 0
    for parted in crew.computed(graphs):
        nameless += parted.nameless
        for name, files in parted.pieces.items():
            now.update(files)
            pieces.setdefault(name, []).extend(store.at(file) for file in files)
    for name in store.list(DATA):
        if name.rpartition("/")[2].startswith(begin) and name not in now:
            # Of a frame with more partitions, at an earlier time.
            store.remove(name)
    if not pieces:
        raise Refusal("there are no assets: the frame has no rows")
    told = [nameless_text(nameless)] if nameless else []
    return [Asset(name, tuple(files)) for name, files in sorted(pieces.items())], told


def carried_out(
    step: str,
    assets: Sequence[Asset],
    store: Store,
    kept: Mapping[str, Mapping[str, Any]],
    options: ReadOptions,
    settings: Mapping[str, Any],
    crew: Crew,
    told: Told,
) -> list[Outcome]:
    """Do a step for each asset that needs it."""
    store.require()
    places = places_of([asset.name for asset in assets], {str(told["asset"]): place for place, told in kept.items()})
    outcomes: list[Outcome] = []
    jobs = []
    for asset in assets:
        parted = bool(asset.files) and all(store.inside(file, DATA) for file in asset.files)
        own = of_pieces(options) if parted else options
        asset = replace(asset, files=tuple(map(absolute, asset.files)))
        job = Job(step, asset, places[asset.name], store, own, {**settings, "read": asdict(options)})
        section = kept.get(job.place, {}).get(step)
        if section is not None and _is_done(job, section):
            outcomes.append(known(asset.name, section))
        else:
            jobs.append(job)
    told(len(outcomes), len(assets))
    for job, made in crew.each(perform, jobs):
        outcomes.append(failed(job, str(made)) if isinstance(made, Exception) else made)
        told(len(outcomes), len(assets))
    return outcomes


def _is_done(job: Job, section: dict[str, Any]) -> bool:
    """Whether it was done from what is there, as far as the storage says without reading it."""
    try:
        marks = tuple(mark_of(file) for file in job.asset.files)
        if job.asset.frame is not None:
            marks = frame_marks(job.asset)
        if job.step in ("score", "page"):
            marks = (mark_of(absolute(job.store.at(model_of(job.place)))), *marks)
    except (OSError, ValueError, TypeError):
        # What is wrong is told when it is done.
        return False
    return ledger.still_true(section, job.settings, marks, job.store)
