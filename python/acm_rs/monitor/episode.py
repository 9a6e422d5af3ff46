"""What an alarm is to people: when, how strong, and who did it."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["FROZEN", "NEARLY_ZEROS", "PARTLY", "STUCK", "UNSEEN", "ZEROS", "Culprit", "Episode"]

STUCK = "does not change any more"
FROZEN = "no sensor's reading changes, as where data collection stands still"
ZEROS = "all sensors read exactly 0, as never in the history: the machine is off, or data collection writes zeros"
PARTLY = "no sensor's reading changes while others go on, as where a part of data collection stands still"
"""The same where drivers or states move."""
NEARLY_ZEROS = (
    "nearly all sensors read exactly 0, as never in the history: the machine is off, or data collection writes zeros"
)
UNSEEN = (FROZEN, ZEROS, PARTLY, NEARLY_ZEROS)
"""What is told of rows in which the machine is not seen: no sensor is to blame."""


class Culprit:
    """A sensor's part in an episode.

    Parameters
    ----------
    name : str
        The sensor.
    share : float
        Its share of the score, 0 to 1.
    direction : int
        1 where it reads more than it should, -1 where less.
    reads, expects : float
        What it reads and what it should, in its unit: means over the rows of the episode in which it was known.
    residual_sigmas : float
        The difference in standard deviations of its healthy residuals.
    """

    __slots__ = ("direction", "expects", "name", "reads", "residual_sigmas", "share")

    def __init__(
        self, name: str, share: float, direction: int, reads: float, expects: float, residual_sigmas: float
    ) -> None:
        self.name: str = name
        self.share: float = share
        self.direction: int = direction
        self.reads: float = reads
        self.expects: float = expects
        self.residual_sigmas: float = residual_sigmas

    def __repr__(self) -> str:
        return f"Culprit({self.name!r}, share={self.share:.2f}, reads={self.reads:.6g}, expects={self.expects:.6g})"


class Episode:
    """One trouble: a stretch of rows in alarm.

    Parameters
    ----------
    start, end : int
        Its first row and the row after its last.
    peak_row : int
        The row of its highest score over limit.
    peak : float
        That score over its limit.
    first_sign : int
        The row from which the score rose to the alarm; ``start`` at the latest.
    regime : str
        The regime of most of its rows.
    open : bool
        Whether it still ran at the last row.
    culprits : sequence of Culprit
        Sensors with the greatest shares, greatest first.
    kind : str, default ""
        What was seen: the name of the watch that alarmed.
    moving : sequence of str, default ()
        Where no sensor's reading changes, the drivers and states that go on.
    """

    __slots__ = ("culprits", "end", "first_sign", "kind", "moving", "open", "peak", "peak_row", "regime", "start")

    def __init__(
        self,
        start: int,
        end: int,
        peak_row: int,
        peak: float,
        first_sign: int,
        regime: str,
        open: bool,
        culprits: Sequence[Culprit],
        kind: str = "",
        moving: Sequence[str] = (),
    ) -> None:
        self.start: int = start
        self.end: int = end
        self.peak_row: int = peak_row
        self.peak: float = peak
        self.first_sign: int = first_sign
        self.regime: str = regime
        self.open: bool = open
        self.culprits: list[Culprit] = list(culprits)
        self.kind: str = kind
        self.moving: list[str] = list(moving)

    def __repr__(self) -> str:
        names = ", ".join(culprit.name for culprit in self.culprits)
        still = ", open" if self.open else ""
        return f"Episode(rows {self.start} to {self.end - 1}, peak {self.peak:.2f}, {names}{still})"
