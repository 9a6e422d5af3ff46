"""What statistics of incomplete rows must be, by plain algebra on whole matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from histories import Floats


def wilson_hilferty(share: Any, have: float, want: float) -> Any:
    """Give the chi-squared of ``want`` degrees of freedom at the quantile of one of ``have``; both over their means."""
    narrow, wide = 2.0 / (9.0 * have), 2.0 / (9.0 * want)
    quantile = (np.cbrt(share) - 1.0 + narrow) / np.sqrt(narrow)
    return np.maximum(1.0 - wide + quantile * np.sqrt(wide), 0.0) ** 3


def expected(z: Floats, covariance: Floats) -> Floats:
    """Give a row with its NaN replaced by their conditional expectation."""
    gone = np.isnan(z)
    filled = z.copy()
    if gone.any():
        between = covariance[np.ix_(gone, ~gone)]
        filled[gone] = between @ np.linalg.solve(covariance[np.ix_(~gone, ~gone)], z[~gone])
    return filled


def known_covariance(gone: Any, covariance: Floats) -> Floats:
    """Give the covariance of rows whose missing entries are replaced by their conditional expectation."""
    filling = np.eye(len(gone))
    filling[gone] = 0.0
    kept = covariance[np.ix_(~gone, ~gone)]
    filling[np.ix_(gone, ~gone)] = covariance[np.ix_(gone, ~gone)] @ np.linalg.inv(kept)
    part = filling[:, ~gone]
    return part @ kept @ part.T


def lagged(z: Floats, lags: int) -> Floats:
    """Give each row beside its earlier ones; before the first stand repetitions of it."""
    rows = np.arange(len(z))
    return np.hstack([z[np.maximum(rows - lag, 0)] for lag in range(lags + 1)])
