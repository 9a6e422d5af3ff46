"""Calls of everything public: every function, class and method, with valid arguments for as many rows as asked.

Tests that walk *everything* (bad arguments, little memory, interrupts, forks, digests) start here. A call names each of
its arguments, so that one of them can be replaced. The arguments are those of the registry; ``test_calls.py`` fails
where a public callable or a parameter is missing.
"""

from __future__ import annotations

import atexit
import pickle
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import acm_rs
import pandas as pd
from registry import CLUSTERINGS, MODELS, ROWS, STREAMS, WHOLE_JOB, Class, Clustering, Model, Result, Stream
from registry.values import COLUMNS, FITTED_ROWS, Arguing, Arguments, complete, history, labels, line, seconds

__all__ = [
    "ATTRIBUTES",
    "BY_LABEL",
    "CALLS",
    "CLUSTERINGS",
    "COLUMNS",
    "MODELS",
    "STREAMS",
    "WHOLE_JOB",
    "Call",
    "attributes",
    "classes",
    "complete",
    "constructor",
    "history",
    "labels",
    "line",
    "made",
    "members",
    "named",
    "seconds",
]


@cache
def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="acm-rs-calls-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


# ---- calls ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """One public callable with valid arguments.

    ``label`` is unique; ``name`` says what is called: ``"rolling_mean"``, ``"KMeans"``, ``"KMeans.fit"``.
    ``prepare(rows)`` gives the callable, bound to a fresh object where it is a method, and its arguments by name.
    """

    label: str
    name: str
    prepare: Callable[[int], tuple[Callable[..., Any], Arguments]]

    def __call__(self, rows: int) -> Any:
        """Call it."""
        function, arguments = self.prepare(rows)
        return function(**arguments)

    def __str__(self) -> str:
        return self.label


def _function(label: str, arguments: Arguing) -> Call:
    name = label.split(" ")[0]
    return Call(label, name, lambda rows: (getattr(acm_rs, name), arguments(rows)))


# ---- classes --------------------------------------------------------------------------------------------------------


def constructor(name: str) -> Arguments:
    """What a public class is made with, each argument by its name."""
    row = ROWS[name]
    assert isinstance(row, Class)
    return dict(row.constructor)


def _fitting(model: Model | Clustering, rows: int) -> Arguments:
    if isinstance(model, Clustering):
        return {"x": complete(rows)}
    return {"x": history(rows), **model.fitting(rows)}


@cache
def _stored(name: str) -> bytes:
    row, fresh = ROWS[name], getattr(acm_rs, name)(**constructor(name))
    if isinstance(row, Model | Clustering):
        fresh.fit(**_fitting(row, FITTED_ROWS))
    elif isinstance(row, Stream):
        fresh.update(**{name: value for name, value in row.update(FITTED_ROWS).items() if name != "times"})
    found: bytes = fresh.to_bytes()
    return found


def named(name: str) -> Any:
    """The same, fitted on sensors with names."""
    row = ROWS[name]
    assert isinstance(row, Model | Clustering)
    arguments = _fitting(row, FITTED_ROWS)
    arguments["x"] = pd.DataFrame(arguments["x"], columns=list("abcd"))
    return getattr(acm_rs, name)(**constructor(name)).fit(**arguments)


def made(name: str) -> Any:
    """A fresh object of that class, fitted or in use."""
    row = ROWS[name]
    if isinstance(row, Result):
        return row.made()
    if isinstance(row, Model | Clustering | Stream):
        return getattr(acm_rs, name).from_bytes(_stored(name))
    return getattr(acm_rs, name)(**constructor(name))


def _methods_of(name: str) -> Iterator[tuple[str, Arguing]]:
    """What a class offers besides its constructor, with arguments."""
    row = ROWS[name]
    if isinstance(row, Model):
        yield "fit", lambda rows: _fitting(row, max(rows, 60))
        yield from row.taking(history).items()
    elif isinstance(row, Clustering):
        yield "fit", lambda rows: _fitting(row, max(rows, 60))
        for method in row.methods:
            yield method, lambda rows: {"x": complete(rows)}
    elif isinstance(row, Stream):
        yield "update", row.update
        if callable(getattr(getattr(acm_rs, name), "reset", None)):
            yield "reset", lambda rows: {}
    if isinstance(row, Model | Clustering | Stream):
        yield "to_bytes", lambda rows: {}
        yield "from_bytes", lambda rows: {"data": _stored(name)}
        yield "save", lambda rows: {"path": _folder() / f"{name}.safetensors"}
        yield "load", lambda rows: {"path": _saved(name)}


@cache
def _saved(name: str) -> Path:
    path = _folder() / f"{name}-to-load.safetensors"
    made(name).save(path)
    return path


_SPECIAL: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "__repr__": repr,
        "__eq__": lambda thing: thing == thing,
        "__reduce__": lambda thing: pickle.loads(pickle.dumps(thing)),
        "__iter__": list,
        "__float__": float,
    }
)


def _method(cls: str, method: str, arguments: Arguing) -> Call:
    label = f"{cls}.{method}"
    return Call(label, label, lambda rows: (getattr(made(cls), method), arguments(rows)))


def _beginning(cls: str, label: str, parameters: Mapping[str, Any], arguments: Arguing) -> Call:
    name = f"{cls}.update"
    return Call(f"{name} {label}", name, lambda rows: (getattr(acm_rs, cls)(**parameters).update, arguments(rows)))


def _special(cls: str, method: str) -> Call:
    label = f"{cls}.{method}"

    def prepare(_: int) -> tuple[Callable[..., Any], Arguments]:
        thing = made(cls)
        return (lambda: _SPECIAL[method](thing)), {}

    return Call(label, label, prepare)


def _attribute(cls: str, attribute: str) -> Call:
    label = f"{cls}.{attribute}"

    def prepare(_: int) -> tuple[Callable[..., Any], Arguments]:
        thing = named(cls) if attribute == "feature_names_in_" else made(cls)
        return (lambda: getattr(thing, attribute)), {}

    return Call(label, label, prepare)


def classes() -> list[str]:
    """Names of the public classes of the engine, but the exception."""
    return [
        name
        for name in acm_rs.__all__
        if isinstance(getattr(acm_rs, name), type)
        and not issubclass(getattr(acm_rs, name), BaseException)
        and name not in WHOLE_JOB
    ]


_OF_MOMENTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"MahalanobisDetector": {"shrinkage": 0.1}, "PCADetector": {}, "OMRDetector": {}, "AR1Detector": {}}
)
"""Models that moments tell, with what they take."""


def _of_moments(name: str) -> Call:
    def prepare(rows: int) -> tuple[Callable[..., Any], Arguments]:
        moments = acm_rs.RunningMoments.of_sample(history(60)).update(history(max(rows, 60)))
        return getattr(acm_rs, name)(**_OF_MOMENTS[name]).fit_moments, {"moments": moments}

    return Call(f"{name}.fit_moments", f"{name}.fit_moments", prepare)


def members(name: str) -> dict[str, Any]:
    """What a public class has of its own and of the classes it is made of."""
    found: dict[str, Any] = {}
    for cls in reversed(getattr(acm_rs, name).__mro__[:-1]):
        found |= vars(cls)
    return found


def attributes(name: str) -> list[str]:
    """A public class's properties."""
    return sorted(attribute for attribute, member in members(name).items() if isinstance(member, property))


def _calls() -> Iterator[Call]:
    for row in ROWS.values():
        for label, arguments in row.calls().items():
            yield _function(f"{row.name} {label}".strip(), arguments)
    for name in classes():
        for method, arguments in _methods_of(name):
            yield _method(name, method, arguments)
        for method in _SPECIAL:
            if method in members(name):
                yield _special(name, method)
    yield from map(_of_moments, _OF_MOMENTS)
    for row in ROWS.values():
        if isinstance(row, Stream):
            for label, (parameters, arguments) in row.begins.items():
                yield _beginning(row.name, label, parameters, arguments)


CALLS: tuple[Call, ...] = tuple(_calls())
ATTRIBUTES: tuple[Call, ...] = tuple(
    _attribute(name, attribute) for name in classes() for attribute in attributes(name)
)
BY_LABEL: Mapping[str, Call] = MappingProxyType({call.label: call for call in (*CALLS, *ATTRIBUTES)})
