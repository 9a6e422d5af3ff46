"""The files that a command was given."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from acm_rs.files.sources import matching

__all__ = ["Inputs", "named", "said"]

Inputs = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""Files, patterns such as ``logs/*.csv``, or ``-`` for standard input."""


def _listed(sources: Inputs) -> list[str]:
    given = [sources] if isinstance(sources, str | os.PathLike) else sources
    return [os.fspath(one) for one in given]


def named(sources: Inputs) -> list[Path]:
    """The files that may not be overwritten."""
    return [path for text in _listed(sources) if text != "-" for path in matching(text)]


def said(sources: Inputs) -> str:
    """The inputs in a few words."""
    first, *others = _listed(sources)
    first = "standard input" if first == "-" else first
    return first if not others else f"{first} and {len(others):,} more"
