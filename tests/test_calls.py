"""The registry of calls is complete: every public callable, every parameter, and all of them work."""

from __future__ import annotations

import inspect
from collections import defaultdict
from typing import Any

import acm_rs
import pytest
from calls import ATTRIBUTES, BY_LABEL, CALLS, WHOLE_JOB, Call, classes, members

NOT_CALLED = {"InternalError"}


def _called() -> dict[str, set[str]]:
    """Names of the parameters that the registry gives, by name of what is called."""
    given: dict[str, set[str]] = defaultdict(set)
    for call in CALLS:
        given[call.name] |= set(call.prepare(60)[1])
    return given


def _public() -> dict[str, Any]:
    """Every public callable by name; methods as ``Class.method``."""
    found = {
        name: getattr(acm_rs, name)
        for name in acm_rs.__all__
        if callable(getattr(acm_rs, name)) and name not in WHOLE_JOB
    }
    for name in classes():
        for method in members(name):
            what = getattr(getattr(acm_rs, name), method)
            if not method.startswith("_") and callable(what):
                found[f"{name}.{method}"] = what
    return {name: what for name, what in found.items() if name not in NOT_CALLED}


def test_every_public_callable_has_a_call() -> None:
    made_by_others = {"ClusterChoice"}
    assert set(_public()) - made_by_others <= set(_called())


def test_every_parameter_is_given_in_some_call() -> None:
    given = _called()
    missing = {}
    for name, what in _public().items():
        if name not in given:
            continue
        parameters = set(inspect.signature(what).parameters) - {"self", "cls"}
        if parameters - given[name]:
            missing[name] = sorted(parameters - given[name])
    assert not missing


def test_labels_are_unique() -> None:
    assert len(BY_LABEL) == len(CALLS) + len(ATTRIBUTES)


@pytest.mark.parametrize("call", [*CALLS, *ATTRIBUTES], ids=str)
def test_every_call_is_valid(call: Call) -> None:
    call(130)
