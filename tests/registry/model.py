"""Rows of the classes: models, decisions that remember, and what functions give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.row import Row, public
from registry.timed import ModelCase
from registry.values import Arguing, Arguments, nothing


@dataclass(frozen=True, eq=False)
class Class(Row):
    """A public class; ``constructor`` names each argument it is made with."""

    constructor: Mapping[str, Any]

    def calls(self) -> Mapping[str, Arguing]:
        return {"": lambda rows: dict(self.constructor)}


@dataclass(frozen=True, eq=False)
class Result(Row):
    """A public class that a function alone makes, here by ``made``."""

    made: Callable[[], Any]


@dataclass(frozen=True, eq=False)
class Stream(Class):
    """What remembers rows, needs no fit and can be saved.

    ``update`` gives the arguments of its update; ``other`` are more ways to make it, ``begins`` such ways with the
    arguments of a first update.
    """

    update: Arguing
    other: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    begins: Mapping[str, tuple[Mapping[str, Any], Arguing]] = field(default_factory=dict)

    def calls(self) -> Mapping[str, Arguing]:
        others = {label: lambda rows, given=given: dict(given) for label, given in self.other.items()}
        return {**super().calls(), **others}


@dataclass(frozen=True, eq=False)
class Model(Class):
    """A model, and parameters that take it through all its code.

    Parameters
    ----------
    variants
        Parameters; every test of models goes through all of them.
    remembers
        Scores depend on the rows before: only ``update`` gives pieces the bytes of the whole.
    methods
        What else takes rows and gives a result for each, whatever the other rows are.
    more
        What else takes rows.
    least
        Fewest columns it can be fitted on.
    columns
        Columns of its training data.
    fitting
        Rows -> what ``fit`` takes beside ``x``, for calls.
    own
        Rows -> what ``score`` and its like take beside ``x``, for calls.
    others
        Further methods, or those with further arguments, and rows -> what they take.
    benchmarks
        Rows of the benchmarks' table.
    """

    variants: tuple[Mapping[str, Any], ...] = ({},)
    remembers: bool = False
    methods: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    least: int = 1
    columns: int = 5
    fitting: Arguing = nothing
    own: Arguing = nothing
    others: Mapping[str, Arguing] = field(default_factory=dict)
    benchmarks: tuple[ModelCase, ...] = ()

    def make(self, **parameters: Any) -> Any:
        """Make one that is not fitted."""
        return public(self.name)(**parameters)

    def taking(self, x: Callable[[int], Any]) -> dict[str, Arguing]:
        """Its methods that take rows, and rows -> their arguments."""

        def rowwise(rows: int) -> Arguments:
            return {"x": x(rows), **self.own(rows)}

        names = ("score", "update", *self.methods, *self.more, "contributions")
        detects: dict[str, Arguing] = {"missing": lambda rows: {"x": x(rows)}}
        if not hasattr(public(self.name), "missing"):
            detects = {}
        return {**dict.fromkeys(names, rowwise), **detects, **self.others}

    @property
    def timed(self) -> tuple[ModelCase, ...]:
        return self.benchmarks


@dataclass(frozen=True, eq=False)
class Clustering(Class):
    """A model of whole rows: missing values are refused, and what it says of other rows says no sensor.

    ``variants`` are parameters that take it through all its code, ``methods`` take rows and give results for each.
    """

    variants: tuple[Mapping[str, Any], ...]
    methods: tuple[str, ...]
    benchmarks: tuple[ModelCase, ...] = ()

    def make(self, **parameters: Any) -> Any:
        """Make one that is not fitted."""
        return public(self.name)(**parameters)

    @property
    def timed(self) -> tuple[ModelCase, ...]:
        return self.benchmarks


@dataclass(frozen=True)
class Case:
    """A model with one set of its parameters."""

    model: Model
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def make(self) -> Any:
        return self.model.make(**self.parameters)

    def __str__(self) -> str:
        given = ",".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.model.name}({given})"
