"""Every public call with little memory left: a result or a MemoryError, never an abort.

Each run is a process of its own (a fork, so that imports are done), whose address space may grow by so many MiB from
the moment of the call on. ``python tests/little_memory.py --runs 1000`` prints how the runs end.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, NoReturn

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))

import acm_rs
import calls
from registry import regimes

MOST_MIB = 48
PROMISED_MIB = 4
"""From so much on no run may abort."""
ROWS = (60, 600, 6000)
SECONDS = 60
"""After which a run counts as hanging."""

RESULT, MEMORY_ERROR, OTHER_ERROR = 0, 3, 4
ENDS = ("result", "MemoryError", "abort", "hang", "other")


@dataclass(frozen=True)
class Run:
    """One call: how many rows, how much memory is left, and whether it was called before with enough."""

    label: str
    rows: int
    mib: int
    warm: bool


@dataclass(frozen=True)
class Ending:
    """How a run ended, and what it said."""

    run: Run
    end: str
    text: str

    @property
    def bad(self) -> bool:
        """Whether it breaks the promise."""
        fine = self.end in {"result", "MemoryError"} or (self.end == "abort" and self.run.mib < PROMISED_MIB)
        return not fine


def drawn(count: int, seed: int) -> list[Run]:
    """Runs of all calls in turn, with anything from 1 to 48 MiB left."""
    chance = random.Random(seed)
    labels = [call.label for call in (*calls.CALLS, *calls.ATTRIBUTES)]
    chance.shuffle(labels)
    runs = []
    for number in range(count):
        # As much with hardly any memory as with some.
        mib = min(MOST_MIB, int(2 ** chance.uniform(0.0, 6.0)))
        runs.append(Run(labels[number % len(labels)], chance.choice(ROWS), mib, chance.random() < 0.3))
    return runs


def _grown(mib: int) -> None:
    """Lets the address space grow by so many MiB from now on."""
    import ctypes
    import resource

    # What was used and given back would else serve the call.
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split(" ")[0])
    limit = pages * resource.getpagesize() + (mib << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def _child(run: Run, errors: IO[bytes]) -> NoReturn:
    import resource

    code = OTHER_ERROR
    try:
        os.dup2(errors.fileno(), 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(SECONDS)
        call = calls.BY_LABEL[run.label]
        if run.warm:
            call(run.rows)
        function, arguments = call.prepare(run.rows)
        _grown(run.mib)
        try:
            function(**arguments)
            code = RESULT
        except MemoryError:
            code = MEMORY_ERROR
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(run: Run, errors: IO[bytes]) -> Ending:
    """Do it."""
    errors.seek(0)
    errors.truncate()
    child = os.fork()
    if child == 0:
        _child(run, errors)
    _, status = os.waitpid(child, 0)
    errors.seek(0)
    text = errors.read().decode(errors="replace")
    if os.WIFSIGNALED(status):
        hangs = os.WTERMSIG(status) == signal.SIGALRM
        return Ending(run, "hang" if hangs else "abort", f"{signal.Signals(os.WTERMSIG(status)).name}\n{text}")
    end = {RESULT: "result", MEMORY_ERROR: "MemoryError"}.get(os.WEXITSTATUS(status), "other")
    return Ending(run, end, text)


def _stored() -> dict[str, bytes]:
    """The saved models, made in a process of their own: a process that forks must have no threads."""
    saved = {*calls.MODELS, *calls.CLUSTERINGS, *calls.STREAMS}
    names = [name for name in calls.classes() if name in saved]
    folder = calls._folder()
    child = os.fork()
    if child == 0:
        try:
            for name in names:
                (folder / f"{name}.bytes").write_bytes(calls._stored(name))
                calls._saved(name)
            (folder / "reference.bytes").write_bytes(regimes.reference().to_bytes())
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0, "the models could not be made"
    return {name: (folder / f"{name}.bytes").read_bytes() for name in names}


def endings(runs: list[Run]) -> Iterator[Ending]:
    """Do them all, one after the other."""
    stored = _stored()
    folder = calls._folder()
    reference = acm_rs.RegimeModel.from_bytes((folder / "reference.bytes").read_bytes())
    vars(calls).update(
        _stored=stored.__getitem__,
        _saved=lambda name: folder / f"{name}-to-load.safetensors",
    )
    regimes.reference = lambda: reference
    with tempfile.TemporaryFile() as errors:
        for run in runs:
            yield ended(run, errors)


def table(found: list[Ending]) -> str:
    """How many runs ended how, by MiB left."""
    edges = (1, 2, 3, 4, 8, 16, 32, MOST_MIB + 1)
    lines = [f"{'MiB left':>9} {'runs':>6} " + " ".join(f"{end:>11}" for end in ENDS)]
    for low, high in pairwise(edges):
        some = Counter(ending.end for ending in found if low <= ending.run.mib < high)
        name = str(low) if high == low + 1 else f"{low}-{high - 1}"
        lines.append(f"{name:>9} {some.total():>6} " + " ".join(f"{some[end]:>11}" for end in ENDS))
    every = Counter(ending.end for ending in found)
    lines.append(f"{'all':>9} {every.total():>6} " + " ".join(f"{every[end]:>11}" for end in ENDS))
    return "\n".join(lines)


def main() -> int:
    """Do as many runs as asked, print the table and what broke the promise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of the labels")
    parser.add_argument("--all", action="store_true", help="print aborts below the promise too")
    asked = parser.parse_args()
    runs = [run for run in drawn(asked.runs, asked.seed) if asked.only in run.label]
    found = list(endings(runs))
    print(table(found))
    for ending in found:
        if ending.bad or (asked.all and ending.end == "abort"):
            print(f"\n{ending.run}: {ending.end}\n{ending.text.strip()[-2000:]}")
    return 1 if any(ending.bad for ending in found) else 0


if __name__ == "__main__":
    sys.exit(main())
