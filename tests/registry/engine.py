"""The engine itself: its threads, its CPU, its facts."""

from __future__ import annotations

from registry.row import Fact, Function, public
from registry.values import nothing

ROWS = (
    Function("get_num_threads", "test_contract.py", {"": nothing}),
    Function("set_num_threads", "test_errors.py", {"": lambda rows: {"n": public("get_num_threads")()}}),
    Function("cpu_features", "test_registry.py", {"": nothing}),
    Fact("ALL_FEATURES"),
    Fact("InternalError"),
    Fact("__version__"),
)
