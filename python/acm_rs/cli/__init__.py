"""The command line ``acm-rs``: machines learnt and watched, features of their histories, a demonstration.

Install it with ``pip install "acm-rs[cli]"``. Nothing here is imported by ``import acm_rs``.
"""

from __future__ import annotations

import importlib.util
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main"]

_EXTRA = ("typer", "rich", "polars")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; those of the process by default.

    Returns
    -------
    int
        The exit status: 0 done, 1 the data or the machine stood in the way, 2 wrong usage, 3 an alarm where asked
        for, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    missing = [name for name in _EXTRA if not _installed(name)]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        print(f'acm-rs: {", ".join(missing)} {verb} not installed: pip install "acm-rs[cli]"', file=sys.stderr)
        return 2
    from acm_rs.cli.app import run
    from acm_rs.cli.console import of_a_stream

    _writable()
    try:
        status = run(arguments)
        sys.stdout.flush()
    except OSError as error:
        if not of_a_stream(error):
            raise
        # The reader (head, less) has gone, or the disk is full: what is left in the buffer must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"acm-rs: standard output takes no more: {error.strerror}", file=sys.stderr)
        return 1
    return status


def _writable() -> None:
    """Have streams that take any text: a code page may lack a character of a name, and there may be no stream."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:
        return False
