"""The files that a command was given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from acm_rs.files.errors import Refusal

__all__ = ["only"]


def only(sources: str | Path | Sequence[str | Path]) -> Path:
    """The file where there is one; several are refused."""
    if isinstance(sources, str | Path):
        return Path(sources)
    if len(sources) > 1:
        raise Refusal(f"{len(sources)} files were given; give one", status=2)
    return Path(sources[0])
