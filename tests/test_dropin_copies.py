"""What the drop-ins share by copy, since each is one self-contained file, is the same in each of them."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

CORE = Path(__file__).resolve().parents[1] / "core"
# It serves by three backends and reads frames of two kinds: its rules are its own.
OWN = "fast_features.py"


def private() -> dict[str, dict[str, str]]:
    """Which private functions and constants the files hold: name: {file: source}."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for path in sorted(CORE.glob("*.py")):
        if path.name in {OWN, "__init__.py"}:
            continue
        source = path.read_text("utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef):
                names = [node.name]
            elif isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            else:
                continue
            for name in names:
                if name.startswith("_") and not name.startswith("__"):
                    found[name][path.name] = str(ast.get_source_segment(source, node))
    return found


def test_what_has_one_name_is_one_thing() -> None:
    shared = {name: files for name, files in private().items() if len(files) > 1}
    assert {"_choose_backend", "_values", "_check", "_real", "_LARGEST"} <= set(shared)
    apart = {name: sorted(files) for name, files in shared.items() if len(set(files.values())) > 1}
    assert not apart


def test_the_smoke_test_of_a_wheel_asks_for_all_of_them() -> None:
    smoke = (CORE.parent / ".github" / "smoke_test.py").read_text("utf-8")
    for path in CORE.glob("[!_]*.py"):
        assert f'"{path.stem}"' in smoke
