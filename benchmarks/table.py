"""Markdown: tables, numbers with three digits, and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


def digits(value: float | None) -> str:
    """Write a number with three significant digits and thousands separators; a dash for None."""
    if value is None:
        return "-"
    if value != value:
        return "nan"
    if abs(value) >= 1000.0:
        return f"{value:,.0f}"
    if abs(value) >= 100.0:
        return f"{value:.0f}"
    if abs(value) >= 10.0:
        return f"{value:.1f}"
    if abs(value) >= 1.0:
        return f"{value:.2f}"
    return f"{value:.3g}"


def milliseconds(seconds: float | None) -> str:
    """Write seconds as milliseconds."""
    return digits(None if seconds is None else seconds * 1e3)


def mebibytes(count: float | None) -> str:
    """Write bytes as MiB."""
    return digits(None if count is None else count / (1024.0 * 1024.0))


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Lay out a table; the first ``left`` columns to the left, the others to the right."""
    cells = [list(head), *[list(row) for row in rows]]
    width = [max(len(row[i]) for row in cells) for i in range(len(head))]

    def line(row: Sequence[str]) -> str:
        padded = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, width, strict=True))]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (w + 2) if i < left else "-" * (w + 1) + ":" for i, w in enumerate(width)) + "|"
    return "\n".join([line(cells[0]), rule, *[line(row) for row in cells[1:]]])


@dataclass(frozen=True)
class Verdict:
    """One target and what was measured."""

    what: str
    target: str
    measured: str
    met: bool

    @property
    def word(self) -> str:
        """Met or missed."""
        return "met" if self.met else "**missed**"


@dataclass
class Section:
    """A part of the report: a title, paragraphs or tables, rows for the short table, the verdicts it came to."""

    title: str
    body: list[str] = field(default_factory=list)
    headlines: list[list[str]] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Write the section as Markdown."""
        return "\n\n".join([f"## {self.title}", *self.body])


BEGIN, END = "<!-- benchmarks:begin -->", "<!-- benchmarks:end -->"


def short_table(sections: Sequence[Section], notes: Sequence[str]) -> str:
    """Write the table a README quotes: one row per kernel and window at the size that is judged."""
    head = ["10,000 x 50", "window", "acm_rs, ms", "against, ms", "times faster"]
    rows = [row for section in sections for row in section.headlines]
    return "\n".join([markdown(head, rows), "", *notes])


def put_between_marks(text: str, table: str) -> str:
    """Replace what stands between the two marks of a document.

    Raises
    ------
    ValueError
        Where the marks are missing.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def summary(sections: Sequence[Section]) -> Section:
    """Count the targets met and list those that are not."""
    verdicts = [verdict for section in sections for verdict in section.verdicts]
    broken = [line for section in sections for line in section.broken]
    found = Section("Summary")
    if verdicts:
        missed = [verdict for verdict in verdicts if not verdict.met]
        found.body.append(f"{len(verdicts) - len(missed)} of {len(verdicts)} targets met.")
        if missed:
            found.body.append(
                markdown(["Missed", "Target", "Measured"], [[v.what, v.target, v.measured] for v in missed], left=3)
            )
    else:
        found.body.append("Nothing was held to a target in this run.")
    if broken:
        found.body.append("Numbers that do not agree:\n\n" + "\n".join(f"- {line}" for line in broken))
    return found
