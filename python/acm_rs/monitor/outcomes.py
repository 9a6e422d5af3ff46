"""What a backtest found: for each budget and each event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import Sheet
from acm_rs.monitor import words
from acm_rs.monitor.events import Event
from acm_rs.monitor.result import framed

__all__ = ["Backtest", "Outcome", "Trial"]

OVER, SOME = 3.0, 0.02
"""Times its budget, and share of the rows, beyond which healthy rows in alarm are told."""
HEAD = ("budget", "found", "missed", "lead time", "false alarms", "a month", "healthy rows in alarm")


@dataclass(frozen=True)
class Outcome:
    """What became of an event at a budget.

    Parameters
    ----------
    event : Event
        The event.
    found : bool or None
        Whether an alarm began from ``before`` its start to its end; None where none of these rows was judged.
    first : datetime64, int or None
        When it began: the time, or the row.
    lead : float or None
        From then to the event's start, in nanoseconds or rows; negative where the alarm came later.
    running : bool
        It was missed, and an alarm that had begun before was running.
    culprit : str
        The sensor with the greatest share of the score then.
    """

    event: Event
    found: bool | None
    first: Any = None
    lead: float | None = None
    running: bool = False
    culprit: str = ""


@dataclass(frozen=True)
class Trial:
    """What was found at a budget.

    Parameters
    ----------
    budget : float
        Share of healthy rows that may be in alarm.
    outcomes : list of Outcome
        One for each event.
    alarms, false_alarms : int
        How many there were, and how many of them began where nothing was known to be wrong.
    false_per_month : float
        False alarms in a month of healthy rows; in 1,000 rows where there are no times.
    healthy_in_alarm : float
        Share of the rows outside all events that were in alarm.
    """

    budget: float
    outcomes: list[Outcome]
    alarms: int
    false_alarms: int
    false_per_month: float
    healthy_in_alarm: float

    @property
    def found(self) -> int:
        """Events found."""
        return sum(one.found is True for one in self.outcomes)

    @property
    def missed(self) -> int:
        """Events missed."""
        return sum(one.found is False for one in self.outcomes)

    @property
    def running(self) -> int:
        """Events missed while an alarm was running that had begun before."""
        return sum(one.running for one in self.outcomes)

    @property
    def not_judged(self) -> int:
        """Events of which no row was judged."""
        return sum(one.found is None for one in self.outcomes)

    @property
    def lead(self) -> float | None:
        """Median lead time of the events found, in nanoseconds or rows."""
        leads = [one.lead for one in self.outcomes if one.lead is not None]
        return float(np.median(leads)) if leads else None


@dataclass(frozen=True)
class Backtest:
    """What a Monitor would have found, for each budget.

    Parameters
    ----------
    events : list of Event
        What was known to have been wrong, oldest first.
    budgets : list of Trial
        One for each budget, the smallest first.
    trained_on : list of str
        What each model learnt from, and which rows it judged.
    healthy_rows, judged_rows : int
        Rows that were judged outside all events, and in all.
    step : float or None
        Nanoseconds from row to row, usually; None without times.
    before : int
        How long before its start an alarm warns of an event, in nanoseconds or rows.
    remarks : list of str
        What should be known beside it.
    """

    events: list[Event]
    budgets: list[Trial]
    trained_on: list[str]
    healthy_rows: int
    judged_rows: int
    step: float | None
    before: int
    remarks: list[str]
    sheet: Sheet | None = field(default=None, repr=False)
    utc: bool = False

    # ---- frames ---------------------------------------------------------------------------------------------------

    @property
    def table(self) -> Any:
        """A row for each budget, in the kind of frame that the history had.

        budget, found, missed, not_judged, lead (median; rows without times), false_alarms, false_per_month (in 1,000
        rows without times), healthy_in_alarm.
        """
        trials = self.budgets
        columns = {
            "budget": np.array([one.budget for one in trials]),
            "found": np.array([one.found for one in trials]),
            "missed": np.array([one.missed for one in trials]),
            "not_judged": np.array([one.not_judged for one in trials]),
            "lead": self._leads([one.lead for one in trials]),
            "false_alarms": np.array([one.false_alarms for one in trials]),
            "false_per_month": np.array([one.false_per_month for one in trials]),
            "healthy_in_alarm": np.array([one.healthy_in_alarm for one in trials]),
        }
        return framed(self.sheet, columns, False)

    @property
    def outcomes(self) -> Any:
        """A row for each event and budget: event, start, end, budget, outcome, first, lead, culprit."""
        pairs = [(trial, one) for trial in self.budgets for one in trial.outcomes]
        missing: Any = -1 if self.step is None else np.datetime64("NaT", "ns")
        kind = np.int64 if self.step is None else "datetime64[ns]"
        columns = {
            "event": _texts([one.event.name for _, one in pairs]),
            "start": np.array([one.event.start for _, one in pairs], kind),
            "end": np.array([one.event.end for _, one in pairs], kind),
            "budget": np.array([trial.budget for trial, _ in pairs]),
            "outcome": _texts([outcome_text(one) for _, one in pairs]),
            "first": np.array([missing if one.first is None else one.first for _, one in pairs], kind),
            "lead": self._leads([one.lead for _, one in pairs]),
            "culprit": _texts([one.culprit for _, one in pairs]),
        }
        return framed(self.sheet, columns, False)

    def _leads(self, leads: Sequence[float | None]) -> NDArray[Any]:
        if self.step is None:
            return np.array([np.nan if lead is None else lead for lead in leads])
        # A missing difference of times is the least number.
        least = np.iinfo(np.int64).min
        return np.array([least if lead is None else round(lead) for lead in leads], np.int64).view("timedelta64[ns]")

    # ---- words ----------------------------------------------------------------------------------------------------

    @property
    def advice(self) -> str:
        """Which budget to take, and why, in a sentence."""
        judged = [one for one in self.budgets[0].outcomes if one.found is not None]
        if not judged:
            return "No event lies in rows that were judged: this tells of false alarms alone."
        most = max(one.found for one in self.budgets)
        if not most:
            return (
                f"None of {_counted(len(judged), 'event')} was found at any budget: the sensors may not show them, or "
                "they show before their start (`before` counts earlier alarms)."
            )
        best = next(one for one in self.budgets if one.found == most)
        more = "" if best is self.budgets[-1] else "; a larger budget finds no more"
        return (
            f"{words.share(best.budget)} finds {most} of {_counted(len(judged), 'event')} with "
            f"{self.rate_text(best)}{more}."
        )

    @property
    def doubts(self) -> list[str]:
        """What speaks against it, in plain words."""
        found = list(self.remarks)
        over = [one for one in self.budgets if one.healthy_in_alarm > max(OVER * one.budget, SOME)]
        if over:
            first = over[0]
            found.append(
                f"at the budget of {words.share(first.budget)}, {words.share(first.healthy_in_alarm)} of the rows "
                "outside all events were in alarm: the machine changed for other reasons, or there are more events "
                "than these; look at those alarms before you count on any budget"
            )
        running = max(one.running for one in self.budgets)
        if running:
            found.append(f"events that count as missed because an alarm was running already: up to {running}")
        return found

    def rate_text(self, trial: Trial) -> str:
        """False alarms in a month, or in 1,000 rows."""
        if not np.isfinite(trial.false_per_month):
            return "no healthy rows to tell false alarms from"
        unit = "in 1,000 rows" if self.step is None else "a month"
        return f"{words.number(trial.false_per_month, 2)} false alarms {unit}"

    def cells(self) -> list[list[str]]:
        """The table as texts: a head, then a row for each budget."""
        head = list(HEAD)
        if self.step is None:
            head[5] = "in 1,000 rows"
        rows = [
            [
                words.share(one.budget),
                f"{one.found} of {one.found + one.missed}",
                str(one.missed),
                self.lead_text(one.lead),
                str(one.false_alarms),
                words.number(one.false_per_month, 2) if np.isfinite(one.false_per_month) else "",
                words.share(one.healthy_in_alarm) if np.isfinite(one.healthy_in_alarm) else "",
            ]
            for one in self.budgets
        ]
        return [head, *rows]

    def lead_text(self, lead: float | None) -> str:
        """A lead time in words."""
        if lead is None:
            return ""
        if lead == 0:
            return "at the start"
        size = abs(lead)
        much = f"{size:g} row{'' if size == 1 else 's'}" if self.step is None else words.step_text(size)
        return f"{much} {'before' if lead > 0 else 'after'}"

    def counts_text(self) -> str:
        """What was judged, in a sentence."""
        unknown = self.budgets[0].not_judged
        told = f"{_counted(len(self.events), 'event')} in the history"
        told += f", {unknown} of them where nothing was judged" if unknown else ""
        return f"{told}; {self.judged_rows:,} rows judged, {self.healthy_rows:,} of them outside all events."

    def __str__(self) -> str:
        cells = self.cells()
        widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
        ]
        lines += ["", self.counts_text(), self.advice, *words.wrapped("Learnt from", self.trained_on)]
        lines += words.wrapped("Notes", self.doubts)
        return "\n".join(lines)


def outcome_text(outcome: Outcome) -> str:
    """Found, missed or not judged."""
    return "not judged" if outcome.found is None else "found" if outcome.found else "missed"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _texts(texts: Sequence[str]) -> NDArray[np.object_]:
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return column
