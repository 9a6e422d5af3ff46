"""A model at work as tests drive it: rows in pieces, a watch with a state in memory, and what it told."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from acm_rs import Monitor
from acm_rs.files.options import ReadOptions
from acm_rs.live.keeping import Judged
from acm_rs.live.opening import open_source
from acm_rs.live.sources.source import Source
from acm_rs.live.watch import Watch
from cli import plant

COLUMNS = ["Load", "Flow", "Bearing Temp", "Current"]
TRAINED = 1_500


@cache
def model() -> bytes:
    monitor = Monitor().fit(plant()[:TRAINED])
    monitor.metadata = {"asset": "Pump 3"}
    return monitor.to_bytes(history=False)


def later() -> pl.DataFrame:
    """Rows with a standstill, a short alarm and a fault that lasts, and a gap of some hours between them."""
    frame = plant()[TRAINED:]
    return pl.concat([frame[:250], frame[290:]])


def text_of(frame: pl.DataFrame) -> bytes:
    return frame.write_csv().encode()


class Memory:
    """Keeps a state and all that was judged; fails where it is told to."""

    where = "memory"
    first_row = 0

    def __init__(self) -> None:
        self.state: bytes | None = None
        self.kept: list[Judged] = []
        self.fails: list[BaseException] = []

    def load(self) -> bytes | None:
        return self.state

    def keep(self, state: bytes, judged: Judged | None) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.state = state
        if judged is not None:
            self.kept.append(judged)

    def muted(self, _: Any) -> set[str]:
        return set()

    def close(self) -> None:
        pass

    def scores(self) -> np.ndarray:
        """Number and score of each row, in the order in which they were kept."""
        parts = [
            np.column_stack([one.first + np.arange(len(one.result.scores)), one.result.scores])
            for one in self.kept
            if one.result is not None
        ]
        return np.concatenate(parts) if parts else np.zeros((0, 2))


def watch(
    source: Source | Path | str,
    keeper: Any,
    told: list[dict[str, Any]],
    notes: list[str] | None = None,
    **settings: Any,
) -> Watch:
    """A watch that stops when all has been read."""
    monitor = Monitor.from_bytes(model())
    if isinstance(source, Path | str):
        names = [str(name) for name in monitor.feature_names_in_]
        source = open_source(str(source), ReadOptions(), names, lambda _name, _frame: None, True)
    notes = [] if notes is None else notes
    return Watch(
        monitor,
        source,
        keeper,
        told.append,
        **{"name": "Pump 3", "called": "source", "once": True, "note": notes.append, "interval": 0.0, **settings},
    )


def bounded(one: Watch, seconds: float = 60.0) -> Watch:
    """A watch that ends in any case: a test that fails must not hang."""
    until, poll = time.monotonic() + seconds, one.source.poll

    def polled() -> Any:
        one.stopping = one.stopping or time.monotonic() > until
        return poll()

    one.source.poll = polled  # type: ignore[method-assign]
    return one


def batch() -> Any:
    """What one score of all later rows finds."""
    return Monitor.from_bytes(model()).score(later())
