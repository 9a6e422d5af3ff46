"""What is wrong with a file's readings: the work behind ``acm-rs quality``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import polars as pl

import acm_rs
from acm_rs.cli.inputs import only
from acm_rs.cli.summary import file_json, table_json
from acm_rs.files.errors import Refusal, printable
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import SensorTable, load_sensors
from acm_rs.files.writing import STANDARD_OUTPUT, check_output, write_table

__all__ = ["QualityRun", "print_quality", "quality_json", "run_quality"]


@dataclass(frozen=True)
class QualityRun:
    """What was read and found.

    Parameters
    ----------
    table : SensorTable
        The readings as understood.
    report : Quality
        What is wrong with them.
    output : tuple of Path, int and bool, or None
        The file written, its size, and whether it took the place of another.
    """

    table: SensorTable
    report: acm_rs.Quality
    output: tuple[Path, int, bool] | None = None


def run_quality(
    sources: str | Path | Sequence[str | Path],
    *,
    against: Path | None = None,
    output: Path | None = None,
    options: ReadOptions,
    threads: int | None = None,
    raw: bool = False,
) -> QualityRun:
    """Read, look, write what was asked for.

    Parameters
    ----------
    sources : str, Path or sequence of them
        The readings.
    against : Path, optional
        Earlier readings of the same sensors.
    output : Path, optional
        Where to write the table of sensors.
    options : ReadOptions
        What is known of the input.
    threads : int, optional
        Threads to use.
    raw : bool
        Write names into CSV as they are.

    Returns
    -------
    QualityRun

    Raises
    ------
    Refusal
        Input that cannot be understood or output that cannot be written.
    """
    source = only(sources)
    if output is not None:
        check_output(output, source, *([] if against is None else [against]))
    if threads is not None:
        acm_rs.set_num_threads(threads)
    options = _as_written(options)
    table = load_sensors(source, options)
    reference = None if against is None else _look(load_sensors(against, options), None)
    try:
        report = _look(table, reference)
    except ValueError as error:
        if reference is None:
            raise
        raise Refusal(f"{against} is no reference for {source}: {error}") from None
    if output is None:
        return QualityRun(table, report)
    there = output != STANDARD_OUTPUT and output.exists()
    return QualityRun(table, report, (output, write_table(_table(report), output, raw=raw), there))


def _as_written(options: ReadOptions) -> ReadOptions:
    """Error codes stay in the readings: to find them is the matter here."""
    if "codes" not in {field.name for field in fields(options)}:
        return options
    changes: dict[str, Any] = {"codes": "none"}
    return replace(options, **changes)


def _look(table: SensorTable, reference: acm_rs.Quality | None) -> acm_rs.Quality:
    frame = table.frame
    clock = None if table.time is None or table.time.name not in frame.columns else table.time.name
    return acm_rs.quality(frame, clock, reference=reference)


def _table(report: acm_rs.Quality) -> pl.DataFrame:
    frame: pl.DataFrame = report.sensors
    return frame


def print_quality(done: QualityRun) -> None:
    """Print the findings and the table of sensors, and what reading the file has changed."""
    for line in str(done.report).splitlines():
        print(printable(line))
    if done.table.notes:
        print("\nReading the file:")
        for note in done.table.notes:
            print(printable(f"- {note}"))
    if done.output is not None:
        print(printable(f"\ntable  {done.output[0]}"))


def quality_json(done: QualityRun) -> dict[str, Any]:
    """All of it, for a machine."""
    files = [] if done.output is None else [file_json(*done.output)]
    return {"input": table_json(done.table), **done.report.as_dict(), "files": files}
