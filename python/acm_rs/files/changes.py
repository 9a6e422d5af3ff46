"""What was made missing or mended on the way, counted by reason and sensor."""

from __future__ import annotations

from acm_rs.files.errors import counted, quoted

__all__ = ["Changes"]


class Changes:
    """Counts of what was changed.

    A reason is a phrase that can stand before a colon: ``"flagged Bad, made missing"``, ``"word 'No Data', missing"``,
    ``"unit °C taken off"``.
    """

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, int]] = {}

    def add(self, reason: str, sensor: str, count: int) -> None:
        """Count some cells of a sensor; none is no change."""
        if count:
            sensors = self._counts.setdefault(reason, {})
            sensors[sensor] = sensors.get(sensor, 0) + count

    def by_reason(self) -> dict[str, dict[str, int]]:
        """How many cells of each sensor, for each reason."""
        return {reason: dict(sensors) for reason, sensors in self._counts.items()}

    def lines(self, limit: int = 6) -> list[str]:
        """A sentence for each reason, the sensors with most cells first."""
        said = []
        for reason, sensors in self._counts.items():
            ranked = sorted(sensors.items(), key=lambda item: -item[1])
            named = ", ".join(f"{quoted(name)} {count:,}" for name, count in ranked[:limit])
            more = f" and {counted(len(ranked) - limit, 'more sensor')}" if len(ranked) > limit else ""
            said.append(f"{reason}: {counted(sum(sensors.values()), 'cell')} ({named}{more})")
        return said
