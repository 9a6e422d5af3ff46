"""Every public name says what it does, its example runs, and its defaults are those that its text tells."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
from collections.abc import Iterator
from typing import Any

import acm_rs
import pytest
from calls import WHOLE_JOB, attributes, classes, members

JOBS = [name for name in WHOLE_JOB if isinstance(getattr(acm_rs, name), type)]
PUBLIC = [name for name in acm_rs.__all__ if callable(getattr(acm_rs, name))]
PARAMETER = re.compile(r"^(\*?\w+(?:, \w+)*) : (.+)$")


def _methods(name: str) -> list[str]:
    return [m for m in members(name) if not m.startswith("_") and callable(getattr(getattr(acm_rs, name), m))]


def _callables() -> dict[str, Any]:
    """Functions, classes and their methods by name."""
    made_by_others = {"InternalError", "ClusterChoice"}
    found = {name: getattr(acm_rs, name) for name in PUBLIC if name not in made_by_others}
    for name in (*classes(), *JOBS):
        found |= {f"{name}.{method}": getattr(getattr(acm_rs, name), method) for method in _methods(name)}
    return found


CALLABLES = _callables()


@pytest.mark.parametrize("name", PUBLIC)
def test_the_example_runs(name: str) -> None:
    documented = getattr(acm_rs, name)
    text = documented.__doc__
    assert text
    if isinstance(documented, type) and issubclass(documented, Exception):
        return
    examples = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert examples.examples, f"{name} has no example"
    assert doctest.DocTestRunner(verbose=False).run(examples).failed == 0


@pytest.mark.parametrize("name", [*classes(), *JOBS])
def test_every_member_of_a_class_says_what_it_is(name: str) -> None:
    for member in [*_methods(name), *attributes(name)]:
        first = (inspect.getdoc(getattr(getattr(acm_rs, name), member)) or "").partition("\n")[0]
        assert first.endswith((".", "?")), f"{name}.{member}: {first!r}"


def _told(text: str) -> Iterator[tuple[str, str]]:
    """The parameters that a numpydoc text describes, and what it says of their kind and default."""
    _, found, rest = text.partition("Parameters\n----------\n")
    section = rest.partition("\n\n")[0] if found else ""
    for line in section.split("\n"):
        if head := PARAMETER.match(line):
            for name in head[1].split(", "):
                yield name.lstrip("*"), head[2]


def _default_of(told: str, place: int) -> object:
    """The default in words such as `int, default 3` or `int, default 2 and 8`, for that one of the names."""
    if told.endswith("optional"):
        return None
    _, found, text = told.partition("default ")
    if not found:
        return inspect.Parameter.empty
    values = text.split(" and ")
    return ast.literal_eval(values[place if len(values) > 1 else 0])


@pytest.mark.parametrize("name", CALLABLES)
def test_signatures_and_texts_tell_the_same(name: str) -> None:
    given = {n: p.default for n, p in inspect.signature(CALLABLES[name]).parameters.items() if n not in ("self", "cls")}
    told = list(_told(inspect.getdoc(CALLABLES[name]) or ""))
    assert [n for n, _ in told] == list(given), name
    places: dict[str, int] = {}
    for parameter, kind in told:
        place = places[kind] = places.get(kind, -1) + 1
        assert _default_of(kind, place) == given[parameter], f"{name}: {parameter} : {kind}"
