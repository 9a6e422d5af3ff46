"""What the site has beside docs/: README as its first page, and all that is public by subject, from the docstrings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import griffe
from mkdocs.exceptions import BuildError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PUBLIC = ("acm_rs", "acm_rs.fleet", "acm_rs.pandas", "acm_rs.polars", "acm_rs.sklearn")
"""The modules whose `__all__` is public."""
OF_THE_ENGINE = {
    "InternalError": "The class of errors for a defect of acm_rs itself: the call failed, the interpreter and the "
    "arrays are unharmed. Please report it.",
    "__version__": "The version of acm_rs, a text: `0.1.0`.",
}
"""What the compiled part has, which nobody reads here."""


@dataclass(frozen=True)
class Page:
    """A page of the API: some names first, then what its modules make public."""

    title: str
    about: str
    modules: tuple[str, ...] = ()
    first: tuple[str, ...] = ()


PAGES = {
    "monitor": Page(
        "Monitor and results",
        "The whole job: learn a machine from its history, judge new rows, and read what was found; "
        "[The Monitor](../monitor.md) goes through it.",
        ("monitor",),
        ("acm_rs.Monitor", "acm_rs.Result", "acm_rs.backtest", "acm_rs.compare"),
    ),
    "files": Page(
        "Files and quality",
        "Read exports of a historian as tables, and see and mend what is wrong with readings; "
        "see [Files](../files.md) and [Quality](../quality.md).",
        ("quality",),
        ("acm_rs.read_table",),
    ),
    "rolling": Page(
        "Windows and rolling statistics",
        "A statistic of each row's window, for whole histories or row by row; [Kernels](../kernels.md) says how exact "
        "and how fast each is.",
        ("rolling", "moments", "extremes", "order", "pairs", "ewm", "row_by_row"),
    ),
    "features": Page(
        "Features and spectra",
        "Tables of features for models, energies of frequencies, and both for files that do not fit into memory.",
        ("features", "spectra", "streams"),
    ),
    "columns": Page(
        "Columns and moments",
        "Statistics of whole columns, how columns go together, and moments that are gathered piece by piece or forget.",
        ("columns", "correlation", "running", "fading"),
    ),
    "detectors": Page(
        "Detectors",
        "Models that score how unusual each row is and name the sensors that make it so; [Models](../models.md) says "
        "which one to take.",
        ("detectors",),
    ),
    "regimes": Page(
        "Regimes",
        "Clusters of operating states, how many there are, and labels that do not flicker.",
        ("regimes",),
    ),
    "decisions": Page(
        "Decisions",
        "From scores to alarms: thresholds, charts that add up small shifts, episodes, and several scores as one.",
        ("decisions",),
    ),
    "linalg": Page(
        "Linear algebra",
        "Decompositions, distances and covariances that the models stand on.",
        ("linalg",),
    ),
    "accessors": Page(
        "pandas and Polars",
        "The functions as methods of frames, series and expressions: import the module, then "
        '`frame.acm.rolling_mean(16)` or `pl.col("heat").acm.rolling_mean(16)`; see [Frames](../frames.md).',
        ("acm_rs.pandas", "acm_rs.polars"),
    ),
    "sklearn": Page(
        "scikit-learn",
        "The models as estimators, for pipelines and grid searches; scores are lower for what is more abnormal, as "
        "scikit-learn has it ([more](../models/scikit-learn.md)).",
        ("acm_rs.sklearn",),
    ),
    "fleet": Page(
        "Fleet",
        "A model, scores and a report for each of many assets, on one machine or a cluster; see "
        "[Many assets](../fleet.md).",
        ("acm_rs.fleet",),
    ),
    "engine": Page(
        "Engine",
        "Threads, the processor, the version, the error of our own defects, and functions that older programs call.",
        ("threads", "hooks"),
        ("acm_rs.__version__", "acm_rs.InternalError"),
    ),
}


@cache
def package() -> griffe.Module:
    """The package as it is written: nothing of it runs."""
    found = griffe.load("acm_rs", search_paths=[str(ROOT / "python")], allow_inspection=False)
    assert isinstance(found, griffe.Module)
    return found


def names(module: str) -> list[str]:
    """What a module makes public."""
    found = package() if module == "acm_rs" else package()[module.removeprefix("acm_rs.")]
    return [str(name) for name in found.exports or ()]


def public() -> list[str]:
    """Every public name, with its module."""
    return [f"{module}.{name}" for module in PUBLIC for name in names(module)]


def listed(page: Page) -> list[str]:
    """The names on a page, each as people import it."""
    found = list(page.first)
    top = names("acm_rs")
    for module in page.modules:
        if module in PUBLIC:
            found += [f"{module}.{name}" for name in names(module)]
        else:
            found += [f"acm_rs.{name}" if name in top else f"acm_rs.{module}.{name}" for name in names(module)]
    return list(dict.fromkeys(found))


def entries(page: Page) -> Iterator[str]:
    """A page, piece by piece."""
    yield f"# {page.title}"
    yield page.about
    for name in listed(page):
        short = name.rpartition(".")[2]
        if short in OF_THE_ENGINE:
            yield f'<a id="{name}"></a>'
            yield f"## `{short}`"
            yield OF_THE_ENGINE[short]
        else:
            yield f"::: {name}"
            if name.startswith(("acm_rs.pandas.", "acm_rs.polars.")):
                methods = [each for each in package()[name.removeprefix("acm_rs.")].functions if each[0] != "_"]
                yield "Its methods: " + ", ".join(f"[`{each}`][acm_rs.{each}]" for each in methods) + "."


def overview() -> str:
    """The first page of the API: each page with its names."""
    parts = [
        "# API",
        "All that is public, by subject. [What stays as it is](../compatibility.md) says what may change.",
    ]
    for place, page in PAGES.items():
        links = ", ".join(f"[`{name.rpartition('.')[2]}`]({place}.md#{name})" for name in listed(page))
        parts += [f"## [{page.title}]({place}.md)", page.about, links]
    return "\n\n".join(parts) + "\n"


def first_page() -> str:
    """README with its links as they are from docs/."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"\]\(docs/", "](", text)
    return re.sub(
        r"\[([^\]]+)\]\((?!https?:|#)([A-Z][A-Z_-]*(?:\.md)?|(?:examples|benchmarks|core)/?[^)]*)\)", r"\1", text
    )


def on_files(files: Files, config: Any) -> Files:
    """Add them."""
    files.append(File.generated(config, "index.md", content=first_page()))
    files.append(File.generated(config, "api/index.md", content=overview()))
    for place, page in PAGES.items():
        files.append(File.generated(config, f"api/{place}.md", content="\n\n".join(entries(page)) + "\n"))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """What lies outside of docs/ is in the repository alone."""
    return re.sub(
        r"\[([^\]]+)\]\((?:\.\./)+(?:CHANGELOG|CONTRIBUTING|README|SECURITY|examples)[^)]*\)", r"\1", markdown
    )


def on_post_build(config: Any) -> None:
    """Every public name must have its place on a page."""
    anchors: set[str] = set()
    for page in Path(config.site_dir, "api").rglob("*.html"):
        anchors.update(re.findall(r'<(?:h\d|a) id="([^"]+)"', page.read_text(encoding="utf-8")))
    if lost := [name for name in public() if name not in anchors]:
        raise BuildError(f"public, but on no page of the API: {', '.join(lost)}")
