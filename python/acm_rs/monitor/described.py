"""What a Monitor was asked for, and what it says of what it has learnt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor import arguments, words
from acm_rs.monitor.filing import Filed

__all__ = ["Described"]


class Described(Filed):
    """A Monitor's properties."""

    _alarm_share: float
    _drivers: tuple[str, ...]
    _interval: dict[str, Any]
    _kinds: dict[str, str]
    _limits: dict[str, tuple[float, float]]

    @property
    def false_alarm_rate(self) -> float | None:
        """Share of the healthy rows that may be in alarm; None where the budget is alarms a day."""
        return self._rate

    @property
    def alarms_per_day(self) -> float | None:
        """Alarms a day that a healthy machine may give; None where the budget is a share of rows."""
        return self._per_day

    @property
    def drivers(self) -> tuple[str, ...]:
        """Columns that condition the others and are not watched."""
        return self._drivers

    @property
    def kinds(self) -> dict[str, str]:
        """What columns are, as given."""
        return dict(self._kinds)

    @property
    def limits(self) -> dict[str, tuple[float, float]]:
        """Physical limits, as given; infinite where there is none."""
        return dict(self._limits)

    @property
    def metadata(self) -> dict[str, str]:
        """Free texts that are saved with it by any key: "asset"; "unit:bearing" for the unit of a sensor; ..."""
        return dict(self._notes)

    @metadata.setter
    def metadata(self, given: Mapping[str, str]) -> None:
        self._notes = arguments.notes(given)

    @property
    def feature_names_in_(self) -> NDArray[np.object_]:
        """The columns of numbers that it was fitted on."""
        self._fitted()
        return np.array(self._about["columns"], dtype=object)

    @property
    def sensors_(self) -> tuple[str, ...]:
        """The sensors that are watched."""
        rules, watches = self._fitted()
        return tuple(name for name, used in zip(rules.names, watches.watched.tolist(), strict=True) if used)

    @property
    def left_out_(self) -> dict[str, str]:
        """The columns that are not used at all, each with the reason."""
        self._fitted()
        return dict(self._about["left_out"])

    @property
    def warnings_(self) -> list[str]:
        """What this fit is not worth, in plain words."""
        self._fitted()
        rate = self._rate if self._rate is not None else self._alarm_share
        _rules, watches = self._fitted()
        idle = [
            f"driver {name!r} is left out ({self._about['left_out'][name]}) and conditions nothing"
            for name in self._drivers
            if name in self._about["left_out"]
        ]
        return idle + words.doubts(
            self._about,
            self._interval,
            max(rate, 1e-9),
            self.sensors_,
            watches.fused is not None,
            self._drivers,
            1.0 - np.square(watches.band),
        )

    @property
    def expected_alarms_(self) -> tuple[float, float]:
        """Between which shares of healthy rows in alarm should be, 19 times in 20, in as many rows as at the fit.

        The fewer independent readings of its slowest sensor a history holds, the higher is the upper one: the machine
        goes where it has not been. Where sensors wander (`wandering_`), it is at least the share of rows in which
        either half of the history leaves what the other half has seen of them.
        """
        self._fitted()
        return self._interval["low"], max(self._interval["high"], self._leaves)

    @property
    def wandering_(self) -> tuple[str, ...]:
        """Sensors that wander so slowly that the history holds few ups and downs: they may leave its range."""
        self._fitted()
        return tuple(self._about["slow"])

    @property
    def expected_false_alarms_(self) -> float:
        """The share of healthy rows in alarm that is to be expected, what the history does not know counted in."""
        self._fitted()
        return float(self._interval["mean"])

    @property
    def _leaves(self) -> float:
        """The share of rows in which either half of the history leaves what the other has seen of what wanders."""
        return float(self._about.get("leaves", 0.0))
