"""What every row says of a public name, whatever its kind."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from registry.measure import Worst
from registry.timed import Case, ModelCase
from registry.values import Arguing

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


def frozen(**keywords: Any) -> Mapping[str, Any]:
    """Keyword arguments that nobody changes."""
    return MappingProxyType(keywords)


def public(name: str) -> Any:
    """What ``acm_rs`` calls so; it need not be installed before it is asked for."""
    return getattr(importlib.import_module("acm_rs"), name)


def flat(found: Any) -> Array:
    """Every number of a result."""
    parts = found if isinstance(found, tuple) else (found,)
    return np.concatenate([np.ravel(np.asarray(p, dtype=np.float64)) for p in parts])


def first_pair(found: Array) -> Array:
    """The first column with the second, of a result that has every column with every one."""
    return found[..., 0, 1]


@dataclass(frozen=True)
class Probe:
    """How a function is asked what it does with missing values, few values, constants and nothing.

    ``result`` picks what is looked at. A probe of ``pairs`` gets two columns and looks at the pair of them, on whose
    ``diagonal`` each column stands with itself. One that looks for ``cycles`` gets many rows, and needs cycles, not
    values; one that takes ``segments`` needs a part of one.
    """

    keywords: Mapping[str, Any] = field(default_factory=frozen)
    label: str = ""
    result: Callable[[Any], Any] = flat
    pairs: bool = False
    diagonal: bool = False
    cycles: bool = False
    segments: bool = False


@dataclass(frozen=True)
class Accuracy:
    """How a function's distance from exact arithmetic is measured, on few inputs or on all, and what it is held to."""

    measure: Callable[[bool], Worst]
    limit: float
    durations: Callable[[bool], Worst] | None = None
    label: str = ""


@dataclass(frozen=True, eq=False)
class Row:
    """A public name.

    ``benchmarks`` are rows of the benchmarks' tables: one that times several functions stands with the first of them.
    """

    name: str

    def calls(self) -> Mapping[str, Arguing]:
        """Arguments of calls, by what tells the calls apart."""
        return {}

    @property
    def probed(self) -> tuple[Probe, ...]:
        """How it is asked what it does at the edges."""
        return ()

    def look(self, probe: Probe, x: Array, **keywords: Any) -> Array:
        """Ask it."""
        raise NotImplementedError

    @property
    def measured(self) -> tuple[Accuracy, ...]:
        """What of it is held against exact arithmetic, where the row says how."""
        return ()

    @property
    def timed(self) -> tuple[Case | ModelCase, ...]:
        """Rows of the benchmarks' tables."""
        return ()


@dataclass(frozen=True, eq=False)
class Fact(Row):
    """A public name that is no function and no model."""


@dataclass(frozen=True, eq=False)
class Job(Row):
    """A class or function of Python alone, which does a whole job and has tests of its own in the file ``tests``."""

    tests: str
    benchmarks: tuple[ModelCase, ...] = ()

    @property
    def timed(self) -> tuple[ModelCase, ...]:
        return self.benchmarks


@dataclass(frozen=True, eq=False)
class Function(Row):
    """A function with tests of its own in the file ``tests``."""

    tests: str
    called: Mapping[str, Arguing]
    benchmarks: tuple[ModelCase, ...] = ()

    def calls(self) -> Mapping[str, Arguing]:
        return self.called

    @property
    def timed(self) -> tuple[ModelCase, ...]:
        return self.benchmarks
