"""A day of a plant through ``acm-rs watch``: how long it takes, how much memory, and what a killed watch leaves.

``python -m benchmarks.live [--hours 24] [--sensors 50] [--kills 20]`` writes a CSV file of one-second rows, fits a
model to another one, and lets ``acm-rs watch --once --store`` read it: seconds and peak memory for a quarter of the day
and for all of it, which should be the same. Then the same again while the file grows and the process is killed
(SIGKILL) at random places, each time after it has kept some rows; the store must hold what the undisturbed one holds.
The exit status is 1 where it does not.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import acm_rs
import numpy as np
import polars as pl

TRAINED = 10_000
TABLES = {
    "scores": "watch, row, time, score, limit_, alarm, regime, confidence, model",
    "episodes": "*",
    "contributions": "*",
    "events": "*",
}


def plant(rows: int, sensors: int, seed: int, fault: int | None = None) -> pl.DataFrame:
    """Sensors that follow three slow loads, a reading each second; one drifts from row `fault` on for an hour."""
    random = np.random.default_rng(seed)
    at = np.arange(rows)
    loads = np.stack([np.sin(at / period) for period in (900.0, 2_300.0, 5_100.0)], axis=1)
    loads += 0.1 * random.standard_normal(loads.shape)
    mixing = np.random.default_rng(99).standard_normal((3, sensors))
    values = 50.0 + loads @ mixing + 0.2 * random.standard_normal((rows, sensors))
    if fault is not None:
        values[fault : fault + 3_600, 7] += 1.5
    columns = {f"s{place:02d}": values[:, place].round(4) for place in range(sensors)}
    times = np.datetime64("2026-01-05T00:00:00", "us") + at * np.timedelta64(1, "s")
    return pl.DataFrame({"time": times, **columns})


def command(model: Path, source: Path, store: Path, once: bool = True) -> list[str]:
    """A watch that reads what is there, or goes on."""
    how = ["--once"] if once else ["--interval", "5ms"]
    return [sys.executable, "-m", "acm_rs", "watch", str(model), str(source), "--store", str(store), *how, "-q"]


def measured(model: Path, source: Path, store: Path) -> tuple[float, float]:
    """Seconds, and MB of memory at most."""
    begun = time.perf_counter()
    process = subprocess.Popen(command(model, source, store), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the watch ended with status {process.returncode}")
    return time.perf_counter() - begun, used.ru_maxrss / 1e3


def contents(store: Path) -> list[list[tuple[object, ...]]]:
    """All that was judged and told."""
    with closing(sqlite3.connect(store)) as connection:
        return [
            connection.execute(f"SELECT {what} FROM {name} ORDER BY 1, 2").fetchall() for name, what in TABLES.items()
        ]


def rows_kept(store: Path) -> int:
    """How many rows have been judged and kept."""
    if not store.exists():
        return 0
    with closing(sqlite3.connect(store)) as connection:
        try:
            found = connection.execute("SELECT rows FROM watches").fetchone()
        except sqlite3.OperationalError:
            return 0
    return 0 if found is None else int(found[0])


def killed(model: Path, source: Path, store: Path, kills: int, seconds: float) -> None:
    """Kill a watch so often, at random places while its file grows and it has kept some of it, and let it end."""
    random = np.random.default_rng(1)
    lines = source.read_bytes().splitlines(keepends=True)
    places = np.linspace(0, len(lines), 2 * kills + 2).astype(int).tolist()
    pieces = [b"".join(lines[first:last]) for first, last in pairwise(places)]
    path = source.with_name("growing.csv")
    path.write_bytes(b"")

    def grow() -> None:
        with path.open("ab") as file:
            file.write(pieces.pop(0))

    for _ in range(kills):
        before = rows_kept(store)
        grow()
        process = subprocess.Popen(command(model, path, store, once=False), stdout=subprocess.DEVNULL)
        # Killed before it keeps anything it would leave nothing to be wrong.
        while rows_kept(store) <= before:
            if process.poll() is not None:
                raise SystemExit(f"the watch ended with status {process.returncode}")
            time.sleep(0.01)
        grow()
        time.sleep(float(random.uniform(0.0, seconds / kills)))
        process.kill()
        process.wait()
    grow()
    subprocess.run(command(model, path, store), check=True, stdout=subprocess.DEVNULL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--sensors", type=int, default=50)
    parser.add_argument("--kills", type=int, default=20)
    asked = parser.parse_args(arguments)
    rows = int(asked.hours * 3_600)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, day, part = folder / "plant.acm", folder / "day.csv", folder / "part.csv"
        acm_rs.Monitor().fit(plant(TRAINED, asked.sensors, 1)).save(model, history=False)
        frame = plant(rows, asked.sensors, 2, fault=rows // 2)
        frame.write_csv(day)
        frame[: rows // 4].write_csv(part)
        quarter = measured(model, part, folder / "part.sqlite")
        whole = measured(model, day, folder / "day.sqlite")
        for what, count, (seconds, memory) in (("a quarter", rows // 4, quarter), ("all", rows, whole)):
            each = 1e6 * seconds / count
            print(f"{what}: {count:,} rows x {asked.sensors} in {seconds:.1f} s ({each:.0f} µs a row), {memory:.0f} MB")
        if not asked.kills:
            return 0
        killed(model, day, folder / "killed.sqlite", asked.kills, whole[0])
        same = contents(folder / "killed.sqlite") == contents(folder / "day.sqlite")
        print(f"killed {asked.kills} times: the store {'is that' if same else 'is NOT that'} of the undisturbed watch")
        return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
