"""Scripts in interpreters of their own."""

from __future__ import annotations

import os
import subprocess
import sys

from conftest import HERE


def run(script: str, *arguments: str, timeout: float = 120.0, **environment: str) -> str:
    """Run a script in a fresh interpreter that finds the test helpers, and give what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=HERE,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
