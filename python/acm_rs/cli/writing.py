"""Tables into files: whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import polars as pl

from acm_rs.cli.errors import Refusal

__all__ = ["check_output", "write_table", "write_whole"]

_ENDINGS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv"}


def check_output(output: Path, source: Path | None = None) -> None:
    """Refuse an output that could not be written, before any work is done.

    Parameters
    ----------
    output : Path
        The file to be written.
    source : Path, optional
        The input, which must not be overwritten.

    Raises
    ------
    Refusal
        Unknown ending, no such folder, no permission, a folder, or the input itself.
    """
    if output.suffix.lower() not in _ENDINGS:
        raise Refusal(f"{output}: the output must end in .parquet or .csv", status=2)
    try:
        if output.is_dir():
            raise Refusal(f"{output} is a folder; name a file in it")
        folder = output.resolve().parent
        if not folder.is_dir():
            raise Refusal(f"{output}: the folder {folder} does not exist")
        if source is not None and output.exists() and source.exists() and output.samefile(source):
            raise Refusal(f"{output} is the input too; choose another output", status=2)
    except OSError as error:
        raise Refusal(f"{output} cannot be written: {error.strerror or error}") from None
    if not os.access(folder, os.W_OK) or (output.exists() and not os.access(output, os.W_OK)):
        raise Refusal(f"{output} cannot be written: no permission")


def write_table(frame: pl.DataFrame, output: Path) -> int:
    """Write a table as Parquet or CSV, by the ending.

    Parameters
    ----------
    frame : DataFrame
        What to write.
    output : Path
        Where to; an existing file is replaced in one step.

    Returns
    -------
    int
        The size in bytes.

    Raises
    ------
    Refusal
        The disk is full, the folder not writable, and so on; nothing is left behind then.
    """
    if _ENDINGS[output.suffix.lower()] == "parquet":
        return write_whole(output, lambda path: frame.write_parquet(path))
    return write_whole(output, lambda path: _spelled(frame).write_csv(path))


def write_whole(output: Path, write: Callable[[Path], object]) -> int:
    """Write beside the target, then rename: whoever reads sees the old file or the new one, nothing between."""
    target = output.resolve()
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        write(draft)
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(target)
        return target.stat().st_size
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip().partition("\n")[0]
        raise Refusal(f"{output} cannot be written: {reason}") from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _spelled(frame: pl.DataFrame) -> pl.DataFrame:
    """Times as ISO 8601 with a blank, without a fraction where none is needed."""
    spelled = []
    for name, dtype in frame.schema.items():
        if not isinstance(dtype, pl.Datetime):
            continue
        column = frame[name]
        part = 10 ** {"ms": 3, "us": 6, "ns": 9}[dtype.time_unit]
        fraction = "" if not (column.to_physical() % part != 0).any() else "%.6f" if dtype.time_unit != "ns" else "%.9f"
        zone = "%:z" if dtype.time_zone else ""
        spelled.append(column.dt.strftime(f"%Y-%m-%d %H:%M:%S{fraction}{zone}"))
    return frame.with_columns(spelled)
