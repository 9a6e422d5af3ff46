"""A file too large to be held in memory: time and peak memory of its features, beside pandas and Polars.

``python -m benchmarks.big_file FOLDER`` makes a CSV file of 1.2 million rows and 30 sensors in FOLDER (about 300 MB,
the same for the same seed), reads it, computes the feature set and writes it as Parquet, each way in a process of its
own. The peers read the file at their best, call ``acm_rs.feature_matrix`` on the whole and write what comes out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks.environment import ROOT, clean_environment
from benchmarks.memory import peak_bytes

WINDOW = 16
_STEP = timedelta(seconds=30)
_BLOCK = 100_000


def make(path: Path, rows: int, sensors: int, seed: int, shuffled: bool) -> None:
    """Write the file: a time every half minute, sensors that wander, four digits behind the point."""
    import polars as pl

    random = np.random.default_rng(seed)
    level = random.uniform(10, 90, sensors)
    starts = np.arange(0, rows, _BLOCK)
    with path.open("wb") as file:
        # Out of order are whole blocks and the rows within each.
        for place, start in enumerate(random.permutation(starts) if shuffled else starts):
            count = min(_BLOCK, rows - int(start))
            first = datetime(2024, 1, 1) + int(start) * _STEP
            times = pl.datetime_range(first, first + (count - 1) * _STEP, _STEP, eager=True)
            noise = random.standard_normal((count, sensors))
            x = level + 0.02 * random.standard_normal((count, sensors)).cumsum(axis=0) + noise
            frame = pl.DataFrame(
                [
                    times.dt.strftime("%Y-%m-%d %H:%M:%S").alias("Timestamp"),
                    *(pl.Series(f"S{sensor:02}", x[:, sensor].round(4)) for sensor in range(sensors)),
                ]
            )
            if shuffled:
                frame = frame.sample(fraction=1, shuffle=True, seed=int(random.integers(1 << 30)))
            frame.write_csv(file, include_header=not place)


def _with_acm_rs(source: Path, output: Path) -> None:
    from acm_rs.cli import main

    if main(["features", str(source), "-o", str(output), "-w", str(WINDOW), "-q"]):
        raise SystemExit("acm-rs failed")


def _with_pandas(source: Path, output: Path) -> None:
    import acm_rs
    import pandas as pd

    frame = pd.read_csv(source, index_col="Timestamp", parse_dates=True).sort_index()
    acm_rs.feature_matrix(frame, WINDOW).to_parquet(output, compression="zstd")


def _with_polars(source: Path, output: Path) -> None:
    import acm_rs
    import polars as pl

    frame = pl.read_csv(source, try_parse_dates=True).sort("Timestamp")
    acm_rs.feature_matrix(frame.drop("Timestamp"), WINDOW).insert_column(0, frame["Timestamp"]).write_parquet(output)


_WAYS: dict[str, Callable[[Path, Path], None]] = {
    "acm-rs features": _with_acm_rs,
    "pandas.read_csv, feature_matrix, to_parquet": _with_pandas,
    "polars.read_csv, feature_matrix, write_parquet": _with_polars,
}


def _measure(way: str, source: Path, output: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.big_file", str(source.parent), "--one", way, "--source", str(source)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            return {"failed": done.returncode}
        return {**json.loads(done.stdout), "bytes": output.stat().st_size}
    finally:
        output.unlink(missing_ok=True)


def _line(way: str, told: dict[str, float]) -> str:
    if "failed" in told:
        return f"| {way} | ended with status {told['failed']:.0f} | | |"
    return f"| {way} | {told['seconds']:.1f} s | {told['peak'] / 1e6:,.0f} MB | {told['bytes'] / 1e6:,.0f} MB |"


def main(argv: Sequence[str] | None = None) -> int:
    """Make the file, measure each way, print the table."""
    clean_environment()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.big_file", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the file and the outputs are put")
    parser.add_argument("--rows", type=int, default=1_200_000)
    parser.add_argument("--sensors", type=int, default=30)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--shuffled", action="store_true", help="rows out of order")
    parser.add_argument("--alone", action="store_true", help="acm-rs without its peers")
    parser.add_argument("--one", choices=_WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(argv)
    output = asked.folder / "features.parquet"
    if asked.one:
        start = time.perf_counter()
        _WAYS[asked.one](asked.source, output)
        print(json.dumps({"seconds": time.perf_counter() - start, "peak": peak_bytes()}))
        return 0
    order = "-shuffled" if asked.shuffled else ""
    source = asked.folder / f"big-{asked.rows}x{asked.sensors}-{asked.seed}{order}.csv"
    if not source.exists():
        make(source, asked.rows, asked.sensors, asked.seed, asked.shuffled)
    print(f"{source.stat().st_size / 1e6:,.0f} MB of text, {asked.rows:,} rows x {asked.sensors} sensors{order}\n")
    print("| | time | peak memory | output |\n|---|---|---|---|")
    for way in list(_WAYS)[: 1 if asked.alone else None]:
        print(_line(way, _measure(way, source, output)), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
