"""A small plant with a known fault: ``acm-rs demo``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from acm_rs.cli.console import facts, plain, show, span_text, sparkline
from acm_rs.cli.errors import Refusal
from acm_rs.cli.features import run_features
from acm_rs.cli.summary import print_summary
from acm_rs.cli.table import ReadOptions
from acm_rs.cli.writing import write_whole

__all__ = ["FAULT_START", "Trace", "demonstrate", "find_fault", "plant_history"]

_START = datetime(2024, 3, 4)
_STEP = timedelta(minutes=10)
_DAYS = 28
FAULT_START = datetime(2024, 3, 25, 6)
_WINDOW = 36
# A feature has left its healthy range once it stays outside for this many rows.
_IN_A_ROW = 6


@dataclass(frozen=True)
class Trace:
    """How one feature tells the fault.

    Parameters
    ----------
    feature : str
        Its name.
    before, after : float
        Its median before and after the fault began.
    shift : float
        The difference in robust standard deviations of the healthy time.
    left : datetime or None
        When it left, for good reason, the range of the healthy time.
    daily : list of float
        Its median on each day.
    """

    feature: str
    before: float
    after: float
    shift: float
    left: datetime | None
    daily: list[float]


def plant_history(seed: int = 7) -> pl.DataFrame:
    """Make four weeks of a fan, every ten minutes, with a bearing that begins to fail in the last.

    Parameters
    ----------
    seed : int
        The same seed makes the same history.

    Returns
    -------
    DataFrame
        Columns of text as a historian would export them: words for bad values, empty cells, two hours not recorded.
    """
    random = np.random.default_rng(seed)
    rows = _DAYS * 24 * 6
    days = np.arange(rows) / (24 * 6)
    worn = np.clip((days - (FAULT_START - _START) / timedelta(days=1)) / 7, 0, 1)
    load = 70 + 12 * np.sin(2 * np.pi * (days - 0.3)) + _wandering(random, rows, 4.0, 0.98)
    inlet = 14 + 5 * np.sin(2 * np.pi * (days - 0.4)) + _wandering(random, rows, 0.8, 0.98)
    noise = random.standard_normal((5, rows))
    # The wear shows as knocks in the vibration first and as heat in the bearing later.
    knocks = np.where(random.random(rows) < 0.35, random.exponential(1.0, rows), 0.0)
    current = 24 + 0.16 * load + 0.25 * noise[0]
    pressure = 0.3 + 0.012 * load + 0.015 * noise[1]
    bearing = inlet + 24 + 0.22 * load + 22 * worn + 0.4 * noise[3]
    vibration = 1.6 + 0.008 * load + 0.08 * noise[4] + (worn > 0) * (0.4 + 4 * worn) * knocks
    columns = {
        "FAN1.CURRENT": (current, 2),
        "FAN1.PRESSURE": (pressure, 3),
        "FAN1.INLET_TEMP": (inlet, 2),
        "FAN1.BEARING_TEMP": (bearing, 2),
        "FAN1.VIBRATION": (vibration, 3),
    }
    cells = {name: [f"{value:.{digits}f}" for value in values] for name, (values, digits) in columns.items()}
    stamps = [(_START + i * _STEP).strftime("%m/%d/%Y %H:%M") for i in range(rows)]
    for name in columns:
        for row in random.choice(rows, size=12, replace=False):
            cells[name][row] = "" if random.random() < 0.5 else "Bad"
    history = pl.DataFrame({"TS": stamps, **cells})
    silent = 9 * 24 * 6 + 50
    return pl.concat([history[:silent], history[silent + 12 :]])


def _wandering(random: np.random.Generator, rows: int, sd: float, memory: float) -> NDArray[np.float64]:
    """An AR(1) walk that stays around zero."""
    kicks = random.standard_normal(rows) * sd * np.sqrt(1 - memory**2)
    path = np.empty(rows)
    level = 0.0
    for i, kick in enumerate(kicks):
        level = memory * level + kick
        path[i] = level
    return path


def find_fault(features: pl.DataFrame, time: str, sensors: list[str], start: datetime) -> list[Trace]:
    """Find for each sensor the feature that the fault moved most.

    Parameters
    ----------
    features : DataFrame
        The feature table.
    time : str
        Its clock.
    sensors : list of str
        The sensors' names.
    start : datetime
        When the fault began.

    Returns
    -------
    list of Trace
        One for each sensor, the loudest first.
    """
    stamps = features[time]
    healthy = (stamps < start).to_numpy()
    # The first windows are short, and what they hold says little about the healthy range.
    healthy[:_WINDOW] = False
    faulty = (stamps >= start).to_numpy()
    day = ((stamps - stamps[0]).dt.total_days()).to_numpy()
    loudest: dict[str, Trace] = {}
    for sensor in sensors:
        for name in features.columns:
            if not name.startswith(f"{sensor}_"):
                continue
            values = features[name].to_numpy()
            known = np.isfinite(values)
            if not (healthy & known).any() or not (faulty & known).any():
                continue
            trace = _trace(name, values[known], healthy[known], faulty[known], day[known], stamps.filter(known))
            if sensor not in loudest or trace.shift > loudest[sensor].shift:
                loudest[sensor] = trace
    return sorted(loudest.values(), key=lambda trace: -trace.shift)


def _trace(
    name: str,
    values: NDArray[np.float64],
    healthy: NDArray[np.bool_],
    faulty: NDArray[np.bool_],
    day: NDArray[np.int64],
    stamps: pl.Series,
) -> Trace:
    before, after = float(np.median(values[healthy])), float(np.median(values[faulty]))
    spread = 1.4826 * float(np.median(np.abs(values[healthy] - before)))
    low, high = values[healthy].min(), values[healthy].max()
    outside = np.convolve(faulty & ((values < low) | (values > high)), np.ones(_IN_A_ROW, dtype=int), mode="valid")
    first = np.flatnonzero(outside == _IN_A_ROW)
    left = stamps[int(first[0])] if first.size else None
    days = [values[day == number] for number in range(_DAYS)]
    daily = [float(np.median(one)) if one.size else float("nan") for one in days]
    return Trace(name, before, after, abs(after - before) / max(spread, 1e-12), left, daily)


def demonstrate(folder: Path, screen: Console) -> None:
    """Make the history, compute its features, and show where the fault stands in them.

    Parameters
    ----------
    folder : Path
        Where to put the files; made if it does not exist.
    screen : Console
        Where to print.

    Raises
    ------
    Refusal
        The folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(f"{folder} cannot be made: {error.strerror or error}") from None
    source, output = folder / "plant.csv", folder / "plant_features.parquet"
    history = plant_history()
    write_whole(source, lambda path: history.write_csv(path))
    begins = f"{FAULT_START:%Y-%m-%d %H:%M}"
    screen.print(plain(f"A fan over {_DAYS} days; on {begins} a bearing begins to fail."))
    screen.print(plain(f"$ acm-rs features {source} -o {output} --window {_WINDOW}", "bold"))
    screen.print()
    run = run_features(source, output, window=_WINDOW, options=ReadOptions(), threads=None, progress=None)
    print_summary(run, screen)
    screen.print()
    traces = find_fault(run.features, "TS", run.table.sensors.columns, FAULT_START)
    show(screen, _fault_table(traces, screen))
    screen.print()
    screen.print(plain("For each sensor the feature that the fault moved most, in robust standard deviations."))
    for trace in traces:
        if trace.left is not None:
            delay = span_text((trace.left - FAULT_START).total_seconds())
            screen.print(plain(f"{trace.feature} left its healthy range {delay} after the fault began.", "bold red"))
    screen.print()
    show(screen, facts([("history", str(source)), ("features", str(output))]))


def _fault_table(traces: list[Trace], screen: Console) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), title=None)
    table.add_column("moved most", overflow="fold")
    table.add_column("healthy", justify="right", no_wrap=True)
    table.add_column("fault", justify="right", no_wrap=True)
    table.add_column("shift", justify="right", no_wrap=True)
    table.add_column(f"each day, day 1 to {_DAYS}", no_wrap=True)
    for trace in traces:
        # Outside the healthy range for an hour is what the eye should find.
        style = "bold red" if trace.left is not None else ""
        table.add_row(
            plain(trace.feature, style),
            f"{trace.before:.3g}",
            f"{trace.after:.3g}",
            f"{trace.shift:,.1f} sd" if trace.shift < 100 else f"{trace.shift:,.0f} sd",
            plain(sparkline(trace.daily, screen.encoding), style),
        )
    return table
