"""Runs what proves the promises of docs/trust.md, and writes their figures there: ``python tests/trust.py``.

``--seconds`` is what each check may take, about; ``--only`` takes those whose names hold a text, and leaves the others'
figures as they are. Those that take many minutes, whatever they are given, run with ``--slow`` or where ``--only``
names them. ``--print`` writes nothing. The exit status is 1 where a promise does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "trust.md"
MARKS = ("<!-- figures:begin -->", "<!-- figures:end -->")
LONGEST = 10
"""Times what a check should take after which it is ended, and counts as failed."""


@dataclass(frozen=True)
class Check:
    """A promise and the command that shows it.

    ``{n}`` in it is its seconds times ``rate``, at least ``least``; ``{each}`` a thousandth of them, for a call.
    """

    name: str
    promise: str
    command: str
    rate: float = 1.0
    least: int = 1
    slow: bool = False

    def asked(self, seconds: float) -> str:
        """The command for so many seconds."""
        whole, each = max(self.least, int(self.rate * seconds)), max(0.01, seconds / 1000)
        return self.command.format(n=whole, part=max(1, int(240 / seconds)), each=each)


CHECKS = (
    Check("bad calls", "a bad argument is a clear error that names it", "tests/bad_calls.py --cases {n}", 200.0),
    Check("little memory", "a result or a MemoryError from 4 MiB on", "tests/little_memory.py --runs {n}", 40.0),
    Check("Ctrl-C", "a call stops within 0.2 s of processor time", "tests/interrupts.py --part 0/{part}"),
    Check("fork", "children compute and end, whatever the parent was at", "-m pytest -q tests/test_forks.py"),
    Check("damaged files", "no flipped bit, no cut file loads", "tests/damaged_files.py --few"),
    Check("altered files", "a forged file is refused or can be used", "tests/altered_files.py --count {n}", 60.0),
    Check("older files", "files of every format give what they gave", "-m pytest -q tests/test_golden.py"),
    Check("kill -9", "after SIGKILL the old file is whole, or the new one", "tests/writers.py killed --kills {n}", 0.2),
    Check("full disk", "a full disk is an error, and what was there stays", "tests/writers.py full"),
    Check("permissions", "what is forbidden is an error that names the file", "tests/writers.py forbidden"),
    Check("eight threads", "eight threads at once get the bytes of one", "tests/endurance.py threads --seconds {n}"),
    Check("leaks", "no call leaves memory behind", "tests/endurance.py leaks --seconds {each:.2f}"),
    Check(
        "random files",
        "no forged file does harm, with others each time",
        "tests/fuzz.py files --minutes {n}",
        1 / 60,
        slow=True,
    ),
    Check(
        "random Python",
        "properties hold, with other examples each time",
        "tests/fuzz.py python --minutes {n}",
        1 / 60,
        slow=True,
    ),
    Check(
        "random Rust",
        "kernels give what their naive forms give",
        "tests/fuzz.py rust --minutes {n}",
        1 / 60,
        slow=True,
    ),
    Check(
        "valgrind",
        "nothing outside of its memory is read or written",
        "tests/valgrind.py --minutes {n}",
        1 / 60,
        slow=True,
    ),
    Check(
        "address sanitizer",
        "nothing outside of its memory is read or written, by AVX-512 either",
        "tests/sanitize.py",
        slow=True,
    ),
    Check(
        "thread sanitizer",
        "no two threads touch a place at once, one of them to write",
        "tests/sanitize.py --threads",
        slow=True,
    ),
    Check(
        "wrong code",
        "of wrong code in the kernels, the Rust tests notice nine tenths",
        "tests/mutants.py --minutes {n}",
        1 / 60,
        slow=True,
    ),
    Check("oldest dependencies", "the tests pass with the oldest of everything", "tests/oldest.py --engine", slow=True),
    Check("wheel", "the file is all that a clean environment needs", "tests/wheel.py --source", slow=True),
    Check(
        "all checks",
        "tests with the newest of everything, linters, 95 % of Python lines: 30 minutes",
        "bash .ci/run",
        slow=True,
    ),
    Check("Rust coverage", "the crates' own tests reach nine tenths of their lines", "just coverage-rust", slow=True),
    Check("crates", "licences, sources and advisories of what is compiled in", "just deny", slow=True),
    Check("packages", "no known advisory of a Python package", "just audit", slow=True),
    Check("documentation", "the site is built, and no link in it is broken", "just docs --quiet", slow=True),
)
NEWEST = ("dask", "narwhals", "numpy", "pandas", "polars", "pyarrow", "scikit-learn", "scipy")
"""Packages whose versions the row of all checks names."""


def of_all_checks(output: str) -> str:
    """What ``.ci/run`` says: how long it took, tests, coverage, versions."""
    minutes, seconds = map(int, re.findall(r"== all passed \((\d+) min (\d+) s\)", output)[-1])
    late = ", 1 failed: it took too long" if minutes * 60 + seconds > 1800 else ""
    passed = max(int(count) for count in re.findall(r"\b(\d+) passed, \d+ skipped", output))
    covered = re.findall(r"Total coverage: ([\d.]+)\s?%", output)[-1]
    installed = next(
        line for line in output.splitlines() if line.startswith("Successfully installed") and "acm" in line
    )
    versions = dict(one.rsplit("-", 1) for one in installed.split()[2:])
    told = ", ".join(f"{name} {versions[name]}" for name in NEWEST if name in versions)
    return f"{minutes} min {seconds:02d} s{late}: {passed:,} tests passed, {covered} % of lines covered; {told}"


def figure(check: Check, output: str) -> str:
    """What a check's output says, in a line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    last = re.sub(r"\x1b\[[0-9;]*m", "", lines[-1]) if lines else "no output"
    if check.name == "little memory":
        found = next(line.split() for line in reversed(lines) if line.startswith("all "))
        names = ("runs", "results", "MemoryErrors", "aborts below 4 MiB", "hangs", "others")
        return ", ".join(f"{int(count):,} {name}" for count, name in zip(found[1:], names, strict=True))
    if check.name == "Ctrl-C":
        told = json.loads(next(line for line in reversed(lines) if line.startswith("{"))).values()
        delays = [one["delay"] for one in told if "delay" in one]
        worst = f", at most {max(delays):.2f} s late" if delays else ""
        bad = sum(bool(one.keys() & {"never", "error"}) for one in told)
        short = sum("over after" in one for one in told)
        return f"{len(delays)} calls interrupted{worst}; {short} too short to be; {bad} did not stop"
    if check.name == "all checks":
        return of_all_checks(output)
    if check.name == "Rust coverage":
        shares = next(re.findall(r"[\d.]+(?=%)", line) for line in reversed(lines) if line.startswith("TOTAL"))
        return f"{shares[2]} % of lines"
    if check.name == "packages":
        counted = (HERE.parent / "target" / "requirements.txt").read_text(encoding="utf-8")
        return f"{last} of {len(re.findall('^[^#]*==', counted, re.MULTILINE))} packages"
    if check.name == "documentation":
        warnings = sum(line.startswith(("WARNING", "ERROR")) for line in lines)
        return f"{sum(1 for _ in (HERE.parent / 'site').rglob('*.html'))} pages, {warnings} warnings"
    return re.sub(r"\s*in [0-9.:() s]+$", "", last)


def words(command: str) -> list[str]:
    """What is run: a program or a recipe, else a module or a file of ours in this Python."""
    first, *rest = command.split()
    if first == "just":
        return ["just", "--set", "python", sys.executable, *rest]
    return [first, *rest] if first == "bash" else [sys.executable, first, *rest]


def ran(check: Check, seconds: float) -> tuple[bool, str, str]:
    """Whether the promise held, its row of the table, and the output."""
    begun, command = time.monotonic(), check.asked(seconds)
    try:
        done = subprocess.run(
            words(command),
            cwd=HERE.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if check.name != "Ctrl-C" else subprocess.DEVNULL,
            text=True,
            timeout=7200 if check.slow else 60 + LONGEST * seconds,
            check=False,
        )
        good, output = done.returncode == 0, done.stdout
    except subprocess.TimeoutExpired:
        good, output = False, "not done in time"
    try:
        found = figure(check, output)
    except (StopIteration, ValueError):
        good, found = False, "no figures"
    good = good and not re.search(r"\b[1-9]\d* (did not stop|failed)", found)
    took = time.monotonic() - begun
    shown = command if command.startswith(("just ", "bash ")) else f"python {command}"
    cells = (check.name, check.promise, f"`{shown}`", found, "yes" if good else "**no**", f"{took:.0f} s")
    return good, f"| {' | '.join(cells)} |", output


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", default="")
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--print", action="store_true", dest="printed")
    asked = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(MARKS[0])
    table, after = rest.split(MARKS[1])
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines() if line.startswith("| ")}
    failed = 0
    for check in CHECKS:
        if asked.only in check.name and (asked.only or asked.slow or not check.slow):
            good, row, output = ran(check, asked.seconds)
            rows[check.name] = row
            failed += not good
            print(row, flush=True)
            if not good:
                print(output[-4000:])
    if not asked.printed:
        import acm_rs

        head = "| | promise | command | figures | holds | took |\n|---|---|---|---|---|---|\n"
        body = "\n".join(rows[check.name] for check in CHECKS if check.name in rows)
        system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
        last = f"\n\nLast run: acm_rs {acm_rs.__version__}, Python {platform.python_version()}, {system}."
        PAGE.write_text(f"{before}{MARKS[0]}\n\n{head}{body}{last}\n\n{MARKS[1]}{after}", encoding="utf-8")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
