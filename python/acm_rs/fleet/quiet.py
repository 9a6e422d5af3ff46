"""What a worker of a local cluster loads first: Ctrl-C is for the program that started it, which ends it then."""

from __future__ import annotations

import signal
from typing import Any

__all__ = ["dask_setup"]


def dask_setup(_worker: Any) -> None:
    """Leave Ctrl-C to the program; a terminal sends it to all processes alike."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
