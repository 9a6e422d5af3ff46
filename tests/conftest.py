"""Shared set-up: the helpers beside the tests import by name, hypothesis is derandomised, threads are restored."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The peers' threads wait for each other by spinning: several test processes on few cores then get nowhere.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

HERE = str(Path(__file__).parent)
if HERE not in sys.path:
    sys.path.insert(0, HERE)

# Fixtures of several tests; neither imports what it needs before it is asked for.
from postgres import server  # noqa: E402, F401
from stores import address  # noqa: E402, F401

settings.register_profile(
    "fixed",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)
# Other examples each time, for `just fuzz`.
settings.register_profile("random", settings.get_profile("fixed"), derandomize=False, max_examples=100)
settings.load_profile("fixed")


@pytest.fixture
def threads() -> Iterator[None]:
    """Put the number of threads back after a test that changes it."""
    import acm_rs

    before = acm_rs.get_num_threads()
    yield
    acm_rs.set_num_threads(before)
