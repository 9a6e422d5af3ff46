"""What this and every earlier format has written, one small file for each: ``python tests/golden.py`` adds what lacks.

Files are never changed: those that people have must keep loading, and must keep giving what they gave. Beside them lie
``figures.json``, for each file the rows it is asked about and what it said of them, and ``SHA256SUMS``, the sums of
each file and of its figures: ``sha256sum --check --ignore-missing SHA256SUMS``.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

FOLDER = Path(__file__).parent / "data" / "golden"
FIGURES = FOLDER / "figures.json"
PUMP = FOLDER / "pump.csv"
SUMS = FOLDER / "SHA256SUMS"
NEVER_WRITTEN = {"HDBSCAN 1", "RollingState 1", "RunningMoments 1", "SimilarityDetector 1"}
"""Formats without a checksum were given up before these classes were there."""
DEAD = 1
"""The sensor that may be dead."""
ENDINGS = {"store": "sql", "fleet": "json"}
FIRST_AS_NOW = ("Cusum", "EwmaChart", "EpisodeTracker", "PageHinkley")
"""Their first format is the second without its checksum."""
SMALL: Mapping[str, Mapping[str, Any]] = {
    "IsolationForest": {"n_estimators": 4, "max_samples": 32},
    "HDBSCAN": {"min_cluster_size": 5, "min_samples": 2},
    "KMeans": {"n_clusters": 2},
    "GaussianMixture": {"n_components": 2},
    "PCADetector": {"n_components": 2, "lags": 1},
    "MahalanobisDetector": {"lags": 1},
    "SimilarityDetector": {"memory": 20},
}
"""Parameters that keep the files small and take the models through what they can store."""
ROLLING: Mapping[str, Mapping[str, Any]] = {
    **{kind: {} for kind in ("sum", "mean", "min", "max", "range", "skew", "kurt", "median", "slope", "std", "corr")},
    "var": {"ddof": 2},
    "mean_std": {"ddof": 0},
    "cov": {"min_periods": 2},
    "mad": {"scale": 1.4826},
    "quantile": {"q": [0.1, 0.5, 1.0]},
    "lag_corr": {"max_lag": 2, "pairs": [(0, 1)]},
    "band_energy": {"bands": [(0.0, 0.2), (0.1, 0.5)]},
    "feature_matrix": {"fill": [0.5, 1.5]},
    "ewm_mean": {"window": None, "span": 9.0},
    "ewm_std": {"window": None, "halflife": 5, "adjust": False, "ignore_na": True},
    "max over time": {"window": "9s"},
    "ewm_mean over time": {"window": None, "halflife": "9s"},
    "time_mean over time": {"window": "9s", "hold": "3s", "min_periods": None},
}
"""Each kind of `RollingState`, and the ways to say how long its windows are."""


@dataclass(frozen=True)
class Golden:
    """A file, the rows it is asked about, and what it said.

    ``said`` are the arrays of `answers` by name.
    """

    name: str
    data: bytes
    rows: Any
    said: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The class and the version of its format: ``PCADetector 6``."""
        return " ".join(self.name.split(" ")[:2])

    @property
    def of(self) -> str:
        """The class."""
        return self.name.split(" ")[0]


@cache
def read() -> dict[str, Golden]:
    """All that are stored, by name: class and version, and what is special about it."""
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    return {name: Golden(name, path_of(name).read_bytes(), **told) for name, told in figures.items()}


def path_of(name: str) -> Path:
    """Where a file lies."""
    return FOLDER / f"{name.replace(' ', '-')}.{ENDINGS.get(name.split(' ')[0], 'acm')}"


def sums() -> dict[str, str]:
    """The sum of each file that is there, and of the figures of each."""
    files = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path not in (FIGURES, SUMS)}
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    files |= {f"{FIGURES.name}: {name}": json.dumps(told).encode() for name, told in figures.items()}
    return {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}


def frozen() -> dict[str, str]:
    """The sums that stay as they are."""
    lines = SUMS.read_text(encoding="utf-8").splitlines() if SUMS.exists() else []
    return {name: one for one, name in (line.split("  ", 1) for line in lines)}


def changed() -> list[str]:
    """What is not as it was when it was added."""
    now = sums()
    return [name for name, one in frozen().items() if now.get(name) != one]


def times(count: int) -> Any:
    """Rows a second apart."""
    return np.datetime64("2026-01-01T00:00:00", "ns") + np.arange(count) * np.timedelta64(1, "s")


def answers(name: str, model: Any, rows: Any) -> dict[str, Any]:
    """What a model says of rows: numbers as nested lists."""
    x = np.array(rows, float)
    of, *rest = name.split(" ")
    if of == "FadingMoments":
        model.update(x)
        moments = model.moments
        found = {"shift": model.shift(), "mean": moments.mean(), "covariance": moments.covariance()}
        found["moved"] = model.close().moved
    elif of == "RunningMoments":
        model.update(x)
        found = {
            "counts": model.counts,
            "mean": model.mean(),
            "covariance": model.covariance(),
            "lag": model.lag_slope(),
        }
    elif of == "EpisodeTracker":
        alarms = model.update(x)
        found = {what: getattr(alarms, what) for what in ("start", "end", "peak", "area", "peak_row")}
    elif of == "RollingState":
        beside = {"times": times(len(x) + 20)[20:]} if rest[-1] == "time" else {}
        if {"cov", "corr"} & set(rest):
            beside["y"] = x[:, ::-1]
        found = {"update": model.update(x, **beside)}
    elif of in ("Cusum", "EwmaChart", "PageHinkley"):
        found = {str(number): values for number, values in enumerate(model.update(x))}
    elif of == "Monitor":
        result = model.update(x, times=rest_of_a_pump()[1])
        found = {what: getattr(result, what) for what in ("scores", "limits", "alarms", "contributions")}
    else:
        found = {"score": model.score(x)}
        if "live" in rest:
            found["update"] = model.update(x)
    return {what: np.asarray(values).tolist() for what, values in found.items()}


def written(model: Any) -> str:
    """The class and the version that stand in the bytes of an engine's model."""
    data = model.to_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    # A Monitor's header tells more than that.
    return str(header["acm_rs"]) if len(header) == 1 else f"{header['kind'].split('.', 1)[1]} {header['format']}"


# ---- models and streams ---------------------------------------------------------------------------------------------


def models() -> Iterator[tuple[str, Any]]:
    """Every class that learns: as fitted, and amid a history, with names of sensors and metadata."""
    import acm_rs
    from histories import plant
    from registry import CLUSTERINGS, MODELS

    for name, row in {**MODELS, **CLUSTERINGS}.items():
        model = row.make(**SMALL.get(name, {})).fit(plant(150, 4))
        yield written(model), model
        if name in MODELS:
            import pandas as pd

            frame = pd.DataFrame(plant(150, 4), columns=["flow", "Druck \u00e9", "bearing", "oil"])
            model = row.make(**SMALL.get(name, {})).fit(frame)
            model.metadata = {"asset": "P-101", "units": "m3/h, bar, \u00b0C"}
            model.update(frame.iloc[-40:])
            yield f"{written(model)} live", model
    x = plant(20, 2, seed=2)
    streams = (
        acm_rs.Cusum(5.0, 0.5, target=[1.0, 2.0], scale=[0.5, 3.0]),
        acm_rs.EwmaChart(0.2, 3.0),
        acm_rs.PageHinkley(50.0, 0.005, reset=True),
        acm_rs.RunningMoments([0.0, 100.0], [1.0, 50.0]),
    )
    for stream in streams:
        stream.update(x)
        yield written(stream), stream
    fading = acm_rs.FadingMoments(acm_rs.RunningMoments([0.0, 100.0], [1.0, 50.0]), halflife=2.0)
    for seed in range(5):
        fading.update(plant(20, 2, seed=seed)).close(trusted=True)
    fading.update(x[:8], np.arange(8) == 3)
    yield written(fading), fading
    tracker = acm_rs.EpisodeTracker(2.0, 1.0, min_rows=2)
    tracker.update(np.array([0.0, 3.0, 3.0]))
    yield written(tracker), tracker
    for kind, given in ROLLING.items():
        name = kind.removesuffix(" over time")
        state = acm_rs.RollingState(name, d=2, **{"window": 5, **given})
        beside: dict[str, Any] = {"times": times(len(x))} if name != kind else {}
        if name in ("cov", "corr"):
            beside["y"] = x[:, ::-1]
        state.update(x, **beside)
        yield f"{written(state)} {kind}", state


def rows_for(name: str) -> Any:
    """The rows that a file is asked about."""
    from histories import plant

    if name.startswith("EpisodeTracker"):
        return [0.0, 2.5, 4.0, 0.5, 3.0, 3.0, 0.0]
    if name.startswith("Monitor") and name.endswith(("dead", "gaps")):
        rows = np.array(rest_of_a_pump()[0])
        if name.endswith("dead"):
            rows[:20, DEAD] = np.nan
        else:
            rows[:40][np.random.default_rng(7).random((40, rows.shape[1])) < 0.25] = np.nan
        return rows.tolist()
    if name.startswith("Monitor"):
        return rest_of_a_pump()[0]
    streaming = name.split(" ")[0] in (*FIRST_AS_NOW, "FadingMoments", "RollingState", "RunningMoments")
    return plant(12, 2 if streaming else 4, seed=5).tolist()


# ---- the Monitor and what stands around it --------------------------------------------------------------------------


@cache
def a_pump() -> Any:
    """A history with a fault at its end, stored too: where a watch has been is told by bytes of its source."""
    import polars as pl
    from plant_fleet import pump

    if not PUMP.exists():
        PUMP.write_bytes(pump(1, fault=True).with_columns(pl.selectors.float().round(3)).write_csv().encode())
    return pl.read_csv(PUMP, try_parse_dates=True)


@cache
def rest_of_a_pump() -> tuple[Any, Any]:
    """Its last rows, and their times."""
    frame = a_pump()[-60:]
    return frame.drop("Time").to_numpy().tolist(), frame["Time"].to_numpy()


def a_monitor(walking: bool = False, dead: bool = False, gaps: bool = False) -> Any:
    """One that has judged all rows but the last; one of its sensors may wander, and another leave its scale; or one may
    be dead in the last of the rows that were judged, or readings be missing here and there."""
    import polars as pl
    from acm_rs import Monitor

    frame = a_pump()
    if walking:
        walk = np.random.default_rng(4).normal(size=len(frame)).cumsum().round(3)
        name, other, *_ = (name for name, kind in frame.schema.items() if kind.is_float())
        wave = pl.col(other) + pl.Series(4.0 * np.sin(np.arange(len(frame)) / 9.0).round(3)) * frame[other].std()
        frame = frame.with_columns(
            pl.col(name) + pl.Series(walk) * frame[name].std(), wave.clip(upper_bound=wave.quantile(0.8))
        )
    monitor = Monitor().fit(frame[:320])
    monitor.metadata = {"asset": "Pump 1"}
    judged = frame[320:-60]
    names = [name for name, kind in frame.schema.items() if kind.is_float()]
    if dead:
        judged = judged.with_columns(pl.when(pl.int_range(len(judged)) < len(judged) - 30).then(pl.col(names[DEAD])))
    if gaps:
        missing = np.random.default_rng(6).random((len(judged), len(names))) < 0.25
        there = (pl.when(pl.Series(~one)).then(pl.col(name)) for name, one in zip(names, missing.T, strict=True))
        judged = judged.with_columns(there)
    monitor.update(judged)
    return monitor


def a_watch(folder: Path, model: bytes, keeper: Any, told: list[Any], rows: int) -> Any:
    """A watch of a file that holds the first of the rows to be judged."""
    from acm_rs import Monitor
    from acm_rs.files.options import ReadOptions
    from acm_rs.live.opening import open_source
    from acm_rs.live.watch import Watch

    monitor = Monitor.from_bytes(model)
    path = folder / "pump.csv"
    path.write_bytes(a_pump()[320 : 320 + rows].write_csv().encode())
    names = [str(name) for name in monitor.feature_names_in_]
    source = open_source(str(path), ReadOptions(), names, lambda _name, _frame: None, True)
    return Watch(monitor, source, keeper(monitor), told.append, name="Pump 1", called="pump.csv", once=True, interval=0)


@contextmanager
def stopped_clocks() -> Iterator[None]:
    """What a store notes of the day and of chance is always the same."""
    day = datetime(2026, 1, 1)
    chance = mock.patch("secrets.token_hex", return_value="0" * 16)
    with mock.patch("acm_rs.live.store.keeper.now", return_value=day), chance:
        yield


def state_file(folder: Path) -> Callable[[Any], Any]:
    """Keeps a watch's state in a file of a folder."""
    from acm_rs.live.keeping import StateFile

    return lambda monitor: StateFile(folder / "state")


def store_file(folder: Path) -> Callable[[Any], Any]:
    """Keeps what a watch judges in a store of a folder."""
    from acm_rs.live.store.database import Database
    from acm_rs.live.store.keeper import Store

    return lambda monitor: Store(Database(f"sqlite:///{folder / 'store'}"), "Pump 1", "pump.csv", monitor)


def around_monitors() -> Iterator[tuple[str, bytes, Any, dict[str, Any]]]:
    """A Monitor's files, its state, those of a watch, and a fleet's note: name, bytes, rows, figures."""
    import sqlite3

    from acm_rs import Monitor, fleet

    kinds = (("", {"walking": True}), (" dead", {"dead": True}), (" gaps", {"gaps": True}), ("", {}))
    for kind, what in kinds:
        monitor = a_monitor(**what)
        for ending, history in (("", True), (" lean", False)):
            name = f"{written(monitor)}{ending}{kind}"
            if kind and history:
                continue
            data = monitor.to_bytes(history=history)
            yield name, data, rows_for(name), answers(name, Monitor.from_bytes(data), rows_for(name))
    lean = monitor.to_bytes(history=False)
    fresh = Monitor.from_bytes(lean)
    yield (
        "Monitor.memory 1",
        fresh.state_to_bytes(),
        rows_for("Monitor"),
        answers("Monitor", fresh, rows_for("Monitor")),
    )
    for kind, keeper in (("watch 1", state_file), ("store 1", store_file)):
        with tempfile.TemporaryDirectory() as home, stopped_clocks():
            folder, told = Path(home), []
            a_watch(folder, lean, keeper(folder), told, 120).run()
            if kind == "watch 1":
                data = (folder / "state").read_bytes()
            else:
                connection = sqlite3.connect(folder / "store")
                data = "\n".join(connection.iterdump()).encode()
                connection.close()
            told.clear()
            a_watch(folder, lean, keeper(folder), told, 160).run()
        yield kind, data, None, {"told": told}
    with tempfile.TemporaryDirectory() as home:
        fleet.fit({"P-1": a_pump()[:320]}, home, workers=1)
        note = next((Path(home) / "status").iterdir())
        entry = json.loads(note.read_text(encoding="utf-8"))
        for section in entry.values():
            if isinstance(section, dict):
                section["seconds"] = 0.5
        (told_of,) = fleet.status(home)
        yield "fleet 1", json.dumps(entry, indent=1).encode(), None, {"asset": told_of.asset, "place": note.name}


def main() -> None:
    """Add the files that are not there."""
    import acm_rs
    from damaged_files import as_first_format

    FOLDER.mkdir(parents=True, exist_ok=True)
    if other := changed():
        sys.exit(f"these stay as they were, what is written otherwise has the next format: {', '.join(other)}")
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    added = []

    def add(name: str, data: bytes, rows: Any, said: Mapping[str, Any]) -> None:
        if name not in figures:
            path_of(name).write_bytes(data)
            figures[name] = {"rows": rows, "said": said}
            added.append(name)

    for name, model in models():
        of, _, *rest = name.split(" ")
        forms = {name: model.to_bytes()}
        if of in FIRST_AS_NOW:
            forms[" ".join([of, "1", *rest])] = as_first_format(model.to_bytes())
        for form, data in forms.items():
            made = getattr(acm_rs, of).from_bytes(data)
            add(form, data, rows_for(name), answers(form, made, rows_for(name)))
    for name, data, rows, said in around_monitors():
        add(name, data, rows, said)
    lines = [f"{json.dumps(name)}: {json.dumps(figures[name])}" for name in sorted(figures)]
    FIGURES.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8", newline="\n")
    told = "".join(f"{one}  {name}\n" for name, one in sums().items())
    SUMS.write_text(told, encoding="utf-8", newline="\n")
    print(f"{len(added)} added to {len(figures) - len(added)}: {', '.join(added)}")


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    main()
