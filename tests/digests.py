"""Digests of everything the registry can call, to hold two builds of acm_rs against each other.

    python tests/digests.py > before.json        (with the one build)
    python tests/digests.py --against before.json   (with the other)

Results that must stay the same bytes do; what differs is named.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import acm_rs
import numpy as np
from calls import CALLS, made
from families import WINDOWS, family
from histories import plant
from registry import CASES, CLUSTERINGS, KERNELS, MATRICES, MODELS, PAIRS, WINDOWED

SIZES = (1, 2, 3, 130, 5000, 20_011)


def digest(value: Any) -> str:
    """A short digest of the bytes of whatever a call gives."""
    state = hashlib.blake2b(digest_size=12)

    def take(value: Any) -> None:
        if isinstance(value, np.ndarray):
            state.update(f"{value.dtype}{value.shape}".encode())
            state.update(np.ascontiguousarray(value).tobytes())
        elif isinstance(value, bytes):
            state.update(value)
        elif isinstance(value, tuple | list):
            for one in value:
                take(one)
        elif isinstance(value, acm_rs.Episodes | acm_rs.Threshold):
            take(list(value))
        elif isinstance(value, acm_rs.Quality):
            state.update(repr(value.as_dict()).encode())
        elif type(value).__name__ in {*MODELS, *CLUSTERINGS}:
            fields = [name for name in dir(value) if name.endswith("_") and not name.startswith("_")]
            fields.remove("feature_names_in_")
            take([getattr(value, name) for name in fields])
        else:
            state.update(repr(value).encode())

    take(value)
    return state.hexdigest()


def _attempt(function: Any) -> str:
    try:
        return digest(function())
    except Exception as error:
        return type(error).__name__


def digests() -> dict[str, str]:
    """Every digest by name."""
    found: dict[str, str] = {}
    skipped = {"to_bytes", "from_bytes", "save", "load"}
    for call in CALLS:
        if call.label.split(".")[-1] in skipped or "num_threads" in call.label:
            continue
        for rows in SIZES:
            found[f"{call} {rows}"] = _attempt(lambda call=call, rows=rows: call(rows))
    for letter in ("A", "B", "C", "D", "E", "F"):
        for missing in (False, True):
            for name, kernel in KERNELS.items():
                for window in WINDOWS:
                    x = _family(letter, missing)
                    found[f"{name} {letter} {missing} {window}"] = _attempt(
                        lambda kernel=kernel, x=x, window=window: kernel(x, window)
                    )
                if kernel in WINDOWED or kernel in PAIRS:
                    times = 1_000_000_000 * np.cumsum(1 + np.arange(1200) % 7)
                    found[f"{name} {letter} {missing} lasting"] = _attempt(
                        lambda kernel=kernel, x=x, times=times: kernel(x, "50s", times=times)
                    )
            for name, function in MATRICES.items():
                found[f"{name} {letter} {missing}"] = _attempt(
                    lambda function=function, letter=letter, missing=missing: function(_family(letter, missing))
                )
    for case in CASES:
        model = case.make().fit(plant(900, case.model.columns, gaps=0.03))
        found[f"{case} fitted"] = digest(model)
        x = plant(300, case.model.columns, seed=1, gaps=0.05)
        for method in ("score", "update", "contributions", *case.model.methods):
            found[f"{case} {method}"] = _attempt(lambda model=model, method=method, x=x: getattr(model, method)(x))
    for row in CLUSTERINGS.values():
        for number, parameters in enumerate(row.variants):
            found[f"{row.name} {number} fitted"] = digest(row.make(**parameters).fit(plant(900, 4)))
    for name in ("Cusum", "EwmaChart", "PageHinkley"):
        found[f"{name} twice"] = digest([made(name).update(plant(500, 4)) for _ in range(2)])
    return found


def _family(letter: str, missing: bool) -> np.ndarray[Any, Any]:
    full = next(name for name in _names() if name.startswith(letter))
    return np.column_stack([family(full, missing, 1200), family(full, missing, 1200)[::-1]])


def _names() -> list[str]:
    from families import FAMILIES

    return list(FAMILIES)


def main() -> int:
    """Print the digests, or what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="digests of another build")
    given = parser.parse_args()
    found = digests()
    if given.against is None:
        print(json.dumps(found, indent=0))
        return 0
    before = json.loads(given.against.read_text(encoding="utf-8"))
    both = sorted(set(before) & set(found))
    differing = [name for name in both if before[name] != found[name]]
    print("\n".join(f"{name}: {before[name]} -> {found[name]}" for name in differing))
    print(f"{len(both)} compared, {len(differing)} differ, {len(set(before) ^ set(found))} in one of them only")
    return bool(differing)


if __name__ == "__main__":
    sys.exit(main())
