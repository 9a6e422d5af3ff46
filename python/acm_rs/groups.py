"""Windows by group: the rows of each label, in their order, are a history of their own."""

from __future__ import annotations

import operator
import reprlib
from collections.abc import Callable, Hashable, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import Sheet, same_index, type_name

Rows = NDArray[np.intp]


class Groups:
    """Which rows belong together: `order` puts each group's beside each other, in their own order."""

    __slots__ = ("bounds", "labels", "order", "rows")

    def __init__(self, by: Any, sheet: Sheet | None, rows: int) -> None:
        self.rows: int = rows
        self.labels: list[Hashable]
        self.labels, codes = _coded(_labels_of(by, sheet, rows))
        sizes = np.bincount(codes, minlength=len(self.labels))
        ends = np.cumsum(sizes)
        self.bounds: list[tuple[int, int]] = list(zip((ends - sizes).tolist(), ends.tolist(), strict=True))
        # Where the groups already stand one after the other, nothing has to be moved.
        together = bool((codes[1:] >= codes[:-1]).all())
        self.order: Rows | None = None if together else np.argsort(_narrow(codes), kind="stable")

    def gathered(self, values: Any) -> Any:
        """One matrix, or the rows of an array, group by group."""
        if isinstance(values, np.ndarray):
            return values if self.order is None else values.take(self.order, axis=0)
        together = np.empty((len(values), self.rows), np.result_type(*values))
        for line, column in zip(together, values, strict=True):
            line[:] = column if self.order is None else column[self.order]
        return together.T

    def kept(self, step: int) -> tuple[Rows | None, Rows | None]:
        """The rows that have results, in their order, and where each one's result is found; None: all, as they are."""
        if step == 1 and self.order is None:
            return None, None
        order = np.arange(self.rows) if self.order is None else self.order
        if step > 1:
            order = np.concatenate([order[start:end:step] for start, end in self.bounds] or [order])
        found = np.argsort(order)
        return order[found], found

    def in_time(self, times: NDArray[Any]) -> NDArray[Any]:
        """The times, group by group, which must not go back within one."""
        times = times[self.order] if self.order is not None else times
        back = np.flatnonzero(times[1:] < times[:-1]) + 1
        back = back[~np.isin(back, [start for start, _ in self.bounds])]
        if back.size:
            row = int(back[0] if self.order is None else self.order[back[0]])
            group = next(label for label, (start, end) in zip(self.labels, self.bounds, strict=True) if back[0] < end)
            raise ValueError(
                f"`times` must not go back within a group, row {row} is earlier than the row before it in the group "
                f"{reprlib.repr(group)}; sort by time"
            )
        return times


def _labels_of(by: Any, sheet: Sheet | None, rows: int) -> Any:
    """The labels as an array or a list, as many as there are rows."""
    if isinstance(by, str):
        if sheet is None:
            raise TypeError(
                f"`by` must be a label for each row where `x` is an array, got {reprlib.repr(by)}: only frames have "
                "columns by name"
            )
        by = sheet.group_column()
    elif sheet is not None:
        same_index(by, sheet.native, "by", sheet.name)
    labels = _values_of(by, rows)
    if isinstance(labels, np.ndarray) and labels.ndim != 1:
        raise ValueError(f"`by` must have 1 dimension, got {labels.ndim}")
    if len(labels) != rows:
        more = "more" if len(labels) > rows and isinstance(labels, list) else len(labels)
        raise ValueError(f"`by` must have a label for each of the {rows} rows of `x`, got {more}")
    return labels


def _values_of(by: Any, rows: int) -> Any:
    if isinstance(by, np.ndarray):
        missing = np.ma.getmaskarray(by) if isinstance(by, np.ma.MaskedArray) else None
        if missing is not None and missing.any():
            raise _lacking(missing)
        return np.asarray(by)
    if isinstance(by, Sequence) and not isinstance(by, bytes | bytearray | memoryview):
        # What it says of its length is a claim.
        return list(islice(by, rows + 1))
    import narwhals as nw

    if hasattr(by, "get_level_values"):
        by = by.to_series()
    column = by if isinstance(by, nw.Series) else nw.from_native(by, series_only=True, pass_through=True)
    if isinstance(column, nw.Series):
        missing = column.is_null().to_numpy()
        if missing.any():
            raise _lacking(missing)
        return column.to_numpy()
    if not hasattr(by, "__array__"):
        raise TypeError(f"`by` must be a label for each row, got {type_name(by)}")
    try:
        return np.asarray(by)
    except (TypeError, ValueError) as error:
        raise TypeError(f"`by` must be a label for each row, got {type_name(by)}: {error}") from error


def _lacking(missing: NDArray[np.bool_]) -> ValueError:
    return ValueError(
        f"`by` must have a label in every row, got {int(missing.sum())} missing, the first in row "
        f"{int(missing.argmax())}; name them, or leave their rows out"
    )


def _coded(labels: Any) -> tuple[list[Hashable], NDArray[np.intp]]:
    """Each label once, and the number of each row's."""
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "iub":
        kinds, first, codes = np.unique(labels, return_index=True, return_inverse=True)
        # In the order in which they come: groups that stand one after the other are seen to.
        order = np.argsort(first)
        number = np.empty(len(order), np.intp)
        number[order] = np.arange(len(order))
        return kinds[order].tolist(), number[codes]
    given = labels.tolist() if isinstance(labels, np.ndarray) else labels
    known: dict[Hashable, int] = {}
    try:
        codes = np.fromiter((known.setdefault(label, len(known)) for label in given), np.intp, len(given))
    except TypeError as error:
        raise TypeError(f"`by` must hold labels such as numbers and texts: {error}") from error
    if any(_is_missing(label) for label in known):
        raise _lacking(np.fromiter((_is_missing(label) for label in given), np.bool_, len(given)))
    return list(known), codes


def _is_missing(label: Any) -> bool:
    if label is None:
        return True
    same: Any = label == label
    # That of pandas' NA is neither true nor false.
    return same is not True and not (isinstance(same, np.bool_) and bool(same))


def _narrow(codes: NDArray[np.intp]) -> NDArray[Any]:
    """The same in few bytes, which sort in the time of a few passes."""
    return codes.astype(np.uint16) if codes.size and codes.max() < 2**16 else codes


def by_group(
    kernel: Callable[..., Any],
    inputs: Sequence[Any],
    by: Any,
    sheet: Sheet | None,
    moments: Any,
    arguments: Callable[[Any], tuple[Any, ...]],
    step: int,
    out: Any,
    own: dict[str, Any],
) -> tuple[Any, Rows | None]:
    """The results of a kernel over each group alone, in the order of the rows, and the rows that have any."""
    lengths = [_rows_of(values[0] if isinstance(values, list) else values) for values in inputs]
    if moments is not None:
        lengths.append(_rows_of(moments))
    rows = lengths[0]
    groups = Groups(by, sheet, rows or 0)
    if rows is None or rows == 0 or any(length != rows for length in lengths):
        # Nothing to part, or the kernel's own word on what does not fit.
        return kernel(*inputs, *arguments(moments), **own), None
    tables = [groups.gathered(values) for values in inputs]
    if moments is not None and moments.dtype.kind in "iM":
        moments = groups.in_time(moments)
    parts = [
        kernel(
            *[table[start:end] for table in tables],
            *arguments(None if moments is None else moments[start:end]),
            **own,
        )
        for start, end in groups.bounds
    ]
    found = np.concatenate(parts)
    kept, place = groups.kept(operator.index(step))
    if out is None:
        return (found if place is None else found.take(place, axis=0)), kept
    _fits(out, found, inputs)
    if place is None:
        out[...] = found
    else:
        np.take(found, place, axis=0, out=out, mode="clip")
    return out, kept


def _rows_of(array: Any) -> int | None:
    """Rows of an array; None where that is none."""
    return array.shape[0] if isinstance(array, np.ndarray) and array.ndim else None


def _fits(out: Any, found: Any, inputs: Sequence[Any]) -> None:
    """Refuse what a kernel would refuse."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"`out` must be a NumPy array, got {type_name(out)}")
    if out.shape != found.shape:
        raise ValueError(f"`out` must have shape {found.shape}, got {out.shape}")
    if out.dtype != found.dtype:
        raise TypeError(f"`out` must have the dtype of `x`, {found.dtype}, got {out.dtype}")
    if not out.flags.writeable:
        raise ValueError("`out` must be writeable, got a read-only array")
    tables = [table for values in inputs for table in ([values] if isinstance(values, np.ndarray) else values)]
    if any(np.may_share_memory(out, table) for table in tables):
        raise ValueError("`out` must not share memory with `x` or with another call's arrays")
