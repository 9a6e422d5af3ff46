"""Rows of the functions of whole columns and matrices: they take an array and no window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from registry.row import Accuracy, Array, Floats, Probe, Row, flat, frozen, public
from registry.timed import Case
from registry.values import Arguing

Parts = tuple[Array, ...]
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Matrix:
    """A public function of an array, called in one particular way.

    ``shapes`` gives the shapes of its results for n rows and d columns; ``reference`` takes an (n, d) array of float64
    and is independent of ``acm_rs``. ``columns`` is the axis of the results along which the columns of the input follow
    each other, ``None`` where they mix; results numbered in ``shared`` have no such axis. ``gaps`` tells whether the
    reference knows missing values. ``least`` is the fewest rows whose results are laid down.
    """

    reference: Callable[..., Floats | Parts] | None
    shapes: Callable[[int, int], tuple[Shape, ...]]
    keywords: Mapping[str, Any] = field(default_factory=frozen)
    label: str = ""
    tolerance: float = 1e-12
    columns: int | None = None
    shared: frozenset[int] = frozenset()
    argument: str = "x"
    float32: bool = True
    takes_out: bool = False
    gaps: bool = True
    least: int = 0
    name: str = ""

    def __call__(self, x: Array, **keywords: Any) -> Parts:
        """Call the public function and give its results as a tuple."""
        found = self.alone(x, **keywords)
        return found if isinstance(found, tuple) else (found,)

    def alone(self, x: Array, **keywords: Any) -> Any:
        """Call the public function and give what it gives."""
        return public(self.name)(x, **{**self.keywords, **keywords})

    def peer(self, x: Floats) -> Parts:
        """Evaluate the reference."""
        assert self.reference is not None
        found = self.reference(x, **self.keywords)
        return found if isinstance(found, tuple) else (found,)


@dataclass(frozen=True, eq=False)
class Whole(Row):
    """A function of whole columns.

    Parameters
    ----------
    ways
        Ways to call it, each with its reference.
    called
        Rows -> arguments, for calls that name every argument.
    probes
        How it is asked what it does at the edges.
    accuracy
        How far it is from exact arithmetic. Empty: an estimate.
    benchmarks
        Rows of the benchmarks' table.
    """

    ways: tuple[Matrix, ...]
    called: Mapping[str, Arguing]
    probes: tuple[Probe, ...]
    accuracy: tuple[Accuracy, ...]
    benchmarks: tuple[Case, ...] = ()

    def matrices(self) -> dict[str, Matrix]:
        """The ways to call it, by name and label."""
        return {f"{self.name} {way.label}".strip(): replace(way, name=self.name) for way in self.ways}

    def calls(self) -> Mapping[str, Arguing]:
        return self.called

    @property
    def probed(self) -> tuple[Probe, ...]:
        return self.probes

    def look(self, probe: Probe, x: Array, **keywords: Any) -> Array:
        """What the probe looks at, of everything it gives."""
        return flat(probe.result(public(self.name)(x, **{**probe.keywords, **keywords})))

    @property
    def measured(self) -> tuple[Accuracy, ...]:
        return self.accuracy

    @property
    def timed(self) -> tuple[Case, ...]:
        return self.benchmarks


def square(_: int, d: int) -> tuple[Shape, ...]:
    """A value for each pair of columns."""
    return ((d, d),)


def same(n: int, d: int) -> tuple[Shape, ...]:
    """A value for each value."""
    return ((n, d),)


def each(count: int) -> Callable[[int, int], tuple[Shape, ...]]:
    """So many values for each column."""
    return lambda n, d: ((d,),) * count


def wide(width: int) -> Callable[[int, int], tuple[Shape, ...]]:
    """So many columns for each column."""
    return lambda n, d: ((n, d * width),)
