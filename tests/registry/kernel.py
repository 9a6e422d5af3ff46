"""Rows of the kernels: functions that give a result for the window of each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from exact import Bounds, Column, Exact, evaluate
from exact_pairs import Pairs, lagged, pair_values
from windows import trailing

from registry.row import Array, Floats, Probe, Row, flat, frozen, public
from registry.timed import Case
from registry.values import COLUMNS, Arguing, Arguments, history, labels, nothing, seconds

DDOF = (frozen(ddof=0), frozen(ddof=2))


def one(_: Mapping[str, Any]) -> int:
    """One output a column."""
    return 1


def two(_: Mapping[str, Any]) -> int:
    """Two outputs a column."""
    return 2


def common(rows: int) -> Arguments:
    """The arguments that every kernel takes."""
    return {"min_periods": 3, "center": False, "step": 1, "times": seconds(rows), "first_row": 0}


@lru_cache(maxsize=16)
def _integers(values: bytes) -> Column:
    return Column.of(np.frombuffer(values).tolist())


def integers(x: Array) -> Column:
    """The values of a column as integers; tests ask for those of one column many times."""
    return _integers(np.ascontiguousarray(x, dtype=np.float64).tobytes())


@lru_cache(maxsize=16)
def _sums(a: bytes, b: bytes, lag: int) -> Pairs:
    return Pairs(_integers(a), lagged(_integers(b), lag))


def pair_sums(x: Array, y: Array, lag: int = 0) -> Pairs:
    """The exact sums of two columns, the second one moved down by so many rows."""
    a, b = (np.ascontiguousarray(values, dtype=np.float64).tobytes() for values in (x, y))
    return _sums(a, b, lag)


@dataclass(frozen=True, eq=False)
class Kernel(Row):
    """A public kernel and what is known of it without looking inside.

    Parameters
    ----------
    peer
        Whose numbers the reference has.
    reference
        Column, window, min_periods, keywords -> (n, outputs), independent of ``acm_rs``.
    exact
        Window of integers, keywords -> the true value, or one for each output. None: made of other kernels.
    tolerance
        Largest error against exact arithmetic, relative above 1; ``target`` is that of each output on the families.
    own_minimum
        Values a result needs, whatever ``min_periods`` says, where ``ddof`` is 1.
    keywords
        Arguments it is called with where a test says nothing else; ``variants`` are others worth a look.
    outputs
        Keywords -> outputs of a column.
    own
        Rows -> what it takes beside the common arguments, for calls.
    probe
        Keywords it is asked with what it does at the edges, where other than ``keywords``.
    benchmarks
        Rows of the benchmarks' table.
    constant
        What a constant gives, where that is one number.
    degree
        Power of its unit in which the result is.
    heavy
        Whether a value costs microseconds, and its exact one much more.
    leading_zeros
        Whether windows of fewer than half the nominal rows give 0, whatever they hold.
    per_second
        Whether times count, not rows, where there are times.
    memory_bound
        Whether it is also timed as a share of the copy bandwidth.
    earlier
        How many rows before its window a result depends on.
    former
        What it is called now, where this is a former name.
    """

    peer: str
    reference: Callable[..., Floats]
    exact: Callable[..., Any] | None
    tolerance: float = 1e-12
    target: float | tuple[float, ...] | None = None
    own_minimum: int = 1
    keywords: Mapping[str, Any] = field(default_factory=frozen)
    variants: tuple[Mapping[str, Any], ...] = ()
    outputs: Callable[[Mapping[str, Any]], int] = one
    own: Arguing = nothing
    probe: Mapping[str, Any] | None = None
    benchmarks: tuple[Case, ...] = ()
    constant: float | None = None
    degree: int = 1
    heavy: bool = False
    leading_zeros: bool = False
    per_second: bool = False
    memory_bound: bool = False
    earlier: int = 0
    former: str = ""
    argument: str = "x"
    float32: bool = True
    takes_out: bool = True
    takes_first_row: bool = True

    def minimum(self, keywords: Mapping[str, Any]) -> int:
        """Give the non-missing values a result needs, whatever ``min_periods`` says."""
        if "ddof" in keywords and self.own_minimum > 1:
            return int(keywords["ddof"]) + 1
        return self.own_minimum

    def by_column(self, found: Array, columns: int) -> list[Array]:
        """Split a result into the outputs of each input column."""
        return np.split(found, columns, axis=1)

    def width(self, columns: int, **keywords: Any) -> int:
        """Give the output columns of a call with so many input columns."""
        return columns * self.outputs({**self.keywords, **keywords})

    def __call__(self, x: Array, window: int, min_periods: int | None = None, **keywords: Any) -> Array:
        """Call the public function with the default keywords of the registry."""
        arguments = {**self.keywords, **keywords}
        if min_periods is not None:
            arguments["min_periods"] = min_periods
        return self.public(x, window, arguments)

    def public(self, x: Array, window: int, arguments: dict[str, Any]) -> Array:
        """Call the public function with these arguments."""
        found: Array = public(self.name)(x, window, **arguments)
        return found

    def columns(self, x: Array, window: int, min_periods: int = 1, **keywords: Any) -> Floats:
        """Evaluate the reference column by column; outputs of a column are adjacent."""
        arguments = {**self.keywords, **keywords}
        parts = [
            self.reference(np.ascontiguousarray(x[:, j], dtype=np.float64), window, min_periods, **arguments)
            for j in range(x.shape[1])
        ]
        return np.column_stack(parts) if parts else np.empty((x.shape[0], 0))

    def exactly(
        self,
        x: Array,
        window: int,
        rows: Iterable[int],
        *,
        min_periods: int = 1,
        bounds: Bounds | None = None,
        times: Sequence[int] | None = None,
        **keywords: Any,
    ) -> Exact:
        """Evaluate it exactly at these rows of one column; ``window`` is 0 where ``bounds`` are those of durations."""
        assert self.exact is not None
        arguments = {**self.keywords, **keywords}
        return evaluate(
            self.exact,
            integers(x),
            window,
            rows,
            min_periods=min_periods,
            own_minimum=self.minimum(arguments),
            leading_zeros=self.leading_zeros,
            bounds=bounds,
            times=times if self.per_second else None,
            **arguments,
        )

    def calls(self) -> Mapping[str, Arguing]:
        """A window of rows with all arguments, and one that lasts; plain ones where that is all it takes."""
        if not self.takes_first_row:
            return {"": lambda rows: {self.argument: history(rows), "window": 20, "min_periods": 3}}

        def of_rows(rows: int) -> Arguments:
            out = np.empty((rows, self.called_width(self.own(rows))))
            return {"x": history(rows), "window": 20, **self.own(rows), **common(rows), "out": out}

        def lasting(rows: int) -> Arguments:
            return {"x": history(rows), "window": "20s", **self.own(rows), **common(rows), "center": True, "step": 2}

        def by_group(rows: int) -> Arguments:
            plain = {name: value for name, value in common(rows).items() if name != "first_row"}
            return {"x": history(rows), "window": 5, **self.own(rows), **plain, "closed": "both", "by": labels(rows)}

        return {"": of_rows, "lasting": lasting, "by group": by_group}

    def called_width(self, own: Arguments) -> int:
        """The output columns of a call with its own arguments."""
        return COLUMNS * self.outputs({**self.keywords, **own})

    @property
    def probed(self) -> tuple[Probe, ...]:
        return (Probe(self.keywords if self.probe is None else self.probe),)

    def look(self, probe: Probe, x: Array, **keywords: Any) -> Array:
        """The last row over a window as long as the data, so that windows of fewer rows can be compared."""
        return flat(public(self.name)(x, max(len(x), 1), **{**probe.keywords, **keywords})[-1:])

    @property
    def timed(self) -> tuple[Case, ...]:
        return self.benchmarks


def migration(kernel: Kernel) -> Kernel:
    """The same under its former name, with its former arguments."""
    plain: dict[str, Any] = {"argument": "data", "float32": False, "takes_out": False, "takes_first_row": False}
    return replace(kernel, name=f"{kernel.name}_f64", former=kernel.name, variants=(), benchmarks=(), **plain)


# ---- pairs ----------------------------------------------------------------------------------------------------------


def partner(x: Any) -> Any:
    """Make a second series of the same dtype, value by value: the mantissa, turned over where it is large.

    It depends on nothing but the value at hand, so columns and rows may come in any pieces. What is no float array is
    given back as it is.
    """
    if not isinstance(x, np.ndarray) or x.dtype not in (np.float64, np.float32) or x.size > 2**26:
        return x
    mantissa: Array = np.frexp(np.asarray(x))[0]
    return np.where(np.abs(mantissa) < 0.75, mantissa, -mantissa)


@dataclass(frozen=True, eq=False)
class PairKernel(Kernel):
    """A kernel of two series: every column and its partner. ``exact`` is a method of ``Pairs``."""

    def public(self, x: Array, window: int, arguments: dict[str, Any]) -> Array:
        """Call with the partner of ``x`` as the second series, unless one is given."""
        found: Array = public(self.name)(x, arguments.pop("y", partner(x)), window, **arguments)
        return found

    def sums(self, x: Array, arguments: Mapping[str, Any]) -> list[Pairs]:
        """The exact sums of each output."""
        return [pair_sums(x, partner(x))]

    def exactly(
        self,
        x: Array,
        window: int,
        rows: Iterable[int],
        *,
        min_periods: int = 1,
        bounds: Bounds | None = None,
        times: Sequence[int] | None = None,
        **keywords: Any,
    ) -> Exact:
        assert self.exact is not None
        sums = self.sums(x, {**self.keywords, **keywords})
        ddof = {"ddof": keywords["ddof"]} if "ddof" in keywords else {}
        within = trailing(x.size, window) if bounds is None else bounds
        return pair_values(self.exact, sums, within, rows, min_periods=min_periods, **ddof)

    @property
    def probed(self) -> tuple[Probe, ...]:
        return (Probe(pairs=True),)

    def look(self, probe: Probe, x: Array, **keywords: Any) -> Array:
        """The first column with the second, likewise."""
        return flat(public(self.name)(x[:, 0].copy(), x[:, 1].copy(), max(len(x), 1), **keywords)[-1:])


@dataclass(frozen=True, eq=False)
class LagKernel(PairKernel):
    """A kernel of pairs of columns: every column and its own past, unless pairs are given."""

    def public(self, x: Array, window: int, arguments: dict[str, Any]) -> Array:
        """Call with the pairs of every column with itself."""
        columns = np.shape(x)[1] if np.ndim(x) == 2 else 1
        if isinstance(x, np.ndarray) and 0 < columns < 2**16:
            arguments.setdefault("pairs", [(j, j) for j in range(columns)])
        return Kernel.public(self, x, window, arguments)

    def sums(self, x: Array, arguments: Mapping[str, Any]) -> list[Pairs]:
        return [pair_sums(x, x, lag) for lag in range(arguments["max_lag"] + 1)]

    def called_width(self, own: Arguments) -> int:
        return len(own["pairs"]) * self.outputs(own)

    def look(self, probe: Probe, x: Array, **keywords: Any) -> Array:
        return flat(public(self.name)(x, max(len(x), 1), 0, pairs=[(0, 1)], **keywords)[-1:])
