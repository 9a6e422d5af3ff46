"""The command line ``acm-rs``: machines learnt and watched, features of their histories, a demonstration.

Install it with ``pip install "acm-rs[cli]"``. Nothing here is imported by ``import acm_rs``.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence

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

    try:
        status = run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) has gone: what is left in the buffer must not fail at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:
        return False
