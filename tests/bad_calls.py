"""The bad-call matrix: every argument of every public call replaced by odd values, in child processes.

``python tests/bad_calls.py`` runs all of it, ``--cases N`` a drawn part. A child that dies has aborted, one that does
not answer hangs; both are counted, and the next one goes on with the case after.
"""

from __future__ import annotations

import argparse
import itertools
import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import acm_rs
import numpy as np
from calls import CALLS, Call
from odd_values import GIANTS, ODD, BoomError

ROWS = 60
MEMORY = 8 * 2**30
"""Bytes of address space that a child may use: what is larger is a MemoryError, whatever this machine has."""
PATIENCE = 60.0
"""Seconds for a call; none takes one."""
SEED = 20
DATA = frozenset({"x", "y", "data", "score", "a", "b", "centers"})
UNKNOWN, MISSING = "an unknown keyword", "a missing argument"
ALLOWED = (ValueError, TypeError, MemoryError, np.linalg.LinAlgError)


@dataclass(frozen=True)
class Case:
    """One bad call: ``argument`` of ``call`` replaced by the odd value of that name."""

    call: Call
    argument: str
    odd: str

    def __str__(self) -> str:
        return f"{self.call.label}({self.argument} = {self.odd})"


def all_cases() -> list[Case]:
    """Every argument of every call with every odd value, and the keywords that are not there."""
    cases = []
    for call in CALLS:
        arguments = call.prepare(ROWS)[1]
        for argument in arguments:
            cases += [Case(call, argument, odd) for odd in ODD if not (argument in DATA and odd in GIANTS)]
            cases.append(Case(call, argument, MISSING))
        if not call.label.rpartition(".")[2].startswith("__"):
            cases.append(Case(call, "nonsense", UNKNOWN))
    return cases


def drawn(cases: int | None) -> list[Case]:
    """So many of all cases, the same ones every time."""
    known = all_cases()
    return known if cases is None or cases >= len(known) else random.Random(SEED).sample(known, cases)


# ---- in the child ---------------------------------------------------------------------------------------------------


def outcome(case: Case) -> str:
    """What became of the call: a word, and the message where there is something to say."""
    function, arguments = case.call.prepare(ROWS)
    if case.odd == MISSING:
        del arguments[case.argument]
    else:
        arguments[case.argument] = 1 if case.odd == UNKNOWN else ODD[case.odd]()
    try:
        function(**arguments)
    except BoomError:
        return "their own"
    except Exception as error:
        return judged(case, getattr(function, "__self__", None), arguments, error)
    except BaseException as error:
        return f"panic {type(error).__name__}: {error}"
    return "accepted"


def judged(case: Case, owner: object, arguments: dict[str, Any], error: Exception) -> str:
    """Is this the exception that the call should raise?"""
    text = f"{type(error).__name__}: {str(error)[:300]!r}"
    if isinstance(error, acm_rs.InternalError):
        return f"panic {text}"
    # A file is named by its path.
    of_path = case.argument == "path" and (isinstance(error, OSError) or "not a saved" in str(error))
    if type(error) not in ALLOWED and not of_path:
        return f"wrong-type {text}"
    if case.odd == UNKNOWN or (case.odd == MISSING and "required" in str(error)):
        named = case.call.name.rpartition(".")[2] in str(error) and f"'{case.argument}'" in str(error)
        return "refused" if named else f"unnamed {text}"
    if len(str(error)) > 2000 and not of_path:
        return f"unnamed {text}"
    if of_path or f"`{case.argument}`" in str(error):
        return "refused"
    if isinstance(error, MemoryError) and str(error):
        return "no memory"
    # What the object was made with counts as well: weights for other columns than these.
    given = any(f"`{name}`" in str(error) for name in [*arguments, *dir(owner)])
    return "refused the whole" if given else f"unnamed {text}"


def child(cases: Sequence[Case], start: int, stride: int) -> None:
    """Answer for every ``stride``-th case from ``start`` on: a line before it, a line after it."""
    try:
        import resource
    except ImportError:
        pass
    else:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", category=UserWarning)
    threads = acm_rs.get_num_threads()
    # Warnings of NumPy about odd arrays are raised when the values are made, not by us.
    for place in range(start, len(cases), stride):
        print(f"> {place}", flush=True)
        with np.errstate(all="ignore"):
            found = outcome(cases[place])
        print(f"< {place} {found!r}", flush=True)
        acm_rs.set_num_threads(threads)


# ---- around the children --------------------------------------------------------------------------------------------


@dataclass
class Found:
    """Counts of outcomes, and the cases that went wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[Case, str]] = field(default_factory=list)

    def note(self, case: Case, found: str) -> None:
        """Count an outcome; keep it where it is a fault."""
        word = found.partition(" ")[0] if found.split(" ")[0] in FAULTS else found
        self.counts[word] += 1
        if word in FAULTS:
            self.wrong.append((case, found))

    def __str__(self) -> str:
        words = [*FAULTS, *sorted(set(self.counts) - set(FAULTS))]
        return ", ".join(f"{self.counts[word]} {word}" for word in words) + f" of {self.counts.total()} calls"


FAULTS = ("abort", "panic", "hang", "wrong-type", "unnamed")


def _lines(stream: IO[str]) -> queue.Queue[str | None]:
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in stream:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _follow(cases: Sequence[Case], start: int, stride: int, limit: int | None, found: Found) -> None:
    """Walk through the cases of one child, and of those that take its place when it is gone."""
    command = [sys.executable, str(Path(__file__).resolve()), "--child", str(start), "--stride", str(stride)]
    command += [] if limit is None else ["--cases", str(limit)]
    environment = {**os.environ, "ACM_NUM_THREADS": "2"}
    with tempfile.TemporaryDirectory(prefix="acm-rs-bad-calls-") as folder:
        place = start
        while place < len(cases):
            command[3] = str(place)
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder, env=environment
            ) as process:
                place = _answers(process, cases, place, stride, found)


def _answers(process: subprocess.Popen[str], cases: Sequence[Case], place: int, stride: int, found: Found) -> int:
    """Note the answers of one child; the case to go on with."""
    assert process.stdout is not None
    lines = _lines(process.stdout)
    running = None
    for _ in itertools.count():
        try:
            line = lines.get(timeout=PATIENCE)
        except queue.Empty:
            process.kill()
            line, gone = None, "hang"
        else:
            gone = "abort"
        if line is None:
            status = process.wait()
            if running is None:
                if place < len(cases):
                    raise RuntimeError(f"a child ended before case {place} with status {status}")
                return place
            found.note(cases[running], f"{gone} {status}")
            return running + stride
        if line.startswith("> "):
            running = int(line[2:])
        else:
            _, number, text = line.split(" ", 2)
            found.note(cases[int(number)], text.strip()[1:-1])
            running, place = None, int(number) + stride
    raise AssertionError


def run(limit: int | None, children: int = 2) -> Found:
    """Run so many cases, all where None, in so many children at once."""
    cases = drawn(limit)
    parts = [Found() for _ in range(children)]
    threads = [
        threading.Thread(target=_follow, args=(cases, start, children, limit, part)) for start, part in enumerate(parts)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole = Found()
    for part in parts:
        whole.counts += part.counts
        whole.wrong += part.wrong
    if whole.counts.total() != len(cases):
        raise RuntimeError(f"{whole.counts.total()} of {len(cases)} calls have an outcome")
    return whole


def _shown(wrong: list[tuple[Case, str]]) -> Iterator[str]:
    for case, text in wrong:
        yield f"{case}: {text}"


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=None, help="how many of them; all by default")
    parser.add_argument("--child", type=int, default=None, help=argparse.SUPPRESS)
    parser.add_argument("--stride", type=int, default=1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        child(drawn(given.cases), given.child, given.stride)
        return 0
    found = run(given.cases)
    for line in _shown(found.wrong):
        print(line)
    print(found)
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
