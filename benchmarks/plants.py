"""Seeded plants with known faults: what a Monitor is judged on.

A plant has 10 to 20 sensors. Two drivers are measured, load and ambient temperature; most seeds have two or three
operating points, six in ten stand still at times. Sensors follow the drivers (some by the square of the load,
temperatures late) and a hidden condition of the machine that wanders, each with noise of its own, which may have a
memory. On the way to the historian readings are rounded, lost, or replaced by error codes.

Each of eight kinds of faults comes in sizes: the size is the root mean square of the displacement once the fault is
fully there, in residual standard deviations, which are those of the sensor's own noise. A fault's history differs from
its healthy twin by the fault alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

STEP = np.timedelta64(10, "m")
DAY = 144
BEGIN = np.datetime64("2026-01-01T00:00", "ns")

KINDS = ("drift", "step", "stuck", "noise growth", "broken relation", "wear", "slow leak", "spikes")
SIZES = (1.0, 2.0, 3.0)
SPIKES = 0.1
"""Share of the rows that stand off, where there are spikes."""
RAMP = {"drift": 200, "wear": 300, "slow leak": 600}
"""Rows in which a creeping fault grows to its size; it stays there."""
DELAY = {
    "drift": 300,
    "step": 100,
    "stuck": 100,
    "noise growth": 150,
    "broken relation": 300,
    "wear": 600,
    "slow leak": 750,
    "spikes": 150,
}
"""Rows with the machine running in which a fault of 2 sigma or more should be found: what creeps may first grow, a
relation is seen over two days of loads. Faults of 1 sigma have half as long again."""


@dataclass(frozen=True)
class Fault:
    """A history with a fault, the twin of `Plant.healthy`.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    size : float
        In residual standard deviations.
    readings : array, shape (n, d)
        The history.
    start : int
        First row with the fault.
    sensor : str or None
        Where it is; None for wear, which is in many.
    within : int
        Row before which it should be found.
    """

    kind: str
    size: float
    readings: Matrix
    start: int
    sensor: str | None
    within: int


class Plant:
    """A seeded plant: its healthy training history, and a later history with and without faults.

    Parameters
    ----------
    seed : int
        The same seed makes the same plant.
    fit_rows, rows : int
        Rows of the training history and of the later one.
    sensors : int or None
        How many there are; None leaves it to the seed.
    """

    def __init__(self, seed: int, fit_rows: int = 5000, rows: int = 3000, sensors: int | None = None) -> None:
        random = np.random.default_rng([2026, seed])
        self.seed = seed
        self._count = sensors
        self.fit_rows, self.rows = fit_rows, rows
        total = fit_rows + rows
        self.times = BEGIN + np.arange(total) * STEP
        self.stops = bool(random.random() < 0.6)
        self.points = int(random.integers(1, 4))
        self._drive(random, total)
        self._sense(random, total)
        self._soil(random, total)

    def _drive(self, random: np.random.Generator, total: int) -> None:
        """Load, ambient temperature, hidden condition and valve state over time."""
        day = 2 * np.pi * np.arange(total) / DAY
        running = np.ones(total, bool)
        if self.stops:
            row = int(random.integers(200, 500))
            while row < total - 100:
                stay = int(random.integers(30, 150))
                running[row : row + stay] = False
                row += stay + int(random.integers(500, 1200))
        self.running = running
        if self.points == 1:
            demand = 80 + 12 * np.sin(day - 1.0) + 4 * _ar1(random, total, 0.98)
        else:
            levels = np.array([100.0, 72.0, 50.0])[: self.points]
            demand = levels[_stays(random, total, self.points)] + 2.5 * _ar1(random, total, 0.9)
        # Machines do not jump: two thirds of the way in each row.
        self.load = lfilter([0.67], [1.0, -0.33], np.where(running, demand, 0.0) - demand[0]) + demand[0]
        self.ambient = 12 + 6 * np.sin(day - 2.0) + 3 * _ar1(random, total, 0.995)
        self.condition = _ar1(random, total, 0.95)
        self.valve = _stays(random, total, 2).astype(float)

    def _sense(self, random: np.random.Generator, total: int) -> None:
        """What ideal instruments would read, and the residual standard deviation of each."""
        self.names = ["load", "ambient", "valve"]
        count = int(random.integers(10, 21))
        count = (self._count or count) - len(self.names)
        share = self.load / 80.0
        still = ~self.running
        columns = [
            self.load + np.where(still, 0.02, 0.3) * random.standard_normal(total),
            self.ambient + 0.1 * random.standard_normal(total),
            self.valve,
        ]
        sigmas = [0.3, 0.1, np.nan]
        worn = [0.0, 0.0, 0.0]
        for number in range(count):
            warm = number % 4 == 3
            name = ("flow", "pressure", "current", "temperature")[number % 4] + f" {number // 4 + 1}"
            scale = float(10.0 ** random.uniform(-1, 2.5))
            gain = float(random.uniform(0.5, 1.5)) * scale
            sigma = float(random.uniform(0.01, 0.04)) * scale
            if warm:
                late = float(random.uniform(0.6, 0.9))
                heat = lfilter([1 - late], [1.0, -late], share - share[0]) + share[0]
                ideal = 20.0 * scale / 20.0 + gain * heat + 0.02 * scale * self.ambient
            else:
                ideal = gain * (share**2 if random.random() < 0.25 else share)
                if random.random() < 0.2:
                    ideal = ideal + 3.0 * sigma * self.valve * share
            feels = (
                float(random.uniform(0.5, 1.5)) * float(random.choice([-1.0, 1.0])) if random.random() < 0.6 else 0.0
            )
            noise = _ar1(random, total, float(random.choice([0.0, 0.0, 0.3, 0.6, 0.8])))
            # What rests shows little noise and no wear, temperatures still show theirs.
            quiet = np.where(still & (not warm), 0.1, 1.0)
            columns.append(ideal + sigma * quiet * (noise + feels * self.condition))
            self.names.append(name)
            sigmas.append(sigma)
            worn.append(feels * sigma)
        self.sigma, self._worn = np.array(sigmas), np.array(worn)
        self._ideal = np.column_stack(columns)
        self._quiet = still

    def _soil(self, random: np.random.Generator, total: int) -> None:
        """Choose how the historian keeps each sensor: resolution, what is lost, what is a code."""
        d = len(self.names)
        steps = np.zeros(d)
        for sensor in range(d):
            if self.names[sensor] != "valve":
                fine = 10.0 ** np.floor(np.log10(self.sigma[sensor] * 0.2))
                steps[sensor] = fine if random.random() < 0.5 else fine / 1000.0
        self.resolution = steps
        lost = random.random((total, d)) < random.choice([0.0, 0.002, 0.01])
        for _ in range(int(random.integers(0, 4))):
            row, sensor = int(random.integers(0, total - 60)), int(random.integers(3, d))
            lost[row : row + int(random.integers(5, 60)), sensor] = True
        row = int(random.integers(0, total - 30))
        lost[row : row + int(random.integers(0, 30))] = True
        self._lost = lost
        self._codes = np.zeros((total, d), bool)
        self.code = float(random.choice([-999.0, -9999.0, 9999.0]))
        for sensor in random.choice(np.arange(3, d), int(random.integers(0, 3)), replace=False):
            self._codes[:, sensor] = random.random(total) < random.choice([0.0005, 0.005])
        self.coded = [self.names[sensor] for sensor in np.flatnonzero(self._codes.any(axis=0))]

    def _kept(self, ideal: Matrix, rows: slice) -> Matrix:
        """What the historian has of ideal readings."""
        steps = np.where(self.resolution > 0.0, self.resolution, 1.0)
        kept = np.where(self.resolution > 0.0, np.round(ideal / steps) * steps, ideal)
        kept[self._codes[rows]] = self.code
        kept[self._lost[rows]] = np.nan
        return kept

    @cached_property
    def training(self) -> Matrix:
        """The healthy history to fit on, (fit_rows, d)."""
        rows = slice(0, self.fit_rows)
        return self._kept(self._ideal[rows], rows)

    @cached_property
    def healthy(self) -> Matrix:
        """The later history without a fault, (rows, d)."""
        rows = slice(self.fit_rows, None)
        return self._kept(self._ideal[rows], rows)

    @property
    def later(self) -> NDArray[np.datetime64]:
        """When the rows of the later history were."""
        return self.times[self.fit_rows :]

    @property
    def sensors(self) -> list[int]:
        """Columns in which faults may be: no drivers, no valve."""
        return list(range(3, len(self.names)))

    def fault(self, kind: str, size: float) -> Fault:
        """The later history with a fault of one kind and size."""
        if kind not in KINDS:
            raise ValueError(f"`kind` must be one of {', '.join(KINDS)}, got {kind!r}")
        random = np.random.default_rng([2027, self.seed, KINDS.index(kind)])
        rows = slice(self.fit_rows, None)
        ideal = self._ideal[rows].copy()
        running = self.running[rows]
        # It begins while the machine has run for a while, and leaves time to be found.
        ready = np.flatnonzero(lfilter(np.ones(60), [1.0], running.astype(float)) > 59.5)
        ready = ready[(ready > 500) & (ready < 1500)]
        start = int(random.choice(ready))
        sensor = int(random.choice(self.sensors))
        sigma = self.sigma[sensor]
        since = np.arange(self.rows - start)
        grown = np.minimum(1.0, (since + 1) / RAMP.get(kind, 1))
        sign = float(random.choice([-1.0, 1.0]))
        noise = random.standard_normal(len(since))
        column = ideal[start:, sensor]
        if kind in ("drift", "step"):
            column += sign * size * sigma * grown
        elif kind == "slow leak":
            column -= size * sigma * grown
        elif kind == "stuck":
            column[:] = column[0] + sign * size * sigma
        elif kind == "noise growth":
            column += size * sigma * noise
        elif kind == "spikes":
            hit = random.random(len(since)) < SPIKES
            column += np.where(hit, np.sign(noise) * size * sigma / np.sqrt(SPIKES), 0.0)
        elif kind == "broken relation":
            shape = self.load[rows]
            usual = shape[running]
            column += sign * size * sigma * np.where(running, (shape - usual.mean()) / usual.std(), 0.0)[start:]
        else:
            # Wear: a typical sensor of those that feel the condition moves by the size.
            felt = self._worn != 0.0
            typical = np.sqrt(np.mean((self._worn[felt] / self.sigma[felt]) ** 2))
            ideal[start:] += sign * size / typical * self._worn * grown[:, None] * running[start:, None]
        ran = np.cumsum(running[start:])
        allowed = DELAY[kind] * (1.0 if size >= 2.0 else 1.5)
        within = start + int(np.searchsorted(ran, allowed)) + 1
        name = None if kind == "wear" else self.names[sensor]
        return Fault(kind, size, self._kept(ideal, rows), start, name, min(within, self.rows))

    def frame(self, readings: Matrix) -> Any:
        """Readings as a frame of pandas, with the columns that nobody needs: a text and a constant."""
        import pandas as pd

        times = self.times[: self.fit_rows] if len(readings) == self.fit_rows else self.later
        frame = pd.DataFrame(readings, index=pd.DatetimeIndex(times), columns=self.names)
        frame["status"] = "good"
        frame["set point"] = 50.0
        return frame


def _ar1(random: np.random.Generator, rows: int, memory: float) -> Vector:
    """A stationary AR(1) path of unit variance."""
    kicks = random.standard_normal(rows) * np.sqrt(1.0 - memory**2)
    kicks[0] = random.standard_normal()
    path: Vector = lfilter([1.0], [1.0, -memory], kicks)
    return path


def _stays(random: np.random.Generator, rows: int, states: int) -> NDArray[np.int64]:
    """States in which a machine stays for some hours to some days; each is visited in turn."""
    found = np.zeros(rows, np.int64)
    row, state = 0, 0
    while row < rows:
        stay = int(random.integers(60, 400))
        found[row : row + stay] = state
        row += stay
        state = (state + int(random.integers(1, states))) % states if states > 1 else 0
    return found
