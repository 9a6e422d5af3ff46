"""What forgetting follows and what it must not learn, on the seeded plants: ``python -m benchmarks.forgetting``.

``[--seeds 12] [--halflife 14] [--drift 0.5] [--season 0.4]``. A health of moments is learnt from the 35 days of a
plant's training, a day a period, and goes on for 62 days: healthy; with a slow leak of three residual standard
deviations in one sensor; and with a harmless season that moves all sensors, each its own way, by ``--season`` of theirs
in a halflife. A sensor is told on a day whose mean lies further from health in it (`FadingMoments.shift`) than 1.25
times the furthest day of training, or that is refused because of it. Three healths are held beside each other: one that
learns nothing more, one that forgets without a limit, and one with the limit, which learns no rows in alarm of a
`MahalanobisDetector` either. Found are shares of the days of two weeks from the leak's full size on, and of the last
two.

The load's square and two of its averages stand beside the sensors, so that what follows it is linear; rows with gaps
and at standstill are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import acm_rs
import numpy as np
from numpy.typing import NDArray

from benchmarks.plants import DAY, RAMP, Plant

Matrix = NDArray[np.float64]

ROWS = 62 * DAY
LEAST = DAY // 2
"""Rows that make a day."""
BEYOND = 1.25
ALPHA = 1e-4
HEALTHS = ("fixed", "forgetting", "limited")


@dataclass(frozen=True)
class Lived:
    """What a health made of a history.

    Parameters
    ----------
    days : array, shape (k,)
        The first row of each day that was judged.
    alarms : array of bool, shape (k, d)
        Sensors that were told on each: far from health, or the reason that the day was not learnt.
    refused : array of bool, shape (k,)
        Days that were not learnt.
    center : array, shape (d,)
        Where health stood at the end.
    """

    days: NDArray[np.int64]
    alarms: NDArray[np.bool_]
    refused: NDArray[np.bool_]
    center: Matrix

    def share(self, rows: slice, sensor: int | None = None) -> float:
        """Share of the days in these rows on which any sensor is told, or one."""
        inside = (self.days >= rows.start) & (self.days < rows.stop)
        alarms = self.alarms[inside] if sensor is None else self.alarms[inside][:, [sensor]]
        return float(alarms.any(axis=1).mean()) if inside.any() else np.nan


def widened(plant: Plant, readings: Matrix) -> Matrix:
    """Readings without codes, and what makes them linear in the load."""
    readings = np.where(readings == plant.code, np.nan, readings)
    load = readings[:, 0] / 80.0
    load = np.where(np.isnan(load), np.nanmedian(load), load)
    late = [acm_rs.ewm_mean(load, alpha=alpha) for alpha in (0.25, 0.1)]
    return np.column_stack([readings, load**2, *late, load * readings[:, 2]])


def season(plant: Plant, pace: float, halflife: float) -> Matrix:
    """The healthy later history, of which every sensor but the drivers moves by `pace` of its own noise a halflife."""
    random = np.random.default_rng([2028, plant.seed])
    way = random.choice([-1.0, 1.0], len(plant.names)) * np.nan_to_num(plant.sigma)
    way[:3] = 0.0
    since = np.arange(plant.rows)[:, None] / (DAY * halflife)
    healthy = np.where(plant.healthy == plant.code, np.nan, plant.healthy)
    return healthy + pace * since * way


def lived(plant: Plant, later: Matrix, kind: str, halflife: float, drift: float) -> Lived:
    """Learn the training, then go through the later history day by day."""
    training, later = widened(plant, plant.training), widened(plant, later)
    ran = plant.running[: plant.fit_rows] & ~np.isnan(training).any(axis=1)
    runs = plant.running[plant.fit_rows :] & ~np.isnan(later).any(axis=1)
    first = acm_rs.RunningMoments.of_sample(training)
    health = acm_rs.FadingMoments(first, halflife, drift if kind == "limited" else None)
    days = []
    for begin in range(0, plant.fit_rows, DAY):
        rows = training[begin : begin + DAY][ran[begin : begin + DAY]]
        if len(rows) >= LEAST:
            days.append(health.update(rows).open)
            health.close(trusted=True)
    limit = BEYOND * max(float(np.abs(health.shift(day)).max()) for day in days)
    model = acm_rs.MahalanobisDetector(0.01).fit_moments(health.moments)
    found, alarms, refused = [], [], []
    for begin in range(0, len(later), DAY):
        rows = later[begin : begin + DAY][runs[begin : begin + DAY]]
        if len(rows) < LEAST:
            continue
        day = acm_rs.RunningMoments.from_bytes(first.to_bytes()).update(rows)
        found.append(begin)
        alarms.append(np.abs(health.shift(day)) > limit)
        refused.append(False)
        if kind == "fixed":
            continue
        health.update(rows, model.score(rows) > model.limit(ALPHA) if kind == "limited" else None)
        period = health.close()
        refused[-1] = not period.taken
        alarms[-1][list(period.refused)] = True
        if period.taken:
            model.fit_moments(health.moments)
    return Lived(np.array(found), np.array(alarms), np.array(refused), health.moments.mean())


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each plant and health."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forgetting", description=__doc__)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--halflife", type=float, default=14.0)
    parser.add_argument("--drift", type=float, default=0.5)
    parser.add_argument("--season", type=float, default=0.4)
    asked = parser.parse_args(arguments)
    whole, last = slice(0, ROWS), slice(ROWS - 14 * DAY, ROWS)
    told: dict[str, list[list[float]]] = {health: [] for health in HEALTHS}
    named = dict.fromkeys(HEALTHS, 0)
    for seed in range(asked.seeds):
        plant = Plant(seed, rows=ROWS)
        leak = plant.fault("slow leak", 3.0)
        sensor = plant.names.index(str(leak.sensor))
        there = slice(leak.start + RAMP["slow leak"], leak.start + RAMP["slow leak"] + 14 * DAY)
        moving = season(plant, asked.season, asked.halflife)
        for kind in HEALTHS:
            healthy, leaking, moved = (
                lived(plant, later, kind, asked.halflife, asked.drift)
                for later in (plant.healthy, leak.readings, moving)
            )
            learnt = (healthy.center[sensor] - leaking.center[sensor]) / (3.0 * plant.sigma[sensor])
            told[kind].append(
                [
                    leaking.share(there, sensor),
                    leaking.share(last, sensor),
                    learnt,
                    float(leaking.refused.mean()),
                    healthy.share(whole),
                    float(healthy.refused.mean()),
                    moved.share(whole),
                    moved.share(last),
                    float(moved.refused.mean()),
                ]
            )
            often = leaking.alarms[leaking.days >= leak.start].sum(axis=0)
            named[kind] += bool(often.any()) and int(often.argmax()) == sensor
    titles = ("leak: found", "at the end", "learnt", "refused", "healthy: false", "refused")
    titles += ("season: false", "at the end", "refused", "leak's sensor first")
    print(f"{'':10}  " + "  ".join(titles))
    for kind, rows in told.items():
        shares = np.nanmean(np.array(rows), axis=0)
        figures = [f"{share:{len(title)}.0%}" for share, title in zip(shares, titles, strict=False)]
        print(f"{kind:10}  " + "  ".join([*figures, f"{named[kind]:{len(titles[-1])}}"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
