"""A pipeline like ACM's, stage by stage: seconds and peak memory of pandas, of the drop-ins and of a Monitor.

``python -m benchmarks.stages [--data FOLDER]`` runs the drop-ins of ``core/`` as ACM's pipeline runs its own files:
features, imputation, five detectors, fusion, regimes, drift, episodes. Once they compute by pandas, Polars, NumPy and
scikit-learn alone, as they do where acm_rs is not installed, once by acm_rs. Beside them stand the same stages in
pandas, scikit-learn and hdbscan (``stages_twin.py``) and a Monitor, which does the whole job in another way. Each runs
in a process of its own and in turns. The history is a seeded plant of 50,000 rows x 30 sensors (``plants.py``), half of
it for training; with ``--data`` the fan of FOLDER/fd_fan as well.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.environment import ROOT, clean_environment
from benchmarks.memory import peak_bytes, reset_peak
from benchmarks.pipeline import make

Vector = NDArray[np.float64]

WAYS = ("pandas", "without acm_rs", "with acm_rs", "Monitor")
STAGES = ("features", "impute", "AR(1)", "PCA", "forest", "mixture", "OMR", "fusion", "regimes", "drift", "episodes")
WINDOW = 16
FAR, ON, OFF, LEAST, GAP = 6.0, 3.0, 2.0, 5, 10
"""Scores count as so many at most; an episode opens and closes at these, lasts so many rows, and bridges so many."""


class Stages:
    """Seconds and peak memory of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peaks: dict[str, int] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what happens meanwhile."""
        reset_peak()
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start
        self.peaks[name] = peak_bytes()


def standardised(training: Vector, scored: Vector) -> Vector:
    """Scores in robust standard deviations above the median of the training's."""
    known = training[np.isfinite(training)]
    middle = np.median(known)
    spread = 1.4826 * np.median(np.abs(known - middle)) or float(known.std()) or 1.0
    z: Vector = np.clip(np.nan_to_num((scored - middle) / spread), -FAR, FAR)
    return z


def imputed(frames: list[Any]) -> list[Any]:
    """Both frames with the training's medians where values are missing."""
    medians = frames[0].median().fillna(0.0)
    return [frame.replace([np.inf, -np.inf], np.nan).fillna(medians) for frame in frames]


def together(scores: Sequence[tuple[Vector, Vector]]) -> list[Vector]:
    """The detectors' scores of training and later rows, each standardised by its training, and their mean."""
    return [np.mean([standardised(pair[0], pair[number]) for pair in scores], axis=0) for number in range(2)]


def episodes_of(score: Vector) -> list[tuple[int, int]]:
    """First and last row of each stretch above ON that stays above OFF, short gaps closed, short stretches dropped."""
    found: list[tuple[int, int]] = []
    start = None
    for row, value in enumerate(score.tolist()):
        if start is None and value > ON:
            start = row
        elif start is not None and value <= OFF:
            if found and start - found[-1][1] <= GAP:
                start = found.pop()[0]
            found.append((start, row - 1))
            start = None
    if start is not None:
        found.append((start, len(score) - 1))
    return [(first, last) for first, last in found if last - first + 1 >= LEAST]


def by_drop_ins(clock: Stages, healthy: Path, new: Path) -> int:
    """The pipeline, and how many episodes it finds; whether acm_rs serves is decided by what can be imported."""
    from benchmarks.pipeline_twin import read_history
    from core import ar1_detector, correlation, drift, fast_features, omr, outliers, regime_clustering

    # No stage pays for imports, as those of pandas' way do not.
    for name in ("cluster", *(("ensemble", "neighbors") if sys.modules["acm_rs"] is None else ())):
        importlib.import_module(f"sklearn.{name}")
    training = read_history(healthy)
    scored = read_history(new).reindex(columns=training.columns)
    with clock.stage("features"):
        frames = [fast_features.compute_basic_features(frame, window=WINDOW) for frame in (training, scored)]
    with clock.stage("impute"):
        frames = imputed(frames)
    scores = []
    detectors: tuple[tuple[str, Any, Any], ...] = (
        ("AR(1)", ar1_detector.AR1Detector(), lambda found: [found]),
        ("PCA", correlation.PCASubspaceDetector(), list),
        ("forest", outliers.IsolationForestDetector(), lambda found: [found]),
        ("mixture", outliers.GMMDetector(), lambda found: [found]),
        ("OMR", omr.OMRDetector(), lambda found: [found]),
    )
    for name, detector, each in detectors:
        with clock.stage(name):
            detector.fit(frames[0])
            both = [each(detector.score(frame)) for frame in frames]
        scores += list(zip(*both, strict=True))
    with clock.stage("fusion"):
        fused = together(scores)
    with clock.stage("regimes"):
        regime_clustering.cluster_regimes(training)
    with clock.stage("drift"):
        drift.CUSUMDetector().fit(fused[0]).score(fused[1])
    with clock.stage("episodes"):
        return len(episodes_of(fused[1]))


def by_pandas(clock: Stages, healthy: Path, new: Path) -> int:
    """The same stages in pandas, scikit-learn and hdbscan."""
    from benchmarks import stages_twin as twin
    from benchmarks.pipeline_twin import read_history

    training = read_history(healthy)
    scored = read_history(new).reindex(columns=training.columns)
    with clock.stage("features"):
        frames = [twin.features(frame, WINDOW) for frame in (training, scored)]
    with clock.stage("impute"):
        frames = imputed(frames)
    scores = []
    for name, kind in twin.DETECTORS:
        with clock.stage(name):
            detector = kind().fit(frames[0])
            scores += list(zip(*(detector.score(frame) for frame in frames), strict=True))
    with clock.stage("fusion"):
        fused = together(scores)
    with clock.stage("regimes"):
        twin.regimes(training)
    with clock.stage("drift"):
        twin.cusum(*fused)
    with clock.stage("episodes"):
        return len(episodes_of(fused[1]))


def by_monitor(clock: Stages, healthy: Path, new: Path) -> int:
    """The same job, done by one that learns the machine from its readings."""
    import acm_rs

    from benchmarks.pipeline_twin import read_history

    training, scored = read_history(healthy), read_history(new)
    with clock.stage("fit"):
        monitor = acm_rs.Monitor().fit(training)
    with clock.stage("score"):
        result = monitor.score(scored)
    return len(result.episodes)


def _one(way: str, healthy: Path, new: Path) -> None:
    import warnings

    warnings.simplefilter("ignore")
    if way == "without acm_rs":
        # `import` fails for a name that maps to None.
        sys.modules["acm_rs"] = None  # type: ignore[assignment]
    clock, start = Stages(), time.perf_counter()
    found = {"Monitor": by_monitor, "pandas": by_pandas}.get(way, by_drop_ins)(clock, healthy, new)
    whole = time.perf_counter() - start
    print(json.dumps({"seconds": clock.seconds, "peaks": clock.peaks, "whole": whole, "episodes": found}))


def _measure(way: str, healthy: Path, new: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.stages", "--one", way, str(healthy), str(new)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{way}: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def table(title: str, healthy: Path, new: Path, rounds: int) -> str:
    """Measure every way in turns: medians of the rounds' seconds, and the greatest peak."""
    told: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            told[way].append(_measure(way, healthy, new))
    ways, monitor = {way: told[way] for way in WAYS[:3]}, told["Monitor"]

    def seconds(of: list[dict[str, Any]], name: str) -> float:
        return statistics.median(one["seconds"][name] for one in of)

    def peak(of: list[dict[str, Any]], name: str) -> float:
        return max(one["peaks"][name] for one in of) / 1e6

    def line(name: str, times: list[float], peaks: list[float]) -> str:
        cells = [f"{time:.2f} s" for time in times]
        ratios = [f"{before / max(times[-1], 1e-9):.1f}" for before in times[:-1]]
        return f"| {' | '.join([name, *cells, *ratios, *(f'{one:,.0f} MB' for one in peaks)])} |"

    lines = [
        f"## {title}\n",
        "| stage | pandas | drop-ins without acm_rs | with it | over pandas | over without "
        "| peak: pandas | without | with |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name in STAGES:
        lines.append(line(name, [seconds(of, name) for of in ways.values()], [peak(of, name) for of in ways.values()]))
    wholes = [sum(seconds(of, name) for name in STAGES) for of in ways.values()]
    lines.append(line("whole", wholes, [max(peak(of, name) for name in STAGES) for of in ways.values()]))
    fit, score = seconds(monitor, "fit"), seconds(monitor, "score")
    most = max(peak(monitor, "fit"), peak(monitor, "score"))
    counts = ", ".join(f"{told[way][0]['episodes']} {way}" for way in WAYS)
    lines.append(
        f"\nMonitor: fit {fit:.2f} s, score {score:.2f} s, {wholes[0] / (fit + score):.1f} times as fast as pandas, "
        f"peak {most:,.0f} MB. Episodes: {counts}."
    )
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Make the files, measure each way, print the tables."""
    clean_environment()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="also the fan of FOLDER/fd_fan")
    parser.add_argument("--rows", type=int, default=25_000, help="rows for training, and as many that are scored")
    parser.add_argument("--sensors", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=3, metavar=("WAY", "HEALTHY", "NEW"), help=argparse.SUPPRESS)
    asked = parser.parse_args(argv)
    if asked.one:
        way, *paths = asked.one
        _one(way, *map(Path, paths))
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, asked.rows, asked.rows, asked.sensors)
        title = f"A seeded plant: {asked.rows:,} + {asked.rows:,} rows x {asked.sensors} sensors"
        print(table(title, folder / "healthy.csv", folder / "new.csv", asked.rounds), flush=True)
    if asked.data:
        fan = asked.data / "fd_fan"
        print(table("A fan", fan / "baseline.csv", fan / "batch.csv", asked.rounds))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
