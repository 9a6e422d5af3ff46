"""The peers: pandas, Polars, bottleneck and numbagg, each from the layout it likes best.

A peer is built once per input. Building makes frames and copies, which is not timed; the call that comes out is. The
frames of a result are turned into arrays only to compare numbers, so that costs a peer nothing either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.cases import MIN_PERIODS, QUANTILES
from benchmarks.data import Inputs, Matrix
from benchmarks.environment import available
from benchmarks.numpy_peers import band_energy_fft, mad_sorted, slope_correlate


@dataclass(frozen=True)
class Call:
    """A peer bound to an input: what is timed, and how its result becomes one (n, d) array per statistic."""

    run: Callable[[], Any]
    outputs: Callable[[Any], list[Matrix]]


@dataclass(frozen=True)
class Peer:
    """A library's best form of a kernel.

    Parameters
    ----------
    name
        Column of the table.
    needs
        Module that must be there.
    build
        Input and window -> the call.
    named
        Whether the target counts it. Others are timed and shown all the same.
    slice_shape
        Rows and columns it is timed on where the whole input would take minutes; the time is scaled to the whole.
    differs
        Why its numbers are not compared, where it computes another statistic.
    first_row
        Window -> first row it computes: rows above are not compared.
    """

    name: str
    needs: str
    build: Callable[[Inputs, int], Call]
    named: bool = True
    slice_shape: tuple[int, int] | None = None
    differs: str = ""
    first_row: Callable[[int], int] = lambda window: 0

    def present(self) -> bool:
        """Tell whether the library is installed."""
        return available(self.needs)


def _pandas(statistics: Callable[[Any], list[Any]]) -> Callable[[Inputs, int], Call]:
    def build(inputs: Inputs, window: int) -> Call:
        frame = inputs.pandas
        return Call(
            lambda: statistics(frame.rolling(window, min_periods=MIN_PERIODS)),
            lambda result: [one.to_numpy() for one in result],
        )

    return build


def _polars(expressions: Callable[[Any, int], list[Any]]) -> Callable[[Inputs, int], Call]:
    """Build one ``select`` over all columns: Polars spreads its expressions over all cores."""

    def build(inputs: Inputs, window: int) -> Call:
        import polars as pl

        frame = inputs.polars
        named = [e.name.suffix(f"_{i}") for i, e in enumerate(expressions(pl.all(), window))]

        def outputs(result: Any) -> list[Matrix]:
            values = result.with_columns(pl.all().fill_null(float("nan"))).to_numpy()
            return [values[:, i * inputs.d : (i + 1) * inputs.d] for i in range(len(named))]

        return Call(lambda: frame.select(named), outputs)

    return build


def _bottleneck(statistics: Callable[[Any, Matrix, int], list[Matrix]]) -> Callable[[Inputs, int], Call]:
    def build(inputs: Inputs, window: int) -> Call:
        import bottleneck

        x = inputs.f
        return Call(lambda: statistics(bottleneck, x, window), list)

    return build


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


def _numpy(form: Callable[[Matrix, int], Callable[[], list[Matrix]]]) -> Callable[[Inputs, int], Call]:
    """Bind a NumPy form that works on contiguous sensors (d, n) and returns arrays of that shape."""

    def build(inputs: Inputs, window: int) -> Call:
        return Call(form(inputs.columns, window), lambda result: [one.T for one in result])

    return build


def _mad_of_window(values: Matrix) -> float:
    return float(np.median(np.abs(values - np.median(values))))


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
    return Call(
        lambda: frame.select(slope), lambda result: [result.with_columns(pl.all().fill_null(float("nan"))).to_numpy()]
    )


def _polars_mad(x: Any, window: int) -> list[Any]:
    median = x.rolling_median(window, min_samples=MIN_PERIODS)
    return [(x - median).abs().rolling_median(window, min_samples=MIN_PERIODS)]


_PANDAS = ("pandas", "pandas")
_POLARS = ("Polars", "polars")
_BOTTLENECK = ("bottleneck", "bottleneck")
_K = MIN_PERIODS

PEERS: Mapping[str, tuple[Peer, ...]] = {
    "median": (
        Peer(*_PANDAS, _pandas(lambda r: [r.median()])),
        Peer(*_POLARS, _polars(lambda x, w: [x.rolling_median(w, min_samples=_K)])),
        Peer(*_BOTTLENECK, _bottleneck(lambda bn, x, w: [bn.move_median(x, w, _K, axis=0)])),
    ),
    "mad": (
        Peer(*_PANDAS, _pandas(lambda r: [r.apply(_mad_of_window, raw=True)]), slice_shape=(2_000, 1)),
        Peer(
            *_POLARS,
            _polars(_polars_mad),
            differs="deviations from each row's own rolling median, not from the window's: another statistic",
        ),
        Peer("NumPy", "numpy", _numpy(mad_sorted), named=False, first_row=lambda window: window - 1),
    ),
    "mean_std": (
        Peer(*_PANDAS, _pandas(lambda r: [r.mean(), r.std()])),
        Peer(
            *_POLARS,
            _polars(lambda x, w: [x.rolling_mean(w, min_samples=_K), x.rolling_std(w, min_samples=_K)]),
        ),
        Peer(
            *_BOTTLENECK,
            _bottleneck(lambda bn, x, w: [bn.move_mean(x, w, _K, axis=0), bn.move_std(x, w, _K, axis=0, ddof=1)]),
        ),
        Peer("numbagg", "numbagg", _numbagg(("move_mean", "move_std"))),
    ),
    "skew_kurt": (
        Peer(*_PANDAS, _pandas(lambda r: [r.skew(), r.kurt()])),
        Peer(
            *_POLARS,
            _polars(
                lambda x, w: [
                    x.rolling_skew(w, bias=False, min_samples=_K),
                    x.rolling_kurtosis(w, bias=False, min_samples=_K),
                ]
            ),
        ),
    ),
    "slope": (
        Peer(*_PANDAS, _pandas(lambda r: [r.apply(_slope_of_window, raw=True)]), slice_shape=(2_000, 1)),
        Peer(*_POLARS, _polars_slope),
        Peer("SciPy", "scipy", _numpy(slope_correlate), named=False, first_row=lambda window: window - 1),
    ),
    "min_max": (
        Peer(*_PANDAS, _pandas(lambda r: [r.min(), r.max()])),
        Peer(
            *_POLARS,
            _polars(lambda x, w: [x.rolling_min(w, min_samples=_K), x.rolling_max(w, min_samples=_K)]),
        ),
        Peer(
            *_BOTTLENECK,
            _bottleneck(lambda bn, x, w: [bn.move_min(x, w, _K, axis=0), bn.move_max(x, w, _K, axis=0)]),
        ),
    ),
    "quantile": (
        Peer(*_PANDAS, _pandas(lambda r: [r.quantile(q) for q in QUANTILES])),
        Peer(
            *_POLARS,
            _polars(lambda x, w: [x.rolling_quantile(q, "linear", w, min_samples=_K) for q in QUANTILES]),
        ),
    ),
    "band_energy": (Peer("SciPy", "scipy", _numpy(band_energy_fft), first_row=lambda window: window - 1),),
}
"""Peers of each case, the reference for the numbers first."""

COLUMNS = ("pandas", "Polars", "bottleneck", "numbagg", "NumPy", "SciPy")
"""Order of the peers in the table."""
