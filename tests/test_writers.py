"""What writes files refuses a full disk and what is forbidden, names the file, and leaves what was there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import HERE


@pytest.mark.skipif(sys.platform == "win32", reason="limits and rights of Unix")
@pytest.mark.parametrize("what", [("full", "--few"), ("forbidden",)], ids=lambda what: what[0])
def test_what_was_there_stays(what: tuple[str, ...]) -> None:
    pytest.importorskip("typer")
    command = [sys.executable, str(Path(HERE) / "writers.py"), *what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 writers: " in done.stdout
