"""Everything public, again and again: ``threads`` from eight threads at once, ``leaks`` ten thousand times.

``python tests/endurance.py threads --seconds 600`` draws calls in eight threads and compares each result's bytes with
those that one thread got. ``leaks --calls 10000 --seconds 2`` repeats each call and looks whether the process holds
more afterwards than before, in Python's own blocks and in memory; a call ends early where its seconds are over, and
how many were made is told. A growth counts where it comes again when all is repeated. Linux only.
"""

from __future__ import annotations

import argparse
import gc
import random
import resource
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np

ROWS, SEED, THREADS, WARM = 60, 20, 8, 20
BLOCKS, BYTES = 0.5, 64.0
"""Blocks and bytes a call that may stay: less than one of either kind for each."""
NOISE = 300
"""Blocks that come and go, however many calls there were."""
LEAST = 2**20
"""Bytes that count at all: what the allocator holds back comes and goes."""


def _bytes(found: Any) -> bytes:
    """What was computed, to the bit, where it is numbers or a model."""
    if hasattr(found, "to_bytes"):
        try:
            return bytes(found.to_bytes())
        except RuntimeError:
            # Nothing was learnt yet.
            return b""
    if isinstance(found, tuple | list):
        return b"".join(_bytes(one) for one in found)
    if isinstance(found, np.ndarray):
        return np.ascontiguousarray(found).tobytes() if found.dtype.kind in "fiub" else b""
    return repr(found).encode() if isinstance(found, int | float | str | bool) else b""


def threads(seconds: float) -> int:
    """From eight threads at once."""
    from calls import CALLS

    # What sets the number of threads, or writes the one file of its call, is for one thread.
    drawn = [call for call in CALLS if not call.name.endswith((".save", ".load", "set_num_threads", "get_num_threads"))]
    expected = {call.label: _bytes(call(ROWS)) for call in drawn}
    made, wrong, until = [0] * THREADS, [], time.monotonic() + seconds

    def work(number: int) -> None:
        chance = random.Random(SEED + number)
        while time.monotonic() < until:
            call = chance.choice(drawn)
            try:
                if _bytes(call(ROWS)) != expected[call.label]:
                    wrong.append(f"{call}: other bytes")
            except Exception:
                wrong.append(f"{call}: {traceback.format_exc()}")
            made[number] += 1

    workers = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for text in wrong[:20]:
        print(text)
    print(f"{THREADS} threads, {seconds:.0f} s: {sum(made):,} of {len(drawn)} different calls, {len(wrong)} wrong")
    return len(wrong)


def _held() -> tuple[int, int]:
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    return sys.getallocatedblocks(), resident


def grown(call: Any, calls: int, seconds: float) -> tuple[int, float, float]:
    """Calls that were made, and the blocks and bytes that each left behind."""
    function, arguments = call.prepare(ROWS)

    def again() -> None:
        function(**arguments)

    try:
        again()
        again()
    except ValueError:
        # The same rows do not come twice.
        def again() -> None:
            call(ROWS)

    for _ in range(WARM):
        again()
    blocks, size = _held()
    until, made = time.monotonic() + seconds, 0
    while made < calls and (made < WARM or time.monotonic() < until):
        again()
        made += 1
    after = _held()
    more = after[1] - size
    return made, max(0, after[0] - blocks - NOISE) / made, (more if more > LEAST else 0) / made


def leaks(calls: int, seconds: float) -> int:
    """Ten thousand times."""
    from calls import CALLS

    made, wrong = [], []
    for call in CALLS:
        count, *left = grown(call, calls, seconds)
        for _ in range(3):
            if left[0] < BLOCKS and left[1] < BYTES:
                break
            # Caches fill once; what leaks does so each time.
            again, *left = grown(call, calls, seconds)
            count += again
        if left[0] >= BLOCKS or left[1] >= BYTES:
            wrong.append(f"{call}: {left[0]:.2f} blocks and {left[1]:.0f} bytes a call")
        made.append(count)
    for text in wrong:
        print(text)
    print(
        f"{sum(made):,} calls of {len(made)} kinds, of each {min(made):,} to {max(made):,},"
        f" half of them {sorted(made)[len(made) // 2]:,} or more: {len(wrong)} grow"
    )
    return len(wrong)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("threads", "leaks"))
    parser.add_argument("--seconds", type=float, default=2.0, help="of all threads, or of each call")
    parser.add_argument("--calls", type=int, default=10_000)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    return int(bool(threads(asked.seconds) if asked.what == "threads" else leaks(asked.calls, asked.seconds)))


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    sys.exit(main())
