"""The wheel and the Rust tests share what both compile: minutes of every first build."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def compiled(edges: str) -> dict[str, str]:
    """Each package that these kinds of dependencies bring, and the features it is compiled with."""
    tree = subprocess.run(
        [
            *("cargo", "tree", "--locked", "--offline", "--workspace"),
            *("--edges", edges, "--prefix", "none", "--format", "{p}|{f}"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if tree.returncode:
        pytest.skip(f"cargo tells no tree here: {tree.stderr.strip().splitlines()[-1]}")
    return dict(line.removesuffix(" (*)").split("|") for line in tree.stdout.splitlines() if line)


@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")
def test_what_tests_need_does_not_change_how_the_wheel_is_compiled() -> None:
    wheel, tests = compiled("normal,build"), compiled("normal,build,dev")
    assert "acm_linalg" in " ".join(wheel)
    assert len(tests) > len(wheel)
    other = {name: (features, tests[name]) for name, features in wheel.items() if tests[name] != features}
    assert not other, "other features for tests than for the wheel: each compiles the crates on top of them anew"
