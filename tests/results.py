"""Results made by hand, with known episodes: what the report and its pictures are tested on."""

from __future__ import annotations

import numpy as np
from acm_rs.monitor import Culprit, Episode, Result

STEP = np.timedelta64(10, "m")
BEGIN = np.datetime64("2026-02-10T09:00", "ns")


def made(rows: int = 400, sensors: int = 6, *, timed: bool = True, names: list[str] | None = None) -> Result:
    """A plant that stands still for a tenth of the time and whose first sensor drifts away at the end."""
    random = np.random.default_rng(3)
    load = 50.0 + 10.0 * np.sin(np.arange(rows) / 30.0)
    expected = load[:, None] * np.linspace(0.5, 2.0, sensors) + 20.0
    band = np.linspace(0.2, 0.6, sensors)
    values = expected + band * random.standard_normal((rows, sensors))
    still = np.zeros(rows, bool)
    still[rows // 4 : rows // 4 + rows // 10] = True
    expected[still] = np.nan
    values[still] = random.standard_normal((int(still.sum()), sensors)) * 0.1
    first, last = rows // 2, rows - rows // 4
    values[first : first + rows // 20, 1] -= 8.0 * band[1]
    values[last:, 0] += 6.0 * band[0]
    values[rows // 8, :] = np.nan
    away = np.abs(values - expected) / band
    scores = np.nanmax(np.where(np.isnan(away), -np.inf, away), axis=1) / 4.5
    scores[still] = np.nan
    scores[~np.isfinite(scores)] = np.nan
    alarms = np.zeros(rows, bool)
    alarms[first : first + rows // 20] = alarms[last:] = True
    labels = names or ["bearing", *(f"Fan.A {place}" for place in range(1, sensors))]
    shares = np.zeros((rows, sensors))
    shares[:, 0] = 1.0

    def culprit(place: int, share: float, where: slice) -> Culprit:
        reads, expects = float(np.nanmean(values[where, place])), float(np.nanmean(expected[where, place]))
        sigmas = (reads - expects) / band[place]
        return Culprit(labels[place], share, 1 if sigmas > 0 else -1, reads, expects, float(sigmas))

    one, two = slice(first, first + rows // 20), slice(last, rows)
    return Result(
        names=labels,
        values=values,
        expected_values=expected,
        band=band,
        scores=scores,
        limits=np.ones(rows),
        alarms=alarms,
        regimes=np.where(still, 1, 2),
        regime_names=["unknown", "standstill", "running"],
        confidences=np.where(still, 0.0, 1.0),
        shares=shares,
        found=[
            Episode(one.start, one.stop, one.start + 2, 1.9, one.start - 1, "running", False, [culprit(1, 0.9, one)]),
            Episode(
                two.start,
                rows,
                two.start + 5,
                1.6,
                two.start - 3,
                "running",
                True,
                [culprit(0, 0.8, two), culprit(2, 0.1, two)],
            ),
        ],
        times=BEGIN + np.arange(rows) * STEP if timed else None,
        monitor_card={
            "asset": "Fan 3",
            "trained on": "3 months of 2025",
            "rows": "12,960",
            "budget": "1 % of the rows",
        },
        quality_rows=[
            {"sensor": label, "missing": 1.0 / rows, "codes": place % 2, "note": "" if place else "replaced in March"}
            for place, label in enumerate(labels)
        ],
        remarks=["'inlet' is absent: taken as missing."],
        units={labels[0]: "°C"},
        plane=lambda: np.column_stack([np.square(load / 70.0), np.nan_to_num(np.square(away)).mean(axis=1) / 3.0]),
    )
