"""The whole job, from two files to alarms with their culprits: time, peak memory, and what it finds.

``python -m benchmarks.pipeline [--data FOLDER]`` times a Monitor, the command line, the same job in pandas and
scikit-learn (``pipeline_twin.py``) and a detector of PyOD, each in a process of its own and in turns. The history is a
seeded plant of 50,000 rows x 100 sensors, and 10,000 later rows with a fault (``plants.py``); with ``--data`` the fan
of FOLDER/fd_fan as well. Every way reads the same text files and writes a Parquet file with a line for each row: score,
limit, alarm and regime, what each sensor adds, what it should have read; and has the episodes with their culprits in
hand. PyOD's has scores and alarms only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.environment import ROOT, clean_environment
from benchmarks.memory import peak_bytes

RATE = 0.01
STAGES = ("read", "fit", "score", "write")
FAULT = ("step", 3.0)
SEED = 6


class Clock:
    """Seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add what happens meanwhile to a stage."""
        start = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - start


def _with_monitor(clock: Clock, healthy: Path, new: Path, output: Path) -> tuple[Any, list[list[str]]]:
    import acm_rs

    with clock.stage("read"):
        frame = acm_rs.read_table(healthy)
    with clock.stage("fit"):
        monitor = acm_rs.Monitor(false_alarm_rate=RATE).fit(frame)
    with clock.stage("read"):
        frame = acm_rs.read_table(new)
    with clock.stage("score"):
        result = monitor.score(frame)
        parts = [result.score, result.contributions, result.expected]
        culprits = [[one.name for one in episode.culprits] for episode in result.found]
    with clock.stage("write"):
        _write(parts, output)
    return result.alarms, culprits


def _write(parts: list[Any], output: Path) -> None:
    import narwhals as nw

    frames = [nw.from_native(part, eager_only=True) for part in parts]
    named = [frames[0]]
    for kind, frame in zip(("contribution of", "expected"), frames[1:], strict=True):
        # A time stands in each of them.
        columns = [name for name in frame.columns if name not in frames[0].columns]
        named.append(frame.select(nw.col(name).alias(f"{kind} {name}") for name in columns))
    nw.concat(named, how="horizontal").write_parquet(output)


def _with_command(clock: Clock, healthy: Path, new: Path, output: Path) -> tuple[Any, list[list[str]]]:
    import pyarrow.parquet as pq
    from acm_rs.cli import main

    model = output.with_suffix(".acm")
    with clock.stage("fit"):
        if main(["fit", str(healthy), "-o", str(model), "--far", str(RATE), "-q"]):
            raise SystemExit("acm-rs fit failed")
    with clock.stage("score"):
        if main(["score", str(model), str(new), "-o", str(output), "-q"]):
            raise SystemExit("acm-rs score failed")
    model.unlink()
    return pq.read_table(output, columns=["alarm"])["alarm"].to_numpy(), []


def _with_twin(clock: Clock, healthy: Path, new: Path, output: Path) -> tuple[Any, list[list[str]]]:
    from benchmarks.pipeline_twin import TwinMonitor, read_history

    with clock.stage("read"):
        frame = read_history(healthy)
    with clock.stage("fit"):
        twin = TwinMonitor(RATE).fit(frame)
    with clock.stage("read"):
        frame = read_history(new)
    with clock.stage("score"):
        result = twin.score(frame)
    with clock.stage("write"):
        _write([result.rows, result.shares, result.expected], output)
    culprits = [[one["sensor"] for one in many] for many in result.episodes["culprits"]]
    return result.rows["alarm"].to_numpy(), culprits


def _with_pyod(clock: Clock, healthy: Path, new: Path, output: Path) -> tuple[Any, list[list[str]]]:
    import numpy as np
    import pandas as pd
    from pyod.models.ecod import ECOD

    from benchmarks.pipeline_twin import read_history

    with clock.stage("read"):
        frame = read_history(healthy)
    with clock.stage("fit"):
        median = frame.median()
        detector = ECOD().fit(frame.fillna(median).to_numpy())
        limit = np.quantile(detector.decision_scores_, 1.0 - RATE)
    with clock.stage("read"):
        frame = read_history(new)
    with clock.stage("score"):
        score = detector.decision_function(frame.reindex(columns=median.index).fillna(median).to_numpy())
    with clock.stage("write"):
        pd.DataFrame({"score": score, "limit": limit, "alarm": score > limit}, frame.index).to_parquet(output)
    return score > limit, []


@dataclass(frozen=True)
class Way:
    """One way to do the job: how it is called, by what it is done, and what has to be installed."""

    name: str
    run: Callable[[Clock, Path, Path, Path], tuple[Any, list[list[str]]]]
    package: str


WAYS = (
    Way("acm_rs.Monitor", _with_monitor, "acm_rs"),
    Way("acm-rs fit, acm-rs score", _with_command, "acm_rs"),
    Way("pandas + scikit-learn", _with_twin, "sklearn"),
    Way("PyOD's ECOD (scores only)", _with_pyod, "pyod"),
)


def make(folder: Path, rows: int, later: int, sensors: int) -> dict[str, Any]:
    """Write a plant's healthy history and a later one with a fault; tell where the fault is."""
    from benchmarks.plants import Plant

    plant = Plant(SEED, rows, later, sensors)
    fault = plant.fault(*FAULT)
    plant.frame(plant.training).to_csv(folder / "healthy.csv", float_format="%.6g", index_label="time")
    plant.frame(fault.readings).to_csv(folder / "new.csv", float_format="%.6g", index_label="time")
    return {"start": fault.start, "sensor": fault.sensor}


def _measure(way: Way, healthy: Path, new: Path, folder: Path) -> dict[str, Any]:
    output = folder / "scores.parquet"
    command = [sys.executable, "-m", "benchmarks.pipeline", "--one", way.name, str(healthy), str(new), str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{way.name}: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**told, "bytes": output.stat().st_size}


def _one(name: str, healthy: Path, new: Path, output: Path) -> None:
    import warnings

    warnings.simplefilter("ignore")
    way = next(way for way in WAYS if way.name == name)
    clock, start, worked = Clock(), time.perf_counter(), time.process_time()
    alarms, culprits = way.run(clock, healthy, new, output)
    whole = time.perf_counter() - start
    told = {"seconds": whole, "cpu": time.process_time() - worked, "stages": clock.seconds, "peak": peak_bytes()}
    places = [int(row) for row in range(len(alarms)) if alarms[row]]
    print(json.dumps({**told, "alarms": places, "rows": len(alarms), "culprits": culprits}))


def _found(told: dict[str, Any], fault: dict[str, Any] | None) -> str:
    alarms, rows = told["alarms"], told["rows"]
    if fault is None:
        return f"{100.0 * len(alarms) / rows:.1f} % in alarm"
    start = fault["start"]
    false = 100.0 * sum(row < start for row in alarms) / start
    found = 100.0 * sum(row >= start for row in alarms) / (rows - start)
    return f"{found:.1f} % / {false:.1f} %"


def table(title: str, healthy: Path, new: Path, fault: dict[str, Any] | None, ways: list[Way], rounds: int) -> str:
    """Measure every way in turns; medians of the rounds."""
    told: dict[str, list[dict[str, Any]]] = {way.name: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for way in ways:
                told[way.name].append(_measure(way, healthy, new, Path(folder)))
    first = statistics.median(one["seconds"] for one in told[ways[0].name])
    head = "fault found / healthy rows in alarm" if fault else "later batch"
    lines = [
        f"## {title}\n",
        f"| | {' | '.join(STAGES)} | whole | over Monitor | CPU | peak memory | {head} |",
        f"|---|{'---:|' * (len(STAGES) + 5)}",
    ]
    for way in ways:
        all_of = told[way.name]
        whole = statistics.median(one["seconds"] for one in all_of)
        stages = [statistics.median(one["stages"][stage] for one in all_of) for stage in STAGES]
        cells = [f"{seconds:.2f} s" if seconds else "" for seconds in stages]
        cells += [f"{whole:.2f} s", f"{whole / first:.1f}", f"{statistics.median(one['cpu'] for one in all_of):.2f} s"]
        cells.append(f"{max(one['peak'] for one in all_of) / 1e6:,.0f} MB")
        lines.append(f"| {way.name} | {' | '.join(cells)} | {_found(all_of[0], fault)} |")
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Make the files, measure each way, print the tables."""
    clean_environment()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="also the fan of FOLDER/fd_fan")
    parser.add_argument("--rows", type=int, default=50_000, help="rows of the seeded plant's healthy history")
    parser.add_argument("--later", type=int, default=10_000, help="rows that are scored")
    parser.add_argument("--sensors", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=4, metavar=("WAY", "HEALTHY", "NEW", "OUTPUT"), help=argparse.SUPPRESS)
    asked = parser.parse_args(argv)
    if asked.one:
        name, *paths = asked.one
        _one(name, *map(Path, paths))
        return 0
    ways = [way for way in WAYS if find_spec(way.package)]
    for way in WAYS:
        if way not in ways:
            print(f"{way.package} is not installed: without {way.name}\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fault = make(folder, asked.rows, asked.later, asked.sensors)
        title = f"A seeded plant: {asked.rows:,} healthy rows x {asked.sensors} sensors, {asked.later:,} later rows"
        print(table(title, folder / "healthy.csv", folder / "new.csv", fault, ways, asked.rounds), flush=True)
    if asked.data:
        fan = asked.data / "fd_fan"
        print(table("A fan", fan / "baseline.csv", fan / "batch.csv", None, ways, asked.rounds))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
