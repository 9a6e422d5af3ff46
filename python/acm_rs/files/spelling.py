"""How tables are spelled in CSV: times as ISO 8601, and no text that a spreadsheet would run.

A cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line end is a formula to the spreadsheet that opens the
file, and formulas can call programs. An apostrophe before it makes it text. Source: OWASP, "CSV Injection".
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from acm_rs.files.errors import Refusal, quoted

__all__ = ["as_csv", "defused_names"]

# The wide forms too, which some locales read as the narrow ones; what parts cells elsewhere may begin a cell as well.
_RUNS = r"(^|[;|\t\r\n])(\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|[\t\r\n])"
_NUMBER = r"^[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?$"


def as_csv(frame: pl.DataFrame, *, raw: bool = False) -> pl.DataFrame:
    """A table as it goes into CSV.

    Parameters
    ----------
    frame : DataFrame
        Any columns; numbers are left to the writer.
    raw : bool
        Leave names and text as they are.

    Returns
    -------
    DataFrame
        Times as text: ISO 8601 with a blank, without a fraction where the whole column needs none.

    Raises
    ------
    Refusal
        Two names would become one.
    """
    frame = frame.with_columns(_times(frame[name]) for name, kind in frame.schema.items() if kind == pl.Datetime)
    if raw:
        return frame
    frame = frame.with_columns(_defused(frame[name]) for name, kind in frame.schema.items() if kind == pl.String)
    frame.columns = defused_names(frame.columns)
    return frame


def defused_names(names: Sequence[str]) -> list[str]:
    """Names of columns, an apostrophe before each that would be run.

    Parameters
    ----------
    names : sequence of str
        As they are.

    Returns
    -------
    list of str

    Raises
    ------
    Refusal
        Two names would become one.
    """
    safe = _defused(pl.Series("names", list(names), dtype=pl.String)).to_list()
    twice = next((name for place, name in enumerate(safe) if name != names[place] and safe.count(name) > 1), None)
    if twice is not None:
        raise Refusal(f"two columns of the output would be named {quoted(twice)}; rename one, or add --raw")
    return safe


def _defused(text: pl.Series) -> pl.Series:
    cell = pl.col("v")
    runs = cell.str.contains(_RUNS) & ~cell.str.contains(_NUMBER)
    safe = pl.when(runs).then(cell.str.replace_all(_RUNS, "${1}'${2}")).otherwise(cell)
    return text.to_frame("v").select(safe).to_series().rename(text.name)


def _times(column: pl.Series) -> pl.Series:
    assert isinstance(column.dtype, pl.Datetime)
    unit = column.dtype.time_unit
    part = 10 ** {"ms": 3, "us": 6, "ns": 9}[unit]
    fraction = "" if not (column.to_physical() % part != 0).any() else "%.6f" if unit != "ns" else "%.9f"
    zone = "%:z" if column.dtype.time_zone else ""
    return column.dt.strftime(f"%Y-%m-%d %H:%M:%S{fraction}{zone}")
