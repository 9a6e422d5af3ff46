"""What a peer is, and how a form in pandas or Polars becomes one.

A peer is built once per input. Building makes frames and copies, which is not timed; the call that comes out is. The
frames of a result are turned into arrays only to compare numbers, so that costs a peer nothing either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.data import Inputs, Matrix
from benchmarks.environment import available

PANDAS = ("pandas", "pandas")
POLARS = ("Polars", "polars")
BOTTLENECK = ("bottleneck", "bottleneck")
NUMBAGG = ("numbagg", "numbagg")
NUMPY = ("NumPy", "numpy")
NUMPY_THREADS = ("NumPy, threads", "numpy")
SCIPY = ("SciPy", "scipy")
"""Column of the table, and the module it needs."""

COLUMNS = tuple(name for name, _ in (PANDAS, POLARS, BOTTLENECK, NUMBAGG, NUMPY, NUMPY_THREADS, SCIPY))
"""Order of the peers in the table."""


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
