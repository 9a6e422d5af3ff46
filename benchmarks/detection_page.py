"""The page "How well it detects", written from what was measured."""

from __future__ import annotations

import platform
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.detection_models import Model
from benchmarks.detection_sets import Set
from benchmarks.environment import versions
from benchmarks.table import markdown

if TYPE_CHECKING:
    from benchmarks.detection import Cells

SLOW = "not run: it takes minutes"
WIDTH = 118
"""Characters of a line of text."""
FEW = 0.02
"""Healthy rows in alarm up to which a finding counts in the list of losses."""
MOST = 0.8
"""Rows with a fault found from which on a row counts as solved."""


def number(value: float, figure: str) -> str:
    """Write a share in percent, anything else with one decimal."""
    if value != value:
        return "-"
    return f"{100.0 * value:.1f}" if "%" in figure else f"{value:.1f}"


def text_of(one: Set, cell: Any) -> str:
    """Write a cell: its numbers in the order of the figures."""
    if cell is None or cell.mean is None:
        return "refused" if cell is not None and cell.refused and cell.refused != SLOW else "-"
    return " / ".join(number(value, figure) for value, figure in zip(cell.mean, one.figures, strict=True))


def table(one: Set, cells: Cells, models: Sequence[Model]) -> str:
    """Lay out a set: its rows by models."""
    rows = [[name, *(text_of(one, by_model.get(model.name)) for model in models)] for name, by_model in cells.items()]
    return markdown(["", *(model.name for model in models)], rows)


def refusals(cells: Cells) -> list[str]:
    """Say which models refused which rows, and why."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for name, by_model in cells.items():
        for model, cell in by_model.items():
            if cell.refused and cell.refused != SLOW:
                reasons.setdefault((model, cell.refused), []).append(name)
    return [f"- {model} refused {'; '.join(names)}: {said}" for (model, said), names in reasons.items()]


def section(one: Set, cells: Cells, models: Sequence[Model]) -> str:
    """Write a set's section."""
    told = " / ".join(one.figures)
    parts = [f"## {one.title}", one.text, f"A cell is: {told}.", table(one, cells, models)]
    parts += ["\n".join(refusals(cells))] if refusals(cells) else []
    return "\n\n".join(parts)


def best(one: Set, by_model: Mapping[str, Any], models: Sequence[Model]) -> tuple[str, float, float] | None:
    """Of these models the one that finds most with few healthy rows in alarm."""
    found = []
    for model in models:
        mean = by_model[model.name].mean if model.name in by_model else None
        if mean is not None and len(mean) > 1 and mean[0] == mean[0] and mean[1] <= FEW:
            found.append((mean[0], -mean[1], model.name))
    if not found:
        return None
    share, false, name = max(found)
    return name, share, -false


def counted(boards: Sequence[tuple[Set, Cells]], model: Model) -> list[str]:
    """Count the rows a model was measured in, those with few healthy rows in alarm, and those in which it finds too."""
    measured = quiet = judged = both = 0
    for one, cells in boards:
        if "low" not in one.best[:2]:
            continue
        finds, false = one.best[0] == "high", one.best.index("low")
        for by_model in cells.values():
            mean = by_model[model.name].mean if model.name in by_model else None
            if mean is None:
                continue
            measured += 1
            quiet += mean[false] <= FEW
            if finds and mean[0] == mean[0]:
                judged += 1
                both += mean[false] <= FEW and mean[0] >= MOST
    return [f"{quiet} of {measured}", f"{both} of {judged}"]


def in_short(boards: Sequence[tuple[Set, Cells]], models: Sequence[Model]) -> str:
    """Write the table that counts rows over all sets."""
    head = ["", f"healthy rows in alarm at most {100 * FEW:g} %", f"and {100 * MOST:g} % or more found"]
    return markdown(head, [[model.name, *counted(boards, model)] for model in models])


def losses(boards: Sequence[tuple[Set, Cells]], models: Sequence[Model]) -> list[str]:
    """List the rows in which a peer finds more than every model of acm_rs, with few false alarms on both sides."""
    said = []
    for one, cells in boards:
        if len(one.figures) < 2 or one.best[:2] != ("high", "low"):
            continue
        for name, by_model in cells.items():
            ours = best(one, by_model, [model for model in models if model.own])
            theirs = best(one, by_model, [model for model in models if not model.own])
            if theirs is None:
                continue
            if ours is None:
                mine = f"no model of acm_rs stays at or below {100 * FEW:g} %"
            elif theirs[1] > ours[1] + 0.005:
                mine = f"{ours[0]} {100 * ours[1]:.1f} / {100 * ours[2]:.1f}"
            else:
                continue
            said.append(f"- {one.title}, {name}: {theirs[0]} {100 * theirs[1]:.1f} / {100 * theirs[2]:.1f}, {mine}")
    return said


def tables(boards: Sequence[tuple[Set, Cells]], models: Sequence[Model]) -> str:
    """Write all tables."""
    return "\n\n".join(section(one, cells, models) for one, cells in boards) + "\n"


def page(boards: Sequence[tuple[Set, Cells]], models: Sequence[Model], absent: Sequence[str], seeds: int) -> str:
    """Write the page."""
    known = versions()
    told = ", ".join(f"{name} {known[name]}" for name in ("acm_rs", "numpy", "scikit-learn"))
    pyod = versions_of_pyod()
    lines = [
        "# How well it detects",
        "",
        "This page is written by a command and not by hand:",
        "",
        "```sh",
        "python -m benchmarks.detection --data FOLDER --markdown docs/detection.md",
        "```",
        "",
        "Every model is at its defaults, on every set. No set has settings of its own, and no limit knows a label or "
        "a row that comes later: limits are set for 1 % of healthy rows in alarm, from the training rows alone. The "
        "false alarms stand beside each figure, because a model that alarms always finds everything. Which rows are "
        "healthy is known: for the recorded sets from those who recorded them, for the synthetic ones by "
        "construction.",
        "",
        f"{told}, {pyod}, Python {platform.python_version()}. Synthetic sets are means over {seeds_told(seeds)}. "
        "A dash: not run, or there is no such number.",
        "",
        "## The models",
        "",
        markdown(["", "model", "limit"], [[m.name, m.full, m.limit] for m in models], left=3),
        "",
        *([f"Not installed, left out: {', '.join(absent)}.", ""] if absent else []),
        "## In short",
        "",
        "In how many rows of the tables below a model keeps quiet while all is well, and in how many of those that "
        "have a fault it also finds it (for the pump's test bed and for wear: the F1):",
        "",
        in_short(boards, models),
        "",
        tables(boards, models).rstrip(),
        "",
        "## Where peers are ahead",
        "",
        f"Rows in which a peer finds more than every model of acm_rs, counting only those with at most {100 * FEW:g} "
        "% of the healthy rows in alarm (found / healthy rows in alarm):",
        "",
        *(losses(boards, models) or ["- none"]),
        "",
    ]
    return wrapped("\n".join(lines))


def wrapped(text: str) -> str:
    """Wrap paragraphs and list items; tables and headings stay as they are."""
    lines = []
    for line in text.split("\n"):
        if len(line) <= WIDTH or line.startswith("|"):
            lines.append(line)
        else:
            indent = "  " if line.startswith("- ") else ""
            lines += textwrap.wrap(
                line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
            )
    return "\n".join(lines)


def seeds_told(seeds: int) -> str:
    """Say which seeds there were."""
    return f"the seeds 0 to {seeds - 1}" if seeds > 1 else "seed 0 alone"


def versions_of_pyod() -> str:
    """PyOD's version, or that it is not installed."""
    from importlib import metadata

    try:
        return f"PyOD {metadata.version('pyod')}"
    except metadata.PackageNotFoundError:
        return "PyOD not installed"
