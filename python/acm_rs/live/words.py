"""Alarms in words for people, and as objects for machines."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from typing import Any

import numpy as np

from acm_rs.live.episodes import NO_DATA, Alarm, Event, Place
from acm_rs.monitor.result import sentence
from acm_rs.monitor.words import moment, step_text

__all__ = ["Speaker", "line_of"]

PRIORITIES = ((4.0, "high"), (2.0, "medium"))
"""By the peak over its limit; below, and for missing data, it is low."""


class Speaker:
    """Says what alarms are.

    Parameters
    ----------
    model : str
        SHA-256 of the model.
    watch : str
        The watch's name.
    units : mapping of str to str
        Units of sensors.
    always : container of str
        Sensors that were constant in the training.
    step : int or None
        Nanoseconds between rows, as trained.
    """

    def __init__(
        self, model: str, watch: str, units: Mapping[str, str], always: Container[str], step: int | None
    ) -> None:
        self._model, self._watch, self._units, self._always, self._step = model, watch, units, always, step
        self.utc = False

    def moment(self, place: Place) -> str:
        """When a row was, for people."""
        row, time = place
        return f"row {row}" if time is None else moment(np.datetime64(time, "ns")) + (" UTC" if self.utc else "")

    def stamp(self, place: Place) -> str | int:
        """When a row was, for machines: ISO 8601, or its number."""
        row, time = place
        if time is None:
            return row
        text = str(np.datetime64(time, "ns"))
        return (text.rstrip("0").rstrip(".") if "." in text else text) + ("Z" if self.utc else "")

    def sentence(self, alarm: Alarm) -> str:
        """An alarm in a sentence."""
        begin, end = self.moment(alarm.start), None if alarm.open else self.moment(alarm.end)
        if alarm.kind != NO_DATA:
            return sentence(begin, end, alarm.kind, alarm.culprits, self._units, self._always, alarm.moving)
        usual = "" if self._step is None else f", where one comes every {step_text(self._step)}"
        if alarm.start[0] < 0:
            return f"No row has come yet{usual}." if end is None else f"No row came before {end}{usual}."
        return f"No rows since {begin}{usual}." if end is None else f"No rows from {begin} to {end}{usual}."

    def alarm(self, alarm: Alarm) -> dict[str, Any]:
        """An alarm for a machine: what JSON can hold."""
        data = alarm.kind == NO_DATA
        return {
            "alarm": alarm.id,
            "watch": self._watch,
            "model": self._model[:16],
            "priority": _priority(alarm),
            "start": self.stamp(alarm.start),
            "end": None if alarm.open else self.stamp(alarm.end),
            "last": self.stamp(alarm.end),
            "open": alarm.open,
            "rows": alarm.rows,
            "peak": _number(alarm.peak),
            "peak_at": None if data else self.stamp(alarm.peak_at),
            "first_sign": None if data else self.stamp(alarm.first_sign),
            "regime": alarm.regime,
            "kind": alarm.kind,
            "culprits": [
                {
                    "sensor": who.name,
                    "share": _number(who.share),
                    "direction": who.direction,
                    "reads": _number(who.reads),
                    "should_read": _number(who.expects),
                    "unit": self._units.get(who.name),
                    "deviations": _number(who.residual_sigmas),
                }
                for who in alarm.culprits
            ],
            "explanation": self.sentence(alarm),
        }

    def event(self, event: Event) -> dict[str, Any]:
        """What is to be told, for a machine."""
        return {"event": event.id, "what": event.what, "at": self.stamp(event.at), **self.alarm(event.alarm)}


def line_of(event: Mapping[str, Any]) -> str:
    """An event in a line of text."""
    peak = "" if event["peak"] is None else f", peak {event['peak']:.1f} times its limit"
    grown = peak if event["what"] == "grew" else ""
    return f"{event['what']} {event['alarm']} ({event['priority']}{grown}): {event['explanation']}"


def _priority(alarm: Alarm) -> str:
    if alarm.kind == NO_DATA or not math.isfinite(alarm.peak):
        return "low"
    return next((name for least, name in PRIORITIES if alarm.peak >= least), "low")


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
