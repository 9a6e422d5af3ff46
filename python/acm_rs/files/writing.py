"""Tables into files: whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl

from acm_rs.files.errors import Refusal
from acm_rs.files.spelling import as_csv

__all__ = ["STANDARD_OUTPUT", "check_output", "is_parquet", "write_table", "write_whole"]

STANDARD_OUTPUT = Path("-")
"""Stands for standard output: a table goes there as CSV."""

_ENDINGS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv"}
_SPECIAL = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)
# As many as Linux follows.
_MOST_LINKS = 40


def check_output(output: Path, *sources: Path, endings: Sequence[str] = tuple(_ENDINGS)) -> None:
    """Refuse an output that could not be written, before any work is done.

    Parameters
    ----------
    output : Path
        The file to be written; ``-`` stands for standard output, where a table may go.
    *sources : Path
        Inputs, which must not be overwritten.
    endings : sequence of str, default the tables'
        What its name may end in; anything where empty.

    Raises
    ------
    Refusal
        Unknown ending, no such folder, no permission, no regular file, or the input itself.
    """
    if output == STANDARD_OUTPUT:
        if tuple(endings) == tuple(_ENDINGS):
            return
        raise Refusal("- stands for standard output, where only tables go; name a file", status=2)
    if endings and output.suffix.lower() not in endings:
        named = " or ".join(ending for ending in endings if ending not in (".pq", ".htm"))
        raise Refusal(f"{output}: the output must end in {named}", status=2)
    try:
        target, old = _followed(output)
        _refuse_special(output, old)
        folder = target.parent
        if not folder.is_dir():
            raise Refusal(f"{output}: the folder {folder} does not exist")
        for source in sources:
            if old is not None and source.exists() and os.path.samestat(old, source.stat()):
                raise Refusal(f"{output} is the input too; choose another output", status=2)
    except OSError as error:
        raise Refusal(f"{output} cannot be written: {error.strerror or error}") from None
    if not os.access(folder, os.W_OK) or (old is not None and not os.access(target, os.W_OK)):
        raise Refusal(f"{output} cannot be written: no permission")


def is_parquet(output: Path) -> bool:
    """Whether the name says Parquet; else it is CSV."""
    return output != STANDARD_OUTPUT and _ENDINGS[output.suffix.lower()] == "parquet"


def write_table(frame: pl.DataFrame, output: Path, *, raw: bool = False) -> int:
    """Write a table as Parquet or CSV, by the ending.

    Parameters
    ----------
    frame : DataFrame
        What to write.
    output : Path
        Where to; an existing file is replaced in one step.
    raw : bool
        Leave names and text in CSV as they are, also those that a spreadsheet would run.

    Returns
    -------
    int
        The size in bytes.

    Raises
    ------
    Refusal
        The disk is full, the folder not writable, and so on; nothing is left behind then.
    """
    if is_parquet(output):
        return write_whole(output, lambda path: frame.write_parquet(path))
    return write_whole(output, lambda path: as_csv(frame, raw=raw).write_csv(path))


def write_whole(output: Path, write: Callable[[Path], object]) -> int:
    """Write beside the target, then rename: whoever reads sees the old file or the new one, nothing between.

    Links are followed, and the file that is replaced leaves its permissions to the new one.

    Parameters
    ----------
    output : Path
        The file to be written.
    write : callable
        Writes into the file at the path it is given, which exists and is empty.

    Returns
    -------
    int
        The size in bytes.

    Raises
    ------
    Refusal
        What is there is no regular file, or the system refuses; what was there is left as it was.
    """
    if output == STANDARD_OUTPUT:
        return _print_whole(write)
    draft: Path | None = None
    try:
        target, old = _followed(output)
        _refuse_special(output, old)
        if old is not None:
            # A file that may not be written is not replaced.
            os.close(os.open(target, os.O_WRONLY))
        name = target.with_name(f".acm-rs-{secrets.token_hex(8)}.part")
        # Nobody may read in the draft what he may not read in the file.
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666 if old is None else 0o600))
        draft = name
        write(draft)
        with draft.open("rb+") as file:
            if old is not None:
                _keep_permissions(file.fileno(), old)
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
        draft.replace(target)
        return size
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = _reason(error, draft)
        if draft is not None:
            reason = reason.replace(str(draft), str(output))
        raise Refusal(f"{output} cannot be written: {reason}") from None
    finally:
        if draft is not None:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def _print_whole(write: Callable[[Path], object]) -> int:
    """Write to standard output, once all of it is there."""
    with tempfile.TemporaryDirectory(prefix="acm-rs-") as folder:
        draft = Path(folder, "output")
        try:
            write(draft)
            with draft.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except (OSError, pl.exceptions.PolarsError) as error:
            raise Refusal(f"standard output cannot be written: {_reason(error, None)}") from None
        return draft.stat().st_size


def _reason(error: Exception, draft: Path | None) -> str:
    """What the system said. Polars may have lost it: then a few bytes more make the system say it again."""
    said: str | None = getattr(error, "strerror", None)
    if said is None and draft is not None:
        try:
            with draft.open("ab") as file:
                file.write(bytes(1 << 16))
        except OSError as again:
            said = again.strerror
    return said or str(error).strip().partition("\n")[0]


def _followed(output: Path) -> tuple[Path, os.stat_result | None]:
    """Where the links at `output` lead, as the system takes them one by one, and what is there."""
    target = output
    for _ in range(_MOST_LINKS + 1):
        try:
            found = target.lstat()
        except FileNotFoundError:
            return target, None
        if not stat.S_ISLNK(found.st_mode):
            return target, found
        target = target.parent / target.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(output))


def _refuse_special(output: Path, found: os.stat_result | None) -> None:
    if found is None or stat.S_ISREG(found.st_mode):
        return
    if stat.S_ISDIR(found.st_mode):
        raise Refusal(f"{output} is a folder; name a file in it")
    kind = next((name for known, name in _SPECIAL if known(found.st_mode)), "something else")
    raise Refusal(f"{output} is {kind}, not a regular file; choose another output")


def _keep_permissions(file: int, old: os.stat_result) -> None:
    """Give the new file owner, group and mode of the old one, as far as the system lets them be given."""
    if sys.platform == "win32":
        return
    new = os.fstat(file)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.fchown(file, old.st_uid, old.st_gid)
        except OSError:
            # Not the superuser: the group may still be one of the caller's.
            with suppress(OSError):
                os.fchown(file, -1, old.st_gid)
        new = os.fstat(file)
    mode = stat.S_IMODE(old.st_mode)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        mode &= 0o777
    if new.st_gid != old.st_gid:
        # Another group gets no more than everybody.
        mode &= 0o707 | (mode & 0o007) << 3
    if stat.S_IMODE(new.st_mode) != mode:
        os.fchmod(file, mode)
