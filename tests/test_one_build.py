"""The wheel and the Rust tests share what both compile: minutes of every first build."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def compiled(edges: str) -> dict[str, set[str]]:
    """Each package that these kinds of dependencies bring, and the sets of features it is compiled with."""
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
    if "offline" in tree.stderr:
        pytest.skip("the dependencies are not on this machine")
    assert tree.returncode == 0, tree.stderr
    found: dict[str, set[str]] = {}
    for line in filter(None, tree.stdout.splitlines()):
        package, features = line.removesuffix(" (*)").split("|")
        found.setdefault(package, set()).add(features)
    return found


@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")
def test_what_tests_need_does_not_change_how_the_wheel_is_compiled() -> None:
    wheel, tests = compiled("normal,build"), compiled("normal,build,dev")
    assert "acm_linalg" in " ".join(wheel)
    assert len(tests) > len(wheel)
    other = {name: (features, tests[name]) for name, features in wheel.items() if not features <= tests[name]}
    assert not other, "other features for tests than for the wheel: each compiles the crates on top of them anew"
