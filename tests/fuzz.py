"""Random tries for as long as asked: ``python tests/fuzz.py --minutes 30`` shares the time out among the targets.

- ``files``: saved models altered on purpose and sealed anew, which must do no harm (``altered_files.py``).
- ``python``: the tests of properties (hypothesis), with other examples each time.
- ``rust``: the tests of properties beside the Rust code (proptest), such as kernels against their naive forms, with
  another seed each time; needs cargo.

What fails is printed with the seed that brings it back, and becomes a test.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
TARGETS = ("files", "python", "rust")


def files(seed: int, seconds: float) -> bool:
    """Whether no altered file did harm."""
    command = [sys.executable, str(TESTS / "altered_files.py"), "--start", str(seed * 10_000_000)]
    return subprocess.run([*command, "--minutes", str(seconds / 60.0)], check=False).returncode == 0


def _again(name: str, seed: int, seconds: float, command: list[str], seeded: dict[str, str], option: str) -> bool:
    """Run a command with one seed after the other; whether it never failed."""
    end, runs = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number = seed * 10_000 + runs
        given = [*command, f"{option}{number}"] if option else command
        environment = {**os.environ, **{key: str(number) for key in seeded}}
        done = subprocess.run(given, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        runs += 1
        if done.returncode != 0:
            print(done.stdout[-6000:], done.stderr[-3000:], f"{name}: failed with seed {number}", sep="\n")
            return False
    print(f"{name}: {runs} runs from seed {seed * 10_000} on, nothing found")
    return True


def python(seed: int, seconds: float) -> bool:
    """Whether no example broke a property."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "hypothesis", "--hypothesis-profile=random"]
    return _again("python", seed, seconds, command, {}, "--hypothesis-seed=")


def properties() -> list[str]:
    """The names of the properties beside the Rust code."""
    found = set()
    for path in sorted(ROOT.glob("acm_*/src/**/*.rs")):
        for block in path.read_text(encoding="utf-8").split("proptest! {")[1:]:
            found |= set(re.findall(r"#\[test\]\s+fn (\w+)\([^)]*\bin\b", block))
    return sorted(found)


def rust(seed: int, seconds: float) -> bool:
    """Whether no case broke a property."""
    command = ["cargo", "test", "--workspace", "--lib", "--locked"]
    subprocess.run([*command, "--no-run"], cwd=ROOT, check=True)
    return _again("rust", seed, seconds, [*command, "--", *properties()], {"PROPTEST_RNG_SEED": ""}, "")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="for all targets together")
    parser.add_argument("--seed", type=int, help="the first; one of this moment where it is left out")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all by default")
    asked = parser.parse_args()
    unknown = [name for name in asked.targets if name not in TARGETS]
    if unknown:
        parser.error(f"no target {unknown[0]!r}; there are {', '.join(TARGETS)}")
    targets = asked.targets or TARGETS
    seed = int(time.time()) % 100_000 if asked.seed is None else asked.seed
    seconds = 60.0 * asked.minutes / len(targets)
    fine = [{"files": files, "python": python, "rust": rust}[name](seed, seconds) for name in targets]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
