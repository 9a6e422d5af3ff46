"""How the engine's kernels are called, with arrays or frames, and their results become what was given."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from acm_rs.frames import Rows, Sheet, listed, opened, same_index, type_name, vector
from acm_rs.groups import by_group
from acm_rs.stamps import stamps


def beside(x: Sheet | None, y: Any, name: str = "y", *, rows: bool = True) -> Any:
    """A second input: the same columns in the same order, or one for all; where `rows` counts, the same rows."""
    if isinstance(y, np.ndarray):
        return y
    sheet = Sheet(y, name)
    if x is None:
        return sheet.values
    if rows:
        same_index(y, x.native, name, x.name)
    several = len(x.labels) > 1 and len(sheet.labels) > 1
    if several and len(x.labels) == len(sheet.labels) and x.names != sheet.names:
        place = next(i for i, pair in enumerate(zip(x.labels, sheet.labels, strict=True)) if pair[0] != pair[1])
        raise ValueError(
            f"`{name}` must have the columns of `{x.name}` in their order: column {place} must be "
            f"{reprlib.repr(x.labels[place])}, got {reprlib.repr(sheet.labels[place])}"
        )
    return sheet.values


def unlabelled(values: Any, name: str) -> Any:
    """An argument of one value a column where the columns' names are not known yet."""
    if hasattr(values, "index") and hasattr(values, "iloc"):
        raise TypeError(
            f"`{name}` must be numbers in the order of the columns, got a {type_name(values)} with labels, which are "
            f"not known here; take {name}.to_numpy()"
        )
    return vector(values, name)


def per_sensor(values: Any, x: Any, name: str) -> Any:
    """An argument of one value a sensor: by name where a series of pandas or a frame of one row has them."""
    if values is None or isinstance(values, str | int | float | np.ndarray | np.generic | Sequence):
        return values
    import narwhals as nw

    held = nw.from_native(values, eager_only=True, allow_series=True, pass_through=True)
    if isinstance(held, nw.DataFrame):
        if len(held) != 1:
            raise ValueError(f"`{name}` must have one row, with a value for each sensor, got {len(held)}")
        named: dict[Any, Any] = {label: values[0] for label, values in held.to_dict(as_series=False).items()}
    elif isinstance(held, nw.Series):
        if not held.implementation.is_pandas_like():
            return held.to_numpy()
        named = dict(zip(values.index, held.to_numpy(), strict=True))
    else:
        return values
    sheet = opened(x)
    if sheet is None:
        return np.asarray(list(named.values()), dtype=np.float64)
    if set(named) != set(sheet.labels):
        lacking = [label for label in sheet.labels if label not in named]
        strange = [label for label in named if label not in sheet.labels]
        raise ValueError(
            f"`{name}` must have a value for each sensor of `x`; missing: {listed(lacking) or 'none'}, not known: "
            f"{listed(strange) or 'none'}"
        )
    return np.asarray([named[label] for label in sheet.labels], dtype=np.float64)


def windowed(
    kernel: Callable[..., Any],
    x: Any,
    window: object,
    min_periods: int | None,
    center: bool,
    closed: str | None,
    step: int,
    times: Any,
    out: Any,
    first_row: int,
    by: Any,
    tails: Sequence[str] | None = None,
    labels: Callable[[], Sequence[Hashable]] | None = None,
    **own: Any,
) -> Any:
    """A rolling kernel over an array or a frame, and over a second one where there is a `y` in `own`.

    Where a sensor has several results, `tails` follow its name, or `labels` makes all their names. With `by` each group
    of rows by itself.
    """
    # Live rows come one by one: the shortest way for arrays.
    ends = () if closed is None else (closed,)
    plain = isinstance(x, np.ndarray) and (times is None or isinstance(times, np.ndarray))
    if plain and by is None and "y" not in own:
        return kernel(x, window, min_periods, center, step, times, out, first_row, *ends, **own)
    sheet = opened(x, "x", times, by)
    inputs: tuple[Any, ...] = (x if sheet is None else sheet.values,)
    if "y" in own:
        inputs = (*inputs, beside(sheet, own.pop("y")))
    moments = stamps(times) if sheet is None else sheet.times(times, window)
    rows: Rows
    if by is None:
        found = kernel(*inputs, window, min_periods, center, step, moments, out, first_row, *ends, **own)
        rows = slice(None) if sheet is None else sheet.kept(step, first_row)
    else:
        if isinstance(first_row, np.ndarray) or first_row != 0:
            raise ValueError(
                f"`first_row` must be 0 with `by`: each group counts its own rows, got {reprlib.repr(first_row)}"
            )

        def arguments(moments: Any) -> tuple[Any, ...]:
            return (window, min_periods, center, step, moments, None, 0, *ends)

        found, kept = by_group(kernel, inputs, by, sheet, moments, arguments, step, out, own)
        rows = slice(None) if kept is None else kept
    if sheet is None or out is not None:
        return found
    names = sheet.each(tails) if tails is not None else labels and labels()
    return sheet.like(found, names, rows)


def windowed_f64(
    kernel: Callable[..., Any], data: Any, window: int, min_periods: int | None, tails: Sequence[str] | None = None
) -> Any:
    """A rolling kernel of the migration plan: float64 alone, rows alone."""
    if isinstance(data, np.ndarray):
        return kernel(data, window, min_periods)
    sheet = Sheet(data, "data")
    return sheet.like(kernel(sheet.values, window, min_periods), None if tails is None else sheet.each(tails))


def same(kernel: Callable[..., Any], x: Any, out: Any, tails: Sequence[str] | None = None, **own: Any) -> Any:
    """A kernel that gives each row its results."""
    if isinstance(x, np.ndarray):
        return kernel(x, out=out, **own)
    sheet = Sheet(x, "x")
    found = kernel(sheet.values, out=out, **own)
    if out is not None:
        return found
    return sheet.like(found, None if tails is None else sheet.each(tails))


def weighted(kernel: Callable[..., Any], x: Any, halflife: object, times: Any, out: Any, by: Any, **own: Any) -> Any:
    """A kernel of exponential weights, which decay with time where `halflife` is a duration; by group as `windowed`."""
    sheet = opened(x, "x", times, by)
    values = x if sheet is None else sheet.values
    moments = stamps(times) if sheet is None else sheet.times(times, halflife)
    if by is None:
        found = kernel(values, halflife=halflife, times=moments, out=out, **own)
    else:

        def alone(part: Any, moments: Any) -> Any:
            return kernel(part, halflife=halflife, times=moments, out=None, **own)

        found, _ = by_group(alone, (values,), by, sheet, moments, lambda moments: (moments,), 1, out, {})
    return found if sheet is None or out is not None else sheet.like(found)


def relabelled(kernel: Callable[..., Any], labels: Any, *arguments: Any, **own: Any) -> Any:
    """A kernel from labels to labels; a series comes back as one."""
    if isinstance(labels, np.ndarray | Sequence):
        return kernel(labels, *arguments, **own)
    states = vector(labels, "labels")
    if states is labels:
        return kernel(labels, *arguments, **own)
    return Sheet(labels, "labels").like(kernel(states, *arguments, **own))
