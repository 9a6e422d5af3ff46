"""Readings in coarser steps than those of the training: what was rounded away counts as noise of its sensor.

Each sensor's step is told by its own earlier readings and those of the others in the same rows, never by later ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Steps", "Told"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]
Known = tuple[Counts, Vector]
"""Of each sensor and step the readings on it without one off it, and of each sensor the latest reading."""

PARTS = (2, 5, 10)
"""The steps of a decade, in tenths of it."""
ALONE = 6.0
"""Decimal digits of evidence from which on one sensor tells of its step alone: six readings on tenths of their step."""
TOGETHER = 4.0
"""The same of all sensors together, where at least `MOST` of them say so."""
MOST = 0.75
EACH = 0.9
"""Digits that each of them must have."""
FULL = 8.0
"""More does not count."""
MATTERS = 0.01
"""Share of a sensor's own noise that a step must add to it to be looked for."""
COARSEST = 4.0
"""Standard deviations of a sensor: with a coarser step nothing is left of it."""
RUNGS = 5
"""Decades that are looked for, of each sensor."""
CHANCE = 0.001
"""Share of the training rows that may seem to have a step."""
NEAR, SINGLE, FAR = 1e-6, 6e-8, 0.05
"""How far from a multiple a reading may lie, in steps; for each step of it, which is single precision; and beyond what
it tells nothing."""
WATCHES = ("shift 0.25", "shift 0.05", "scatter", "squares", "stuck", "level", "all together")
TOGETHER_WATCHED = ("level", "all together")
"""Those that are of all sensors."""
FIRST = 256
"""Readings that are looked at first."""
CHUNK = 4096
"""Rows that are looked at at once."""


class Told:
    """The steps that some rows were found to have."""

    __slots__ = ("number", "rung", "size")

    def __init__(self, number: Counts, rung: Counts, size: Matrix) -> None:
        self.number: Counts = number
        """(n, sensors), -1 where a reading is as fine as those of the training."""
        self.rung: Counts = rung
        """How many decades coarser than what would not matter, 0 for none."""
        self.size: Matrix = size
        """The steps in units of the readings, 0 for none."""


class Steps:
    """The steps that are looked for, in sensors and in the drivers behind them, and how much wider limits are then."""

    def __init__(self, **parts: Any) -> None:
        self.decades: Counts = np.asarray(parts["decades"], dtype=np.int64)
        """Powers of ten."""
        self.digits: Matrix = np.asarray(parts["digits"], dtype=np.float64)
        """(sensors, 3 steps a decade): the evidence of a reading that lies on a step, 0 where that tells nothing."""
        self.first: Counts = np.asarray(parts["first"], dtype=np.int64)
        """Of each sensor, the number of the first decade that matters."""
        self.wider: Matrix = np.asarray(parts["wider"], dtype=np.float64)
        """(rungs, watches, sensors or components): times by which what is usual is wider; of the first rung it is 1."""
        self.swayed: Matrix = np.asarray(parts.get("swayed", self.wider[:1]), dtype=np.float64)
        """The same for the rungs of drivers."""
        self.size: Vector = np.array([part * 10.0 ** int(e) / 10.0 for e in self.decades for part in PARTS])
        self._tenths: Vector = np.array([_tenths(int(exponent)) for exponent in self.decades])
        digits = self.digits.reshape(len(self.digits), -1, len(PARTS))
        self._able: Flags = np.asarray((digits > 0.0).any(axis=2))

    def fields(self) -> tuple[str, ...]:
        """The names of its arrays."""
        own = ("decades", "digits", "first", "wider")
        return (*own, "swayed") if len(self.digits) > self.wider.shape[2] else own

    @classmethod
    def none(cls, columns: int, sensors: int | None = None) -> Steps:
        """No step is looked for."""
        return cls(
            decades=np.zeros(0),
            digits=np.zeros((columns, 0)),
            first=np.zeros(columns),
            wider=np.ones((1, len(WATCHES), columns if sensors is None else sensors)),
        )

    @classmethod
    def take(cls, parts: dict[str, NDArray[Any]], sensors: int, drivers: int) -> Steps:
        """What was written to a file, where it fits together."""
        if "swayed" not in parts:
            drivers = 0
        columns, steps = sensors + drivers, len(PARTS) * len(parts["decades"])
        able: Flags = np.zeros((columns, 0), bool)
        if steps:
            able = np.logical_or.reduce(parts["digits"].reshape(columns, -1, len(PARTS)) > 0.0, axis=2)
        fits = [parts["digits"].shape == (columns, steps), parts["first"].shape == (columns,)]
        own = [(parts["wider"], slice(0, sensors))]
        own += [(parts["swayed"], slice(sensors, columns))] if drivers else []
        fits += [wider.ndim == 3 and wider.shape[1:] == (len(WATCHES), sensors) for wider, _ in own]
        place = np.arange(able.shape[1]) - parts["first"][:, None] + 1
        if all(fits):
            for wider, some in own:
                fits.append(((place >= 1) & (place < len(wider)))[some][able[some]].all())
        if not all(fits):
            raise ValueError("steps of readings are not those of the sensors")
        return cls(**parts)

    @classmethod
    def fit(cls, sensors: Matrix, noise: Vector, scale: Vector, watched: int | None = None) -> Steps:
        """Steps that would matter beside what is left of each sensor (`noise`), and that the training does not have.

        The first `watched` columns are sensors, by default all, the others drivers.
        """
        count = sensors.shape[1]
        watched = count if watched is None else watched
        wider = np.ones((1, len(WATCHES), watched))
        least = np.ceil(np.log10(np.sqrt(12.0 * MATTERS) * noise) - 1e-9)
        most = np.minimum(np.floor(np.log10(COARSEST * scale) + 1e-9), least + RUNGS - 1)
        if not (most >= least).any():
            return cls.none(count, watched)
        decades = np.arange(int(least.min()), int(most[most >= least].max()) + 1)
        ours = (decades >= least[:, None]) & (decades <= most[:, None])
        digits = np.repeat(ours, len(PARTS), axis=1) * np.tile(
            np.round(np.log10(PARTS) * 1024.0) / 1024.0, len(decades)
        )
        found = cls(decades=decades, digits=digits, first=least - decades[0], wider=wider)
        own = found._own(sensors)
        with np.errstate(divide="ignore"):
            finer = np.where(own[:, None] > 0.0, found.size / own[:, None], np.inf)
        digits = np.minimum(digits, np.log10(np.maximum(finer, 1.0)))
        # So that sums of them are exact in any order.
        digits = np.round(digits * 1024.0) / 1024.0
        # What the training itself seems to have tells nothing.
        found = cls(decades=decades, digits=digits, first=found.first, wider=found.wider)
        digits = np.where(found._longest(sensors) * digits >= ALONE, 0.0, digits)
        found = cls(decades=decades, digits=digits, first=found.first, wider=found.wider)
        told = found.tell(sensors, found.begin())[0]
        if told is not None:
            often = [np.mean((told.number == number).any(axis=1)) > CHANCE for number in range(len(found.size))]
            digits = np.where(often, 0.0, digits)
        return cls(decades=decades, digits=digits, first=found.first, wider=found.wider)

    def times(self, name: str, told: Told) -> Any:
        """How much wider one of the watches is: for each row and sensor, or for each row where it is of all sensors."""
        place = WATCHES.index(name)
        sensors = self.wider.shape[2]
        own, driven = told.rung[:, :sensors], told.rung[:, sensors:].max(axis=1, initial=0)
        if name in TOGETHER_WATCHED:
            wider: Any = self.wider[own.max(axis=1), place]
        else:
            wider = self.wider[own, place, np.arange(sensors)]
        if driven.any():
            wider = wider * self.swayed[driven, place]
        return wider[:, 0] if name == "all together" else wider

    def rungs(self, columns: slice) -> int:
        """The highest rung that some of the columns have: below it the training may have steps of its own."""
        rung = np.arange(1, self._able.shape[1] + 1) - self.first[columns, None]
        return int(np.where(self._able[columns], rung, 0).max(initial=0))

    def rounded(self, sensors: Matrix, rung: int, columns: slice = slice(None)) -> tuple[Matrix, Told]:
        """The readings as they were if each of some columns had the decade of a rung, 1 being the first."""
        place = np.minimum(self.first + rung - 1, len(self.decades) - 1)
        some = np.zeros(len(place), bool)
        some[columns] = True
        ours = self._able[np.arange(len(place)), place] & (rung > 0) & some
        size = np.where(ours, self.size[place * len(PARTS) + len(PARTS) - 1], 0.0)
        per = np.where(ours, size, 1.0)
        values = np.where(ours, np.round(sensors / per) * per, sensors)
        shape = sensors.shape
        number = np.where(ours, place * len(PARTS) + len(PARTS) - 1, -1)
        return np.asfortranarray(values), Told(
            np.broadcast_to(number, shape),
            np.broadcast_to(np.where(ours, rung, 0), shape),
            np.broadcast_to(size, shape),
        )

    # ---- whether rows have them -----------------------------------------------------------------------------------

    def begin(self) -> Known:
        """What is known before the first row."""
        return np.zeros(self.digits.shape, np.int64), np.full(len(self.digits), np.nan)

    def tell(self, sensors: Matrix, known: Known) -> tuple[Told | None, Known]:
        """The steps of rows, None where none has any; and what is known after them."""
        if not self._able.any() or not len(sensors):
            return None, known
        numbers = np.full(sensors.shape, -1)
        for first in range(0, len(sensors), CHUNK):
            rows = slice(first, first + CHUNK)
            found, known = self._some(sensors[rows], *known)
            if found is not None:
                numbers[rows] = found
        if (numbers < 0).all():
            return None, known
        none = numbers < 0
        rung = np.where(none, 0, numbers // len(PARTS) - self.first + 1)
        return Told(numbers, rung, np.where(none, 0.0, self.size[np.maximum(numbers, 0)])), known

    def one(self, row: Vector, known: Known) -> tuple[bool, Known]:
        """Whether one more row has steps; and what is known after it."""
        runs, latest = known
        tells = (row == row) & (row != 0.0)
        steps = row[:, None] * self._tenths
        on = self._on(steps) & self._able
        if on.any():
            whole = np.where(on, np.rint(steps), 1.0)
            hit = np.stack([whole % tenths == 0.0 for tenths in PARTS], axis=2).reshape(self.digits.shape)
            hit &= self.digits > 0.0
            runs = np.where(tells[:, None], np.where(hit, runs + (row != latest)[:, None], 0), runs)
        elif runs.any():
            runs = np.where(tells[:, None], 0, runs)
        latest = np.where(tells, row, latest)
        if not runs.any():
            return False, (runs, latest)
        shown = np.minimum(runs * self.digits, FULL)
        voters = np.count_nonzero((self.digits > 0.0) & (tells[:, None] | (runs > 0)), axis=0)
        together = (shown.sum(axis=0) >= TOGETHER) & (np.count_nonzero(shown >= EACH, axis=0) >= MOST * voters)
        return bool((shown >= ALONE).any() or together.any()), (runs, latest)

    @staticmethod
    def _on(steps: Matrix) -> Flags:
        """Which multiples are whole ones; 0 is one of every step."""
        whole = np.rint(steps)
        with np.errstate(invalid="ignore"):
            near = NEAR + SINGLE * np.abs(steps)
            found: Flags = (np.abs(steps - whole) <= near) & (near < FAR) & (whole != 0.0)
        return found

    def _some(self, sensors: Matrix, runs: Counts, latest: Vector) -> tuple[Counts | None, Known]:
        """The same of rows that fit into memory."""
        n, count = sensors.shape
        tells = (sensors == sensors) & (sensors != 0.0)
        rows = np.maximum.accumulate(np.where(tells, np.arange(n)[:, None], -1), axis=0)
        before = np.vstack([np.full((1, count), -1), rows[:-1]])
        earlier = np.where(before >= 0, np.take_along_axis(sensors, np.maximum(before, 0), axis=0), latest)
        after = np.where(rows[-1] >= 0, np.take_along_axis(sensors, np.maximum(rows[-1:], 0), axis=0)[0], latest)
        fresh = tells & (sensors != earlier)
        found: dict[int, dict[int, Counts]] = {}
        kept = runs.copy()
        for place in range(count):
            column, known = sensors[:, place], tells[:, place]
            if not known.any():
                # What was known of a sensor without readings stays.
                for number in np.flatnonzero(runs[place]).tolist():
                    found.setdefault(number, {})[place] = np.full(n, runs[place, number])
                continue
            for decade in np.flatnonzero(self._able[place]).tolist():
                steps = column * self._tenths[decade]
                on = self._on(steps) & known
                for part, tenths in enumerate(PARTS):
                    number = decade * len(PARTS) + part
                    if not self.digits[place, number]:
                        continue
                    if not on.any() and not runs[place, number]:
                        continue
                    hit = on & (np.rint(steps) % tenths == 0.0)
                    run = _runs(hit, known, fresh[:, place], int(runs[place, number]))
                    kept[place, number] = run[-1]
                    found.setdefault(number, {})[place] = run
        return self._numbers(found, tells) if found else None, (kept, after)

    def _numbers(self, found: dict[int, dict[int, Counts]], tells: Flags) -> Counts | None:
        """Each reading's step, the coarsest that there is evidence of."""
        numbers = np.full(tells.shape, -1)
        for number in sorted(found):
            digits = self.digits[:, number]
            able = digits > 0.0
            total, sure = np.zeros(len(tells)), np.zeros(len(tells), np.int64)
            voters = np.count_nonzero(tells[:, able], axis=1)
            evidence = {}
            for place, run in found[number].items():
                shown = evidence[place] = np.minimum(run * digits[place], FULL)
                total += shown
                sure += shown >= EACH
                # One that says nothing now is as it was.
                voters += ~tells[:, place] & (run > 0)
            together = (total >= TOGETHER) & (sure >= MOST * voters) & (voters > 0)
            for place, shown in evidence.items():
                numbers[(shown >= ALONE) | (together & (shown > 0.0)), place] = number
        return numbers if (numbers >= 0).any() else None

    def _own(self, sensors: Matrix) -> Vector:
        """The coarsest step of those looked for on which all of a sensor's readings lie, 0 for none."""
        own = np.zeros(sensors.shape[1])
        for place in range(sensors.shape[1]):
            column = sensors[:, place]
            column = column[(column == column) & (column != 0.0)]
            for decade in np.flatnonzero(self._able[place]).tolist():
                # Most sensors have none, and show it soon.
                if not self._on(column[:FIRST] * self._tenths[decade]).all():
                    break
                steps = column * self._tenths[decade]
                if not self._on(steps).all():
                    break
                for part, tenths in enumerate(PARTS):
                    if (np.rint(steps) % tenths == 0.0).all():
                        own[place] = self.size[decade * len(PARTS) + part]
        return own

    def _longest(self, sensors: Matrix) -> Matrix:
        """The longest run of each sensor on each step."""
        longest = np.zeros(self.digits.shape)
        for place in range(sensors.shape[1]):
            column = sensors[:, place]
            column = column[(column == column) & (column != 0.0)]
            fresh = np.append(True, column[1:] != column[:-1])[: len(column)]
            for decade in np.flatnonzero(self._able[place]).tolist():
                steps = column * self._tenths[decade]
                on = self._on(steps)
                # Most readings lie on none.
                rows = np.flatnonzero(on)
                whole = np.rint(steps[rows])
                for part, tenths in enumerate(PARTS):
                    hit = rows[whole % tenths == 0.0]
                    if len(hit):
                        runs = np.flatnonzero(np.diff(hit, prepend=-2) > 1)
                        longest[place, decade * len(PARTS) + part] = np.add.reduceat(fresh[hit], runs, dtype=int).max()
        return longest


def _tenths(exponent: int) -> float:
    """What a reading is multiplied by to be in tenths of a decade."""
    return 10.0 ** (1 - exponent) if exponent <= 1 else 1.0 / 10.0 ** (exponent - 1)


def _runs(hit: Flags, known: Flags, fresh: Flags, before: int) -> Counts:
    """New readings on a step since the latest that was off it."""
    count = np.cumsum(hit & fresh)
    broken = known & ~hit
    base = np.maximum.accumulate(np.where(broken, count, 0))
    run: Counts = count - base
    run[~np.logical_or.accumulate(broken)] += before
    return run
