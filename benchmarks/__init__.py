"""Benchmarks of acm_rs beside other libraries; its rows are those of the tests' registry, which this lets be found."""

import sys
from pathlib import Path

_TESTS = str(Path(__file__).resolve().parent.parent / "tests")
if _TESTS not in sys.path:
    sys.path.insert(0, _TESTS)
