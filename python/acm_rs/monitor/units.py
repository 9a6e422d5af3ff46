"""Readings in another unit than at the fit: stated by the frame, or seen in the readings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import type_name

__all__ = ["refuse_other_units", "seen_driver", "seen_units", "stated_units"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

WORDS = ("in", "min")
"""Units that are mostly meant otherwise at the end of a name."""
ROWS = 20
"""Readings from which on a unit is guessed."""
FAR, NEAR = 10.0, 3.0
"""Deviations that a sensor is off in its median at least, and after the conversion at most."""
MOVES = 0.2
"""Share of the rows that are far off in which the reading is another than before, at least."""
LEFT, BACK, ROOM = 0.5, 0.9, 0.1
"""Share of its readings within the range of the training at most, and at least once it is converted; the range is wider
by so much of it."""
TRIED, MANY = 12, 6
"""Sensors that are tried at most, and of which several may have changed together."""
EXPLAINED = 0.35
"""Share of how far the rows are off that is left at most where the unit was it."""
HEALTHY = 1.0
"""Limits that the rows are off on average at most where a driver is converted, which nobody watches itself."""
ALIKE = 1.15
"""Times as far off as the best, up to which another conversion is as good."""
_SCALES = (
    ("bar", "kPa", 100.0),
    ("bar", "psi", 14.503774),
    ("bar", "mbar", 1000.0),
    ("bar", "Pa", 1e5),
    ("MPa", "bar", 10.0),
    ("MPa", "psi", 145.03774),
    ("psi", "kPa", 6.894757),
    ("m/s", "km/h", 3.6),
    ("m/s", "mph", 2.236936),
    ("m/s", "ft/min", 196.8504),
    ("m", "ft", 3.28084),
    ("in", "mm", 25.4),
    ("Hz", "rpm", 60.0),
    ("rad/s", "rpm", 9.549297),
    ("g", "m/s²", 9.80665),
    ("kW", "hp", 1.341022),
    ("kW", "W", 1000.0),
    ("l/s", "m³/h", 3.6),
    ("m³/h", "gpm", 4.402868),
    ("kg", "lb", 2.204623),
    ("1", "%", 100.0),
)
"""One of the first unit is so many of the second."""
_DEGREES = {"°C": (1.0, 0.0), "°F": (1.0 / 1.8, -32.0 / 1.8), "K": (1.0, -273.15)}
"""What makes degrees Celsius of them: times, plus."""


def _conversions() -> list[tuple[str, str, float, float]]:
    """Unit of the training, unit now, and what makes the one of the other: times, plus."""
    found = []
    for own, (factor, offset) in _DEGREES.items():
        for now, (times, plus) in _DEGREES.items():
            if own != now:
                found.append((own, now, times / factor, (plus - offset) / factor))
    for small, great, factor in _SCALES:
        found += [(small, great, 1.0 / factor, 0.0), (great, small, factor, 0.0)]
    return found


CONVERSIONS = _conversions()


def stated_units(frame: Any) -> dict[str, str]:
    """The units that a frame states: ``attrs["units"]`` of pandas, the metadata "unit" of a field of Arrow."""
    attrs = getattr(frame, "attrs", None)
    if isinstance(attrs, dict) and attrs:
        units = attrs.get("units")
        if units is None:
            return {}
        if not isinstance(units, Mapping):
            raise TypeError(f"`frame.attrs['units']` must map columns to units, got {type_name(units)}")
        return {str(name): str(unit) for name, unit in units.items()}
    found = {}
    for field in frame.schema if type(frame).__module__.startswith("pyarrow") else ():
        told = field.metadata or {}
        unit = told.get(b"unit", told.get(b"units"))
        if unit is not None:
            found[str(field.name)] = unit.decode("utf-8", "replace")
    return found


def refuse_other_units(
    own: Mapping[str, str], stated: Mapping[str, str], known: Sequence[str], got: Sequence[str]
) -> None:
    """Refuse a frame that says itself that its units are others: by what it states, or in the names of columns."""
    for name, unit in stated.items():
        if name in own and _key(unit) != _key(own[name]):
            raise ValueError(_other(name, own[name], unit))
    if known == got:
        return
    absent = set(known) - set(got)
    strange = [name for name in got if name not in set(known)] if absent else []
    if not strange:
        return
    from acm_rs.files.units import part_unit

    bases = {}
    for name in absent:
        base, unit = part_unit(name)
        if unit:
            bases[base] = (name, unit)
    for name in strange:
        base, unit = part_unit(name)
        if unit and base in bases and _key(unit) != _key(bases[base][1]):
            old, was = bases[base]
            raise ValueError(f"{_other(old, was, unit)}, and name the column {old!r}, not {name!r}")


def _other(name: str, own: str, now: str) -> str:
    way = next((pair[2:] for pair in CONVERSIONS if (_key(pair[0]), _key(pair[1])) == (_key(own), _key(now))), None)
    how = "" if way is None else f": {_formula(*way)}"
    return f"`frame` must have {name!r} in {own} as at the fit, it is in {now}; convert it first{how}"


def _key(unit: str) -> str:
    """The same for every spelling of a unit."""
    from acm_rs.files.units import unit_key

    return unit_key(unit.strip())


def _formula(factor: float, offset: float) -> str:
    turned = f"{factor:.6g} x" if factor >= 0.1 else f"x / {1.0 / factor:.6g}"
    turned = "x" if factor == 1.0 else turned
    return turned if offset == 0.0 else f"{turned} {'+' if offset > 0 else '-'} {abs(offset):.6g}"


def _named(name: str) -> str | None:
    """The unit at the end of a name: that of "Oil [°C]", and of "Inlet bar", but none of "Motor A" and "Flow in"."""
    from acm_rs.files.units import is_unit, part_unit

    unit, last = part_unit(name)[1], name.split()[-1:]
    words = (word for word in last if len(name.split()) > 1 and len(word) > 1 and word not in WORDS)
    return unit or next((word for word in words if is_unit(word)), None)


def _fitting(read: Vector, should: Vector, scale: float, asked: str | None) -> list[tuple[str, str, float, float]]:
    """The conversions after which a sensor reads as it should, where it is far off as it is."""
    both = ~np.isnan(read) & ~np.isnan(should)
    read, should = read[both], should[both]
    if len(read) < ROWS or not np.isfinite(scale) or not np.median(np.abs(read - should)) > FAR * scale:
        return []
    # What stands still is in no unit at all.
    off = (np.abs(read - should) > FAR * scale)[1:]
    if np.count_nonzero(np.diff(read)[off]) < MOVES * np.count_nonzero(off):
        return []
    return [
        (own, now, factor, offset)
        for own, now, factor, offset in CONVERSIONS
        if np.median(np.abs(factor * read + offset - should)) < NEAR * scale
        and (asked is None or _key(own) == _key(asked))
    ]


def _back(read: Vector, low: float, high: float, asked: str | None) -> list[tuple[str, str, float, float]]:
    """The conversions that bring the readings of a sensor back to the range of the training, which they have left."""
    read = read[~np.isnan(read)]
    room = ROOM * (high - low)
    low, high = low - room, high + room

    def inside(readings: Vector) -> float:
        return float(np.mean((readings >= low) & (readings <= high)))

    # What stands still is in no unit at all.
    if len(read) < ROWS or not room > 0.0 or inside(read) > LEFT or np.count_nonzero(np.diff(read)) < MOVES * len(read):
        return []
    return [
        one
        for one in CONVERSIONS
        if (asked is None or _key(one[0]) == _key(asked)) and inside(one[2] * read + one[3]) >= BACK
    ]


def _candidates(
    names: Sequence[str],
    values: Matrix,
    expected: Matrix,
    band: Vector,
    low: Vector,
    high: Vector,
    units: Mapping[str, str],
) -> list[tuple[int, list[tuple[str, str, float, float]]]]:
    """Sensors that may be in another unit, each with the conversions that bring it back to where it was."""
    found = []
    for place, name in enumerate(names[: values.shape[1]]):
        read, asked = values[:, place], units.get(name) or _named(name)
        fitting = _fitting(read, expected[:, place], float(band[place]), asked)
        # Where the whole machine looks strange nothing is expected: the range of the training tells.
        fitting += [one for one in _back(read, low[place], high[place], asked) if one not in fitting]
        if fitting:
            found.append((place, fitting))
    return found


def _together(
    tried: Sequence[tuple[int, list[tuple[str, str, float, float]]]],
    again: Callable[[Mapping[int, tuple[float, float]]], float],
) -> tuple[dict[int, tuple[float, float]], float]:
    """The conversions of several sensors, where one alone explains little: one after the other the best beside those of
    the others, and none where that is as good."""
    chosen = {place: fitting[0][2:] for place, fitting in tried[:MANY]}
    least = again(chosen)
    for place, fitting in tried[:MANY]:
        rest = {other: way for other, way in chosen.items() if other != place}
        sizes = {one[2:]: again(rest | {place: one[2:]}) for one in fitting}
        best, without = min(sizes, key=lambda way: sizes[way]), again(rest)
        bare = without <= ALIKE * sizes[best]
        chosen, least = (rest, without) if bare else (rest | {place: best}, sizes[best])
    return chosen, least


def seen_units(
    names: Sequence[str],
    values: Matrix,
    expected: Matrix,
    band: Vector,
    low: Vector,
    high: Vector,
    units: Mapping[str, str],
    again: Callable[[Mapping[int, tuple[float, float]]], float],
) -> list[str]:
    """The sensors whose conversion explains the alarms: those that lean on one in another unit are off as well.

    `low` and `high` are the ranges of the training, `again` tells how far the rows are off on average, in limits, where
    some sensors are converted.
    """
    tried = _candidates(names, values, expected, band, low, high, units)[:TRIED]
    if not tried:
        return []
    before = again({})
    sizes = {place: {one[2:]: again({place: one[2:]}) for one in fitting} for place, fitting in tried}
    best = {place: min(own, key=lambda way: own[way]) for place, own in sizes.items()}
    place = min(best, key=lambda place: sizes[place][best[place]])
    chosen, least = {place: best[place]}, sizes[place][best[place]]
    if least > EXPLAINED * before and len(tried) > 1:
        chosen, least = _together(tried, again)
    if least > EXPLAINED * before:
        return []
    found = []
    for place, way in chosen.items():
        fitting = next(ways for other, ways in tried if other == place)
        good = [one for one in fitting if one[2:] == way]
        others = [one for one in fitting if one[2:] != way and again(chosen | {place: one[2:]}) <= ALIKE * least]
        first, *rest = [f"{now} where that was {own}" for own, now, *_ in good]
        told = f"{first} (or {', or '.join(rest)})" if rest else first
        told += "".join(
            f"; {now} where that was {own} fits as well: {_formula(*ways)}" for own, now, *ways in others[:2]
        )
        found.append(
            f"{names[place]} reads as if it were in another unit than at the fit, {told}; if so, convert it first: "
            f"{_formula(*way)}"
        )
    return found


def seen_driver(
    names: Sequence[str],
    values: Matrix,
    before: Vector,
    low: Vector,
    high: Vector,
    units: Mapping[str, str],
    again: Callable[[Mapping[int, tuple[float, float]]], float],
) -> list[str]:
    """A driver whose conversion makes the rows healthy that alarm, or that are beyond its trained range.

    `values` are its readings from the first of them on, `before` the one before; the rest is as for `seen_units`.
    """
    tried: dict[int, list[tuple[str, str, float, float]]] = {}
    for place, name in enumerate(names):
        read = values[:, place][~np.isnan(values[:, place])]
        asked, room = units.get(name) or _named(name), ROOM * (high[place] - low[place])
        if len(read) < ROWS or not room > 0.0 or np.count_nonzero(np.diff(read)) < MOVES * len(read):
            continue
        least, most = low[place] - room, high[place] + room
        for one in CONVERSIONS:
            turned = one[2] * read + one[3]
            if asked is not None and _key(one[0]) != _key(asked):
                continue
            # What has grown out of its range bit by bit is in its unit.
            jumped = np.isnan(before[place]) or abs(turned[0] - before[place]) < abs(read[0] - before[place])
            if jumped and np.mean((turned >= least) & (turned <= most)) >= BACK:
                tried.setdefault(place, []).append(one)
    if not tried:
        return []
    bare = again({})
    sizes = {(place, one): again({place: one[2:]}) for place, ways in tried.items() for one in ways}
    place, best = min(sizes, key=lambda pair: sizes[pair])
    size = sizes[place, best]
    if not size <= min(EXPLAINED * bare, HEALTHY):
        return []
    alike = [one for one in tried[place] if one[2:] == best[2:]]
    others = [one for one in tried[place] if one[2:] != best[2:] and sizes[place, one] <= ALIKE * size]
    first, *rest = [f"{now} where that was {own}" for own, now, *_ in alike]
    told = f"{first} (or {', or '.join(rest)})" if rest else first
    told += "".join(f"; {now} where that was {own} fits as well: {_formula(*way)}" for own, now, *way in others[:2])
    return [
        f"driver {names[place]} reads as if it were in another unit than at the fit, {told}; if so, convert it first: "
        f"{_formula(*best[2:])}"
    ]
