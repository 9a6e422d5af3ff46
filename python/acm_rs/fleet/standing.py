"""How the assets of a fleet are, the worst first."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acm_rs.fleet import ledger
from acm_rs.fleet.ledger import FAILED
from acm_rs.fleet.running import strangers
from acm_rs.fleet.store import Store

__all__ = ["AssetStatus", "status"]

_STEPS = ("fit", "score", "features")


@dataclass(frozen=True)
class AssetStatus:
    """How an asset is, as far as it was scored.

    Parameters
    ----------
    asset : str
        The asset.
    place : str
        Its name as that of its files.
    state : str
        ``"alarm"`` (one still runs), ``"failed"``, ``"scored"``, ``"learnt"``, or ``"no model"``.
    error : str
        What failed, and why; empty where nothing did.
    rows, judged, in_alarm : int
        Rows that were scored, judged, and in alarm.
    alarms : int
        Alarms in them.
    health : float or None
        1 / (1 + r), where r is the mean of score over limit in the judged rows of the last day: 1 is a machine that
        does what was learnt, 0.5 one at its limit. None where no row was judged.
    first, last : str or None
        The first and last time, as they were scored; None without times.
    peak : float or None
        The peak over the limit of the alarm that comes first: one that runs, else the strongest.
    culprit, chief : str
        Its first sensor, and the alarm in a sentence.
    spans : list of (start, end, peak)
        All alarms.
    notes : list of str
        What should be known beside the verdict.
    lacks, besides : list of str
        Columns that most of the fleet has and it has not, and the other way round.
    lacking : list of str
        Sensors that have no readings at the end of what was scored, or none at all: no fault of theirs is seen.
    sections : mapping
        All of its status file.
    """

    asset: str
    place: str
    state: str
    error: str = ""
    rows: int = 0
    judged: int = 0
    in_alarm: int = 0
    alarms: int = 0
    health: float | None = None
    first: str | None = None
    last: str | None = None
    peak: float | None = None
    culprit: str = ""
    chief: str = ""
    spans: list[tuple[Any, Any, float | None]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)
    besides: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    sections: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def open(self) -> bool:
        """Whether an alarm still runs."""
        return bool(self.sections.get("score", {}).get("open"))

    @property
    def scored(self) -> bool:
        """Whether there are scores."""
        return self.sections.get("score", {}).get("state") == ledger.DONE


def status(folder: str | os.PathLike[str]) -> list[AssetStatus]:
    """How the assets of a fleet are: those in alarm first, then by health; what was not scored comes last.

    Parameters
    ----------
    folder : str or path
        The fleet.

    Returns
    -------
    list of AssetStatus
        Empty where nothing has been done yet.

    Raises
    ------
    ValueError
        The fleet was written by a newer acm_rs.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from acm_rs import fleet
    >>> random = np.random.default_rng(0)
    >>> x = 50 + random.normal(size=(900, 2)) @ random.normal(size=(2, 6)) + 0.2 * random.normal(size=(900, 6))
    >>> y = x.copy()
    >>> y[800:, 4] += 1.0
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = fleet.fit({"fan 1": x[:600], "fan 2": x[:600]}, folder, workers=1)
    ...     _ = fleet.score({"fan 1": x[600:], "fan 2": y[600:]}, folder, workers=1)
    ...     worst, best = fleet.status(folder)
    >>> worst.asset, worst.state, best.asset, best.state
    ('fan 2', 'alarm', 'fan 1', 'scored')
    """
    found = dict(ledger.entries(Store(folder)))
    odd = strangers({place: told.get("fit", {}).get("columns", ()) for place, told in found.items()})
    every = [_of(place, told, *odd.get(place, ([], []))) for place, told in found.items()]
    return sorted(every, key=_rank)


def _rank(one: AssetStatus) -> tuple[bool, bool, float, str]:
    return not one.scored, not one.open, 2.0 if one.health is None else one.health, one.asset


def _of(place: str, told: Mapping[str, Any], lacks: list[str], besides: list[str]) -> AssetStatus:
    errors = [f"{step}: {told[step].get('error', '')}" for step in _STEPS if told.get(step, {}).get("state") == FAILED]
    score = told.get("score", {})
    done = score.get("state") == ledger.DONE
    fitted = told.get("fit", {}).get("state") == ledger.DONE
    state = "scored" if done else "learnt" if fitted else "no model"
    if done and score["open"]:
        state = "alarm"
    elif errors:
        state = FAILED
    error = "; ".join(errors)
    if not done:
        notes = list(told.get("fit", {}).get("notes", []))
        return AssetStatus(
            str(told["asset"]), place, state, error, notes=notes, lacks=lacks, besides=besides, sections=told
        )
    return AssetStatus(
        str(told["asset"]),
        place,
        state,
        error,
        score["rows"],
        score["judged"],
        score["in_alarm"],
        score["alarms"],
        score["health"],
        score["first"],
        score["last"],
        score["peak"],
        score["culprit"],
        score["chief"],
        [(start, end, peak) for start, end, peak in score["spans"]],
        list(score["notes"]),
        lacks,
        besides,
        # What earlier versions wrote does not have it.
        list(score.get("lacking", [])),
        told,
    )
