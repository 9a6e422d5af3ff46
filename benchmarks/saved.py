"""A run as a file, and two of them side by side: what became faster, what slower."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.environment import ROOT, cpu_model, versions
from benchmarks.measure import Timed
from benchmarks.table import Section, digits, markdown, milliseconds

FORMAT = 1
LIMIT = 5.0
"""Per cent by which a row may be slower."""


def commit() -> str:
    """The commit of the repository, with ``-changed`` where files differ from it; ``unknown`` outside of one."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short=12", "HEAD") + ("-changed" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def save(folder: Path, sections: Sequence[Section], threads: int, others: float | None) -> Path:
    """Write what was timed to ``folder``, in a file named by the commit.

    Parameters
    ----------
    folder
        Made where it is not there; a file of the same commit is replaced.
    sections
        The parts of the report.
    threads
        Threads of acm_rs.
    others
        Cores that other processes kept busy meanwhile.

    Returns
    -------
    Path
        The file.
    """
    name = commit()
    content = {
        "format": FORMAT,
        "commit": name,
        "machine": cpu_model(),
        "threads": threads,
        "versions": versions(),
        "others": others,
        "rows": [asdict(row) for section in sections for row in section.timed],
    }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return file


@dataclass(frozen=True)
class Run:
    """A saved run."""

    commit: str
    machine: str
    threads: int
    versions: dict[str, str]
    others: float | None
    rows: dict[tuple[str, str, str, str], Timed]

    @classmethod
    def load(cls, file: Path) -> Run:
        """Read a file that ``save`` wrote.

        Raises
        ------
        ValueError
            Where it is none, or one of another format.
        """
        try:
            content: Any = json.loads(file.read_text("utf-8"))
        except ValueError as error:
            raise ValueError(f"{file} is no saved run: {error}") from None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError(f"{file} is no saved run of format {FORMAT}")
        try:
            rows = [Timed(**row) for row in content["rows"]]
            about = [content[name] for name in ("commit", "machine", "threads", "versions", "others")]
        except (KeyError, TypeError) as error:
            raise ValueError(f"{file} is no saved run: {error}") from None
        return cls(*about, {(row.part, row.row, row.size, row.candidate): row for row in rows})


def compare(old: Run, new: Run, limit: float = LIMIT) -> tuple[str, bool]:
    """Lay two runs side by side.

    The peers' rows tell how much faster or slower the machine itself was: the median of their changes is taken out of
    ours. A row counts as changed beyond ``limit`` per cent, and only where the quartiles of the two runs do not
    overlap.

    Returns
    -------
    tuple
        The report, and whether no row of ours is slower.
    """
    both = [key for key in new.rows if key in old.rows]
    changes = {key: new.rows[key].seconds / old.rows[key].seconds for key in both}
    drift = statistics.median([changes[key] for key in both if not new.rows[key].own] or [1.0])
    faster, slower = [], []
    for key in both:
        if not new.rows[key].own:
            continue
        before, after = old.rows[key], new.rows[key]
        times = changes[key] / drift
        part, row, size, candidate = key
        cells = [part, row, size, candidate, milliseconds(before.seconds), milliseconds(after.seconds), digits(times)]
        if times > 1.0 + limit / 100.0 and after.low / drift > before.high:
            slower.append((times, cells))
        elif times < 1.0 / (1.0 + limit / 100.0) and after.high / drift < before.low:
            faster.append((times, cells))
    own = sum(new.rows[key].own for key in both)
    lines = [f"# {old.commit} to {new.commit}", f"{own} rows of acm_rs are in both runs."]
    for name, there, missing in (("old", old, new), ("new", new, old)):
        only = sum(row.own for key, row in there.rows.items() if key not in missing.rows)
        if only:
            lines.append(f"{only} are in the {name} run alone.")
        if there.others is not None and there.others > 0.1:
            lines.append(f"Other processes kept {there.others:.2f} cores busy during the {name} run.")
    if (old.machine, old.threads) != (new.machine, new.threads):
        lines.append(
            f"**Two machines**: {old.machine}, {old.threads} threads, and {new.machine}, {new.threads} threads."
        )
    newer = [
        f"{name} {old.versions.get(name, 'not there')} → {version}"
        for name, version in new.versions.items()
        if old.versions.get(name) != version
    ]
    if newer:
        lines.append("Other versions: " + ", ".join(newer) + ".")
    if len(both) > own:
        lines.append(f"The peers took {digits(drift)} times as long in the new run (median): taken out below.")
    head = ["Part", "Row", "Size", "acm_rs", "old, ms", "new, ms", "times as long"]
    for title, found in (("Slower", sorted(slower, reverse=True)), ("Faster", sorted(faster))):
        lines.append(f"## {title}, by more than {digits(limit)} %: {len(found)}")
        if found:
            lines.append(markdown(head, [cells for _, cells in found], left=4))
    return "\n\n".join(lines) + "\n", not slower


def main(arguments: Sequence[str]) -> int:
    """Compare two saved runs: 0 where no row is slower, 1 where one is, 2 for what cannot be read or compared."""
    p = argparse.ArgumentParser(
        prog="python -m benchmarks compare",
        description="Compare two runs that --save wrote. Exit status 1 where a row became slower.",
    )
    p.add_argument("old", type=Path, metavar="OLD")
    p.add_argument("new", type=Path, metavar="NEW")
    p.add_argument("--limit", type=float, default=LIMIT, metavar="PER_CENT", help="a row may be slower by (default 5)")
    options = p.parse_args(arguments)
    try:
        old, new = Run.load(options.old), Run.load(options.new)
    except (OSError, ValueError) as error:
        p.error(str(error))
    if not any(row.own and key in old.rows for key, row in new.rows.items()):
        p.error(f"{options.old} and {options.new} have no row of acm_rs in common")
    text, good = compare(old, new, options.limit)
    print(text)
    return 0 if good else 1
