"""Drift of the fused score: cumulative sums, their smoothed z, and whether it is drift or a fault.

One self-contained file that takes the place of ACM's own ``core/drift.py``. Sums and their smoothing are computed by
``acm_rs`` where it is installed, else by NumPy and pandas, with the same numbers. `BACKEND` says which serves; the
environment variable ``ACM_BACKEND`` (``rust``, or ``polars`` or ``pandas`` for NumPy), read once at import, forces one.
"""

from __future__ import annotations

import contextlib
import logging
import math
import numbers
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

try:
    import acm_rs as _acm_rs
except ImportError:
    _rs: Any = None
else:
    _rs = _acm_rs if all(hasattr(_acm_rs, name) for name in ("cusum", "ewm_mean")) else None

__all__ = [
    "BACKEND",
    "HAS_RUST",
    "CUSUMDetector",
    "compute",
    "compute_drift_alert_mode",
    "compute_drift_trend",
    "compute_regime_volatility",
]

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

_log = logging.getLogger(__name__)

_LARGEST = 1e150
# Readings that differ by no more than this share of their level differ by rounding.
_ROUNDING = 8.0 * float(np.finfo(np.float64).eps)
_MOST = 2**32 - 1
_LEAST_CALIBRATION = 10
_LEAST_SCALE = 1e-3
_LARGEST_Z = 8.0


def _choose_backend(forced: str | None) -> str:
    if forced not in {None, "", "rust", "polars", "pandas"}:
        raise ValueError(f"ACM_BACKEND must be rust, polars or pandas, got {forced!r}")
    if forced == "rust" and _rs is None:
        raise RuntimeError("ACM_BACKEND=rust is not available here: pip install acm-rs")
    return "rust" if _rs is not None and forced in {None, "", "rust"} else "numpy"


HAS_RUST: bool = _rs is not None
BACKEND: str = _choose_backend(os.environ.get("ACM_BACKEND"))


def _settings(name: str, cfg: Any) -> dict[str, Any]:
    """Give a dict of settings; none at all are an empty one."""
    if cfg is not None and not isinstance(cfg, Mapping):
        raise TypeError(f"{name} must be a dict of settings, got {type(cfg).__name__}")
    return dict(cfg or {})


def _real(name: str, given: Any, must: str, fits: Callable[[float], bool]) -> float:
    """Give a setting as a number; digits in a text are one, as tables of settings hold them."""
    number = math.nan
    if isinstance(given, str | numbers.Real) and not isinstance(given, bool):
        with contextlib.suppress(ValueError, OverflowError):
            number = float(given)
    if math.isnan(number) or not fits(number):
        raise ValueError(f"{name} must be {must}, got {given!r}")
    return number


def _whole(name: str, given: Any, least: int) -> int:
    must = f"a whole number from {least} to {_MOST}"
    return int(_real(name, given, must, lambda number: number.is_integer() and least <= number <= _MOST))


def _switch(name: str, given: Any) -> bool:
    answer = {"true": True, "1": True, "false": False, "0": False}.get(str(given).strip().lower())
    if answer is None:
        raise ValueError(f"{name} must be True or False, got {given!r}")
    return answer


def _part(cfg: Any, *names: str) -> dict[str, Any]:
    """Give the settings that stand below these names in a dict, empty where there are none."""
    part = _settings("cfg", cfg)
    for depth, name in enumerate(names):
        part = _settings(".".join(names[: depth + 1]), part.get(name))
    return part


def _floats(values: Any, name: str) -> Array:
    """Give an array of numbers as float64, NaN for what is missing; text is no number, whatever it says."""
    try:
        x = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} must have rows of one length") from None
    if isinstance(values, np.ma.MaskedArray):
        x = x.astype(object)
        x[np.ma.getmaskarray(values)] = None
    if x.dtype.kind == "O":
        flat = [math.nan if value is None or value is pd.NA else value for value in x.ravel()]
        if all(isinstance(value, numbers.Real) for value in flat):
            x = np.array(flat, dtype=np.float64).reshape(x.shape)
    if x.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold numbers, got {x.dtype}")
    out: Array = np.array(x, dtype=np.float64, order="C")
    out[~np.isfinite(out)] = np.nan
    return out


def _series(x: Any, name: str) -> Array:
    """Give a series of numbers as float64 with NaN for what is missing, clipped so that squares stay finite."""
    if isinstance(x, pd.Series) and pd.api.types.is_numeric_dtype(x.dtype) and not isinstance(x.dtype, np.dtype):
        x = x.to_numpy(np.float64, na_value=np.nan)
    values = _floats(x, name)
    if values.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got shape {values.shape}")
    if (np.abs(values) > _LARGEST).any():
        _log.warning("values of %s beyond 1e150 are clipped", name)
        np.clip(values, -_LARGEST, _LARGEST, out=values)
    return values


def _median_mad(x: Array) -> tuple[float, float]:
    """Give median and 1.4826 times the median absolute deviation of the values, NaN without any."""
    known = x[~np.isnan(x)]
    if not known.size:
        return math.nan, math.nan
    median = float(np.median(known))
    return median, 1.4826 * float(np.median(np.abs(known - median)))


def _deviation(x: Array) -> float:
    """Give the standard deviation of the values, 0 without any, by the largest so that no square is lost."""
    known = x[~np.isnan(x)]
    c = known - known[:1]
    largest = float(np.abs(c).max(initial=0.0))
    return largest * float(np.std(c / largest)) if largest > 0.0 else 0.0


class CUSUMDetector:
    """Page's two-sided cumulative sums: small lasting shifts add up until they show.

    Parameters
    ----------
    threshold : float, default 2.0
        Kept for who reads it; scores do not depend on it.
    drift : float, default 0.1
        What each value takes off the sums, in deviations; at least 0.

    Attributes
    ----------
    mean, std : float
        Median of the values that were learnt from, and 1.4826 times their median absolute deviation; the standard
        deviation where that is 0, 1 where all values are the same.
    sum_pos, sum_neg : float
        Where the sums stand: the next values that are scored go on from them.

    Raises
    ------
    ValueError
        A parameter is outside what it may be.

    Examples
    --------
    >>> import numpy as np
    >>> detector = CUSUMDetector(drift=0.5).fit(np.array([-1.0, 0.0, 1.0]))
    >>> detector.std = 1.0
    >>> detector.score(np.array([1.0, 1.5, 2.5]))
    array([0.5, 1.5, 3.5])
    """

    def __init__(self, threshold: float = 2.0, drift: float = 0.1) -> None:
        self.threshold = _real("threshold", threshold, "above 0 and finite", lambda number: 0.0 < number < math.inf)
        self.drift = _real("drift", drift, "at least 0 and finite", lambda number: 0.0 <= number < math.inf)
        self.mean = 0.0
        self.std = 1.0
        self.sum_pos = 0.0
        self.sum_neg = 0.0

    def fit(self, x: Any) -> CUSUMDetector:
        """Learn level and scale, missing values left out, and start the sums at 0."""
        values = _series(x, "x")
        median, scale = _median_mad(values)
        if math.isnan(median):
            _log.warning("CUSUM: there is no value among %d to learn from: level 0 and scale 1 are taken", len(values))
            median = scale = 0.0
        least = _ROUNDING * abs(median)
        if not scale > least:
            scale = _deviation(values)
        self.mean, self.std = median, scale if scale > least else 1.0
        self.sum_pos = self.sum_neg = 0.0
        return self

    def score(self, x: Any) -> Array:
        """Give the larger of the two sums after each value; a missing value leaves them where they are."""
        values = _series(x, "x")
        if not len(values):
            return values
        with np.errstate(over="ignore"):
            z = np.clip((values - self.mean) / self.std, -_LARGEST, _LARGEST)
        if BACKEND == "rust":
            # The sums of acm_rs start at 0: a value before the first brings each to where it stands.
            first = np.array([[self.sum_pos + self.drift, -self.sum_neg - self.drift]])
            table = np.concatenate([first, np.column_stack([z, z])])
            sums_up, sums_down, _ = _rs.cusum(table, self.threshold, self.drift)
            high, low = np.asarray(sums_up)[1:, 0], np.asarray(sums_down)[1:, 1]
        else:
            high, low = np.empty(len(z)), np.empty(len(z))
            up, down = self.sum_pos, self.sum_neg
            for t, value in enumerate(z.tolist()):
                if not math.isnan(value):
                    up, down = max(0.0, up + value - self.drift), max(0.0, down - value - self.drift)
                high[t], low[t] = up, down
        self.sum_pos, self.sum_neg = float(high[-1]), float(low[-1])
        return np.maximum(high, low)

    def to_dict(self) -> dict[str, float]:
        """Give the detector as plain values, the sums included."""
        return dict(self.__dict__)

    @classmethod
    def from_dict(cls, payload: Mapping[str, float]) -> CUSUMDetector:
        """Restore a detector that scores as the one that ``to_dict`` was called on."""
        detector = cls(payload["threshold"], payload["drift"])
        detector.__dict__.update({name: float(payload[name]) for name in ("mean", "std", "sum_pos", "sum_neg")})
        return detector


def compute_drift_trend(drift_series: Any, window: int = 20) -> float:
    """Give the least squares slope of the last values, per row; 0 with fewer than two that are not missing."""
    y = _series(drift_series, "drift_series")[-_whole("window", window, 1) :]
    t = np.arange(len(y), dtype=np.float64)
    known = ~np.isnan(y)
    if known.sum() < 2:
        return 0.0
    c = t[known] - t[known].mean()
    return float(np.sum(c * (y[known] - y[known].mean())) / np.sum(c * c))


def compute_regime_volatility(regime_labels: Any, window: int = 20) -> float:
    """Give the share of steps, among the last labels, at which the regime changes; 0 with fewer than two."""
    recent = np.asarray(regime_labels)[-_whole("window", window, 1) :]
    return float(np.mean(recent[1:] != recent[:-1])) if len(recent) > 1 else 0.0


def compute(score_df: pd.DataFrame, score_out: dict[str, Any], cfg: Mapping[str, Any]) -> dict[str, Any]:
    """Add ``cusum_raw`` and ``cusum_z`` to ``score_out["frame"]``, from its column ``fused``; without it, nothing.

    The first half of the rows, at least ten of them, is the baseline: of the score for the sums, and of the smoothed
    sums for their z, which is clipped to ±8. ``cfg["drift"]["cusum"]`` may hold ``threshold`` (2), ``drift`` (0.1) and
    ``smoothing_alpha`` (0.3).
    """
    frame = score_out["frame"]
    if "fused" not in frame.columns:
        return score_out
    given = _part(cfg, "drift", "cusum").get
    alpha = _real(
        "drift.cusum.smoothing_alpha",
        given("smoothing_alpha", 0.3),
        "above 0 and at most 1",
        lambda number: 0.0 < number <= 1.0,
    )
    fused = _series(frame["fused"], "fused")
    baseline = max(_LEAST_CALIBRATION, len(fused) // 2)
    detector = CUSUMDetector(
        _real("drift.cusum.threshold", given("threshold", 2.0), "above 0 and finite", lambda n: 0.0 < n < math.inf),
        _real("drift.cusum.drift", given("drift", 0.1), "at least 0 and finite", lambda n: 0.0 <= n < math.inf),
    )
    raw = detector.fit(fused[:baseline]).score(fused)
    if BACKEND == "rust" and len(raw):
        smooth = np.asarray(_rs.ewm_mean(raw, alpha=alpha, adjust=False), dtype=np.float64)
    else:
        smooth = pd.Series(raw).ewm(alpha=alpha, adjust=False).mean().to_numpy()
    frame["cusum_raw"] = raw
    median, scale = _median_mad(smooth[:baseline])
    if not scale >= _LEAST_SCALE:
        deviation = float(np.std(smooth[:baseline])) if len(smooth) else 0.0
        scale = deviation if deviation > _LEAST_SCALE else 1.0
    frame["cusum_z"] = np.clip((smooth - median) / scale, -_LARGEST_Z, _LARGEST_Z)
    score_out["frame"] = frame
    return score_out


def _p95(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(np.percentile(known, 95)) if known.size else math.nan


def compute_drift_alert_mode(
    frame: pd.DataFrame, cfg: Mapping[str, Any] | None, regime_quality_ok: bool = False, equip: str = ""
) -> pd.DataFrame:
    """Add ``alert_mode``, "DRIFT" or "FAULT", from ``cusum_z`` or else ``drift_z``; "FAULT" without either.

    DRIFT is a 95th percentile above ``p95_threshold`` (2) of ``cfg["drift"]``. With ``multi_feature`` ``enabled`` there
    it is one above ``hysteresis_on`` (3), a trend over ``trend_window`` (20) rows beyond ``trend_threshold`` (0.05), a
    95th percentile of ``fused`` from ``fused_drift_min`` (2) to ``fused_drift_max`` (5), and, where the regimes are of
    good quality, less change between them than ``regime_volatility_max`` (0.3). ``hysteresis_off`` is checked and
    changes nothing.
    """
    part = _part(cfg, "drift", "multi_feature")

    def bound(name: str, default: float) -> float:
        return _real(f"drift.multi_feature.{name}", part.get(name, default), "a finite number", math.isfinite)

    several = _switch("drift.multi_feature.enabled", part.get("enabled", False))
    window = _whole("drift.multi_feature.trend_window", part.get("trend_window", 20), 1)
    on, least_trend, most_change = (
        bound(name, default)
        for name, default in (("hysteresis_on", 3.0), ("trend_threshold", 0.05), ("regime_volatility_max", 0.3))
    )
    low, high = bound("fused_drift_min", 2.0), bound("fused_drift_max", 5.0)
    bound("hysteresis_off", 1.5)
    if low > high:
        raise ValueError(f"drift.multi_feature.fused_drift_min must be at most fused_drift_max, got {low} and {high}")
    given = _part(cfg, "drift").get("p95_threshold", 2.0)
    least = _real("drift.p95_threshold", given, "a finite number", math.isfinite)
    column = next((name for name in ("cusum_z", "drift_z") if name in frame.columns), None)
    if column is None:
        frame["alert_mode"] = "FAULT"
        return frame
    drift = _series(frame[column], column)
    p95 = _p95(drift)
    if several:
        trend = compute_drift_trend(drift, window)
        level = _p95(_series(frame["fused"], "fused")) if ("fused" in frame.columns) else 0.0
        judged = regime_quality_ok and "regime_label" in frame.columns
        volatility = compute_regime_volatility(frame["regime_label"].to_numpy(), window) if judged else 0.0
        drifts = p95 > on and abs(trend) > least_trend and low <= level <= high and volatility < most_change
        _log.info("Drift of %s: %s P95 %.3f, trend %.4f, fused P95 %.3f", equip, column, p95, trend, level)
    else:
        drifts = p95 > least
        _log.info("Drift of %s: %s P95 %.3f", equip, column, p95)
    frame["alert_mode"] = "DRIFT" if drifts else "FAULT"
    return frame
