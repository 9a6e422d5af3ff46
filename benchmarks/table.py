"""Markdown: tables, numbers with three digits, and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.measure import Timed


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


JUDGING = ("Target", "Verdict")
"""Columns that a table shows only where targets are asked for."""


@dataclass(frozen=True)
class Table:
    """A table, written with what is held to a target or without."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1

    def text(self, targets: bool) -> str:
        """Write it as Markdown."""
        kept = [i for i, name in enumerate(self.head) if targets or name not in JUDGING]
        return markdown([self.head[i] for i in kept], [[row[i] for i in kept] for row in self.rows], self.left)


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
    """A part of the report.

    Parameters
    ----------
    title, body
        Its title, its paragraphs and tables.
    judged
        Paragraphs that speak of targets.
    headlines
        Rows for the short table.
    timed
        Everything that was timed, to be saved.
    verdicts
        The targets, and what was measured.
    broken
        Numbers that do not agree.
    """

    title: str
    body: list[str | Table] = field(default_factory=list)
    judged: list[str] = field(default_factory=list)
    timed: list[Timed] = field(default_factory=list)
    headlines: list[list[str]] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def text(self, targets: bool) -> str:
        """Write the section as Markdown, with what is held to a target or without."""
        body = [one.text(targets) if isinstance(one, Table) else one for one in self.body]
        return "\n\n".join([f"## {self.title}", *body, *(self.judged if targets else ())])


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


def summary(sections: Sequence[Section], targets: bool) -> Section:
    """List the numbers that do not agree; where ``targets`` are asked for, count those met and list the others."""
    verdicts = [verdict for section in sections for verdict in section.verdicts]
    broken = [line for section in sections for line in section.broken]
    found = Section("Summary")
    if verdicts and targets:
        missed = [verdict for verdict in verdicts if not verdict.met]
        found.body.append(f"{len(verdicts) - len(missed)} of {len(verdicts)} targets met.")
        if missed:
            found.body.append(
                markdown(["Missed", "Target", "Measured"], [[v.what, v.target, v.measured] for v in missed], left=3)
            )
    elif targets:
        found.body.append("Nothing was held to a target in this run.")
    if broken:
        found.body.append("Numbers that do not agree:\n\n" + "\n".join(f"- {line}" for line in broken))
    else:
        found.body.append("All numbers that were compared agree.")
    return found
