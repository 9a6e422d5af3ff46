"""What the site has beside docs/: README as its first page, and a page of all that is public, from the docstrings."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "acm_rs"


def subjects() -> list[str]:
    """The modules whose `__all__` the package makes public, in their order."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    starred = [
        node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and node.names[0].name == "*"
    ]
    return [name for name in starred if name.startswith("acm_rs.")]


def names(module: str) -> list[str]:
    """The public names of a module."""
    path = ROOT / "python" / Path(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


def api() -> str:
    """The page of all that is public."""
    parts = ["# API\n"]
    for module in ("acm_rs.monitor", *subjects()):
        parts += [f"::: {module}.{name}\n" for name in names(module)]
    return "\n".join(parts)


def first_page() -> str:
    """README with its links as they are from docs/."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"\]\(docs/", "](", text)
    return re.sub(
        r"\[([^\]]+)\]\((?!https?:|#)([A-Z][A-Z_-]*(?:\.md)?|(?:examples|benchmarks|core)/?[^)]*)\)", r"\1", text
    )


def on_files(files: Files, config: Any) -> Files:
    """Add both."""
    files.append(File.generated(config, "index.md", content=first_page()))
    files.append(File.generated(config, "api.md", content=api()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """What lies outside of docs/ is in the repository alone."""
    return re.sub(
        r"\[([^\]]+)\]\((?:\.\./)+(?:CHANGELOG|CONTRIBUTING|README|SECURITY|examples)[^)]*\)", r"\1", markdown
    )
