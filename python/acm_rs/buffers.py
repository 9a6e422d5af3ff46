"""Columns of frames as arrays, where they lie or converted, and arrays as columns of Arrow."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["arrow_of", "floats_of", "holds_numbers", "is_plain", "pyarrow_if_there"]


def pyarrow_if_there() -> Any:
    """PyArrow, or None where it is not installed."""
    try:
        import pyarrow
    except ModuleNotFoundError:
        return None
    return pyarrow


def arrow_of(arrow: Any, values: npt.NDArray[Any]) -> Any:
    """An Arrow array around the values, NaN null: only a bit a value is new."""
    if values.dtype.kind != "f" or not values.flags.c_contiguous:
        return arrow.array(values, from_pandas=values.dtype.kind == "f")
    known = values == values
    count = len(values) - int(np.count_nonzero(known))
    mask = arrow.py_buffer(np.packbits(known, bitorder="little")) if count else None
    kind = arrow.from_numpy_dtype(values.dtype)
    return arrow.Array.from_buffers(kind, len(values), [mask, arrow.py_buffer(values)], count)


def holds_numbers(kind: Any) -> bool:
    """Numbers and truths."""
    import narwhals as nw

    return kind.is_numeric() or kind == nw.Boolean


def is_plain(column: Any) -> bool:
    """Whether NumPy holds the column as numbers, of any byte order."""
    held = getattr(column, "dtype", None)
    return isinstance(held, np.dtype) and held.kind in "fiub"


def floats_of(column: Any, kind: Any, dtype: Any) -> npt.NDArray[Any]:
    """A native column's values where they lie, or converted; NaN where it has none."""
    held = getattr(column, "dtype", None)
    if isinstance(held, np.dtype):
        return np.asarray(column.to_numpy(), dtype=dtype)
    if held is None or type(held).__name__ == "ArrowDtype":
        return _of_arrow(column if held is None else column.array.__arrow_array__(), dtype)
    if hasattr(column, "index"):
        return np.asarray(column.to_numpy(dtype=dtype, na_value=np.nan))
    return np.asarray((column if kind.is_float() else column.cast(float)).to_numpy(), dtype=dtype)


def _of_arrow(column: Any, dtype: Any) -> npt.NDArray[Any]:
    if getattr(column, "num_chunks", None) == 1:
        column = column.chunk(0)
    if column.null_count == 0 and str(column.type) in ("float", "double"):
        return np.asarray(column.to_numpy(), dtype=dtype)
    return np.asarray(column.cast("double", safe=False).to_numpy(zero_copy_only=False), dtype=dtype)
