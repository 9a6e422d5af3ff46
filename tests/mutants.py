"""Wrong code that the Rust tests must notice: ``python tests/mutants.py --crate acm_features --count 60``.

cargo-mutants (``cargo install --locked cargo-mutants``) lists what could be wrong in a crate: another operator, an arm
of a match left out, a function that returns 0 whatever it gets. A drawn part of that list is put into a copy of the
tree all at once, as other bodies of the same functions, and one of them is switched on for each run of the tests: one
build instead of one for each mutant. The tests of the same module run first, then all of the crate's.

A mutant is caught where a test fails, where the process dies, or where it takes ten times the processor time of the
tests and a minute. Those that do not compile are left out, and others drawn for them. Those that nobody can tell from
the right code stand in ``EQUAL``, with the reason.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CRATES = ("acm_linalg", "acm_features", "acm_clustering", "acm_detectors")
SETTINGS = {"PROPTEST_RNG_SEED": "20260917", "PROPTEST_DISABLE_FAILURE_PERSISTENCE": "1", "RUST_BACKTRACE": "0"}
ASIDE = {
    r"\bcost\b|_ns\b|_NS\b": "how long work takes decides where it runs, never what comes out",
    r"\b(probe|try_reserve|with_capacity|reserved)\(": "how much memory is asked for beforehand",
    r"\bwatch\.after\(": "when to look whether the call was interrupted: as seldom as looking costs nothing",
    r"\b(GATHERED|NEAR|FETCHED)_BYTES\b": "what stays near the processor",
}
"""What a change of a line that holds such a text would change: nothing that a test could see. None is drawn."""
EQUAL = tomllib.loads((ROOT / "tests" / "equal_mutants.toml").read_text(encoding="utf-8"))
"""Mutants, named by file, function and change, and why they give what the right code gives."""
SWITCH = """
pub(crate) mod mutant {
    static NUMBER: std::sync::LazyLock<u32> =
        std::sync::LazyLock::new(|| std::env::var("MUTANT").map_or(0, |text| text.parse().unwrap_or(0)));

    #[inline(never)]
    pub(crate) fn on(number: u32) -> bool {
        *NUMBER == number
    }
}
"""


@dataclass(frozen=True)
class Mutant:
    """One change: the text from ``begin`` to ``end`` of ``file`` replaced, within the body that ``body`` bounds."""

    file: str
    name: str
    begin: int
    end: int
    text: str
    body: tuple[int, int]

    def changed(self, source: str) -> str:
        """The function's body with the change in it."""
        return f"{source[self.body[0] : self.begin]}{self.text}{source[self.end : self.body[1]]}"

    def module(self) -> str:
        """Where its tests stand, as a filter of test names."""
        parts = list(Path(self.file).with_suffix("").parts)
        parts = parts[parts.index("src") + 1 :]
        return "::".join(part for part in parts if part not in ("mod", "lib"))


def offsets(source: str) -> list[int]:
    """Where each line begins."""
    found = [0]
    for line in source.splitlines(keepends=True):
        found.append(found[-1] + len(line))
    return found


def listed(crate: str, tree: Path) -> list[Mutant]:
    """All mutants of a crate within functions, in the order of the list."""
    command = ["cargo", "mutants", "--list", "--json", "--package", crate]
    told = subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, check=True, text=True).stdout
    sources: dict[str, tuple[str, list[int]]] = {}
    found, seen = [], dict[str, int]()
    for one in json.loads(told):
        if not one["function"]:
            continue
        if one["file"] not in sources:
            text = (tree / one["file"]).read_text(encoding="utf-8")
            sources[one["file"]] = (text, offsets(text))
        source, lines = sources[one["file"]]

        def place(at: dict[str, int], lines: list[int] = lines) -> int:
            return lines[at["line"] - 1] + at["column"] - 1

        begin, end = (place(one["span"][side]) for side in ("start", "end"))
        first, last = (place(one["function"]["span"][side]) for side in ("start", "end"))
        opened = body_of(source, first, last)
        if opened is not None and opened < begin and end < last and source[last - 1] == "}":
            line = source[lines[one["span"]["start"]["line"] - 1] :].split("\n", 1)[0].strip()
            name = re.sub(r":\d+:\d+", "", one["name"]) + (f": {line}" if one["genre"] != "FnValue" else "")
            seen[name] = seen.get(name, 0) + 1
            name += f" ({seen[name]})" if seen[name] > 1 else ""
            found.append(Mutant(one["file"], name, begin, end, one["replacement"], (opened + 1, last - 1)))
    return found


def body_of(source: str, first: int, last: int) -> int | None:
    """Where the body of the function that stands from ``first`` to ``last`` is opened."""
    head = re.compile(r"^[^\n/]*?\bfn \w+", re.MULTILINE).search(source, first, last)
    return source.find("{", head.end(), last) if head else None


def copied(tree: Path) -> None:
    """Make ``tree`` a copy of what is here; what did not change keeps its time, and is not compiled anew."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, names.split("\0")):
        here, there = ROOT / name, tree / name
        if here.is_file() and not (there.is_file() and there.read_bytes() == here.read_bytes()):
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(here, there)


def planted(crate: str, tree: Path, chosen: dict[int, Mutant]) -> dict[int, tuple[str, int, int]]:
    """Write the mutants into the tree; the file and the lines of each."""
    places = {}
    for file in sorted({one.file for one in chosen.values()}):
        source = (ROOT / file).read_text(encoding="utf-8")
        bodies: dict[tuple[int, int], list[int]] = {}
        for number, one in chosen.items():
            if one.file == file:
                bodies.setdefault(one.body, []).append(number)
        written, at = "", 0
        for (first, last), numbers in sorted(bodies.items()):
            written += source[at:first]
            for number in numbers:
                begun = written.count("\n") + 1
                written += f" if crate::mutant::on({number}) {{{chosen[number].changed(source)}\n}} else "
                places[number] = (file, begun, written.count("\n") + 1)
            written += f"{{{source[first:last]}}}"
            at = last
        (tree / file).write_text(written + source[at:], encoding="utf-8")
    root = tree / crate / "src" / "lib.rs"
    root.write_text(root.read_text(encoding="utf-8") + SWITCH, encoding="utf-8")
    return places


def built(crate: str, tree: Path, places: dict[int, tuple[str, int, int]]) -> tuple[str, set[int]]:
    """The compiled tests, and the mutants that the compiler refuses."""
    program, unfit, others = "", set(), []
    command = ["cargo", "test", "--lib", "--no-run", f"--package={crate}", "--locked", "--message-format=json"]
    # In our own folder cargo would take the copy's programs for those of this tree afterwards.
    done = subprocess.run(
        command,
        cwd=tree,
        env={**os.environ, "CARGO_TARGET_DIR": str(tree.parent / "target")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
        text=True,
    )
    for told in (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")):
        if told.get("executable") and told["target"]["name"] == crate:
            program = told["executable"]
        if told["reason"] != "compiler-message" or told["message"]["level"] != "error":
            continue
        spans = [span for one in (told["message"], *told["message"]["children"]) for span in one["spans"]]
        guilty = {
            number
            for number, (file, first, last) in places.items()
            if any(file == span["file_name"] and first <= span["line_start"] <= last for span in spans)
        }
        unfit |= guilty
        if not guilty:
            others.append(told["message"]["rendered"])
    if not program and not unfit:
        sys.exit("\n".join(others) or f"cargo ended with {done.returncode}")
    return program, unfit


def ran(program: str, crate: str, number: int, filters: list[str], seconds: int) -> str | None:
    """Why the mutant is caught; None where all tests pass."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))

    process = subprocess.Popen(
        [program, *filters],
        cwd=ROOT / crate,
        env={**os.environ, **SETTINGS, "MUTANT": str(number)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=limited,
    )
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            if found := re.match(r"test (\S+)(?: - should panic)? \.\.\. FAILED", line):
                process.kill()
                process.wait()
                return found[1]
    status = process.wait()
    return None if status == 0 else f"ended by signal {-status}" if status < 0 else f"ended with {status}"


def tried(crate: str, asked: argparse.Namespace, tree: Path) -> tuple[int, list[Mutant], int]:
    """How many mutants were caught, those that were not, and how many are equal."""
    copied(tree)
    drawn = listed(crate, tree)
    total = len(drawn)
    drawn = [one for one in drawn if asked.only in one.name and not re.search("|".join(ASIDE), one.name)]
    # By name: what is written elsewhere draws no others.
    drawn.sort(key=lambda one: hashlib.sha256(f"{asked.seed} {one.name}".encode()).digest())
    chosen: dict[int, Mutant] = {}
    program, last = "", 0
    while not program:
        while len(chosen) < asked.count and drawn:
            last += 1
            chosen[last] = drawn.pop(0)
        copied(tree)
        program, unfit = built(crate, tree, planted(crate, tree, chosen))
        chosen = {number: one for number, one in chosen.items() if number not in unfit}
    print(f"{crate}: {len(chosen)} of {total} mutants, {last - len(chosen)} that do not compile", flush=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    if (why := ran(program, crate, 0, [], 36_000)) is not None:
        sys.exit(f"{crate}: the tests fail without a mutant: {why}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    longest = 60 + int(10 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    until, caught, missed, equal = time.monotonic() + 60 * asked.minutes, 0, [], 0
    for number, one in chosen.items():
        if time.monotonic() > until:
            break
        if one.name in EQUAL:
            equal += 1
            continue
        why = ran(program, crate, number, [one.module()], longest) or ran(program, crate, number, [], longest)
        caught += why is not None
        if why is None:
            missed.append(one)
        if why is None or asked.verbose:
            print(f"{why or 'NOT CAUGHT'}: {one.name}", flush=True)
    return caught, missed, equal


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crate", nargs="*", default=CRATES, choices=CRATES)
    parser.add_argument("--count", type=int, default=40, help="mutants of each crate")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--minutes", type=float, default=60.0, help="for the tests of each crate, without the build")
    parser.add_argument("--only", default="", help="mutants whose names hold a text")
    parser.add_argument("--verbose", action="store_true", help="say what caught each")
    asked = parser.parse_args()
    tree = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "mutants" / "tree"
    parts, good, wrong = [], 0, 0
    for crate in asked.crate:
        caught, missed, equal = tried(crate, asked, tree)
        good, wrong = good + caught, wrong + len(missed)
        parts.append(f"{crate} {caught} of {caught + len(missed)}" + (f" and {equal} equal ones" if equal else ""))
    share = 100.0 * good / max(1, good + wrong)
    print(f"{share:.1f} % caught ({', '.join(parts)}) with seed {asked.seed}")
    return int(share < 90.0)


if __name__ == "__main__":
    sys.exit(main())
