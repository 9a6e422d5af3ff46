"""Options that had nothing to say of a table: a person who gave them believes that they did something."""

from __future__ import annotations

import polars as pl

from acm_rs.files.clock import Clock
from acm_rs.files.errors import Refusal
from acm_rs.files.levels import Uncertain
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import RawTable
from acm_rs.files.sensors import Sensors

__all__ = ["without_effect"]


def without_effect(options: ReadOptions, raw: RawTable, clock: Clock | None, sensors: Sensors) -> list[str]:
    """Tell of options without effect.

    Parameters
    ----------
    options : ReadOptions
        What was said of the table.
    raw : RawTable
        The table.
    clock : Clock or None
        Its times.
    sensors : Sensors
        Its sensors, read.

    Returns
    -------
    list of str
        A sentence for each.

    Raises
    ------
    Refusal
        Readings were to be judged by qualities, and there are none.
    """
    qualities = bool(sensors.flags.levels)
    if options.good and not qualities:
        raise Refusal(
            f"{raw.origin.path} has no quality column: --good says nothing of it; name one with --quality-column",
            status=2,
        )
    settled = clock.times.settled if clock else frozenset()
    head = raw.head(1)
    text = any(head[name].dtype in (pl.String, pl.Categorical, pl.Enum) for name in sensors.names)
    marked = any(reason.startswith("marked") for reason in sensors.numbers.changes.by_reason())
    why = {
        "--date-order": (options.date_order, "date_order" in settled, "no date leaves its order open"),
        "--timezone": (options.timezone, "timezone" in settled, "no date is without a zone"),
        "--decimal": (options.decimal, text, "no number is written as text"),
        "--uncertain missing": (
            options.uncertain is Uncertain.missing,
            qualities or marked,
            "no reading is flagged or marked",
        ),
    }
    return [f"{option} had no effect: {reason}" for option, (said, used, reason) in why.items() if said and not used]
