"""The summary of a run, for a person."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console

from acm_rs.cli.console import facts, show, size_text, span_text
from acm_rs.cli.features import FeatureRun
from acm_rs.cli.windows import span_of_window
from acm_rs.files.errors import counted, quoted
from acm_rs.files.on_disk import FrameOnDisk
from acm_rs.files.rhythm import Rhythm, moment_text, rhythm, rhythm_rows
from acm_rs.files.table import SensorTable

__all__ = [
    "Rhythm",
    "features_json",
    "file_json",
    "moment_text",
    "print_json",
    "print_summary",
    "rhythm",
    "table_json",
    "table_rows",
]

_MISSING_SHOWN = 8


def _time_rows(table: SensorTable) -> list[tuple[str, str]]:
    times = table.time
    if times is None:
        return [("time", table.time_note)]
    note = f", {table.time_note}" if table.time_note else ""
    rows = [("time", f"{moment_text(times[0])} to {moment_text(times[-1])} (column {quoted(times.name)}{note})")]
    return rows + rhythm_rows(times)


def _missing_rows(table: SensorTable, done: str) -> list[tuple[str, str]]:
    sensors = table.sensors
    counts = _missing_counts(sensors)
    if not counts:
        return [("missing", "none")]
    total = sum(count for _, count in counts)
    share = 100 * total / (sensors.height * sensors.width)
    met = sorted(table.words.items(), key=lambda item: -item[1])
    words = ", ".join(f"{count:,} {quoted(word)}" for word, count in met)
    among = f", among them {words}" if words else ""
    rows = [("missing", f"{counted(total, 'value')} ({share:.2g} %){among}; {done}")]
    for name, count in counts[:_MISSING_SHOWN]:
        if count == sensors.height:
            rows.append(("", f"{count:>9,} (all)  {name}"))
        else:
            rows.append(("", f"{count:>9,}  {name}, {_gaps_text(sensors[name])}"))
    if len(counts) > _MISSING_SHOWN:
        rows.append(("", f"{'':9}  and {counted(len(counts) - _MISSING_SHOWN, 'more sensor')}"))
    return rows


def _missing_counts(sensors: pl.DataFrame | FrameOnDisk) -> list[tuple[str, int]]:
    """Sensors with missing values and how many, the worst first."""
    counts = zip(sensors.columns, sensors.null_count().row(0), strict=True)
    return sorted(((name, count) for name, count in counts if count), key=lambda item: -item[1])


def _dead_rows(run: FeatureRun) -> list[tuple[str, str]]:
    sensors = run.table.sensors
    dead = [name for name, count in _missing_counts(sensors) if count == sensors.height]
    if not dead:
        return []
    shown = ", ".join(dead[:_MISSING_SHOWN])
    more = f" and {len(dead) - _MISSING_SHOWN:,} more" if len(dead) > _MISSING_SHOWN else ""
    return [("no values", f"{counted(len(dead), 'sensor')}: {shown}{more}; all features empty")]


def _gaps_text(sensor: pl.Series) -> str:
    runs = sensor.is_null().rle().struct.unnest().filter(pl.col("value"))["len"]
    longest = counted(max(runs.to_list()), "row")
    return f"one gap of {longest}" if runs.len() == 1 else f"{runs.len():,} gaps, the longest {longest}"


def _empty_rows(run: FeatureRun) -> list[tuple[str, str]]:
    cells = run.table.sensors.height * len(run.columns)
    if not run.empty:
        return []
    return [("empty", f"{run.empty:,} of {cells:,} values: too few readings in the window, or not defined for them")]


def _window_text(run: FeatureRun) -> str:
    if isinstance(run.window, np.timedelta64):
        return f"window {span_text(span_of_window(run.window))}, slopes per second"
    text = f"window {run.window:,} rows"
    times = run.table.time
    beat = rhythm(times) if times is not None and times.dtype.is_temporal() else None
    if run.window > run.table.sensors.height:
        return f"{text}, longer than the history: each row sees all before it"
    return text if beat is None else f"{text} = {span_text(beat.step * run.window)}"


def table_rows(table: SensorTable, missing: str, *more: tuple[str, str]) -> list[tuple[str, str]]:
    """What was read, for a person.

    Parameters
    ----------
    table : SensorTable
        The input as understood.
    missing : str
        What becomes of missing values.
    *more : tuple of str
        Rows that belong between those on missing values and the notes.

    Returns
    -------
    list of tuple
        Names and values.
    """
    rows = table.sensors.height
    kept = "" if table.rows_read == rows else f" of {table.rows_read:,} read"
    return [
        ("input", str(table.path)),
        ("rows", f"{rows:,}{kept}"),
        *_time_rows(table),
        ("sensors", f"{table.sensors.width:,}"),
        *_missing_rows(table, missing),
        *more,
        *(("cells", line) for line in table.changes.lines() if not line.startswith("word ")),
        *(("note", note) for note in table.notes),
    ]


def print_summary(run: FeatureRun, screen: Console) -> None:
    """Print what was read, what was computed and where it is."""
    table, made = run.table, len(run.columns)
    rows = [
        *table_rows(table, "left out" if run.fill is None else "filled with their sensor's median", *_dead_rows(run)),
        ("features", f"{made:,} ({made // table.sensors.width} for each sensor, {_window_text(run)})"),
        *_empty_rows(run),
        ("compute", f"{run.seconds:.3f} s on {counted(run.threads, 'thread')}"),
        ("output", f"{run.output} ({size_text(run.size)}{', replaced' if run.replaced else ''})"),
    ]
    show(screen, facts(rows))


def print_json(said: dict[str, Any]) -> None:
    """Print one object; escapes keep it whole on a stream of any code page."""
    print(json.dumps(said, indent=2, allow_nan=False))


def file_json(output: Path, size: int, replaced: bool) -> dict[str, Any]:
    """A file that was written, for a machine."""
    return {"path": str(output), "bytes": size, "replaced": replaced}


def table_json(table: SensorTable) -> dict[str, Any]:
    """What was read, for a machine.

    Parameters
    ----------
    table : SensorTable
        The input as understood.

    Returns
    -------
    dict
        What JSON can hold.
    """
    return {
        "path": str(table.path),
        "rows": table.sensors.height,
        "rows_read": table.rows_read,
        "time": _time_json(table),
        "sensors": table.sensors.columns,
        "missing": dict(_missing_counts(table.sensors)),
        "words": table.words,
        "changes": table.changes.by_reason(),
        "left_out": table.left_out,
        "about": {name: asdict(about) for name, about in table.about.items()},
        "notes": table.notes,
    }


def _time_json(table: SensorTable) -> dict[str, Any] | None:
    times = table.time
    if times is None:
        return None
    told: dict[str, Any] = {
        "column": times.name,
        "from": _stamp(times[0]),
        "to": _stamp(times[-1]),
        "note": table.time_note,
    }
    beat = rhythm(times)
    if beat is not None:
        told |= {"step": beat.step, "other_steps": beat.other, "gaps": beat.gaps, "longest_gap": beat.longest}
        told |= {"rows_not_there": beat.lost}
        if beat.gaps:
            told |= {"first_gap_after": _stamp(times[beat.before_first])}
            told |= {"longest_gap_after": _stamp(times[beat.before_longest])}
    return told


def _stamp(value: object) -> object:
    return value if isinstance(value, int | float) else str(value).replace(" ", "T").replace("+00:00", "Z")


def features_json(run: FeatureRun) -> dict[str, Any]:
    """Everything for a machine: what JSON can hold.

    Parameters
    ----------
    run : FeatureRun
        What was done.

    Returns
    -------
    dict
    """
    timed = isinstance(run.window, np.timedelta64)
    return {
        "input": table_json(run.table),
        "window": {"seconds": span_of_window(run.window)} if isinstance(run.window, np.timedelta64) else run.window,
        "slope": "per second" if timed else "per row",
        "fill": None if run.fill is None else str(run.fill),
        "features": run.columns,
        "values": run.table.sensors.height * len(run.columns),
        "empty": run.empty,
        "seconds": run.seconds,
        "threads": run.threads,
        "output": file_json(run.output, run.size, run.replaced),
    }
