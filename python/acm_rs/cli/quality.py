"""What is wrong with a file's readings: the work behind ``acm-rs quality``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

import acm_rs
from acm_rs.cli.inputs import Inputs, named, said
from acm_rs.cli.progress import Bar
from acm_rs.cli.summary import file_json, table_json
from acm_rs.files.codes import read_codes
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
    sources: Inputs,
    *,
    against: Path | None = None,
    output: Path | None = None,
    options: ReadOptions,
    threads: int | None = None,
    progress: Console | None = None,
    raw: bool = False,
) -> QualityRun:
    """Read, look, write what was asked for.

    Parameters
    ----------
    sources : path or sequence of paths
        The readings: files, patterns, or ``-`` for standard input.
    against : Path, optional
        Earlier readings of the same sensors.
    output : Path, optional
        Where to write the table of sensors.
    options : ReadOptions
        What is known of the input.
    threads : int, optional
        Threads to use.
    progress : Console, optional
        Where to show that something is done.
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
    if output is not None:
        check_output(output, *named(sources), *([] if against is None else [against]))
    if threads is not None:
        acm_rs.set_num_threads(threads)
    # Error codes stay among the readings: to find them is the matter here.
    codes = "auto" if options.codes is None else read_codes(options.codes)
    options = replace(options, codes="none")
    with Bar(progress) as bar:
        table = load_sensors(sources, options, bar.step("reading"))
        earlier = None if against is None else load_sensors(against, options, bar.step("reading"))
    reference = None if earlier is None else _look(earlier, None, codes)
    try:
        report = _look(table, reference, codes)
    except ValueError as error:
        if reference is None:
            raise
        raise Refusal(f"{against} is no reference for {said(sources)}: {error}") from None
    if output is None:
        return QualityRun(table, report)
    there = output != STANDARD_OUTPUT and output.exists()
    return QualityRun(table, report, (output, write_table(_table(report), output, raw=raw), there))


def _look(table: SensorTable, reference: acm_rs.Quality | None, codes: Any) -> acm_rs.Quality:
    frame = table.frame
    clock = None if table.time is None or table.time.name not in frame.columns else table.time.name
    return acm_rs.quality(frame, clock, reference=reference, codes="auto" if codes is None else codes)


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
