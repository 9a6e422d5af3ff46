"""A drawn part of the bad-call matrix; ``just bad-calls`` runs all of it."""

from __future__ import annotations

from bad_calls import FAULTS, all_cases, run
from calls import CALLS
from odd_values import ODD


def test_bad_calls_are_refused_by_name() -> None:
    found = run(3000)
    shown = "\n".join(f"{case}: {text}" for case, text in found.wrong)
    assert not any(found.counts[fault] for fault in FAULTS), f"{found}\n{shown}"
    # A matrix of calls that all succeed, or of which none does, would tell nothing.
    assert found.counts["refused"] > 1000
    assert found.counts["accepted"] > 100


def test_the_matrix_reaches_everything() -> None:
    cases = all_cases()
    assert len(cases) >= 50_000
    assert {case.call.label for case in cases} >= {call.label for call in CALLS if call.prepare(60)[1]}
    assert {case.odd for case in cases} >= set(ODD)
