"""What a large fleet takes, by measured parts: ``python -m benchmarks.fleet_plan``.

``--assets 10000 --sensors 50 --learn 43200 --rows 525600 [--measure 3] [--tiny 10000] [--core-hour 0.04]
[--gb-month 0.02]`` learns and scores a few assets of that length through `acm_rs.fleet`, one process of one thread, and
tells seconds of a processor, memory and bytes on disk for each; runs as many tiny assets as there shall be through the
engine, twice, which is what it costs to find, hand out, note and resume them; hands as many empty tasks to a cluster of
Dask; and lays the fleet out from these figures: cores for hours, gigabytes, cost. How the work ends on so many workers,
some of which are lost on the way, is simulated (`schedule`). The prices are examples: give your own.
"""

from __future__ import annotations

import argparse
import heapq
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.fleet import measured, plant

WORKERS = (16, 64, 256, 1_024)
BEGUN = "--begun"


@dataclass(frozen=True)
class Ended:
    """How a simulated schedule ended.

    Parameters
    ----------
    seconds : float
        From the start until the last task was done.
    busy : float
        Share of the workers' time that went into tasks that were done.
    again : int
        Tasks that lost their worker and were done again.
    """

    seconds: float
    busy: float
    again: int


def schedule(
    tasks: Sequence[float],
    workers: int,
    *,
    lost_after: float = np.inf,
    restart: float = 60.0,
    dispatch: float = 0.0,
    seed: int = 0,
) -> Ended:
    """Hand tasks to workers as the engine does: in order, to whoever is free; a lost worker's task goes to the end.

    Parameters
    ----------
    tasks : sequence of float
        Seconds of each.
    workers : int
        Processes of one thread.
    lost_after : float
        Mean seconds until a worker is lost, exponentially distributed.
    restart : float
        Seconds until a lost worker is back.
    dispatch : float
        Seconds of the scheduler for each task, one after the other.
    seed : int
        Of the losses.

    Returns
    -------
    Ended
    """
    random = np.random.default_rng(seed)
    left = deque(tasks)
    free = [(0.0, worker) for worker in range(workers)]
    heapq.heapify(free)
    dies = random.exponential(lost_after, workers) if np.isfinite(lost_after) else np.full(workers, np.inf)
    scheduler = end = 0.0
    again = 0
    while left:
        at, worker = heapq.heappop(free)
        scheduler = begun = max(at, scheduler) + dispatch
        if dies[worker] <= begun:
            # It was lost while it waited.
            back = max(begun, dies[worker] + restart)
            dies[worker] = back + random.exponential(lost_after)
            heapq.heappush(free, (back, worker))
            continue
        length = left.popleft()
        done = begun + length
        if dies[worker] < done:
            left.append(length)
            again += 1
            done = dies[worker] + restart
            dies[worker] = done + random.exponential(lost_after)
        else:
            end = max(end, done)
        heapq.heappush(free, (done, worker))
    return Ended(end, sum(tasks) / (workers * end) if end else 1.0, again)


@dataclass(frozen=True)
class Asset:
    """What one asset takes."""

    fit: float
    score: float
    memory: float
    readings: float
    results: float
    model: float


def size_of(folder: Path) -> float:
    """Bytes of all files in a folder."""
    return float(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))


def one_asset(seed: int, sensors: int, learn: int, rows: int) -> Asset:
    """Learn and score one asset in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        data, target = Path(scratch), Path(scratch, "fleet")
        frame = plant(learn + rows, sensors, seed, fault=True)
        for name, some in (("history", frame[:learn]), ("new", frame[learn:])):
            place = data / name / "asset=A"
            place.mkdir(parents=True)
            some.write_parquet(place / "part-0.parquet")
        del frame
        _, _, held = measured("one process", data, target, 1, None)
        told = pl.read_json((target / "status" / "A.json").read_bytes())
        return Asset(
            float(told["fit"].struct["seconds"][0]),
            float(told["score"].struct["seconds"][0]),
            held,
            size_of(data / "new"),
            size_of(target / "scores"),
            size_of(target / "models"),
        )


def tiny(count: int, folder: Path) -> None:
    """So many assets of 30 rows."""
    frame = pl.DataFrame({"a": np.sin(np.arange(30.0)), "b": np.cos(np.arange(30.0))})
    for place in range(count):
        where = folder / f"asset=A{place:06d}"
        where.mkdir(parents=True)
        frame.write_parquet(where / "part-0.parquet")


def engine(count: int) -> tuple[float, float, float]:
    """Seconds an asset for being found, read, done and noted; for being found done; and for `status`."""
    from acm_rs import fleet

    with tempfile.TemporaryDirectory() as scratch:
        data, target = Path(scratch, "data"), Path(scratch, "fleet")
        tiny(count, data)
        took = []
        for _ in range(2):
            begun = time.perf_counter()
            done = fleet.features(data, target, window=4, workers=1)
            took.append((time.perf_counter() - begun) / count)
            if done.failed:
                raise SystemExit(str(done))
        begun = time.perf_counter()
        fleet.status(target)
        return took[0], took[1], (time.perf_counter() - begun) / count


def _nothing(task: int) -> int:
    return task


def dispatch(count: int) -> float:
    """Seconds that a cluster of two takes for an empty task."""
    from acm_rs.fleet.crew import Crew

    with Crew(2) as crew:
        # The first ones start it.
        list(crew.each(_nothing, range(10)))
        begun = time.perf_counter()
        list(crew.each(_nothing, range(count)))
        return (time.perf_counter() - begun) / count


def apart(part: str, count: int) -> list[float]:
    """Do `engine` or `dispatch` in a process with one thread for each library."""
    environment = {**os.environ, "ACM_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.fleet_plan", BEGUN, part, str(count)]
    said = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [float(word) for word in said.split()]


def plan(asked: argparse.Namespace, each: Sequence[Asset], empty: float) -> None:
    """Print what the fleet takes."""
    fit, score = (float(np.median([getattr(one, name) for one in each])) for name in ("fit", "score"))
    memory = max(one.memory for one in each)
    readings, results, model = (
        float(np.median([getattr(one, name) for one in each])) for name in ("readings", "results", "model")
    )
    count = asked.assets
    hours = count * (fit + score) / 3_600
    stored = count * (readings + results + model) / 1e9
    print(f"\n{count:,} assets, all of it from the figures above")
    print(f"  learn   {count:,} x {fit:.1f} s = {count * fit / 3_600:,.0f} hours of a core")
    print(f"  score   {count:,} x {score:.1f} s = {count * score / 3_600:,.0f} hours of a core")
    print(f"  cost    {hours:,.0f} hours x {asked.core_hour} = {hours * asked.core_hour:,.0f}")
    print(f"  memory  {memory:,.0f} MB a worker of one thread")
    print(
        f"  disk    {count:,} x ({readings / 1e6:.0f} MB readings + {results / 1e6:.0f} MB scores + "
        f"{model / 1e6:.1f} MB model) = {stored / 1e3:,.1f} TB, {stored * asked.gb_month:,.0f} a month"
    )
    random = np.random.default_rng(0)
    both = np.array([one.fit + one.score for one in each])
    # Assets differ: of as many rows as the measured ones, half or twice as many, as a lognormal law has it.
    lengths = random.choice(both, count) * random.lognormal(0.0, 0.35, count)
    print(f"\nlearnt and scored on workers that are lost once in {asked.lost_hours:g} h each (simulated)")
    print(f"{'workers':>8} {'hours':>8} {'busy':>7} {'again':>7} {'cost':>8}")
    for workers in WORKERS:
        ended = schedule(lengths, workers, lost_after=3_600 * asked.lost_hours, dispatch=empty)
        cost = workers * ended.seconds / 3_600 * asked.core_hour
        print(f"{workers:>8,} {ended.seconds / 3_600:>8.1f} {ended.busy:>7.1%} {ended.again:>7,} {cost:>8,.0f}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, then print the plan."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=int, default=10_000)
    parser.add_argument("--sensors", type=int, default=50)
    parser.add_argument("--learn", type=int, default=43_200, help="rows to learn: 30 days of minutes by default")
    parser.add_argument("--rows", type=int, default=525_600, help="rows to score: a year of minutes by default")
    parser.add_argument("--measure", type=int, default=3, help="assets of that length to learn and score")
    parser.add_argument("--tiny", type=int, help="assets of 30 rows that go through the engine; as many as `--assets`")
    parser.add_argument("--lost-hours", type=float, default=24.0, help="mean hours until a worker is lost")
    parser.add_argument("--core-hour", type=float, default=0.04, help="price of a core for an hour")
    parser.add_argument("--gb-month", type=float, default=0.02, help="price of a gigabyte for a month")
    parser.add_argument(BEGUN, nargs=2, metavar=("PART", "COUNT"), help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.begun:
        part, count = asked.begun[0], int(asked.begun[1])
        print(*(engine(count) if part == "engine" else (dispatch(count),)))
        return 0
    print(f"{asked.learn:,} rows learnt, {asked.rows:,} scored, {asked.sensors} sensors; one thread")
    print(f"{'fit, s':>8} {'score, s':>9} {'rows/s':>9} {'MB held':>8} {'readings':>9} {'scores':>8} {'model':>7} MB")
    each = []
    for seed in range(asked.measure):
        one = one_asset(seed, asked.sensors, asked.learn, asked.rows)
        each.append(one)
        print(
            f"{one.fit:>8.1f} {one.score:>9.1f} {asked.rows / one.score:>9,.0f} {one.memory:>8,.0f}"
            f" {one.readings / 1e6:>9.1f} {one.results / 1e6:>8.1f} {one.model / 1e6:>7.2f}",
            flush=True,
        )
    count = asked.tiny or asked.assets
    first, again, status = apart("engine", count)
    (empty,) = apart("dispatch", count)
    print(f"\n{count:,} assets of 30 rows through the engine, milliseconds an asset")
    print(f"  done the first time {1e3 * first:.1f}, found done {1e3 * again:.2f}, status {1e3 * status:.2f}")
    print(f"  an empty task on a cluster of two {1e3 * empty:.1f}")
    plan(asked, each, empty)
    return 0


if __name__ == "__main__":
    sys.exit(main())
