"""Ctrl-C ends every call within 200 ms of CPU: each one of the registry is interrupted amid its work."""

from __future__ import annotations

import json
import signal
from typing import Any

import interrupts
import pytest
from children import run

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer of CPU time")

ALL = [call.label for call in (*interrupts.CALLS, *interrupts.LARGE)]
WINDOWS = [f"{name} window {window}" for name, window in interrupts.WINDOWS]
PARTS = 4
"""Processes that share the calls out; those of one part run one after the other."""

MUST_LAST = frozenset(
    {
        "IsolationForest large.__eq__",
        "IsolationForest large.from_bytes",
        "align_labels many",
        "correlation kendall",
        "correlation wide",
        "lagged_correlation wide",
        "minimum_dwell restless",
        "smooth_labels ties",
        "svd square",
        "svd tall",
        "rolling_median window 1001",
        "rolling_band_energy window 2048",
    }
)
"""Calls that last at the sizes tried here on any machine; others may be over too soon on a fast one."""


def measured(*arguments: str) -> dict[str, Any]:
    """What was found, none of it late."""
    told = run("import interrupts; interrupts.main()", *arguments, timeout=900.0, PYTHONWARNINGS="ignore")
    found: dict[str, Any] = json.loads(told)
    print("over too soon:", {label: one["over after"] for label, one in found.items() if "over after" in one})
    assert not {label: one for label, one in found.items() if not one.keys() & {"delay", "over after"}}
    assert not {label: one for label, one in found.items() if one.get("delay", 0.0) >= interrupts.ALLOWED}
    assert not {label for label in MUST_LAST & found.keys() if "delay" not in found[label]}
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_every_long_call_ends_soon_after_an_interrupt(part: int) -> None:
    assert list(measured(f"--part={part}/{PARTS}")) == ALL[part::PARTS]
    assert set(ALL) >= MUST_LAST


def test_windows_on_two_threads_end_soon_after_an_interrupt() -> None:
    some = WINDOWS[::3]
    assert list(measured("--threads=2", *some)) == some
