"""Every model's file, damaged: ``python tests/damaged_files.py`` flips 10,000 bits of each and cuts each everywhere.

Nothing of it may load. ``--few`` takes a part of it. Prints the counts; the exit status is 1 where anything loaded.
"""

from __future__ import annotations

import json
import lzma
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

_SEED = 20_260_917


REFUSAL = re.compile("`data` (is|holds)|^the state (is damaged|was written)|^this is no state")
"""What is said of bytes that are not taken."""


@dataclass(frozen=True)
class Saved:
    """A model's class and its bytes."""

    name: str
    kind: Any
    data: bytes

    def __str__(self) -> str:
        return self.name

    def loads(self, data: bytes | memoryview) -> bool:
        """Whether these bytes are taken for such a model."""
        try:
            self.kind.from_bytes(data)
        except ValueError as error:
            if not REFUSAL.search(str(error)):
                raise
            return False
        return True


@cache
def everything() -> tuple[Saved, ...]:
    """Every class that saves, with every set of parameters, amid a history."""
    import acm_rs
    from histories import plant
    from registry import CASES, CLUSTERINGS

    found = []
    for case in CASES:
        model = case.make().fit(plant(420, case.model.columns, gaps=0.03))
        model.update(plant(40, case.model.columns, seed=1))
        found.append((str(case), model))
    for row in CLUSTERINGS.values():
        for number, parameters in enumerate(row.variants):
            found.append((f"{row.name} {number}", row.make(**parameters).fit(plant(200, 3))))
    x = plant(40, 3, seed=2)
    for chart in (
        acm_rs.Cusum(5.0, 0.5, target=[1.0, 2.0, 3.0]),
        acm_rs.EwmaChart(0.2, 3.0),
        acm_rs.PageHinkley(50.0, 0.005, reset=True),
        acm_rs.RollingState("feature_matrix", 5, 3),
        acm_rs.RollingState("ewm_std", None, 3, span=5.0),
        acm_rs.RunningMoments([0.0] * 3, [1.0] * 3),
    ):
        chart.update(x)
        found.append((type(chart).__name__, chart))
    fading = acm_rs.FadingMoments(acm_rs.RunningMoments([0.0] * 3, [1.0] * 3), halflife=2.0)
    for seed in range(3):
        fading.update(plant(40, 3, seed=seed)).close(trusted=True)
    found.append(("FadingMoments", fading.update(x)))
    tracker = acm_rs.EpisodeTracker(2.0, 1.0, min_rows=2)
    tracker.update(np.array([0.0, 3.0, 3.0]))
    found.append(("EpisodeTracker", tracker))
    named: Any = acm_rs.PCADetector(2, lags=1)._engine.fit(x, ["flow", "Druck \u00e9\n", ""])
    named.metadata = {"asset": "P-101", "trained": "2024-01 to 2024-06", "units": "m3/h, bar, \u00b0C"}
    noted: Any = acm_rs.EpisodeTracker(2.0)._engine
    noted.metadata = {"": "", "asset": "P-101"}
    found += [("PCADetector with names", named), ("EpisodeTracker with metadata", noted)]
    return tuple(Saved(name, type(model), model.to_bytes()) for name, model in found)


def flipped(data: bytes, count: int) -> Iterator[bytes]:
    """Copies with one bit changed, at `count` places or all."""
    bits = 8 * len(data)
    random = np.random.default_rng(_SEED)
    for place in random.permutation(bits)[:count].tolist() if count < bits else range(bits):
        copy = bytearray(data)
        copy[place // 8] ^= 1 << place % 8
        yield bytes(copy)


def cut(data: bytes, count: int) -> Iterator[memoryview]:
    """The first bytes alone, for `count` lengths or all."""
    step = max(1, len(data) // count)
    lengths = {*range(0, len(data), step), *range(min(9, len(data))), len(data) - 1}
    return (memoryview(data)[:length] for length in sorted(lengths))


def lengthened(data: bytes) -> Iterator[bytes]:
    """Something behind the end."""
    for tail in (b"\0", b" ", b"\xff", b"\n", bytes(8), data[-8:], data[:8], data):
        yield data + tail


def header_of(data: bytes) -> dict[str, Any]:
    """The header of a file."""
    header: dict[str, Any] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return header


def headed(header: dict[str, Any], body: bytes) -> bytes:
    """A file of that header and those arrays, as the format has it."""
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body


def arrays_of(data: bytes) -> dict[str, tuple[str, list[int], bytes]]:
    """Type, shape and bytes of a file's arrays, but for the checksum."""
    body = data[8 + int.from_bytes(data[:8], "little") :]
    entries = {name: entry for name, entry in header_of(data).items() if name not in {"__metadata__", "~crc64"}}
    return {
        name: (entry["dtype"], entry["shape"], body[slice(*entry["data_offsets"])]) for name, entry in entries.items()
    }


def sealed(kind: str, arrays: Mapping[str, tuple[str, list[int], bytes]]) -> bytes:
    """A file of these arrays with a checksum that fits, whatever they are."""
    header: dict[str, Any] = {"__metadata__": {"acm_rs": kind}}
    body = b""
    for name, (dtype, shape, data) in [*arrays.items(), ("~crc64", ("U8", [8], bytes(8)))]:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    file = headed(header, body)[:-8]
    return file + checksum(file)


def checksum(data: bytes) -> bytes:
    """CRC-64/XZ, low byte first."""
    container = lzma.compress(data, check=lzma.CHECK_CRC64, preset=0)
    # Behind the block stands its checksum, then the index, whose size the footer tells, then the footer.
    index = 4 * (int.from_bytes(container[-8:-4], "little") + 1)
    return container[-12 - index - 8 : -12 - index]


def as_first_format(data: bytes) -> bytes:
    """The same model in the first format, which had no checksum."""
    header = header_of(data)
    body = data[8 + int.from_bytes(data[:8], "little") :]
    size = header.pop("~crc64")["data_offsets"]
    assert size[1] == len(body)
    kind, version = header["__metadata__"]["acm_rs"].rsplit(" ", 1)
    assert int(version) >= 2
    header["__metadata__"]["acm_rs"] = f"{kind} 1"
    return headed(header, body[: size[0]])


def main(few: bool) -> int:
    """Damage all files and count."""
    flips, cuts = (300, 100) if few else (10_000, sys.maxsize)
    totals = np.zeros(4, dtype=int)
    for saved in everything():
        tried = [0, 0, 0]
        loaded = 0
        for number, tries in enumerate(
            (flipped(saved.data, flips), cut(saved.data, cuts), lengthened(saved.data)),
        ):
            for data in tries:
                tried[number] += 1
                loaded += saved.loads(data)
        totals += [*tried, loaded]
        print(f"{saved.name}: {len(saved.data):,} bytes, {tried[0]:,} flips, {tried[1]:,} cuts, {loaded} loaded")
    files = len(everything())
    print(f"{files} files: {totals[0]:,} flipped bits, {totals[1]:,} cuts, {totals[2]:,} tails: {totals[3]} loaded")
    return int(totals[3] > 0)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    raise SystemExit(main("--few" in sys.argv[1:]))
