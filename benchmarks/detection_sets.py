"""What a row of the scoreboard is made of, and plants of a few lines that the synthetic rows are drawn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from benchmarks.detection_counts import FAULT, HEALTHY, Count, Truth
from benchmarks.detection_models import Matrix, Times


@dataclass(frozen=True)
class Run:
    """Rows to score in one piece, and what each of them is."""

    rows: Matrix
    truth: Truth
    times: Times | None = None
    culprits: Sequence[int] = ()


@dataclass(frozen=True)
class Trial:
    """Training rows, and what is scored after them."""

    train: Matrix
    runs: Sequence[Run]
    times: Times | None = None


@dataclass(frozen=True)
class Row:
    """A row of a table: trials whose runs are counted together."""

    name: str
    trials: Sequence[Trial]


@dataclass(frozen=True)
class Set:
    """A section of the scoreboard.

    Parameters
    ----------
    key, title, text : str
        Its name on the command line, its title, and what is done, in a few sentences.
    figures : sequence of str
        What the numbers of a cell are, in order; those that end in % are shares.
    rows : callable
        From a seed to its rows, one after the other.
    count : callable or mapping's worth of callables
        From judged runs to the numbers of a cell.
    seeded : bool
        Whether seeds matter.
    of_first : bool
        The first number of a row is told as a share of that of the first row.
    names_sensors : bool
        Contributions are needed.
    """

    key: str
    title: str
    text: str
    figures: Sequence[str]
    rows: Callable[[int], Iterator[Row]]
    count: Count
    seeded: bool = True
    of_first: bool = False
    names_sensors: bool = False
    best: Sequence[str] = field(default=("high", "low", "low"))


def healthy(rows: Matrix, times: Times | None = None) -> Run:
    """A run without a fault."""
    return Run(rows, np.full(len(rows), HEALTHY, np.int8), times)


def faulty(rows: Matrix, start: int = 0, culprits: Sequence[int] = ()) -> Run:
    """A run whose rows from `start` on have a fault."""
    truth = np.full(len(rows), HEALTHY, np.int8)
    truth[start:] = FAULT
    return Run(rows, truth, culprits=culprits)


class Loads:
    """Sensors that follow a few hidden loads linearly, each with noise of its own.

    Parameters
    ----------
    random : numpy.random.Generator
        Where everything is drawn from.
    sensors, loads : int
        How many; 0 loads make independent sensors.
    noise : float or array
        Standard deviation of the sensors' own noise; the loads have 1.
    memory : float
        Of the loads from row to row.
    """

    def __init__(
        self,
        random: np.random.Generator,
        sensors: int,
        loads: int,
        noise: float | NDArray[np.float64] = 0.2,
        memory: float = 0.9,
    ) -> None:
        self.random, self.noise, self.memory = random, noise, memory
        self.mixing = random.standard_normal((loads, sensors))
        self.sensors = sensors

    def states(self, rows: int) -> Matrix:
        """Draw the hidden loads of so many rows."""
        kicks = self.random.standard_normal((rows, len(self.mixing)))
        kicks[1:] *= np.sqrt(1.0 - self.memory**2)
        path: Matrix = lfilter([1.0], [1.0, -self.memory], kicks, axis=0)
        return path

    def read(self, states: Matrix) -> Matrix:
        """Draw what the sensors read in these states."""
        return states @ self.mixing + self.noise * self.random.standard_normal((len(states), self.sensors))

    def rows(self, count: int) -> Matrix:
        """Draw so many healthy rows."""
        return self.read(self.states(count))


def generator(key: str, seed: int) -> np.random.Generator:
    """Give the generator of a set and a seed: the same in every process."""
    return np.random.default_rng([2028, seed, *key.encode()])
