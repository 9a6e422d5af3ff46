"""Data quality: what is wrong with a history, and the history without it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from registry.inputs import Matrix, irregular_times
from registry.row import Function, Job, public
from registry.timed import ModelCase, close
from registry.values import COLUMNS, history

_PANDAS = ("pandas", "pandas")


@cache
def _readings(rows: int, columns: int) -> Matrix:
    """In steps, with gaps, codes and a stuck sensor."""
    x = np.random.default_rng(31).standard_normal((rows, columns)).round(2)
    x[np.random.default_rng(1).random(x.shape) < 0.02] = np.nan
    x[rows // 3 :: 997, 0] = -999.0
    x[rows // 2 : rows // 2 + rows // 20, 1] = 0.5
    return x


def _ours(module: ModuleType, x: Matrix) -> Callable[[], Any]:
    x = _readings(*x.shape)

    def look() -> Any:
        sensors = module.quality(x, codes=None).sensors
        return np.column_stack([sensors[name] for name in ("missing", "least", "most", "longest_gap")])

    return look


def _with_pandas(x: Matrix) -> Callable[[], Any]:
    """The same counts, and the rest of what pandas can count: different values, repeats, quantiles."""
    import pandas as pd

    frame = pd.DataFrame(_readings(*x.shape))

    def longest(gaps: Any) -> int:
        return int(gaps.groupby((~gaps).cumsum()).sum().max())

    def look() -> Any:
        gaps = frame.isna()
        frame.nunique()
        (frame.diff() == 0.0).sum()
        centre = frame.median()
        (frame - centre).abs().median()
        frame.quantile([0.15, 0.85])
        return np.column_stack([gaps.mean(), frame.min(), frame.max(), [longest(gaps[name]) for name in frame]])

    return look


@cache
def _report() -> Any:
    return public("quality")(history(200))


ROWS = (
    Job("Quality", "test_quality.py"),
    Function(
        "quality",
        "test_quality.py",
        {
            "": lambda rows: {"x": history(rows)},
            "all": lambda rows: {
                "x": history(rows),
                "times": irregular_times(rows),
                "reference": history(200),
                "limits": {0: (None, 3.0), COLUMNS - 1: (900.0, 1100.0)},
                "codes": [-999.0, 0.0],
            },
        },
        (
            ModelCase(
                "quality",
                "data quality",
                ("quality",),
                _ours,
                {_PANDAS: _with_pandas},
                close(1e-12),
            ),
        ),
    ),
    Function("clean", "test_quality.py", {"": lambda rows: {"x": history(rows), "report": _report()}}),
)
