"""What every source is to a watch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from acm_rs.live.rows import Batch

__all__ = ["BLOCK", "Check", "Source", "unchecked"]

BLOCK = 1 << 22
"""Bytes that are read at once at most."""

Check = Callable[[Path, pl.DataFrame], None]
"""Is given a source's name and its first readings, and refuses what the model cannot use."""


def unchecked(name: Path, frame: pl.DataFrame) -> None:
    """Refuse nothing."""


class Source(Protocol):
    """Gives rows in batches and says where it is.

    Parameters
    ----------
    ended : bool
        Nothing will ever come again.
    idle : str
        What it waits for beside rows, for a person; empty where it is nothing.
    """

    ended: bool
    idle: str

    def poll(self) -> Batch | None:
        """The next rows; None where there are none now. It does not wait."""

    def go_on(self, position: dict[str, Any]) -> None:
        """Go on behind the batch that had this position, which JSON has held."""

    def close(self) -> None:
        """Let go of what is open."""
