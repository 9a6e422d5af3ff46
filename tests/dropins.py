"""What the tests of the drop-ins share: the same script with acm_rs and without it, and histories."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
from children import run

ROOT = str(Path(__file__).resolve().parents[1])

_HEAD = """
import sys
sys.path.insert(0, sys.argv[1])
if sys.argv[2] == "without":
    class Without:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in {"acm_rs", "polars"}:
                raise ModuleNotFoundError(name)
    sys.meta_path.insert(0, Without())
import numpy as np, pandas as pd
def history(seed=0, rows=400, sensors=6):
    rng = np.random.default_rng(seed)
    load = np.repeat(rng.choice([20.0, 60.0], rows // 20 + 1), 20)[:rows] + rng.normal(0.0, 2.0, rows)
    x = np.outer(load, np.linspace(0.5, 3.0, sensors)) + rng.normal(0.0, 1.0, (rows, sensors)) + 1e3
    return pd.DataFrame(x, columns=[f"s{j}" for j in range(sensors)])
def show(*parts):
    print(*(repr(float(v)) for part in parts for v in np.asarray(part, dtype=float).ravel()))
"""


def history(seed: int = 0, rows: int = 400, sensors: int = 6) -> pd.DataFrame:
    """Sensors that follow a load with two levels, stamped."""
    rng = np.random.default_rng(seed)
    load = np.repeat(rng.choice([20.0, 60.0], rows // 20 + 1), 20)[:rows] + rng.normal(0.0, 2.0, rows)
    x = np.outer(load, np.linspace(0.5, 3.0, sensors)) + rng.normal(0.0, 1.0, (rows, sensors)) + 1e3
    index = pd.date_range("2026-01-01", periods=rows, freq="min")
    return pd.DataFrame(x, index=index, columns=[f"s{j}" for j in range(sensors)])


def numbers(script: str, how: str) -> list[np.ndarray]:
    """Run a script with acm_rs ("with") or where neither it nor Polars can be imported; a line is an array.

    The backend is forced, so that a child that cannot import acm_rs says why instead of computing by NumPy.
    """
    printed = run(_HEAD + script, ROOT, how, ACM_BACKEND="rust" if how == "with" else "")
    return [np.array(line.split(), dtype=float) for line in printed.splitlines()]


def agree(script: str, rtol: float = 1e-9, atol: float = 1e-9) -> None:
    """Fail unless a script gives the same numbers with acm_rs and without it."""
    assert importlib.util.find_spec("acm_rs") is not None
    ours, plain = (numbers(script, how) for how in ("with", "without"))
    assert len(ours) == len(plain) > 0
    for a, b in zip(ours, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
