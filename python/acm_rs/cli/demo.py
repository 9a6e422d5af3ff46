"""The whole job on a small plant with a known fault: ``acm-rs demo``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console

from acm_rs.cli.console import facts, plain, show, size_text
from acm_rs.cli.fit import Budget, run_fit
from acm_rs.cli.score import Scored, run_score
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.writing import write_whole
from acm_rs.report import plotly_script
from acm_rs.report.words import span_text

__all__ = ["FAULT_START", "Demo", "demonstrate", "plant_history"]

_START = datetime(2024, 2, 12)
_STEP = timedelta(minutes=10)
_A_DAY = 24 * 6
_DAYS = 56
_HEALTHY_DAYS = 42
# What the weather does is not the fan's doing.
_AMBIENT = "FAN1.INLET_TEMP"
FAULT_START = datetime(2024, 4, 1, 6)


@dataclass(frozen=True)
class Demo:
    """What the demonstration made.

    Parameters
    ----------
    scored : Scored
        The alarms found.
    healthy, later, model, report : Path
        Its files; the report may be missing where Plotly is.
    """

    scored: Scored
    healthy: Path
    later: Path
    model: Path
    report: Path | None


def plant_history(seed: int = 8) -> pl.DataFrame:
    """Make eight weeks of a fan, every ten minutes, with a bearing that begins to fail on the first day of the last.

    Parameters
    ----------
    seed : int
        The same seed makes the same history.

    Returns
    -------
    DataFrame
        Columns of text as a historian would export them: words for bad values, empty cells, two hours not recorded.
        The fan stands still at times.
    """
    random = np.random.default_rng(seed)
    rows = _DAYS * _A_DAY
    days = np.arange(rows) / _A_DAY
    worn = np.clip((days - (FAULT_START - _START) / timedelta(days=1)) / 7, 0, 1)
    running = np.ones(rows, dtype=bool)
    for day, hours in ((5.9, 9), (15.3, 14), (24.1, 11), (36.5, 8), (45.1, 11)):
        begin = int(day * _A_DAY)
        running[begin : begin + hours * 6] = False
    load = (70 + 10 * np.sin(2 * np.pi * (days - 0.3)) + _wandering(random, rows, 4.0, 0.98)) * running
    inlet = 14 + 5 * np.sin(2 * np.pi * (days - 0.4)) + _wandering(random, rows, 0.8, 0.98)
    noise = random.standard_normal((4, rows))
    # The wear shows as knocks in the vibration first and as heat in the bearing later.
    knocks = np.where(random.random(rows) < 0.35, random.exponential(1.0, rows), 0.0)
    current = (24 + 0.16 * load) * running + 0.15 * noise[0] * (0.1 + 0.9 * running)
    pressure = (0.3 + 0.012 * load) * running + 0.015 * noise[1] * (0.1 + 0.9 * running)
    bearing = inlet + _late((24 + 0.22 * load + 22 * worn) * running, 0.8) + 0.4 * noise[2]
    vibration = (1.6 + 0.008 * load + (worn > 0) * (0.4 + 4 * worn) * knocks) * running
    vibration += 0.08 * noise[3] * (0.1 + 0.9 * running)
    columns = {
        "FAN1.CURRENT": (current, 2),
        "FAN1.PRESSURE": (pressure, 3),
        _AMBIENT: (inlet, 2),
        "FAN1.BEARING_TEMP": (bearing, 2),
        "FAN1.VIBRATION": (vibration, 3),
    }
    cells = {name: [f"{value:.{digits}f}" for value in values] for name, (values, digits) in columns.items()}
    stamps = [(_START + i * _STEP).strftime("%m/%d/%Y %H:%M") for i in range(rows)]
    for name in columns:
        for row in random.choice(rows, size=12, replace=False):
            cells[name][row] = "" if random.random() < 0.5 else "Bad"
    history = pl.DataFrame({"TS": stamps, **cells})
    silent = 9 * _A_DAY + 50
    return pl.concat([history[:silent], history[silent + 12 :]])


def _wandering(random: np.random.Generator, rows: int, sd: float, memory: float) -> NDArray[np.float64]:
    """An AR(1) walk that stays around zero."""
    return _late(random.standard_normal(rows) * sd * np.sqrt(1 - memory**2) / (1 - memory), memory)


def _late(values: NDArray[np.float64], memory: float) -> NDArray[np.float64]:
    """What follows with a delay, as heat does."""
    path = np.empty(len(values))
    level = float(values[0]) if memory < 0.9 else 0.0
    for i, value in enumerate(values.tolist()):
        level = memory * level + (1 - memory) * value
        path[i] = level
    return path


def demonstrate(folder: Path, screen: Console) -> Demo:
    """Make the plant's files, learn its healthy weeks, score the rest, and say what was found.

    Parameters
    ----------
    folder : Path
        Where to put the files; made if it does not exist.
    screen : Console
        Where to print.

    Returns
    -------
    Demo

    Raises
    ------
    Refusal
        The folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(f"{folder} cannot be made: {error.strerror or error}") from None
    healthy, later, model = folder / "healthy.csv", folder / "new.csv", folder / "fan.acm"
    report, missing = _report_in(folder)
    history = plant_history()
    split = history["TS"].to_list().index((_START + timedelta(days=_HEALTHY_DAYS)).strftime("%m/%d/%Y %H:%M"))
    for where, rows in ((healthy, history[:split]), (later, history[split:])):
        write_whole(where, rows.write_csv)
    weeks = (_DAYS - _HEALTHY_DAYS) // 7
    screen.print(plain(f"A fan: {_HEALTHY_DAYS // 7} healthy weeks to learn from, then {weeks} weeks to watch."))
    screen.print(plain(f"In those a bearing begins to fail on {FAULT_START:%Y-%m-%d %H:%M}."))
    screen.print()
    screen.print(plain(f"$ acm-rs fit {healthy} -o {model} --asset 'Fan 1' --drivers {_AMBIENT}", "bold"))
    fit = run_fit(healthy, model, options=ReadOptions(), budget=Budget(), asset="Fan 1", drivers=[_AMBIENT])
    for line in fit.monitor.summary().splitlines():
        if line.startswith("Warnings"):
            break
        if not line.startswith("Watches"):
            screen.print(plain(line), soft_wrap=True)
    screen.print()
    asked = f" --report {report}" if report else ""
    screen.print(plain(f"$ acm-rs score {model} {later}{asked}", "bold"))
    scored = run_score(model, later, report=report, options=ReadOptions(), budget=Budget())
    result = scored.result
    for sentence in result.explain():
        screen.print(plain(sentence, "bold red"), soft_wrap=True)
    first = next((one for one in result.found if _when(result.times, one.start) >= FAULT_START), None)
    if first is not None:
        delay = span_text((_when(result.times, first.start) - FAULT_START).total_seconds())
        screen.print(plain(f"The alarm came {delay} after the fault began."))
    screen.print()
    files = [("history", str(healthy)), ("new", str(later)), ("model", str(model))]
    files.append(("report", f"{report} ({size_text(scored.files[0][2])}; open it in a browser)" if report else missing))
    show(screen, facts(files))
    return Demo(scored, healthy, later, model, report)


def _report_in(folder: Path) -> tuple[Path | None, str]:
    """Where the report goes, or why there is none."""
    try:
        plotly_script()
    except ModuleNotFoundError as error:
        return None, f"not written: {error}"
    return folder / "report.html", ""


def _when(times: NDArray[np.datetime64] | None, row: int) -> datetime:
    assert times is not None
    moment: datetime = times[row].astype("datetime64[us]").astype(datetime)
    return moment
