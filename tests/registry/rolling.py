"""Sums, moments and slopes of the window of each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from exact import NAN, ZERO, Pair, Window, deviations, round_ratio, round_root

from registry.inputs import Inputs, Matrix, irregular_times
from registry.kernel import DDOF, Kernel, migration, two
from registry.references import PANDAS_3, Floats, blocks, of_pandas, rolled
from registry.timed import (
    BOTTLENECK,
    DURATION,
    MIN_PERIODS,
    NUMBAGG,
    PANDAS,
    POLARS,
    RECORD,
    SCIPY,
    Call,
    Case,
    Peer,
    Target,
    adjacent,
    bottleneck_form,
    by_time,
    lasting,
    numpy_form,
    over_sensors,
    pandas_form,
    pandas_rolling,
    polars_form,
    polars_values,
)

_K = MIN_PERIODS


# ---- exact ----------------------------------------------------------------------------------------------------------


def total(w: Window) -> Pair:
    return round_ratio(sum(w.values), w.unit)


def mean(w: Window) -> Pair:
    return round_ratio(sum(w.values), w.unit * w.count)


def var(w: Window, ddof: int = 1) -> Pair:
    n = w.count
    if n <= ddof:
        return NAN
    return round_ratio(sum(d * d for d in deviations(w)), n * n * w.unit * w.unit * (n - ddof))


def std(w: Window, ddof: int = 1) -> Pair:
    n = w.count
    if n <= ddof:
        return NAN
    return round_root(sum(d * d for d in deviations(w)), n * n * w.unit * w.unit * (n - ddof))


def mean_std(w: Window, ddof: int = 1) -> list[Pair]:
    return [mean(w), std(w, ddof)]


def skew(w: Window) -> Pair:
    """Adjusted Fisher-Pearson skewness; undefined for a constant window."""
    n = w.count
    d = deviations(w)
    a2 = sum(v * v for v in d)
    if n < 3 or a2 == 0:
        return NAN
    a3 = sum(v * v * v for v in d)
    hi, lo = round_root(n * n * (n - 1) * a3 * a3, (n - 2) ** 2 * a2**3)
    return (hi, lo) if a3 >= 0 else (-hi, -lo)


def kurt(w: Window) -> Pair:
    """Bias-corrected excess kurtosis; undefined for a constant window."""
    n = w.count
    squares = [v * v for v in deviations(w)]
    a2 = sum(squares)
    if n < 4 or a2 == 0:
        return NAN
    a4 = sum(v * v for v in squares)
    top = (n - 1) * ((n + 1) * n * a4 - 3 * (n - 1) * a2 * a2)
    return round_ratio(top, (n - 2) * (n - 3) * a2 * a2)


def slope(w: Window) -> Pair:
    """Least squares slope of the values against their positions, or per second; 0 where all are at one place."""
    n = w.count
    at, per = (w.at, 1) if w.when is None else (w.when, 10**9)
    si = sum(at)
    below = n * sum(i * i for i in at) - si * si
    if below == 0:
        return ZERO
    top = n * sum(i * v for i, v in zip(at, w.values, strict=True)) - si * sum(w.values)
    return round_ratio(top * per, below * w.unit)


# ---- references -----------------------------------------------------------------------------------------------------


def _pandas_shape(method: str) -> Callable[..., Floats]:
    """Skewness and kurtosis as pandas 3 gives them.

    pandas 2 calls a constant window 0 or -3, and one whose variance is below 1e-14 undefined; pandas 3 calls the first
    undefined and computes the second. Under pandas 2 the constant windows are blanked here, and windows of tiny
    variance come from ``sliding_moments``.
    """

    def reference(x: Floats, window: int, min_periods: int) -> Floats:
        rolling = rolled(x, window, min_periods)
        found = getattr(rolling, method)().to_numpy(dtype=np.float64)
        if not PANDAS_3:
            flat = (rolling.max() == rolling.min()).to_numpy()
            own = {"skew": 3, "kurt": 4}[method]
            enough = (rolling.count() >= max(own, min_periods)).to_numpy()
            blank = enough & ~flat & np.isnan(found)
            if blank.any():
                found = np.where(blank, sliding_moments(x, window, min_periods)[method], found)
            found = np.where(flat, np.nan, found)
        return found.reshape(-1, 1)

    return reference


def _pandas_mean_std(x: Floats, window: int, min_periods: int, ddof: int = 1) -> Floats:
    rolling = rolled(x, window, min_periods)
    return np.column_stack([rolling.mean().to_numpy(), rolling.std(ddof=ddof).to_numpy()])


def numpy_slope(x: Floats, window: int, min_periods: int) -> Floats:
    parts = []
    for block in blocks(x, window):
        valid = np.isfinite(block)
        count = valid.sum(axis=1)
        at = np.arange(block.shape[1], dtype=np.float64)
        safe = np.maximum(count, 1)
        di = np.where(valid, at - (valid * at).sum(axis=1, keepdims=True) / safe[:, None], 0.0)
        first = np.take_along_axis(block, valid.argmax(axis=1)[:, None], axis=1)
        dv = np.where(valid, block - first, 0.0)
        dv = np.where(valid, dv - dv.sum(axis=1, keepdims=True) / safe[:, None], 0.0)
        below = (di * di).sum(axis=1)
        slope = np.where(count > 1, (di * dv).sum(axis=1) / np.where(below > 0, below, 1.0), 0.0)
        parts.append(np.where(count >= max(min_periods, 1), slope, np.nan))
    return np.concatenate(parts or [np.empty(0)]).reshape(-1, 1)


def sliding_moments(x: Floats, window: int, min_periods: int = 1, ddof: int = 1) -> dict[str, Floats]:
    """Two-pass moments of every window with NumPy, anchored at a value of the window so that offsets do not cancel."""
    parts: dict[str, list[Floats]] = {"mean": [], "var": [], "std": [], "skew": [], "kurt": []}
    for block in blocks(x, window):
        valid = np.isfinite(block)
        n = valid.sum(axis=1).astype(np.float64)
        safe = np.maximum(n, 1.0)
        anchor = np.take_along_axis(block, valid.argmax(axis=1)[:, None], axis=1)
        d = np.where(valid, block - anchor, 0.0)
        shift = d.sum(axis=1) / safe
        d = np.where(valid, d - shift[:, None], 0.0)
        rest = d.sum(axis=1) / safe
        d = np.where(valid, d - rest[:, None], 0.0)
        m2, m3, m4 = ((d**k).sum(axis=1) for k in (2, 3, 4))
        flat = np.nanmax(np.where(valid, block, -np.inf), axis=1) == np.nanmin(np.where(valid, block, np.inf), axis=1)
        m2 = np.where(flat, 0.0, m2)
        with np.errstate(all="ignore"):
            mean = anchor[:, 0] + np.where(flat, 0.0, shift + rest)
            var = m2 / (n - ddof)
            skew = n * np.sqrt(n - 1) / (n - 2) * m3 / m2**1.5
            kurt = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * n * m4 / (m2 * m2) - 3 * (n - 1))
        parts["mean"].append(np.where(n >= max(min_periods, 1), mean, np.nan))
        parts["var"].append(np.where(n >= max(min_periods, ddof + 1), var, np.nan))
        parts["std"].append(np.sqrt(parts["var"][-1]))
        parts["skew"].append(np.where((n >= max(min_periods, 3)) & ~flat, skew, np.nan))
        parts["kurt"].append(np.where((n >= max(min_periods, 4)) & ~flat, kurt, np.nan))
    return {name: np.concatenate(found or [np.empty(0)]) for name, found in parts.items()}


# ---- peers ----------------------------------------------------------------------------------------------------------


def _numbagg(names: tuple[str, ...]) -> Callable[[Inputs, int], Call]:
    def build(inputs: Inputs, window: int) -> Call:
        import numbagg

        x = np.ascontiguousarray(inputs.columns)
        functions = [getattr(numbagg, name) for name in names]
        return Call(
            lambda: [function(x, window=window, min_count=MIN_PERIODS, axis=-1) for function in functions],
            lambda result: [one.T for one in result],
        )

    return build


def assets(rows: int) -> Matrix:
    """Whose each row is: the rows of all come mixed."""
    count = max(rows // 100, 1)
    return np.arange(rows) * 7919 % count


def _pandas_groups(inputs: Inputs, window: int) -> Call:
    frame, group = inputs.pandas, assets(inputs.n)

    def run() -> Any:
        return frame.groupby(group).rolling(window, min_periods=_K).mean().droplevel(0).sort_index()

    return Call(run, lambda result: [result.to_numpy()])


def _polars_groups(inputs: Inputs, window: int) -> Call:
    import polars as pl

    frame = inputs.polars.with_columns(pl.Series("asset", assets(inputs.n)))
    rolled = pl.col(inputs.names).rolling_mean(window, min_samples=_K).over("asset")
    return Call(lambda: frame.select(rolled), lambda result: [polars_values(result)])


def _slope_of_window(values: Matrix) -> float:
    position = np.arange(values.size) - 0.5 * (values.size - 1)
    return float(np.dot(position, values) / np.dot(position, position))


def _polars_slope(inputs: Inputs, window: int) -> Call:
    """Least squares in closed form from two rolling sums.

    The positions' mean and spread depend on the row alone: they are columns made outside the timing. Valid for input
    without missing values, which is what it is timed on; a form for gaps needs three more rolling sums.
    """
    import polars as pl

    row = np.arange(inputs.n, dtype=np.float64)
    count = np.minimum(row + 1.0, float(window))
    frame = inputs.polars.with_columns(
        pl.Series("row", row),
        pl.Series("mean_position", row - 0.5 * (count - 1.0)),
        pl.Series("spread", count * (count * count - 1.0) / 12.0),
    )
    x = pl.col(inputs.names)
    weighted = (x * pl.col("row")).rolling_sum(window, min_samples=MIN_PERIODS)
    plain = x.rolling_sum(window, min_samples=MIN_PERIODS)
    slope = (weighted - plain * pl.col("mean_position")) / pl.col("spread")
    return Call(lambda: frame.select(slope), lambda result: [polars_values(result)])


def slope_correlate(x: Matrix, window: int) -> Callable[[], list[Matrix]]:
    """Least-squares slope as a correlation with centred positions."""
    from scipy.ndimage import correlate1d

    d, n = x.shape
    position = np.arange(window) - 0.5 * (window - 1)
    weights = position / np.dot(position, position)
    lead = window // 2
    tail = window - 1 - lead

    def run() -> list[Matrix]:
        out = np.empty((d, n))
        centred = np.empty((d, n))

        def work(sensors: Iterable[int]) -> None:
            rows = list(sensors)
            part = slice(rows[0], None, rows[1] - rows[0] if len(rows) > 1 else d)
            correlate1d(x[part], weights, axis=1, output=centred[part])
            out[part, : window - 1] = np.nan
            out[part, window - 1 :] = centred[part, lead : n - tail]

        over_sensors(work, d)
        return [out]

    return run


# ---- rows -----------------------------------------------------------------------------------------------------------


def _ddof(rows: int) -> dict[str, Any]:
    return {"ddof": 1}


_MEAN_STD = Kernel(
    "rolling_mean_std",
    "pandas",
    _pandas_mean_std,
    mean_std,
    target=(4e-16, 1e-13),
    variants=DDOF,
    outputs=two,
    own=_ddof,
    benchmarks=(
        Case(
            "mean_std",
            "rolling mean + std",
            ("rolling_mean_std",),
            {window: (Target(2.0),) for window in (16, 64, 256, 1024, 4096)},
            1e-12,
            (
                Peer(*PANDAS, pandas_rolling(lambda r: [r.mean(), r.std()])),
                Peer(
                    *POLARS,
                    polars_form(lambda x, w: [x.rolling_mean(w, min_samples=_K), x.rolling_std(w, min_samples=_K)]),
                ),
                Peer(
                    *BOTTLENECK,
                    bottleneck_form(
                        lambda bn, x, w: [bn.move_mean(x, w, _K, axis=0), bn.move_std(x, w, _K, axis=0, ddof=1)]
                    ),
                ),
                Peer(*NUMBAGG, _numbagg(("move_mean", "move_std"))),
            ),
            split=adjacent(2),
        ),
    ),
)

ROWS = (
    # A sum needs no value: of none it is 0.
    Kernel("rolling_sum", "pandas", of_pandas("sum"), total, own_minimum=0, memory_bound=True),
    Kernel(
        "rolling_mean",
        "pandas",
        of_pandas("mean"),
        mean,
        target=4e-16,
        memory_bound=True,
        benchmarks=(
            Case(
                "mean",
                "rolling mean",
                ("rolling_mean",),
                {16: (Target(1.4),)},
                1e-12,
                (
                    Peer(*PANDAS, pandas_rolling(lambda r: [r.mean()])),
                    Peer(*POLARS, polars_form(lambda x, w: [x.rolling_mean(w, min_samples=_K)])),
                    Peer(*BOTTLENECK, bottleneck_form(lambda bn, x, w: [bn.move_mean(x, w, _K, axis=0)])),
                    Peer(*NUMBAGG, _numbagg(("move_mean",))),
                ),
            ),
            Case(
                "time_mean",
                "rolling mean, irregular times",
                ("rolling_mean",),
                {16: (RECORD,)},
                1e-12,
                by_time("mean", "rolling_mean_by"),
                call=lasting("rolling_mean"),
                label=DURATION,
                keywords=lambda rows: {"times": irregular_times(rows)},
            ),
            Case(
                "closed_left",
                'rolling mean, closed="left"',
                ("rolling_mean",),
                {16: (RECORD,)},
                1e-12,
                (Peer(*PANDAS, pandas_form(lambda f, w: [f.rolling(w, min_periods=_K, closed="left").mean()])),),
                call=lambda module, x, window, **more: (module.rolling_mean(x, window, _K, closed="left", **more),),
            ),
            Case(
                "by_group",
                "rolling mean, by groups of 100 rows",
                ("rolling_mean",),
                {16: (RECORD,)},
                1e-12,
                (Peer(*PANDAS, _pandas_groups), Peer(*POLARS, _polars_groups)),
                call=lambda module, x, window, **more: (module.rolling_mean(x, window, _K, **more),),
                keywords=lambda rows: {"by": assets(rows)},
            ),
        ),
    ),
    Kernel(
        "rolling_var", "pandas", of_pandas("var"), var, own_minimum=2, variants=DDOF, own=_ddof, constant=0.0, degree=2
    ),
    Kernel(
        "rolling_std",
        "pandas",
        of_pandas("std"),
        std,
        own_minimum=2,
        target=1e-13,
        variants=DDOF,
        own=_ddof,
        constant=0.0,
    ),
    _MEAN_STD,
    migration(_MEAN_STD),
    Kernel(
        "rolling_skew",
        "pandas",
        _pandas_shape("skew"),
        skew,
        own_minimum=3,
        target=2e-13,
        constant=np.nan,
        degree=0,
        benchmarks=(
            Case(
                "skew_kurt",
                "rolling skew + kurt",
                ("rolling_skew", "rolling_kurt"),
                {16: (Target(10.0),)},
                1e-11,
                (
                    Peer(*PANDAS, pandas_rolling(lambda r: [r.skew(), r.kurt()])),
                    Peer(
                        *POLARS,
                        polars_form(
                            lambda x, w: [
                                x.rolling_skew(w, bias=False, min_samples=_K),
                                x.rolling_kurtosis(w, bias=False, min_samples=_K),
                            ]
                        ),
                    ),
                ),
            ),
        ),
    ),
    Kernel(
        "rolling_kurt",
        "pandas",
        _pandas_shape("kurt"),
        kurt,
        own_minimum=4,
        target=2e-13,
        constant=np.nan,
        degree=0,
    ),
    Kernel(
        "rolling_slope",
        "NumPy",
        numpy_slope,
        slope,
        constant=0.0,
        per_second=True,
        benchmarks=(
            Case(
                "slope",
                "rolling OLS slope",
                ("rolling_slope",),
                {16: (Target(6.0, ("Polars",)),)},
                1e-11,
                (
                    Peer(
                        *PANDAS, pandas_rolling(lambda r: [r.apply(_slope_of_window, raw=True)]), slice_shape=(2_000, 1)
                    ),
                    Peer(*POLARS, _polars_slope),
                    Peer(*SCIPY, numpy_form(slope_correlate), named=False, first_row=lambda window: window - 1),
                ),
            ),
        ),
    ),
)
