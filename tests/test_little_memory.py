"""Little memory left: every public call gives a result or a MemoryError."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of the address space are Linux's")


def test_no_call_ends_the_process_for_lack_of_memory() -> None:
    """In a process of its own: it forks, and must have no threads."""
    program = Path(__file__).with_name("little_memory.py")
    done = subprocess.run(
        [sys.executable, str(program), "--runs", "300"], capture_output=True, text=True, check=False, timeout=600
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-3_000:]
