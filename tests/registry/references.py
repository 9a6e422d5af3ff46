"""What references of several subjects share. They are independent of ``acm_rs``.

Those of windows take one column and give an array of shape (n, outputs); those of whole columns take an (n, d) array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3
_BLOCK_VALUES = 2_000_000


def rolled(x: Floats, window: int, min_periods: int) -> Any:
    """A column's windows in pandas, infinities missing."""
    values = np.where(np.isfinite(x), x, np.nan)
    return pd.Series(values).rolling(window, min_periods=min_periods)


def of_pandas(method: str) -> Callable[..., Floats]:
    """A rolling method of pandas."""

    def reference(x: Floats, window: int, min_periods: int, **keywords: Any) -> Floats:
        found = getattr(rolled(x, window, min_periods), method)(**keywords)
        return found.to_numpy(dtype=np.float64).reshape(-1, 1)

    return reference


def blocks(x: Floats, window: int) -> list[Floats]:
    """Cut the windows of all rows into blocks of bounded memory; rows before the first are NaN, as infinities are."""
    width = max(1, min(window, x.size))
    padded = np.concatenate([np.full(width - 1, np.nan), np.where(np.isfinite(x), x, np.nan)])
    if x.size == 0:
        return []
    view = np.lib.stride_tricks.sliding_window_view(padded, width)
    step = max(1, _BLOCK_VALUES // width)
    return [view[i : i + step] for i in range(0, x.size, step)]


def clean(x: Floats) -> pd.DataFrame:
    """A frame of the columns, infinities missing."""
    return pd.DataFrame(np.where(np.isfinite(x), x, np.nan))
