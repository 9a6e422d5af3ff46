"""What a row of the benchmarks' tables is: how acm_rs and its peers are called, on what input, what it is held to.

A peer is built once per input. Building makes frames and copies, which is not timed; the call that comes out is. The
frames of a result are turned into arrays only to compare numbers, so that costs a peer nothing either.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from types import ModuleType
from typing import Any

import numpy as np

from registry.inputs import Inputs, Matrix, cores, gappy_matrix, random_matrix

WHOLE = 0
"""Stands for the window of a case that has none: whole columns, or pairs of them."""

MIN_PERIODS = 8
DURATION = "8h"
"""Sixteen rows of ``irregular_times``, more or less."""

BLOCK = 2_000
"""Windows that a form in NumPy has in hand at once."""

PANDAS = ("pandas", "pandas")
POLARS = ("Polars", "polars")
BOTTLENECK = ("bottleneck", "bottleneck")
NUMBAGG = ("numbagg", "numbagg")
NUMPY = ("NumPy", "numpy")
NUMPY_THREADS = ("NumPy, threads", "numpy")
SCIPY = ("SciPy", "scipy")
SKLEARN = ("scikit-learn", "sklearn")
HDBSCAN = ("hdbscan", "hdbscan")
FAST_HDBSCAN = ("fast_hdbscan", "fast_hdbscan")
ISOTREE = ("isotree", "isotree")
"""Column of the table, and the module it needs."""

ONE_THREAD = ("scikit-learn, 1 BLAS thread", "sklearn")
"""With all of them its full mixture takes some ten times as long."""

ALL_CORES = ("scikit-learn, all cores", "sklearn")
COLUMNS = tuple(name for name, _ in (PANDAS, POLARS, BOTTLENECK, NUMBAGG, NUMPY, NUMPY_THREADS, SCIPY))
"""Order of the peers in the table."""


def available(name: str) -> bool:
    """Tell whether a module can be found, without importing it."""
    return importlib.util.find_spec(name) is not None


# ---- acm_rs ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """How many times faster than the fastest of ``peers`` a kernel must be (no names: of all named peers).

    ``times`` is None for a row that is held to nothing and shown for the record, unless a target above names that peer.
    """

    times: float | None
    peers: tuple[str, ...] = ()


RECORD = Target(None)


def _nothing(rows: int) -> dict[str, Any]:
    return {}


def _values(rows: int, columns: int) -> float:
    return float(rows * columns)


def _none(rows: int, columns: int) -> int:
    return 0


def apart(results: tuple[Any, ...]) -> list[Matrix]:
    """Results that are a statistic each."""
    return [np.atleast_2d(np.asarray(result)) for result in results]


def adjacent(count: int) -> Callable[[tuple[Any, ...]], list[Matrix]]:
    """Split one (n, d * count) result whose statistics of a column are adjacent."""

    def split(results: tuple[Any, ...]) -> list[Matrix]:
        (result,) = results
        return [np.asarray(result)[:, i::count] for i in range(count)]

    return split


def windowed(*names: str) -> Callable[..., tuple[Any, ...]]:
    """Call rolling functions."""

    def call(module: ModuleType, x: Matrix, window: int, out: Any = None, **keywords: Any) -> tuple[Any, ...]:
        outs = out if isinstance(out, tuple) else (out,) * len(names)
        return tuple(
            getattr(module, name)(x, window, min_periods=MIN_PERIODS, out=one, **keywords)
            for name, one in zip(names, outs, strict=True)
        )

    return call


def lasting(name: str) -> Callable[..., tuple[Any, ...]]:
    """Call a rolling function with windows that last."""

    def call(module: ModuleType, x: Matrix, window: int, **keywords: Any) -> tuple[Any, ...]:
        return (getattr(module, name)(x, DURATION, min_periods=MIN_PERIODS, **keywords),)

    return call


def whole(name: str, **keywords: Any) -> Callable[..., tuple[Any, ...]]:
    """Call a function of whole columns."""

    def call(module: ModuleType, x: Matrix, window: int, **more: Any) -> tuple[Any, ...]:
        found = getattr(module, name)(x, **keywords, **more)
        return tuple(found) if isinstance(found, tuple) else (found,)

    return call


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Parameters
    ----------
    key
        Name on the command line.
    title
        Name in the table.
    functions
        Functions of acm_rs the case needs; the case runs without acm_rs' column where one is missing.
    targets
        Window, or ``WHOLE`` -> targets.
    tolerance
        Largest accepted difference between acm_rs and a peer, relative to ``max(1, |value|)``.
    peers
        The peers, the reference for the numbers first.
    call
        Calls acm_rs: module, input, window, keyword arguments -> results. Without it the functions are rolling ones.
    split
        Results -> one 2-D array per statistic.
    label
        Shown as the window where that is no number of rows.
    keywords
        Rows -> further arguments of ``call``, made outside the timing.
    gaps
        Whether 5 % of the input is missing.
    least_columns, most_columns
        Columns it needs, and columns it is timed on at most where the output grows with their square.
    cost
        Rows, columns -> what the work grows with: scales the time of a slice to the whole.
    linear
        Whether the work is proportional to the rows. Where it is not, only a call on one value tells the overhead.
    gaps_apart
        Whether missing values are another algorithm, with a row of its own: not held to the time of random input.
    scratch
        Rows, columns -> bytes of documented scratch.
    """

    key: str
    title: str
    functions: tuple[str, ...]
    targets: Mapping[int, tuple[Target, ...]]
    tolerance: float
    peers: tuple[Peer, ...]
    call: Callable[..., tuple[Any, ...]] | None = None
    split: Callable[[tuple[Any, ...]], list[Matrix]] = apart
    label: str = ""
    keywords: Callable[[int], dict[str, Any]] = _nothing
    gaps: bool = False
    least_columns: int = 1
    most_columns: int | None = None
    cost: Callable[[int, int], float] = _values
    linear: bool = True
    gaps_apart: bool = False
    scratch: Callable[[int, int], int] = _none

    @property
    def windows(self) -> tuple[int, ...]:
        """Windows that are timed."""
        return tuple(self.targets)

    def shown(self, window: int) -> str:
        """Write the window as the table does."""
        return self.label or (str(window) if window != WHOLE else "-")

    def named(self, window: int) -> str:
        """Write title and window, as verdicts and progress do."""
        if window == WHOLE:
            return self.title
        return f"{self.title}, {self.label or f'window {window}'}"

    def columns(self, columns: int) -> int:
        """Columns it takes of an input that has so many."""
        return columns if self.most_columns is None else min(columns, self.most_columns)

    def fits(self, rows: int, columns: int, window: int) -> bool:
        """Tell whether an input of this size is large enough."""
        return columns >= self.least_columns and window <= rows

    def matrix(self, rows: int, columns: int) -> Matrix:
        """Make its input."""
        return (gappy_matrix if self.gaps else random_matrix)(rows, self.columns(columns))

    def bind(self, module: ModuleType, x: Matrix, window: int) -> Callable[[], tuple[Any, ...]]:
        """Bind acm_rs' call to an input."""
        return partial(self.call or windowed(*self.functions), module, x, window, **self.keywords(len(x)))

    def takes_out(self, module: ModuleType) -> bool:
        """Tell whether its functions write into an array that is given."""
        return all("out" in inspect.signature(getattr(module, name)).parameters for name in self.functions)

    def bind_again(self, module: ModuleType, x: Matrix, window: int) -> Callable[[], tuple[Any, ...]] | None:
        """Bind acm_rs' call to an input and to arrays that it writes again at each call; None where it takes none."""
        if not self.takes_out(module):
            return None
        results = self.bind(module, x, window)()
        return partial(self.bind(module, x, window), out=results if len(results) > 1 else results[0])

    def present(self, module: ModuleType | None) -> bool:
        """Tell whether acm_rs has everything the case needs."""
        return module is not None and all(hasattr(module, name) for name in self.functions)


# ---- peers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """A peer bound to an input: what is timed, and how its result becomes one 2-D array per statistic."""

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


def pandas_form(statistics: Callable[[Any, int], Sequence[Any]]) -> Callable[[Inputs, int], Call]:
    """Bind a form that takes a pandas frame and a window and returns one frame per statistic."""

    def build(inputs: Inputs, window: int) -> Call:
        frame = inputs.pandas
        return Call(lambda: statistics(frame, window), lambda result: [one.to_numpy() for one in result])

    return build


def pandas_rolling(statistics: Callable[[Any], list[Any]]) -> Callable[[Inputs, int], Call]:
    """Bind statistics of pandas' rolling windows."""
    return pandas_form(lambda frame, window: statistics(frame.rolling(window, min_periods=MIN_PERIODS)))


def polars_values(result: Any) -> Matrix:
    """Turn a Polars frame into an array, null into NaN."""
    import polars as pl

    values: Matrix = result.with_columns(pl.all().fill_null(float("nan"))).to_numpy()
    return values


def polars_form(expressions: Callable[[Any, int], list[Any]]) -> Callable[[Inputs, int], Call]:
    """Build one ``select`` over all columns: Polars spreads its expressions over all cores."""

    def build(inputs: Inputs, window: int) -> Call:
        import polars as pl

        frame = inputs.polars
        named = [e.name.suffix(f"_{i}") for i, e in enumerate(expressions(pl.all(), window))]

        def outputs(result: Any) -> list[Matrix]:
            values = polars_values(result)
            return [values[:, i * inputs.d : (i + 1) * inputs.d] for i in range(len(named))]

        return Call(lambda: frame.select(named), outputs)

    return build


def bottleneck_form(statistics: Callable[[Any, Matrix, int], list[Matrix]]) -> Callable[[Inputs, int], Call]:
    """Bind a form in bottleneck."""

    def build(inputs: Inputs, window: int) -> Call:
        import bottleneck

        x = inputs.f
        return Call(lambda: statistics(bottleneck, x, window), list)

    return build


def numpy_form(form: Callable[[Matrix, int], Callable[[], list[Matrix]]]) -> Callable[[Inputs, int], Call]:
    """Bind a NumPy form that works on contiguous sensors (d, n) and returns arrays of that shape."""

    def build(inputs: Inputs, window: int) -> Call:
        return Call(form(inputs.columns, window), lambda result: [one.T for one in result])

    return build


def over_columns(form: Callable[[Matrix], Any]) -> Callable[[Inputs, int], Call]:
    """Bind a form that takes contiguous sensors (d, n) and returns one array."""

    def build(inputs: Inputs, window: int) -> Call:
        x = np.ascontiguousarray(inputs.columns)
        return Call(lambda: form(x), lambda result: [np.atleast_2d(result)])

    return build


def by_time(pandas: str, polars: str) -> tuple[Peer, Peer]:
    """Windows that last so long, in the two libraries that have them."""

    def with_pandas(inputs: Inputs, window: int) -> Call:
        import pandas as pd

        frame = inputs.pandas.set_axis(pd.DatetimeIndex(inputs.times.view("datetime64[ns]")))
        return Call(
            lambda: getattr(frame.rolling(DURATION, min_periods=MIN_PERIODS), pandas)(),
            lambda result: [result.to_numpy()],
        )

    def with_polars(inputs: Inputs, window: int) -> Call:
        import polars as pl

        times = pl.Series("time", inputs.times).cast(pl.Datetime("ns"))
        frame = inputs.polars.with_columns(times).set_sorted("time")
        rolled = getattr(pl.col(inputs.names), polars)("time", window_size=DURATION, min_samples=MIN_PERIODS)
        return Call(lambda: frame.select(rolled), lambda result: [polars_values(result)])

    return Peer(*PANDAS, with_pandas), Peer(*POLARS, with_polars)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), thread_name_prefix="numpy-peer")


def over_sensors(work: Callable[[range], None], sensors: int) -> None:
    """Run ``work`` on every sensor, each core taking every k-th one."""
    workers = min(cores(), sensors)
    if workers <= 1:
        work(range(sensors))
        return
    for _ in _pool().map(work, [range(first, sensors, workers) for first in range(workers)]):
        pass


def on_threads(form: Callable[[Matrix], Matrix], x: Matrix, results: int) -> Callable[[], Matrix]:
    """Spread a form that takes (d, n) and returns ``results`` numbers a sensor, (results, d), over all cores."""

    def run() -> Matrix:
        out = np.empty((results, len(x)))

        def work(sensors: range) -> None:
            part = slice(sensors.start, None, sensors.step)
            out[:, part] = form(x[part])

        over_sensors(work, len(x))
        return out

    return run


# ---- models ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ModelCase:
    """A row of the table.

    Parameters
    ----------
    key
        Name on the command line.
    title
        Name in the table.
    functions
        Names of acm_rs the row needs.
    ours
        Module, input -> a call; what it needs beforehand is made outside the timing.
    peers
        Name and module of a peer -> input -> a call.
    agree
        Ours, a peer's result -> what is wrong with them, or nothing.
    times
        How many times faster than the fastest peer acm_rs must be; None for a row shown for the record.
    rows, columns
        Size of the input.
    apart
        Peers that ``times`` does not count, and how many times faster than each acm_rs must be.
    """

    key: str
    title: str
    functions: tuple[str, ...]
    ours: Callable[[ModuleType, Matrix], Callable[[], Any]]
    peers: Mapping[tuple[str, str], Callable[[Matrix], Callable[[], Any]]]
    agree: Callable[[Any, Any], str]
    times: float | None = None
    rows: int = 10_000
    columns: int = 50
    apart: Mapping[str, float] = field(default_factory=dict)

    def matrix(self) -> Matrix:
        """Make its input."""
        return random_matrix(self.rows, self.columns)

    def present(self, module: ModuleType | None) -> bool:
        """Tell whether acm_rs has everything the row needs."""
        return module is not None and all(hasattr(module, name) for name in self.functions)

    def present_peers(self) -> dict[str, Callable[[Matrix], Callable[[], Any]]]:
        """List the peers that are installed."""
        return {name: peer for (name, module), peer in self.peers.items() if available(module)}


def close(tolerance: float) -> Callable[[Any, Any], str]:
    """Ours and the peer's may differ by so much, relative above 1."""

    def agree(ours: Any, theirs: Any) -> str:
        a, b = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
        if a.shape != b.shape:
            return f"shapes {a.shape} and {b.shape}"
        worst = float(np.max(np.abs(a - b) / np.maximum(1.0, np.abs(b)), initial=0.0))
        return "" if worst <= tolerance else f"differ by {worst:.1e}"

    return agree


def at_most(factor: float) -> Callable[[Any, Any], str]:
    """Ours may be at most ``factor`` times the peer's: an inertia."""

    def agree(ours: Any, theirs: Any) -> str:
        return "" if ours <= factor * theirs else f"{ours:.6g} against {theirs:.6g}"

    return agree


def one_blas_thread(build: Callable[[Matrix], Callable[[], Any]]) -> Callable[[Matrix], Callable[[], Any]]:
    """Bind a form of scikit-learn whose small products many threads of BLAS only slow down."""

    def alone(x: Matrix) -> Callable[[], Any]:
        from threadpoolctl import threadpool_limits

        run = build(x)

        def limited() -> Any:
            with threadpool_limits(1, "blas"):
                return run()

        return limited

    return alone
