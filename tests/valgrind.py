"""The Rust tests under valgrind, for as long as asked: ``python tests/valgrind.py --minutes 30``.

Each test is a process of its own, in a random order, so that what is left when the time is over is told by numbers.
It finds reads and writes outside of what was allocated, decisions by values that were never set, and memory that
nothing points to any more, in our crates and in those they call. Random tests draw few cases. valgrind knows no
AVX-512: kernels take their other forms. What it computes by AVX is not always what a processor does (3.19 takes NaN
for unequal where an ordered comparison must not): a test that fails under it alone, without a finding, is counted
apart. ``--crate`` takes some crates, ``--only`` tests whose names hold a text.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CRATES = ("acm_linalg", "acm_features", "acm_clustering", "acm_detectors")
FOUND = 99
"""The exit status where valgrind has found something."""
VALGRIND = ("valgrind", "--quiet", f"--error-exitcode={FOUND}", "--leak-check=full", "--errors-for-leak-kinds=definite")
SETTINGS = {
    "RUSTFLAGS": "--cfg disable_dispatch_sse4_2 --cfg disable_dispatch_avx512 -C target-cpu=x86-64-v3",
    "PROPTEST_CASES": "2",
    "PROPTEST_RNG_SEED": "20260917",
    "PROPTEST_DISABLE_FAILURE_PERSISTENCE": "1",
    "RUST_TEST_THREADS": "1",
}


def programs(
    crates: Sequence[str],
    settings: Mapping[str, str] = SETTINGS,
    compiler: Sequence[str] = (),
    more: Sequence[str] = (),
) -> dict[str, str]:
    """The compiled tests of each crate."""
    command = ["cargo", *compiler, "test", "--lib", "--no-run", "--locked", "--message-format=json", *more]
    told = subprocess.run(
        [*command, *(f"--package={name}" for name in crates)],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    return {one["target"]["name"]: one["executable"] for one in lines if one.get("executable")}


def tests_of(program: str) -> list[str]:
    """The names of its tests."""
    told = subprocess.run([program, "--list"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return re.findall(r"^(\S+): test$", told, re.MULTILINE)


def ran(command: list[str], crate: str, longest: float) -> tuple[int | None, str]:
    """The exit status, None where it took too long, and what was written."""
    try:
        done = subprocess.run(
            command,
            cwd=ROOT / crate,
            env={**os.environ, **SETTINGS},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=longest,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, done.stdout


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--longest", type=float, default=120.0, help="seconds for a test, which is then left out")
    parser.add_argument("--crate", nargs="*", default=CRATES, choices=CRATES)
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=20)
    asked = parser.parse_args()
    all_tests = [
        (name, program, test)
        for name, program in programs(list(asked.crate)).items()
        for test in tests_of(program)
        if asked.only in test
    ]
    random.Random(asked.seed).shuffle(all_tests)
    until = time.monotonic() + 60.0 * asked.minutes
    clean, slow, unlike, bad = dict.fromkeys(asked.crate, 0), 0, 0, []
    for name, program, test in all_tests:
        if time.monotonic() > until:
            break
        status, output = ran([*VALGRIND, program, test, "--exact"], name, asked.longest)
        if status is None:
            slow += 1
        elif status == 0:
            clean[name] += 1
        elif status != FOUND and ran([program, test, "--exact"], name, asked.longest)[0] == 0:
            unlike += 1
            print(f"{name}: {test}: fails under valgrind alone", flush=True)
        else:
            bad.append(test)
            print(f"{name}: {test}", output[-4000:], sep="\n", flush=True)
    counted = ", ".join(f"{name} {count}" for name, count in clean.items())
    print(
        f"{sum(clean.values())} of {len(all_tests)} tests clean ({counted}), {slow} too slow for it, {unlike} that it"
        f" computes otherwise, {len(bad)} with a finding"
    )
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
