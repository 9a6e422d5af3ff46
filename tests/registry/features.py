"""The feature matrix, made of the kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from exact import NAN, Column, Exact, Pair, as_columns, as_exact, round_ratio
from families import family
from windows import MINUTE, clock, evaluated, ns

from registry import order, rolling, spectra
from registry.kernel import Kernel, common
from registry.measure import CASES, FEW_CASES, Array, Worst, case_name, largest
from registry.model import Stream
from registry.order import mad, median, numpy_mad
from registry.references import Floats, of_pandas
from registry.rolling import numpy_slope, sliding_moments
from registry.row import Accuracy, Function, Probe, frozen, public
from registry.spectra import bands_of, scipy_band_energy
from registry.values import COLUMNS, Arguing, history, labels, seconds

FEATURES = ("median", "mad", "mean", "std", "slope", "skew", "kurt", "energy", "robust_z")
SCALE = 1.4826
_KERNELS = {row.name: row for row in (*rolling.ROWS, *order.ROWS, *spectra.ROWS)}
_OF = {feature: _KERNELS[f"rolling_{feature}"] for feature in FEATURES[:-2]} | {
    "energy": _KERNELS["rolling_band_energy"]
}


# ---- exact ----------------------------------------------------------------------------------------------------------


def _robust_z(x: Array, window: int, row: int) -> Pair:
    """From the median and the deviation as they stand in their own columns, so rounded."""
    if not math.isfinite(x[row]):
        return NAN
    part = Column.of(x[max(0, row + 1 - window) : row + 1].tolist()).between(0, window)
    middle, spread = Fraction(median(part)[0]), Fraction(mad(part)[0])
    z = (Fraction(float(x[row])) - middle) / (Fraction(SCALE) * max(spread, Fraction(1e-9)) + Fraction(1e-9))
    return round_ratio(*max(min(z, Fraction(100)), Fraction(-100)).as_integer_ratio())


def _clipped(feature: str, want: Exact) -> Exact:
    limit = {"skew": 100.0, "kurt": 1000.0}.get(feature, math.inf)
    return Exact(np.clip(want.hi, -limit, limit), want.lo)


def _measure(few: bool) -> Worst:
    """Feature by feature."""
    window, found = 20, []
    for name, missing in FEW_CASES if few else CASES:
        x = family(name, missing)[:3000]
        rows = list(range(0, x.size, 37))
        for feature, kernel in _OF.items():
            want = _clipped(feature, evaluated(kernel, x, None, window, rows))
            got = as_columns(public("feature_matrix")(x, window, features=[feature]))[rows]
            found.append((float(want.scaled_error(got).max()), f"{case_name(name, missing)}, {feature}"))
        got = as_columns(public("feature_matrix")(x, window, features=["robust_z"]))[rows]
        want = as_exact([[_robust_z(x, window, row)] for row in rows], 1)
        found.append((float(want.scaled_error(got).max()), f"{case_name(name, missing)}, robust_z"))
    return largest(found)


def _measure_lasting(few: bool) -> Worst:
    """The same over durations at irregular times."""
    n = 2000
    times, found = clock("irregular", n), []
    for name, missing in FEW_CASES if few else CASES:
        x = family(name, missing)[:n]
        rows = list(range(0, n, 97))
        for feature, kernel in _OF.items():
            want = _clipped(feature, evaluated(kernel, x, times, 45 * MINUTE, rows))
            got = as_columns(public("feature_matrix")(x, ns(45 * MINUTE), features=[feature], times=times))[rows]
            found.append((float(want.scaled_error(got).max()), f"{case_name(name, missing)}, {feature}"))
    return largest(found)


# ---- reference ------------------------------------------------------------------------------------------------------


def filled(x: Floats, fill: Floats | None = None) -> Floats:
    """Fill missing values of each column with ``fill``, its own median, or 0 where it has none."""
    out = np.array(x, dtype=np.float64)
    for j in range(out.shape[1]):
        missing = ~np.isfinite(out[:, j])
        value = np.nan if fill is None else float(fill[j])
        if not np.isfinite(value):
            value = float(np.median(out[~missing, j])) if not missing.all() else 0.0
        out[missing, j] = value
    return out


def feature_reference(
    x: Floats,
    window: int,
    min_periods: int = 1,
    bands: Sequence[tuple[float, float]] | None = None,
    fs: float = 1.0,
    fill: Floats | str | None = None,
) -> Floats:
    """Compose the full feature matrix from references that do not cancel, columns in the order of the drop-in.

    Gaps stay gaps, unless ``fill`` is "median" or a value for each column: then what is undefined is 0.
    """
    values = np.where(np.isfinite(x), x, np.nan)
    if fill is not None:
        values = filled(x, None if isinstance(fill, str) else fill)
    groups: dict[str, list[Floats]] = {name: [] for name in FEATURES}
    for j in range(values.shape[1]):
        c = np.ascontiguousarray(values[:, j])
        moments = sliding_moments(c, window, min_periods)
        middle = of_pandas("median")(c, window, min_periods)
        spread = numpy_mad(c, window, min_periods)
        groups["median"].append(middle)
        groups["mad"].append(spread)
        groups["mean"].append(moments["mean"][:, None])
        groups["std"].append(moments["std"][:, None])
        groups["slope"].append(numpy_slope(c, window, min_periods))
        groups["skew"].append(np.clip(moments["skew"], -100, 100)[:, None])
        groups["kurt"].append(np.clip(moments["kurt"], -1000, 1000)[:, None])
        groups["energy"].append(scipy_band_energy(c, window, min_periods, bands=bands, fs=fs))
        robust = (c[:, None] - middle) / (1.4826 * np.maximum(spread, 1e-9) + 1e-9)
        groups["robust_z"].append(np.clip(robust, -100, 100))
    parts = [part for name in FEATURES for part in groups[name]]
    found = np.column_stack(parts) if parts else np.empty((values.shape[0], 0))
    return found if fill is None else np.where(np.isfinite(found), found, 0.0)


def _feature_matrix(x: Floats, window: int, min_periods: int = 1, **keywords: Any) -> Floats:
    return feature_reference(x.reshape(-1, 1), window, min_periods, **keywords)


# ---- rows -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class FeatureKernel(Kernel):
    """The feature matrix, whose columns are feature by feature."""

    def by_column(self, found: Array, columns: int) -> list[Array]:
        """Pick the features of each input column."""
        energies = (found.shape[1] // columns - 8) * columns
        before, after = np.arange(7 * columns), np.arange(7 * columns + energies, found.shape[1])
        bands = np.arange(7 * columns, 7 * columns + energies).reshape(columns, -1)
        return [
            found[:, [*before[j::columns].tolist(), *bands[j].tolist(), *after[j::columns].tolist()]]
            for j in range(columns)
        ]

    def calls(self) -> dict[str, Arguing]:
        return {
            "": lambda rows: {
                "x": history(rows),
                "window": 16,
                "features": ["median", "mean", "energy", "robust_z"],
                "bands": [(0.0, 0.1), (0.1, 0.3), (0.3, 0.5)],
                "fs": 1.0,
                "fill": [1.0] * COLUMNS,
                **common(rows),
                "out": np.empty((rows, 6 * COLUMNS)),
            },
            "plain": lambda rows: {"x": history(rows), "window": 16},
            "filled": lambda rows: {"x": history(rows), "window": 16, "fill": "median"},
            "lasting": lambda rows: {"x": history(rows), "window": "20s", **common(rows), "center": True, "step": 2},
            "by group": lambda rows: {"x": history(rows), "window": 5, "closed": "both", "by": labels(rows)},
        }

    @property
    def probed(self) -> tuple[Probe, ...]:
        return (
            Probe(frozen(features=["median", "mean", "std", "skew", "kurt"])),
            Probe(frozen(features=["median", "mean", "std", "kurt"], fill="median"), "filled"),
        )

    @property
    def measured(self) -> tuple[Accuracy, ...]:
        return (Accuracy(_measure, self.tolerance, _measure_lasting),)


FEATURE_MATRIX = FeatureKernel(
    "feature_matrix",
    "pandas, NumPy and SciPy",
    _feature_matrix,
    None,
    outputs=lambda keywords: 8 + bands_of(keywords),
    heavy=True,
)
ROWS = (
    FEATURE_MATRIX,
    Function(
        "feature_names",
        "test_feature_matrix.py",
        {"": lambda rows: {"columns": ["a", "b"], "features": ["median", "energy"], "bands": [(0.0, 0.2)]}},
    ),
    Stream(
        "RollingState",
        {"kind": "mean", "window": 16, "d": COLUMNS, "min_periods": 2, "center": False, "closed": "right", "step": 1},
        lambda rows: {"x": history(rows)},
        {
            "var": {"kind": "var", "window": 9, "d": 2, "ddof": 0},
            "mad": {"kind": "mad", "window": "9s", "d": 2, "scale": 1.5},
            "quantile": {"kind": "quantile", "window": 9, "d": 2, "q": [0.1, 0.5]},
            "lag_corr": {"kind": "lag_corr", "window": 9, "d": 2, "max_lag": 1, "pairs": [(0, 1)]},
            "feature_matrix": {
                "kind": "feature_matrix",
                "window": 9,
                "d": 2,
                "features": ["mean", "energy"],
                "bands": [(0.0, 0.3)],
                "fs": 1.0,
                "fill": [0.0, 1.0],
            },
            "time_mean": {"kind": "time_mean", "window": "9s", "d": 2, "hold": "3s", "min_periods": None},
            "alpha": {"kind": "ewm_mean", "window": None, "d": 2, "alpha": 0.1, "adjust": True, "ignore_na": False},
            "span": {"kind": "ewm_mean", "window": None, "d": 2, "span": 9.0},
            "halflife": {"kind": "ewm_std", "window": None, "d": 2, "halflife": "9s", "bias": True},
        },
        {
            "beside": (
                {"kind": "corr", "window": "9s", "d": COLUMNS},
                lambda rows: {"x": history(rows), "y": history(rows)[:, ::-1], "times": seconds(rows)},
            )
        },
    ),
)
