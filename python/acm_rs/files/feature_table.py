"""The features of a table, some rows at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

import acm_rs
from acm_rs.files.errors import Refusal, quoted
from acm_rs.files.meter import Told
from acm_rs.files.pieces import group_rows
from acm_rs.files.table import SensorTable

__all__ = ["FeatureTable", "Fill", "Window"]

Window = int | np.timedelta64
"""Rows, or a duration in nanoseconds."""

# A piece sees at least this share of the rows before it that its windows see: then no row is read nine times.
_HALO_SHARE = 8
# Results of a piece, and of the rows before it that its windows see, that are in memory at once: 128 MB.
_MOST_CELLS = 1 << 24


class Fill(StrEnum):
    """What missing values become before features are computed."""

    median = "median"


@dataclass
class FeatureTable:
    """Every feature of every sensor, some rows at a time: the whole would be eleven times the input.

    Parameters
    ----------
    table : SensorTable
        The sensors.
    window : int or timedelta64
        Rows in a window, or how long it is.
    fill : Fill, optional
        What to fill missing values with; by default they are left out.
    """

    table: SensorTable
    window: Window
    fill: Fill | None = None
    columns: list[str] = field(init=False)
    seconds: float = field(init=False, default=0.0)
    """Time in the kernels so far."""
    _never: frozenset[str] = field(init=False, repr=False)
    empty: int = field(init=False, default=0)
    """Values so far that are not defined."""

    def __post_init__(self) -> None:
        self.columns = acm_rs.feature_names(self.table.sensors.columns)
        sensors = self.table.sensors
        missing = zip(sensors.columns, sensors.null_count().row(0), strict=True)
        never = [name for name, count in missing if count == sensors.height]
        # Filled or not, a sensor that never measured has no features.
        self._never = frozenset(acm_rs.feature_names(never)) if never else frozenset()
        if isinstance(self.window, np.timedelta64):
            _require_moments(self.table)

    def pieces(self, told: Told = lambda _done, _total: None) -> Iterator[pl.DataFrame]:
        """The table from its first rows to its last; a row's features do not depend on where it is cut.

        Parameters
        ----------
        told : callable
            Is told how many rows are done, and of how many.

        Yields
        ------
        DataFrame
            In the order of ``feature_names``; null where nothing is defined.
        """
        sensors = self.table.sensors
        rows = sensors.height
        sees = self._first_seen(rows)
        size = max(group_rows(len(self.columns)), int(np.max(np.arange(rows) - sees, initial=0)) // _HALO_SHARE)
        given: dict[str, Any] = {"fill": self._filling()}
        # Beyond twice the rows a longer window changes nothing, and any Python integer is welcome here.
        window = self.window if isinstance(self.window, np.timedelta64) else min(self.window, 2 * rows + 2)
        moments = self._moments()
        told(0, rows)
        for start in range(0, rows, size):
            stop = min(start + size, rows)
            first = int(sees[start])
            if moments is not None:
                given["times"] = moments[first:stop]
            made = self._made(sensors[first:stop], window, start - first, first, given)
            piece = pl.DataFrame([made[name] for name in self.columns])
            self.empty += sum(piece.null_count().row(0))
            yield piece
            told(stop, rows)

    def _made(
        self, seen: pl.DataFrame, window: Window, before: int, first: int, given: dict[str, Any]
    ) -> dict[str, pl.Series]:
        """The features of some rows but the first, a few sensors at a time where the rows are many."""
        made: dict[str, pl.Series] = {}
        step = max(1, _MOST_CELLS * seen.width // (max(seen.height, 1) * len(self.columns)))
        for place in range(0, seen.width, step):
            some = seen[:, place : place + step]
            own = {"fill": None if given["fill"] is None else given["fill"][place : place + step]}
            # Column by column in memory: each feature then is one block that Polars takes as it is.
            x = some.to_numpy(order="fortran")
            began = time.perf_counter()
            values = acm_rs.feature_matrix(x, window, first_row=first, **{**given, **own})[before:]
            self.seconds += time.perf_counter() - began
            if step < seen.width:
                # Else what is left of the rows before would stay in memory with it.
                values = values.copy(order="F")
            for column, name in enumerate(acm_rs.feature_names(some.columns)):
                made[name] = (
                    pl.Series(name, [None] * len(values), dtype=pl.Float64)
                    if name in self._never
                    else pl.Series(name, values[:, column], nan_to_null=self.fill is None)
                )
        return made

    def _first_seen(self, rows: int) -> NDArray[np.int64]:
        """The first row that each row's window sees."""
        if not isinstance(self.window, np.timedelta64):
            return np.maximum(np.arange(rows) - min(self.window, rows) + 1, 0)
        moments = self._moments()
        assert moments is not None
        return np.searchsorted(moments, moments - self.window, side="right").astype(np.int64)

    def _moments(self) -> NDArray[np.datetime64] | None:
        """When each row was taken, where the window is a duration."""
        if self.table.time is None or not isinstance(self.window, np.timedelta64):
            return None
        times = self.table.time.cast(pl.Datetime("ns", getattr(self.table.time.dtype, "time_zone", None)))
        return times.to_physical().to_numpy().astype("datetime64[ns]")

    def _filling(self) -> NDArray[np.float64] | None:
        """What each sensor's missing values become: the median of its whole history, 0 where it has none."""
        if self.fill is None:
            return None
        medians = [float(acm_rs.column_median_mad(sensor.to_numpy()[:, None])[0][0]) for sensor in self.table.sensors]
        return np.nan_to_num(np.array(medians), nan=0.0)


def _require_moments(table: SensorTable) -> None:
    if table.time is None:
        raise Refusal(
            f"{table.path} has no times, so --window must be a number of rows; where a column holds the time, name it"
            " with --time-column",
            status=2,
        )
    if not table.time.dtype.is_temporal():
        raise Refusal(
            f"{table.path}, column {quoted(table.time.name)} is a running number and no time, so --window must be a"
            " number of rows",
            status=2,
        )
