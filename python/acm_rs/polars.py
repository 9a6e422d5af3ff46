"""The functions as Polars expressions: `import acm_rs.polars`, then `pl.col("heat").acm.rolling_mad(16)`."""

from __future__ import annotations

from typing import Any

import numpy as np

from acm_rs.accessors import OF_COLUMNS, OF_FRAMES, Function, applied, furnish
from acm_rs.frames import Sheet
from acm_rs.groups import Groups
from acm_rs.stamps import stamps

try:
    import polars as pl
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "acm_rs.polars needs Polars: install it with pip install polars", name="polars"
    ) from error

__all__ = ["ExprNamespace", "FrameNamespace", "SeriesNamespace"]

# Where `x` is a whole column, there is nothing to write into and no row before its first.
_NOT_HERE = ("out", "first_row")
_COLUMNS = ("y", "times", "by")
"""Arguments that are columns themselves."""


@pl.api.register_expr_namespace("acm")
class ExprNamespace:
    """What `expression.acm` is: every function of a column, in `select`, `with_columns`, `.over(...)` and lazily.

    Parameters
    ----------
    x : polars.Expr
        The sensor, or several: each by itself.

    Notes
    -----
    ``y``, ``times`` and ``by`` are expressions or names of columns. Several results a row are a struct, whose fields
    are called as the ends of the names that the function gives a frame's columns: "mean", "std", "lag1".

    Examples
    --------
    >>> import polars as pl, acm_rs.polars
    >>> frame = pl.DataFrame({"pump": ["a", "b", "a"], "heat": [1.0, 7.0, 4.0]})
    >>> frame.select(pl.col("heat").acm.rolling_mean(2).over("pump"))["heat"].to_list()
    [1.0, 7.0, 2.5]
    """

    def __init__(self, x: pl.Expr) -> None:
        self._x: pl.Expr = x


@pl.api.register_series_namespace("acm")
class SeriesNamespace:
    """What `series.acm` is: every function of one sensor; several results a row come as a frame.

    Parameters
    ----------
    x : polars.Series
        The sensor, oldest reading first.

    Examples
    --------
    >>> import polars as pl, acm_rs.polars
    >>> pl.Series("heat", [1.0, 3.0, 8.0]).acm.rolling_mad(3).to_list()
    [0.0, 1.0, 2.0]
    """

    def __init__(self, x: pl.Series) -> None:
        self._x: Any = x


@pl.api.register_dataframe_namespace("acm")
class FrameNamespace:
    """What `frame.acm` is: every function of a frame, whose names stay.

    Parameters
    ----------
    x : polars.DataFrame
        Rows = time, oldest first; columns = sensors.

    Examples
    --------
    >>> import polars as pl, acm_rs.polars
    >>> pl.DataFrame({"heat": [1.0, 3.0, 8.0]}).acm.rolling_mean(2)["heat"].to_list()
    [1.0, 2.0, 5.5]
    """

    def __init__(self, x: pl.DataFrame) -> None:
        self._x: Any = x


def _planned(accessor: ExprNamespace, function: Function, given: dict[str, Any]) -> pl.Expr:
    """The expression of what the function will give."""
    beside = {name: _column(name, given.pop(name)) for name in _COLUMNS if given.get(name) is not None}
    # Polars asks for the type of the result by a call, and keeps to itself what is wrong with it. So what is wrong with
    # the arguments is said here, and what is wrong with columns before that call's own turn.
    _tried(function, beside, given)

    asked = {"x": accessor._x, **beside}
    checked = {name: _checked(column, name) for name, column in asked.items()}

    def run(columns: Any) -> pl.Series:
        let_through = {
            name: column if asked[name].meta.is_literal() else _STAND_IN[name](column)
            for name, column in zip(asked, columns, strict=True)
        }
        # Within groups columns have no names: what they are called here is taken off the results again. A frame is
        # computed in two thirds of a series' time.
        x = let_through.pop("x").alias("x").to_frame()
        found = function(x, **let_through, **given)
        if found.columns == ["x"]:
            return found["x"].alias(columns[0].name)
        return found.rename(lambda name: name.removeprefix("x_")).to_struct(columns[0].name)

    if beside:
        return pl.map_batches(list(checked.values()), run)
    return checked["x"].map_batches(lambda x: run([x]))


def _checked(column: pl.Expr, name: str) -> pl.Expr:
    """The column as it is, refused where the function would refuse it."""
    if column.meta.is_literal():
        # Polars panics over the type of what is made of one twice.
        return column

    def check(values: pl.Series) -> pl.Series:
        if name == "times":
            stamps(values)
            if not _is_instant(values):
                raise TypeError(f"`times` must hold dates, or nanoseconds as Int64, got {values.dtype}")
        elif name == "by":
            if values.null_count() or values.dtype.is_nested():
                Groups(values, None, len(values))
        elif not _is_number(values):
            Sheet(values, name)
        return values

    return column.map_batches(check, return_dtype=pl.self_dtype())


def _is_number(column: pl.Series) -> bool:
    return column.dtype.is_numeric() or column.dtype == pl.Boolean


def _numbers(column: pl.Series) -> pl.Series:
    """What is no numbers has none: it was let through, or Polars asks for a type."""
    return column if _is_number(column) else pl.Series(column.name, [None] * len(column), pl.Float64)


def _is_instant(column: pl.Series) -> bool:
    return column.dtype in (pl.Datetime, pl.Date, pl.Int64)


def _instants(column: pl.Series) -> Any:
    return column if _is_instant(column) else np.arange(len(column))


def _labels(column: pl.Series) -> Any:
    # Polars asks for the type with two rows of its own, which are null where they should be categories.
    unknown = column.null_count() == len(column) or column.dtype.is_nested()
    return np.zeros(len(column), np.intp) if unknown else column


_WORDS = {
    name: f"{name} : str, polars.Expr or polars.Series{optional}\n    The column, or its name, {what}.\n"
    for name, optional, what in (
        ("y", "", "that is the other side"),
        ("times", ", optional", "with the rows' times: dates or nanoseconds, in order"),
        ("by", ", optional", "that tells of which history a row is: each is computed by itself"),
    )
}
"""What an expression is told of columns beside it."""

_STAND_IN: dict[str, Any] = {"x": _numbers, "y": _numbers, "times": _instants, "by": _labels}


def _column(name: str, value: Any) -> pl.Expr:
    if isinstance(value, str):
        return pl.col(value)
    if isinstance(value, pl.Expr):
        return value
    if isinstance(value, pl.Series):
        return pl.lit(value)
    raise TypeError(f"`{name}` must be an expression, the name of a column or a series, got {type(value).__name__}")


def _tried(function: Function, beside: dict[str, pl.Expr], given: dict[str, Any]) -> None:
    """Refuse what the function refuses, whatever its columns are."""
    stand_in: dict[str, Any] = {"y": np.zeros(2), "times": np.arange(2), "by": [0, 1]}
    function(np.zeros(2), **{name: stand_in[name] for name in beside}, **given)


furnish(ExprNamespace, OF_COLUMNS, _NOT_HERE, _planned, _WORDS)
furnish(SeriesNamespace, OF_COLUMNS, (), applied)
furnish(FrameNamespace, OF_FRAMES, (), applied)
