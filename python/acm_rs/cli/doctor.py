"""What is installed and whether it works: ``acm-rs doctor``."""

from __future__ import annotations

import importlib
import os
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

import numpy as np
from rich.console import Console

import acm_rs
from acm_rs.cli.console import facts, show
from acm_rs.cli.summary import print_json

__all__ = ["diagnose"]

_PACKAGES = ("numpy", "narwhals", "polars", "pandas", "typer", "rich")
_EXTRAS = {
    "fastexcel": "cli",
    "zstandard": "cli",
    "plotly": "report",
    "matplotlib": "plot",
    "sqlalchemy": "store",
    "paho-mqtt": "mqtt",
    "dask": "fleet",
    "distributed": "fleet",
    "fsspec": "fleet",
    "pyarrow": "fleet",
    "scikit-learn": "sklearn",
}
"""Packages that some work needs, and what installs them."""


def _import(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _version(name: str) -> str:
    module = _import(name)
    if module is None:
        return "not installed"
    return str(getattr(module, "__version__", None) or _installed(name) or "unknown version")


def _installed(name: str) -> str | None:
    """The version of a package, which is not imported for it: some take seconds."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _extra(name: str) -> str:
    return _installed(name) or f'not installed: pip install "acm-rs[{_EXTRAS[name]}]"'


def _check_features() -> str | None:
    """Compute a table small enough to know by hand; the fault in words, or None."""
    x = np.array([[1.0], [2.0], [np.nan], [4.0]])
    mean = acm_rs.rolling_mean(x, 2)[:, 0]
    if not np.array_equal(mean, [1.0, 1.5, 2.0, 4.0]):
        return f"rolling_mean gave {mean.tolist()}"
    median = acm_rs.rolling_median(x, 3)[:, 0]
    if not np.array_equal(median, [1.0, 1.5, 1.5, 3.0]):
        return f"rolling_median gave {median.tolist()}"
    table = acm_rs.feature_matrix(x, 2)
    names = acm_rs.feature_names(["x"])
    if table.shape != (4, len(names)):
        return f"feature_matrix gave {table.shape[1]} columns for {len(names)} names"
    if not np.array_equal(table[:, names.index("x_med")], [1.0, 1.5, 2.0, 4.0]):
        return "feature_matrix gave wrong medians"
    return None


def _check_models() -> str | None:
    """Learn a small plant, save and load it, and find a fault; the fault of these in words, or None."""
    random = np.random.default_rng(1)
    x = random.standard_normal((900, 1)) * [4.0, 3.0, -2.0, 5.0] + 0.3 * random.standard_normal((900, 4)) + 50.0
    monitor = acm_rs.Monitor().fit(x[:600])
    later = x[600:].copy()
    later[150:, 1] += 3.0
    result, again = monitor.score(later), acm_rs.Monitor.from_bytes(monitor.to_bytes()).score(later)
    if not np.array_equal(result.scores, again.scores, equal_nan=True):
        return "a model gave other scores after it was saved and loaded"
    if not result.alarms[200:].all() or result.alarms[:150].mean() > 0.1:
        right, wrong = int(result.alarms[150:].sum()), int(result.alarms[:150].sum())
        return f"a model alarmed in {right} of the 150 rows of a fault, and in {wrong} of 150 healthy ones"
    return None


def _attempt(check: Callable[[], str | None]) -> str | None:
    try:
        return check()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def diagnose(screen: Console, as_json: bool = False) -> int:
    """Print versions, threads, processor features and backends, and check the kernels and a model.

    Parameters
    ----------
    screen : Console
        Where to print.
    as_json : bool
        Print one JSON object instead.

    Returns
    -------
    int
        0 where the kernels and the model give the right numbers, else 1.
    """
    fault = _attempt(_check_features) or _attempt(_check_models)
    native = _import("acm_rs._native")
    threads = acm_rs.get_num_threads()
    setting = os.environ.get("ACM_NUM_THREADS")
    chosen = ""
    if setting:
        honoured = setting.strip().isdecimal() and 1 <= int(setting) <= 1024
        chosen = f" (ACM_NUM_THREADS={setting}{'' if honoured else ' is no number from 1 to 1024 and is ignored'})"
    rows = [
        ("acm_rs", acm_rs.__version__),
        ("native", str(getattr(native, "__file__", "not found"))),
        ("threads", f"{threads}{chosen} of {os.cpu_count() or 1} processors"),
        ("CPU", f"{platform.machine()}: {', '.join(acm_rs.cpu_features()) or 'no vector extensions in use'}"),
        ("Python", f"{platform.python_version()} ({platform.python_implementation()}) on {platform.platform()}"),
        *((name, _version(name)) for name in _PACKAGES),
        *((name, _extra(name)) for name in _EXTRAS),
        ("backends", _backends()),
        ("check", f"FAILED: {fault}" if fault else "kernels give the right numbers, and a model finds a fault"),
    ]
    if as_json:
        print_json(dict(rows) | {"ok": not fault})
    else:
        show(screen, facts(rows))
    return 1 if fault else 0


def _backends() -> str:
    """Which backends the drop-in ``core.fast_features`` would find here, in the order it asks them."""
    if _import("pandas") is None:
        return "none: core.fast_features needs pandas (pip install pandas)"
    polars = ["polars"] if _import("polars") is not None else []
    found = ["rust", *polars, "pandas"]
    forced = os.environ.get("ACM_BACKEND")
    return f"{', '.join(found)} (core.fast_features takes the first)" + (f"; ACM_BACKEND={forced}" if forced else "")
