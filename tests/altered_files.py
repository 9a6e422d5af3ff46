"""Every model's file, altered on purpose and sealed anew: ``python tests/altered_files.py --minutes 10``.

A checksum keeps accidents out; whoever writes a file can make one that fits. Here arrays of sound files get odd
values, other lengths, other shapes, other names, and the checksum is right. Each must be refused with a ValueError that
says so, or give a model that can be used: whatever it scores, no panic, no crash, no hang, no memory for nothing.
Files are tried in a child process; the number of the one that ended it is told, and ``--number`` tries that one alone.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import queue
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from damaged_files import REFUSAL, Saved, arrays_of, everything, header_of, sealed

Array = tuple[str, list[int], bytes]

MEMORY = 6 * 2**30
"""Bytes of address space that a child may use."""
PATIENCE = 60.0
"""Seconds for a file; the slowest takes one."""
ROWS = 40
REALS = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 5e-324, 1e-300, 1e300, 1.7976931348623157e308)
COUNTS = (0, 1, 2, 3, 7, 255, 2**31, 2**32 - 1, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
FAULTS = ("abort", "hang", "panic", "wrong", "unequal")
Random = np.random.Generator


def _values(array: Array) -> Any:
    return np.frombuffer(array[2], {"F64": "<f8", "U64": "<u8", "U8": "u1"}[array[0]]).copy()


def _some(random: Random, kind: str, near: Any) -> Any:
    """An odd value, one that stands elsewhere in the array, or one beside it."""
    if kind == "F64":
        return (
            random.choice(REALS) if random.random() < 0.7 else random.choice([-near, near * 1e6, np.nextafter(near, 0)])
        )
    if kind == "U64":
        odd = COUNTS[random.integers(len(COUNTS))]
        return np.uint64(odd if random.random() < 0.6 else (int(near) + int(random.integers(-2, 3))) % 2**64)
    return np.uint8(random.integers(256))


def _values_altered(array: Array, random: Random) -> Array:
    values = _values(array)
    if len(values):
        many = 1 if random.random() < 0.6 else int(random.integers(1, len(values) + 1))
        for place in random.choice(len(values), many, replace=False):
            with np.errstate(all="ignore"):
                values[place] = _some(random, array[0], values[place])
    return array[0], array[1], values.tobytes()


def _values_exchanged(array: Array, random: Random) -> Array:
    return array[0], array[1], random.permutation(_values(array)).tobytes()


def _lengths_altered(array: Array, random: Random) -> Array:
    values = _values(array)
    if not array[1]:
        return array[0], [1], array[2]
    shape = list(array[1])
    axis = int(random.integers(len(shape)))
    shape[axis] = max(0, int(random.choice([0, 1, shape[axis] - 1, shape[axis] + 1, 2 * shape[axis]])))
    wanted = math.prod(shape)
    if wanted > 2**20:
        return array
    filled = np.resize(values, wanted) if len(values) else np.zeros(wanted, values.dtype)
    return array[0], shape, filled.tobytes()


def _shape_altered(array: Array, random: Random) -> Array:
    size = len(_values(array))
    if size == 0:
        return array[0], [0, int(random.choice([0, 1, 2**31, 2**62]))], b""
    return array[0], [[size], [1, size], [size, 1]][random.integers(3)], array[2]


_WAYS: tuple[Callable[[Array, Random], Array], ...] = (
    _values_altered,
    _values_altered,
    _values_altered,
    _values_exchanged,
    _lengths_altered,
    _shape_altered,
)


def altered(data: bytes, random: Random) -> bytes:
    """One to three arrays altered, left out, or taken for others."""
    if "kind" in header_of(data)["__metadata__"]:
        return _settings_or_a_file_within_altered(data, random)
    arrays = arrays_of(data)
    for _ in range(int(random.integers(1, 4))):
        names = sorted(arrays)
        name, other = names[random.integers(len(names))], names[random.integers(len(names))]
        what = random.random()
        if what < 0.03:
            del arrays[name]
        elif what < 0.06:
            arrays[name] = arrays[other]
        elif what < 0.08:
            arrays[name], arrays[other] = arrays[other], arrays[name]
        else:
            arrays[name] = _WAYS[random.integers(len(_WAYS))](arrays[name], random)
        if not arrays:
            break
    kind = header_of(data)["__metadata__"]["acm_rs"]
    if random.random() < 0.02:
        kind = f"{kind.rsplit(' ', 1)[0]} {random.integers(2, 9)}"
    return sealed(kind, arrays)


def _settings_or_a_file_within_altered(data: bytes, random: Random) -> bytes:
    from acm_rs.monitor.saving import pack, unpack

    settings, arrays, version, _ = unpack(data, kind := header_of(data)["__metadata__"]["kind"])
    if random.random() < 0.4:
        names = sorted(settings)
        name, other = names[random.integers(len(names))], names[random.integers(len(names))]
        odd: list[Any] = [None, "inf", "", [], {}, True, -1, 0, 2**70, 1e300, -0.5, copy.deepcopy(settings[other])]
        if isinstance(settings[name], list) and random.random() < 0.5:
            settings[name][int(random.integers(len(settings[name])))] = odd[random.integers(len(odd))]
        else:
            settings[name] = odd[random.integers(len(odd))]
    else:
        names = sorted(arrays)
        name, what = names[random.integers(len(names))], random.random()
        within = arrays[name].dtype == np.uint8
        if what < 0.1:
            del arrays[name]
        elif what < 0.2:
            arrays[name] = arrays[names[random.integers(len(names))]]
        elif within:
            arrays[name] = np.frombuffer(altered(arrays[name].tobytes(), random), np.uint8)
        else:
            told = ("F64", list(arrays[name].shape), arrays[name].tobytes())
            _, shape, body = _WAYS[random.integers(len(_WAYS))](told, random)
            arrays[name] = np.frombuffer(body, "<f8").reshape(shape if math.prod(shape) * 8 == len(body) else [-1])
    return pack(settings, arrays, version, kind)


def files(start: int) -> Iterator[tuple[int, Saved, bytes]]:
    """One altered file after the other; each depends on its number alone."""
    known = everything()
    number = start
    while True:
        saved = known[number % len(known)]
        yield number, saved, altered(saved.data, np.random.default_rng([number, 26]))
        number += 1


def used(saved: Saved, model: Any) -> None:
    """Whatever can be asked of it."""
    try:
        again = model.to_bytes()
    except MemoryError:
        # Forests of the first format may tell of four billion columns, and are written with a mark for each.
        return
    if type(model).from_bytes(again).to_bytes() != again:
        raise AssertionError("what it writes is read as another")
    columns = getattr(model, "n_features_in_", None) or getattr(model, "columns", None) or 3
    x = np.random.default_rng(7).standard_normal((ROWS, min(int(columns), 10_000)))
    x[3, 0], x[5, -1] = np.nan, np.inf
    repr(model)
    for name in sorted(set(dir(type(model)))):
        if name.startswith("_") or name in {"fit", "save", "load", "from_bytes", "to_bytes", "merge", "fit_moments"}:
            continue
        member = getattr(type(model), name)
        if not callable(member):
            _allowed(lambda name=name: getattr(model, name))
            continue
        for given in ((x,), (x[:, 0].copy(),), ()):
            if _allowed(lambda name=name, given=given: getattr(model, name)(*given)):
                break
    _allowed(lambda: model.update(x))
    _allowed(model.to_bytes)


def _allowed(call: Callable[[], Any]) -> bool:
    import acm_rs

    try:
        call()
    except acm_rs.InternalError:
        raise
    except (ValueError, TypeError, MemoryError, AttributeError, RuntimeError, np.linalg.LinAlgError):
        return False
    return True


def outcome(saved: Saved, data: bytes) -> str:
    """What became of a file: a word, and the message where there is something to say."""
    import acm_rs

    try:
        try:
            model = saved.kind.from_bytes(data)
        except ValueError as error:
            return "refused" if REFUSAL.search(str(error)) else f"wrong {error}"
        except MemoryError as error:
            return f"wrong {error}"
        used(saved, model)
    except acm_rs.InternalError as error:
        return f"panic {error}"
    except AssertionError as error:
        return f"unequal {error}"
    except BaseException as error:
        return f"wrong {type(error).__name__}: {error}"
    return "taken"


def child(start: int) -> None:
    """Answer for one file after the other: a line before it, a line after it."""
    try:
        import resource
    except ImportError:
        pass
    else:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    for number, saved, data in files(start):
        print(f"> {number} {saved}", flush=True)
        print(f"< {number} {outcome(saved, data)!r}", flush=True)


def _lines(stream: IO[str]) -> queue.Queue[str | None]:
    lines: queue.Queue[str | None] = queue.Queue(maxsize=1000)

    def read() -> None:
        for line in stream:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def run(start: int, count: int | None, seconds: float | None) -> tuple[Counter[str], list[str]]:
    """Try so many files, or as long as that: counts of outcomes, and what went wrong."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    begun, place = time.monotonic(), start
    while count is None or place < start + count:
        command = [sys.executable, str(Path(__file__).resolve()), "--child", str(place)]
        environment = {**os.environ, "ACM_NUM_THREADS": "1"}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            lines = _lines(process.stdout)
            running = ""
            while True:
                try:
                    line = lines.get(timeout=PATIENCE)
                    gone = "abort"
                except queue.Empty:
                    line, gone = None, "hang"
                if line is None:
                    process.kill()
                    if not running:
                        raise RuntimeError(f"a child ended before file {place} with status {process.wait()}")
                    counts[gone] += 1
                    wrong.append(f"{running}: {gone} {process.wait()}")
                    place += 1
                    break
                if line.startswith("> "):
                    running = line[2:].strip()
                    continue
                known, running, text = running, "", line.split(" ", 2)[2].strip()[1:-1]
                word = text.partition(" ")[0]
                counts[word] += 1
                if word in FAULTS:
                    wrong.append(f"{known}: {text}")
                place += 1
                late = seconds is not None and time.monotonic() - begun > seconds
                if late or (count is not None and place >= start + count):
                    process.kill()
                    return counts, wrong
    return counts, wrong


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="how long")
    parser.add_argument("--count", type=int, help="how many files")
    parser.add_argument("--start", type=int, default=0, help="the number of the first")
    parser.add_argument("--number", type=int, help="this one alone, in this process")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child is not None:
        child(asked.child)
    if asked.number is not None:
        number, saved, data = next(files(asked.number))
        print(f"{number} {saved}: {outcome(saved, data)}")
        return 0
    count = asked.count if asked.count or asked.minutes else 2_000
    counts, wrong = run(asked.start, count, asked.minutes and 60.0 * asked.minutes)
    for line in wrong:
        print(line)
    told = ", ".join(f"{counts[word]:,} {word}" for word in ("refused", "taken", *FAULTS))
    print(f"{counts.total():,} altered files of {len(everything())} kinds: {told}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    raise SystemExit(main())
