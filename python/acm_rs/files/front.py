"""Tables of sensors from files, as Python asks for them."""

from __future__ import annotations

import errno
import glob
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_type_hints, overload

if TYPE_CHECKING:
    import polars as pl

    from acm_rs.files.options import ReadOptions
    from acm_rs.files.report import ReadReport

__all__ = ["options_of", "read_table"]

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@overload
def read_table(
    path: Paths,
    *,
    columns: Sequence[str] = (),
    time_column: str | None = None,
    timezone: str | None = None,
    date_order: Literal["mdy", "dmy", "ymd"] | None = None,
    decimal: Literal["point", "comma"] | None = None,
    missing: Sequence[str] = (),
    layout: Literal["auto", "wide", "long"] = "auto",
    tag_column: str | None = None,
    value_column: str | None = None,
    exclude: Sequence[str] = (),
    codes: str = "auto",
    quality_column: str | None = None,
    good: Sequence[str] = (),
    uncertain: Literal["keep", "missing"] = "keep",
    bad_rows: Literal["refuse", "skip"] = "refuse",
    skip_rows: int = 0,
    encoding: str | None = None,
    sheet: str | None = None,
    report: Literal[False] = False,
) -> pl.DataFrame: ...


@overload
def read_table(
    path: Paths,
    *,
    columns: Sequence[str] = (),
    time_column: str | None = None,
    timezone: str | None = None,
    date_order: Literal["mdy", "dmy", "ymd"] | None = None,
    decimal: Literal["point", "comma"] | None = None,
    missing: Sequence[str] = (),
    layout: Literal["auto", "wide", "long"] = "auto",
    tag_column: str | None = None,
    value_column: str | None = None,
    exclude: Sequence[str] = (),
    codes: str = "auto",
    quality_column: str | None = None,
    good: Sequence[str] = (),
    uncertain: Literal["keep", "missing"] = "keep",
    bad_rows: Literal["refuse", "skip"] = "refuse",
    skip_rows: int = 0,
    encoding: str | None = None,
    sheet: str | None = None,
    report: Literal[True],
) -> tuple[pl.DataFrame, ReadReport]: ...


def read_table(
    path: Paths,
    *,
    columns: Sequence[str] = (),
    time_column: str | None = None,
    timezone: str | None = None,
    date_order: Literal["mdy", "dmy", "ymd"] | None = None,
    decimal: Literal["point", "comma"] | None = None,
    missing: Sequence[str] = (),
    layout: Literal["auto", "wide", "long"] = "auto",
    tag_column: str | None = None,
    value_column: str | None = None,
    exclude: Sequence[str] = (),
    codes: str = "auto",
    quality_column: str | None = None,
    good: Sequence[str] = (),
    uncertain: Literal["keep", "missing"] = "keep",
    bad_rows: Literal["refuse", "skip"] = "refuse",
    skip_rows: int = 0,
    encoding: str | None = None,
    sheet: str | None = None,
    report: bool = False,
) -> pl.DataFrame | tuple[pl.DataFrame, ReadReport]:
    """A table of sensors over time from a file as plants have them: CSV, Excel, Parquet and others.

    Parameters
    ----------
    path : str, path or sequence of them
        Files or patterns such as ``"logs/*.csv"``; several are joined in time. Their kind is told by content.
    columns : sequence of str, default ()
        The sensors, in this order, by name or as in ``"Temp*"``; all numeric columns where empty.
    time_column : str, optional
        The column that holds the time; found by default.
    timezone : str, optional
        The zone of times that say none, such as ``"Europe/Berlin"`` or ``"+01:00"``: they become UTC. By default they
        are taken as written.
    date_order : "mdy", "dmy" or "ymd", optional
        The order of day and month in dates such as 06-01-2012; told from the whole column by default.
    decimal : "point" or "comma", optional
        The decimal mark; told from the whole file by default.
    missing : sequence of str, default ()
        Further words or numbers that mean "no value".
    layout : "auto", "wide" or "long", default "auto"
        Wide, a column for each sensor; long, a row for each reading (time, tag, value). Told from the table by default.
    tag_column, value_column : str, optional
        The columns of a long table that hold the sensors' names and their readings; found by default.
    exclude : sequence of str, default ()
        Columns to leave out, by name or as in ``"Temp*"``.
    codes : str, default "auto"
        Error codes to make missing, such as ``"-9999,1e30"``; ``"auto"`` takes well-known ones far outside all other
        readings, ``"none"`` leaves all.
    quality_column : str, optional
        The column that holds the quality of the whole row; found by default.
    good : sequence of str, default ()
        What means good in quality columns, all else being bad; words and OPC codes are known by default.
    uncertain : "keep" or "missing", default "keep"
        What becomes of readings that are marked or flagged as uncertain.
    bad_rows : "refuse" or "skip", default "refuse"
        What becomes of a row that cannot be read: it is refused, or left out and counted.
    skip_rows : int, default 0
        Rows at the top of each file that are not looked at.
    encoding : str, optional
        How the bytes of a text file are letters, by Python's name; told from the file by default.
    sheet : str, optional
        The sheet of a workbook, by its name or its number from 1; the first that holds a table by default.
    report : bool, default False
        Give the report as well.

    Returns
    -------
    DataFrame of Polars
        The time first as dates, sorted, each time once; then the sensors, shape (rows, d), Float64 in the units of the
        file, missing as null. A clock that counts (0, 0.5, 1 ... s) orders the rows as well but is no column, for a
        ramp is no sensor: it is ``times`` of the report.
    ReadReport
        With ``report=True``: what was understood, changed and left out, as sentences (``print(report)``) and by
        ``notes``, ``changes``, ``left_out``, ``about`` (units, descriptions, limits), ``missing``, ``times`` (of each
        row) and ``rhythm`` (their step and gaps).

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        What cannot be understood, by file, row and column, and what settles it; or a word that an argument does not
        take.
    TypeError
        An argument of another type.
    ModuleNotFoundError
        Polars is not installed: ``pip install "acm-rs[cli]"``.

    See Also
    --------
    Monitor : Takes the frame as it is.

    Notes
    -----
    The same sense as on the command line: nothing is guessed in silence. What a historian writes in place of a value
    (``Bad``, ``No Data``) is missing; a word that may be a reading is refused.

    Examples
    --------
    >>> import acm_rs, tempfile
    >>> from pathlib import Path
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name, "pump.csv")
    >>> _ = file.write_text("Zeit;Druck;Zustand\\n21.05.2024 14:00;1,5;an\\n21.05.2024 14:10;Bad;an\\n")
    >>> frame, report = acm_rs.read_table(file, report=True)
    >>> frame.columns, frame["Druck"].to_list()
    (['Zeit', 'Druck'], [1.5, None])
    >>> report.left_out
    {'Zustand': 'text'}
    >>> folder.cleanup()
    """
    said = dict(locals())
    if not _installed("polars"):
        raise ModuleNotFoundError('read_table needs Polars: pip install "acm-rs[cli]"', name="polars")
    from acm_rs.files.errors import Refusal
    from acm_rs.files.options import ReadOptions
    from acm_rs.files.report import ReadReport
    from acm_rs.files.table import load_sensors

    paths = _paths(path)
    given = {field.name: said[field.name] for field in fields(ReadOptions)}
    options = options_of(given)
    try:
        table = load_sensors(paths, options)
    except Refusal as refusal:
        raise ValueError(_spoken(str(refusal), given)) from None
    table.notes = [_spoken(note, given) for note in table.notes]
    frame = table.frame
    if table.time is not None and table.time.name not in frame.columns:
        table.notes.append(
            f"{table.time.name!r} counts and tells no date: it orders the rows, and is no column of the frame but"
            " `times` of the report"
        )
    return (frame, ReadReport.of(table)) if report else frame


def options_of(given: Mapping[str, Any]) -> ReadOptions:
    """What is known of a file, from the keyword arguments of `read_table`.

    Parameters
    ----------
    given : mapping of str to object
        By name; what is not given is as `read_table` has it.

    Returns
    -------
    ReadOptions

    Raises
    ------
    TypeError
        An argument that there is not, or of another type.
    ValueError
        A word that an argument does not take.
    """
    from acm_rs.files.options import ReadOptions

    hints = get_type_hints(ReadOptions)
    known = {field.name for field in fields(ReadOptions)}
    for name in given:
        if name not in known:
            raise TypeError(f"read_table has no argument {name!r}; it has {', '.join(sorted(known))}")
    return ReadOptions(**{name: _taken(name, value, hints[name]) for name, value in given.items()})


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:
        return False


def _paths(path: Any) -> list[Path | str]:
    given = [path] if isinstance(path, str | os.PathLike) else path
    if not isinstance(given, Sequence) or not all(isinstance(one, str | os.PathLike) for one in given):
        raise TypeError(f"`path` must be a path or a sequence of paths, got {type(path).__name__}")
    found: list[Path | str] = []
    for one in given:
        text = os.fspath(one)
        if not isinstance(text, str):
            raise TypeError(f"`path` must be a path of text, got {type(text).__name__}")
        if text != "-" and not glob.has_magic(text) and not Path(text).exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), text)
        found.append(text)
    return found


Word = TypeVar("Word", bound=Enum)


def _taken(name: str, value: Any, hint: Any) -> Any:
    """An argument as the field of the options takes it."""
    kinds = get_args(hint) or (hint,)
    if value is None and type(None) in kinds:
        return None
    words = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum)), None)
    if words is not None:
        if not isinstance(value, str):
            raise TypeError(f"`{name}` must be a word, got {type(value).__name__}")
        choices = [str(word.value) for word in words]
        if value not in choices:
            raise ValueError(f"`{name}` must be {' or '.join(map(repr, choices))}, got {value!r}")
        return words(value)
    if hint is int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"`{name}` must be a whole number, got {type(value).__name__}")
        if value < 0:
            raise ValueError(f"`{name}` must be at least 0, got {value}")
        return value
    if str in kinds:
        # `Sequence[str]` has str among its arguments too.
        if getattr(hint, "__origin__", None) is None or type(None) in kinds:
            if not isinstance(value, str):
                raise TypeError(f"`{name}` must be a text, got {type(value).__name__}")
            return value
        if isinstance(value, str):
            raise TypeError(f"`{name}` must be a sequence of texts, got str; write [{value!r}]")
        if not isinstance(value, Sequence) or not all(isinstance(word, str) for word in value):
            raise TypeError(f"`{name}` must be a sequence of texts, got {type(value).__name__}")
    return value


def _spoken(text: str, known: dict[str, Any]) -> str:
    """What is refused, with arguments in place of the options of the command line."""

    def argument(found: re.Match[str]) -> str:
        name = found[1].replace("-", "_")
        return f"`{name}`" if name in known else found[0]

    return re.sub(r"--([a-z]+(?:-[a-z]+)*)", argument, text)
