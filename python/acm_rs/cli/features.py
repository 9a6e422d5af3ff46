"""From sensors to the feature table: the work behind ``acm-rs features`` and ``acm-rs demo``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

import acm_rs
from acm_rs.files.errors import Refusal, quoted
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import SensorTable, load_sensors
from acm_rs.files.writing import check_output, write_table

__all__ = ["FeatureRun", "Fill", "feature_table", "run_features"]

# One call of the kernel is long enough to keep every thread busy, short enough for the bar to move.
_CELLS_PER_CALL = 2_000_000


class Fill(StrEnum):
    """What missing values become before features are computed."""

    median = "median"


@dataclass(frozen=True)
class FeatureRun:
    """What a run did, for the summary.

    Parameters
    ----------
    table : SensorTable
        The input as understood.
    features : DataFrame
        The output as written.
    window : int
        Rows in a window.
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
    features: pl.DataFrame
    window: int
    fill: Fill | None
    seconds: float
    threads: int
    output: Path
    size: int
    replaced: bool


def run_features(
    source: Path,
    output: Path,
    *,
    window: int,
    options: ReadOptions,
    threads: int | None,
    progress: Console | None,
    fill: Fill | None = None,
) -> FeatureRun:
    """Read, compute, write.

    Parameters
    ----------
    source, output : Path
        Input and output files.
    window : int
        Rows in a window.
    options : ReadOptions
        What is known of the input.
    threads : int, optional
        Threads to use; as many as the library chooses by default.
    progress : Console, optional
        Where to show a bar on long work.
    fill : Fill, optional
        What to fill missing values with; by default they are left out.

    Returns
    -------
    FeatureRun

    Raises
    ------
    Refusal
        Input that cannot be understood or output that cannot be written.
    """
    check_output(output, source)
    if threads is not None:
        acm_rs.set_num_threads(threads)
    table = load_sensors(source, options)
    names = acm_rs.feature_names(table.sensors.columns)
    if table.time is not None and table.time.name in names:
        raise Refusal(f"{source}: the time column is named {quoted(table.time.name)}, as is one of the features")
    with _Bar(progress) as bar:
        features, seconds = feature_table(table.sensors, window, bar.advance, bar.expect, fill=fill)
    if table.time is not None:
        features = features.insert_column(0, table.time)
    replaced = output.exists()
    size = write_table(features, output)
    return FeatureRun(table, features, window, fill, seconds, acm_rs.get_num_threads(), output, size, replaced)


def feature_table(
    sensors: pl.DataFrame,
    window: int,
    advance: Callable[[int], None] = lambda _: None,
    expect: Callable[[int, int], None] = lambda _columns, _calls: None,
    *,
    fill: Fill | None = None,
) -> tuple[pl.DataFrame, float]:
    """Compute every feature of every sensor, a group of sensors at a time.

    A feature depends on its own sensor only, so the groups change no bit of the result.

    Parameters
    ----------
    sensors : DataFrame
        Float64 columns, missing as null.
    window : int
        Rows in a window.
    advance, expect : callable
        Told how many columns are done, and beforehand how many columns and calls there will be.
    fill : Fill, optional
        What to fill missing values with; by default they are left out.

    Returns
    -------
    features : DataFrame
        In the order of ``feature_names``; null where nothing is defined.
    seconds : float
        Time in the kernels.
    """
    columns = sensors.columns
    # Beyond twice the rows a longer window changes nothing, and any Python integer is welcome here.
    window = min(window, 2 * sensors.height + 2)
    groups = list(_groups(columns, sensors.height))
    expect(len(columns), len(groups))
    done: dict[str, pl.Series] = {}
    seconds = 0.0
    for group in groups:
        # Column by column in memory: each feature then is one block that Polars takes as it is.
        x = sensors.select(group).to_numpy(order="fortran")
        start = time.perf_counter()
        values = acm_rs.feature_matrix(x, window, fill=None if fill is None else "median")
        seconds += time.perf_counter() - start
        for place, name in enumerate(acm_rs.feature_names(group)):
            done[name] = pl.Series(name, values[:, place], nan_to_null=fill is None)
        advance(len(group))
    return pl.DataFrame([done[name] for name in acm_rs.feature_names(columns)]), seconds


def _groups(columns: list[str], rows: int) -> Iterator[list[str]]:
    width = max(1, _CELLS_PER_CALL // max(rows, 1))
    for start in range(0, len(columns), width):
        yield columns[start : start + width]


class _Bar:
    """A progress bar that appears only where there is a terminal and more than one call to wait for."""

    def __init__(self, screen: Console | None) -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        if screen is not None and screen.is_terminal:
            self._progress = Progress(
                TextColumn("features"),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.completed:,.0f} of {task.total:,.0f} sensors"),
                TimeRemainingColumn(),
                console=screen,
                transient=True,
            )

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.stop()

    def expect(self, columns: int, calls: int) -> None:
        if self._progress is not None and calls > 1:
            self._task = self._progress.add_task("features", total=columns)
            self._progress.start()

    def advance(self, columns: int) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task, columns)
