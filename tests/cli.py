"""The program as tests call it: its exit status, what it said, and what it complained of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from acm_rs.cli import main

START = datetime(2026, 1, 1)
STEP = timedelta(minutes=10)
FAULT = 1_900
Run = Callable[..., tuple[int, str, str]]


def runner(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the program; nothing leaves as a traceback, and what it refuses is one line."""

    def call(*arguments: str) -> tuple[int, str, str]:
        status = main(list(arguments))
        said, complained = capsys.readouterr()
        for text in (said, complained):
            assert "Traceback" not in text
            assert all(char.isprintable() or char == "\n" for char in text)
        assert complained.count("\n") <= 1
        return status, said, complained

    return call


@cache
def plant(rows: int = 2_100) -> pl.DataFrame:
    """A pump that stands still once and whose bearing is too warm from row `FAULT` on."""
    random = np.random.default_rng(12)
    running = np.ones(rows)
    running[600:650] = running[1_700:1_740] = 0.0
    load = (60 + 8 * np.sin(np.arange(rows) / 25) + random.standard_normal(rows)) * running
    noise = random.standard_normal((rows, 4)) * np.where(running, 1.0, 0.1)[:, None]
    bearing = 30 + 0.4 * load + 0.3 * noise[:, 2]
    bearing[FAULT:] += 4.0
    return pl.DataFrame(
        {
            "TS": [START + i * STEP for i in range(rows)],
            "Load": load + 0.2 * noise[:, 0],
            "Flow": 2 * load + 0.5 * noise[:, 1],
            "Bearing Temp": bearing,
            "Current": 0.3 * load + 0.1 * noise[:, 3],
            "Remark": ["ok"] * rows,
        }
    )


def write(name: str, frame: pl.DataFrame) -> None:
    """Write a frame as its ending says."""
    frame.write_csv(name) if name.endswith(".csv") else frame.write_parquet(name)


def files() -> set[str]:
    """What lies in the folder."""
    return {path.name for path in Path().iterdir()}
