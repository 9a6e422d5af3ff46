"""The types of the accessors, made of the functions' signatures: `python tests/accessor_stubs.py` writes them anew."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from acm_rs import frames, pandas, polars

PACKAGE = Path(frames.__file__).parent
_OWNERS: dict[str, list[tuple[type, str, str, str]]] = {
    # What a class is of, and what it gives back where a function gives back what it got, or several columns.
    "pandas": [
        (pandas.FrameAccessor, "pd.DataFrame", "pd.DataFrame", "pd.DataFrame"),
        (pandas.SeriesAccessor, "pd.Series[Any]", "pd.Series[Any]", "Any"),
    ],
    "polars": [
        (polars.ExprNamespace, "pl.Expr", "pl.Expr", "pl.Expr"),
        (polars.SeriesNamespace, "pl.Series", "pl.Series", "Any"),
        (polars.FrameNamespace, "pl.DataFrame", "pl.DataFrame", "pl.DataFrame"),
    ],
}
_COLUMNS = ("y", "times", "by")


def stub(module: str) -> str:
    """The text of the module's stub, not yet laid out, with names that it may not need."""
    body = "".join(_class_of(*row) for row in _OWNERS[module])
    here = [name for name in _names(body) if name in vars(frames)]
    lines = [
        f'"""Types of the methods of `acm`. {Path(__file__).name} in the tests writes them."""',
        "from collections.abc import Sequence",
        "from typing import Any, Literal",
        "import numpy as np",
        "import pandas as pd" if module == "pandas" else "import polars as pl",
        "from numpy.typing import NDArray",
        f"from acm_rs.frames import {', '.join(here)}",
        "from acm_rs.correlation import Method",
        "from acm_rs.pairs import Pairs",
        f"__all__ = {sorted(owner.__name__ for owner, *_ in _OWNERS[module])}",
        body,
    ]
    return "\n".join(lines)


def _names(text: str) -> list[str]:
    return sorted(set(re.findall(r"\b[A-Z][A-Za-z]+\b", text)) - {"X", "XF", "Any", "Literal", "Sequence"})


def _class_of(owner: type, of: str, one: str, several: str) -> str:
    lines = [f"class {owner.__name__}:", f"    def __init__(self, x: {of}) -> None: ..."]
    for name, method in vars(owner).items():
        if hasattr(method, "__signature__"):
            lines.append(f"    def {name}{_signature(method, of, one, several)}: ...")
    return "\n".join([*lines, ""])


def _signature(method: Any, of: str, one: str, several: str) -> str:
    import acm_rs

    known = inspect.signature(method)
    columns = "pl.Expr | pl.Series | str"
    parts, starred = [], False
    for parameter in known.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        kind = str(parameter.annotation)
        if of == "pl.Expr" and parameter.name in _COLUMNS:
            kind = columns if parameter.default is parameter.empty else f"{columns} | None"
        text = parameter.name if parameter.name == "self" else f"{parameter.name}: {kind}"
        parts.append(text if parameter.default is parameter.empty else f"{text} = {parameter.default!r}")
    gives = str(inspect.signature(getattr(acm_rs, method.__name__)).return_annotation)
    gives = {"X": one, "XF": several}.get(gives, gives)
    return f"({', '.join(parts)}) -> {gives}"


def _write(module: str) -> None:
    path = PACKAGE / f"{module}.pyi"
    path.write_text(stub(module), encoding="utf-8")
    for order in (["format", "-q"], ["check", "--fix", "-q"], ["format", "-q"]):
        subprocess.run([sys.executable, "-m", "ruff", *order, str(path)], check=True)


if __name__ == "__main__":
    for module in _OWNERS:
        _write(module)
