"""The Rust tests under the compiler's sanitizers: ``python tests/sanitize.py --crate acm_linalg``.

The address sanitizer finds reads and writes outside of what was allocated, or of what was given back, and memory that
nothing points to any more, in our crates and in those they call, in whatever instructions this processor has: AVX-512
too, which valgrind does not know. The standard library alone is not instrumented; what is allocated is watched there as
well. It needs a nightly compiler (``rustup toolchain install nightly``).

``--threads`` takes the thread sanitizer instead: two threads that touch the same place, one of them to write, with
nothing between them that says who is first. The standard library is compiled anew for it, or its locks would not be
seen (``rustup component add rust-src --toolchain nightly``).

The tests of a crate are one process, which the address sanitizer ends at what it finds first. ``--crate`` takes some
crates, ``--only`` tests whose names hold a text.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from valgrind import programs

ROOT = Path(__file__).resolve().parents[1]
CRATES = ("acm_linalg", "acm_features", "acm_clustering", "acm_detectors")
SETTINGS = {
    # Tests ask for more than there is, and must be told so.
    "ASAN_OPTIONS": "allocator_may_return_null=1",
    "TSAN_OPTIONS": "allocator_may_return_null=1",
    "PROPTEST_RNG_SEED": "20260917",
    "PROPTEST_DISABLE_FAILURE_PERSISTENCE": "1",
}
FOUND = "(ERROR|WARNING): (Address|Leak|Thread)Sanitizer"


def target() -> str:
    """This machine's: named, it keeps the flags from what is run while compiling."""
    told = subprocess.run(["rustc", "+nightly", "-vV"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return re.findall(r"^host: (\S+)$", told, re.MULTILINE)[0]


def program(crate: str, triple: str, sanitizer: str) -> str:
    """The compiled tests of a crate."""
    folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / f"sanitize-{sanitizer}"
    flags = f"--cfg disable_dispatch_sse4_2 -C target-cpu=native -Zsanitizer={sanitizer}"
    library = ["-Zbuild-std"] if sanitizer == "thread" else []
    more = [f"--target={triple}", f"--target-dir={folder}", *library]
    return programs([crate], {**SETTINGS, "RUSTFLAGS": flags}, ["+nightly"], more)[crate]


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crate", nargs="*", default=CRATES, choices=CRATES)
    parser.add_argument("--only", default="")
    parser.add_argument("--threads", dest="sanitizer", action="store_const", const="thread", default="address")
    asked = parser.parse_args()
    triple, clean, bad, taken = target(), {}, 0, 0.0
    for crate in asked.crate:
        tests, begun = program(crate, triple, asked.sanitizer), time.monotonic()
        done = subprocess.run(
            [tests, *([asked.only] if asked.only else [])],
            cwd=ROOT / crate,
            env={**os.environ, **SETTINGS},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
            errors="replace",
        )
        taken += time.monotonic() - begun
        clean[crate] = len(re.findall(r"^test \S+.* \.\.\. ok$", done.stdout, re.MULTILINE))
        if done.returncode:
            bad += 1
            print(f"{crate}: {'a finding' if re.search(FOUND, done.stdout) else 'a test fails'}", done.stdout[-8000:])
    counted = ", ".join(f"{crate} {count}" for crate, count in clean.items())
    print(
        f"{sum(clean.values())} tests clean ({counted}), {bad} crates with a finding, {taken:.0f} s without the build"
    )
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
