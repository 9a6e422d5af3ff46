"""What was found, as a table and for machines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from acm_rs.files.errors import Refusal, quoted

if TYPE_CHECKING:
    from acm_rs.monitor import Culprit, Result

__all__ = ["culprits_json", "json_time", "number", "score_table"]

_DIGITS = 16
"""First digits of the model's SHA-256 in the table: enough to tell any two apart."""


def score_table(time: pl.Series | None, result: Result, path: Path | str) -> pl.DataFrame:
    """A row for each row: time, score, limit, alarm, regime, confidence, model; each sensor's share and what it should
    read.

    Parameters
    ----------
    time : Series or None
        The clock of the readings, where they have one.
    result : Result
        What was found.
    path : Path or str
        What the readings are called, for an error.

    Returns
    -------
    DataFrame
        Null where a row is not judged, or nothing is expected.
    """
    columns = [
        pl.Series("score", result.scores, nan_to_null=True),
        pl.Series("limit", result.limits),
        pl.Series("alarm", result.alarms),
        pl.Series("regime", [result.regime_names[kind] for kind in result.regimes.tolist()], dtype=pl.String),
        pl.Series("confidence", result.confidences),
        pl.Series("model", [result.model.get("sha256", "")[:_DIGITS]] * len(result.scores), dtype=pl.String),
    ]
    for ending, values in (("share", result.shares), ("expected", result.expected_values)):
        for place, name in enumerate(result.names):
            columns.append(pl.Series(f"{name}_{ending}", values[:, place], nan_to_null=True))
    if time is not None:
        columns.insert(0, time)
    names = [column.name for column in columns]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise Refusal(
            f"{path}: two columns of the output would be named {quoted(twice)}; rename the column in the input"
        )
    return pl.DataFrame(columns)


def culprits_json(culprits: Sequence[Culprit], units: Mapping[str, str]) -> list[dict[str, Any]]:
    """Sensors with their share of the score, and what they read and should read."""
    return [
        {
            "sensor": who.name,
            "share": number(who.share),
            "direction": who.direction,
            "reads": number(who.reads),
            "should_read": number(who.expects),
            "unit": units.get(who.name),
            "deviations": number(who.residual_sigmas),
        }
        for who in culprits
    ]


def json_time(result: Result, row: int) -> Any:
    """A row's time in ISO 8601, or its number."""
    if result.times is None:
        return row
    text = str(np.datetime_as_string(result.times[row], unit="ns"))
    return (text.rstrip("0").rstrip(".") if "." in text else text) + ("Z" if result.utc else "")


def number(value: float) -> float | None:
    """A number as JSON can hold it."""
    return float(value) if math.isfinite(value) else None
