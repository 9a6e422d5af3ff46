"""Numbers that a frame holds under another type: decimals and numbers as objects, categories of numbers, durations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["as_numbers"]

Vector = NDArray[np.float64]


def as_numbers(x: Any) -> Any:
    """A frame whose columns of other types are numbers where all that they hold are some; a duration is its seconds.

    Texts stay what they are, also those that spell numbers.
    """
    if hasattr(x, "assign") and hasattr(x, "dtypes"):
        return _pandas(x)
    if hasattr(x, "dtypes") or hasattr(x, "column_names"):
        return _durations(x)
    return x


def _pandas(x: Any) -> Any:
    found = {}
    for place, kind in enumerate(x.dtypes):
        if isinstance(kind, np.dtype) and kind.kind in "fiub":
            continue
        column = x.iloc[:, place]
        if getattr(kind, "kind", "") == "m":
            whole = column.astype("timedelta64[ns]").to_numpy()
            # Divided here, which rounds a quotient once.
            numbers: Any = np.where(np.isnat(whole), np.nan, whole.astype(np.int64) / 1e9)
        elif hasattr(kind, "categories"):
            plain = kind.categories is not None and getattr(kind.categories.dtype, "kind", "") in "fiub"
            numbers = column.astype(float).to_numpy() if plain else None
        else:
            numbers = _of_cells(column) if isinstance(kind, np.dtype) and kind.kind == "O" else None
        if numbers is not None:
            found[place] = type(column)(numbers, index=x.index)
    if not found:
        return x
    columns = [found[place] if place in found else x.iloc[:, place] for place in range(x.shape[1])]
    return type(x)(dict(enumerate(columns)), index=x.index).set_axis(x.columns, axis=1)


def _of_cells(cells: Iterable[Any]) -> Vector | None:
    """Cells as numbers; None where one is none, or all are missing."""
    numbers: list[float] = []
    for cell in cells:
        if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
            numbers.append(np.nan)
        elif isinstance(cell, Real | Decimal | np.bool_):
            numbers.append(float(cell))
        elif isinstance(cell, timedelta):
            numbers.append(cell.total_seconds())
        else:
            return None
    found = np.array(numbers, np.float64)
    return None if np.isnan(found).all() else found


def _durations(x: Any) -> Any:
    """Columns of durations of Polars and Arrow in seconds."""
    import narwhals as nw

    try:
        frame: Any = nw.from_native(x, eager_only=True)
    except TypeError:
        return x
    names = [name for name, kind in frame.schema.items() if kind == nw.Duration]
    if not names:
        return x
    seconds = []
    for name in names:
        whole = frame.get_column(name).dt.total_nanoseconds().cast(nw.Float64).to_numpy()
        seconds.append(nw.new_series(name, whole / 1e9, nw.Float64, backend=frame.implementation))
    return frame.with_columns(*seconds).to_native()
