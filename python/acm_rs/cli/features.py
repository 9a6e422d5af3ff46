"""From sensors to the feature table: the work behind ``acm-rs features``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
from rich.console import Console

import acm_rs
from acm_rs.cli.inputs import Inputs, named
from acm_rs.cli.progress import Bar
from acm_rs.cli.windows import Window
from acm_rs.files.errors import Refusal, quoted
from acm_rs.files.feature_table import FeatureTable, Fill
from acm_rs.files.options import ReadOptions
from acm_rs.files.pieces import write_pieces
from acm_rs.files.table import SensorTable, load_sensors
from acm_rs.files.writing import check_output

__all__ = ["FeatureRun", "run_features"]


@dataclass(frozen=True)
class FeatureRun:
    """What a run did, for the summary.

    Parameters
    ----------
    table : SensorTable
        The input as understood.
    columns : list of str
        The features.
    empty : int
        Values that are not defined, or whose windows had too few readings.
    window : int or timedelta64
        Rows in a window, or how long it is.
    fill : Fill or None
        What missing values were filled with; None: they were left out.
    seconds : float
        Time in the kernels.
    threads : int
        Threads used.
    output : Path
        The file written.
    size : int
        Its size in bytes.
    replaced : bool
        Whether it took the place of another.
    """

    table: SensorTable
    columns: list[str]
    empty: int
    window: Window
    fill: Fill | None
    seconds: float
    threads: int
    output: Path
    size: int
    replaced: bool


def run_features(
    sources: Inputs,
    output: Path,
    *,
    window: Window,
    options: ReadOptions,
    threads: int | None,
    progress: Console | None,
    fill: Fill | None = None,
    raw: bool = False,
) -> FeatureRun:
    """Read, compute, write.

    Parameters
    ----------
    sources : path or sequence of paths
        Input files, patterns, or ``-`` for standard input.
    output : Path
        Output file.
    window : int or timedelta64
        Rows in a window, or how long it is.
    options : ReadOptions
        What is known of the input.
    threads : int, optional
        Threads to use; as many as the library chooses by default.
    progress : Console, optional
        Where to show a bar on long work.
    fill : Fill, optional
        What to fill missing values with; by default they are left out.
    raw : bool
        Write names into CSV as they are, also those that a spreadsheet would run.

    Returns
    -------
    FeatureRun

    Raises
    ------
    Refusal
        Input that cannot be understood or output that cannot be written.
    """
    check_output(output, *named(sources))
    if threads is not None:
        acm_rs.set_num_threads(threads)
    with Bar(progress) as bar:
        table = load_sensors(sources, options, bar.step("reading"), disk=True)
        features = FeatureTable(table, window, fill=fill)
        if table.time is not None and table.time.name in features.columns:
            raise Refusal(
                f"{table.path}: the time column is named {quoted(table.time.name)}, as is one of the features"
            )
        before = pl.DataFrame([] if table.time is None else [table.time])
        replaced = output.exists()
        pieces = features.pieces(bar.step("features", "rows"))
        size = write_pieces(output, before, features.columns, pieces, raw=raw)
    return FeatureRun(
        table,
        features.columns,
        features.empty,
        window,
        fill,
        features.seconds,
        acm_rs.get_num_threads(),
        output,
        size,
        replaced,
    )
