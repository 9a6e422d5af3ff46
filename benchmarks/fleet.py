"""A fleet through `acm_rs.fleet`: time, peak memory, rows a second and core, and what the engine costs beside a loop.

``python -m benchmarks.fleet [--assets 100 200 400] [--rows 8000] [--sensors 20] [--workers 2] [--memory-limit 1GB]``
writes Parquet files of ten-minute rows for each asset, learns the first half of each and scores the second: by a plain
loop of `Monitor` and Polars, by the fleet in one process, and by a cluster of as many workers, which must leave the
same bytes. All have one thread a process. What they cost is told in seconds of processors, which company on the machine
disturbs least; a cluster's start, measured on two tiny assets, is told once and taken off. A year of 200 assets is
``--assets 200 --rows 105120``: 52,560 rows to learn, as many to score. The exit status is 1 where bytes differ.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import psutil

HOW = ("loop", "one process", "cluster")


def plant(rows: int, sensors: int, seed: int, fault: bool) -> pl.DataFrame:
    """An asset with a daily load, a slow one and one of its own; one sensor drifts at the end where it has a fault."""
    random = np.random.default_rng(seed)
    at = np.arange(rows)
    loads = np.stack([np.sin(at / period) for period in (144 / 6.28, 1_008 / 6.28, 377.0)], axis=1)
    loads += 0.1 * random.standard_normal(loads.shape)
    values = 50.0 + loads @ np.random.default_rng(99).standard_normal((3, sensors))
    values += 0.2 * random.standard_normal((rows, sensors))
    if fault:
        values[-rows // 20 :, 7 % sensors] += 1.5
    times = np.datetime64("2025-01-01T00:00:00", "us") + at * np.timedelta64(10, "m")
    columns = {f"s{place:02d}": values[:, place].round(4) for place in range(sensors)}
    return pl.DataFrame({"time": times, **columns})


def write(folder: Path, assets: int, rows: int, sensors: int, learnt: int) -> float:
    """Histories and new readings of all assets; MB of numbers."""
    for seed in range(assets):
        frame = plant(rows, sensors, seed, seed % 10 == 3)
        for name, some in (("history", frame[:learnt]), ("new", frame[learnt:])):
            place = folder / name / f"asset=A{seed:05d}"
            place.mkdir(parents=True, exist_ok=True)
            some.write_parquet(place / "part-0.parquet")
    return 8e-6 * assets * rows * sensors


def loop(data: Path, target: Path) -> None:
    """What a plain loop does."""
    import acm_rs

    target.mkdir()
    for place in sorted((data / "history").iterdir()):
        history = pl.read_parquet(place / "part-0.parquet", hive_partitioning=False)
        monitor = acm_rs.Monitor()
        monitor.metadata = {"history": "part-0.parquet", "asset": place.name.removeprefix("asset=")}
        monitor.fit(history).save(target / f"{place.name.removeprefix('asset=')}.acm")
        new = pl.read_parquet(data / "new" / place.name / "part-0.parquet", hive_partitioning=False)
        result = monitor.score(new)
        columns = {"time": new["time"], "score": result.scores, "limit": result.limits, "alarm": result.alarms}
        columns |= {f"{name}_share": result.shares[:, at] for at, name in enumerate(result.names)}
        columns |= {f"{name}_expected": result.expected_values[:, at] for at, name in enumerate(result.names)}
        pl.DataFrame(columns).write_parquet(target / f"{place.name}.parquet")


def run(how: str, data: Path, target: Path, workers: int, memory_limit: str | None) -> None:
    """Do it in one of the ways, in this process and those that it starts."""
    if how == "loop":
        loop(data, target)
        return
    from acm_rs import fleet

    count = workers if how == "cluster" else 1
    done = fleet.fit(data / "history", target, workers=count, memory_limit=memory_limit)
    scored = fleet.score(data / "new", target, workers=count, memory_limit=memory_limit)
    if done.failed or scored.failed:
        raise SystemExit(f"{done}\n{scored}")


def measured(how: str, data: Path, target: Path, workers: int, memory_limit: str | None) -> tuple[float, float, float]:
    """Seconds, seconds of processors, and MB of memory that all processes together held at most."""
    command = [sys.executable, "-m", "benchmarks.fleet", "--do", how, str(data), str(target), "--workers", str(workers)]
    if memory_limit:
        command += ["--memory-limit", memory_limit]
    environment = {**os.environ, "ACM_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    begun = time.perf_counter()
    process = subprocess.Popen(command, env=environment)
    most = 0
    ended = threading.Event()

    def watch() -> None:
        nonlocal most
        own = psutil.Process(process.pid)
        while not ended.wait(0.1):
            try:
                held = sum(one.memory_info().rss for one in (own, *own.children(recursive=True)))
            except psutil.Error:
                continue
            most = max(most, held)

    watcher = threading.Thread(target=watch)
    watcher.start()
    # With those of the processes that it has started and waited for.
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    ended.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{how} ended with status {process.returncode}")
    return seconds, used.ru_utime + used.ru_stime, most / 1e6


def contents(folder: Path) -> dict[str, bytes]:
    """Models, scores and alarms."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for name in ("models", "scores", "alarms")
        for path in sorted((folder / name).rglob("*"))
        if path.is_file()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=int, nargs="+", default=[10, 20, 40])
    parser.add_argument("--rows", type=int, default=4_000)
    parser.add_argument("--sensors", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory-limit", help="of each process of the cluster")
    parser.add_argument("--learn", type=int, help="rows to learn, half of them by default; the others are scored")
    parser.add_argument("--without-loop", action="store_true", help="only the fleet, in one process and on the cluster")
    parser.add_argument("--do", nargs=3, metavar=("HOW", "DATA", "TARGET"), help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.do:
        run(asked.do[0], Path(asked.do[1]), Path(asked.do[2]), asked.workers, asked.memory_limit)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        write(Path(scratch), 2, 400, asked.sensors, 200)
        starting = {}
        for how in HOW:
            took, starting[how], _ = measured(how, Path(scratch), Path(scratch, how), asked.workers, None)
            print(f"start, {how}: {took:.1f} s, {starting[how]:.1f} s of processors")
    learnt = asked.rows // 2 if asked.learn is None else asked.learn
    print(f"{asked.rows:,} rows x {asked.sensors} sensors an asset, {learnt:,} of them learnt; one thread a process")
    titles = f"{'assets':>7}  {'how':<12} {'s':>8} {'CPU s':>8} {'rows/CPU s':>11} {'MB of data':>10} {'MB held':>8}"
    print(f"{titles}  engine")
    same = True
    for assets in asked.assets:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            size = write(folder, assets, asked.rows, asked.sensors, learnt)
            base = 0.0
            for how in HOW[1:] if asked.without_loop else HOW:
                seconds, used, held = measured(how, folder, folder / how, asked.workers, asked.memory_limit)
                work = used - starting[how]
                base = base or work
                beside = f"{100.0 * (work / base - 1.0):+.0f} %" if work != base else ""
                rate = assets * asked.rows / work
                line = (
                    f"{assets:>7,}  {how:<12} {seconds:>8.1f} {used:>8.1f} {rate:>11,.0f} {size:>10,.0f} {held:>8,.0f}"
                )
                print(f"{line}  {beside}", flush=True)
            same = same and contents(folder / "one process") == contents(folder / "cluster")
    print("the cluster left the bytes of one process" if same else "THE BYTES DIFFER")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
