"""A small fleet that tests share: pumps of one kind, each with loads of its own, one of them with a fault."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

START = np.datetime64("2026-01-05T00:00:00", "us")
STEP = np.timedelta64(10, "m")
SENSORS = ("Load", "Flow", "Bearing Temp", "Current", "Pressure")
TRAINED, ROWS, FAULT = 320, 480, 420


@cache
def pump(seed: int, *, fault: bool = False, rows: int = ROWS) -> pl.DataFrame:
    """A pump's history, its bearing too warm at the end where it has a fault."""
    random = np.random.default_rng(seed)
    load = random.normal(size=(rows, 2))
    mixing = np.random.default_rng(7).normal(size=(2, len(SENSORS)))
    values = 50.0 + load @ mixing + 0.2 * random.normal(size=(rows, len(SENSORS)))
    if fault:
        values[FAULT:, 2] += 2.5
    times = START + np.arange(rows) * STEP
    return pl.DataFrame({"Time": times, **{name: values[:, place] for place, name in enumerate(SENSORS)}})


def healthy(frame: pl.DataFrame) -> pl.DataFrame:
    """What is learnt from."""
    return frame[:TRAINED]


def later(frame: pl.DataFrame) -> pl.DataFrame:
    """What is scored."""
    return frame[TRAINED:]


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a fleet by name, but for what became of the assets and the drafts of whoever was killed."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.relative_to(folder).as_posix().startswith(("status/", ".drafts/"))
    }


def statuses(folder: Path) -> dict[str, dict[str, Any]]:
    """What became of the assets, by their names, without the time it took."""
    found = {}
    for path in sorted((folder / "status").iterdir()):
        told = json.loads(path.read_text())
        for section in told.values():
            if isinstance(section, dict):
                section.pop("seconds", None)
        found[told["asset"]] = told
    return found
