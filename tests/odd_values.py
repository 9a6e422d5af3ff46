"""Odd values of every kind, each made afresh, that a caller may put where another value belongs."""

from __future__ import annotations

import datetime as dt
import itertools
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any, NoReturn

import numpy as np
import pandas as pd

with warnings.catch_warnings():
    # NumPy deprecates durations without a unit from 2.5 on; people have them still.
    warnings.simplefilter("ignore", DeprecationWarning)
    NO_UNIT = np.timedelta64(5)
    NO_TIME = np.timedelta64("NaT")
    NO_DATE = np.datetime64("NaT")

GIANT = 2**40
"""More values than any memory holds."""


class BoomError(Exception):
    """What the methods of odd objects raise."""


def _boom(*_: Any, **__: Any) -> NoReturn:
    raise BoomError("no")


def _raising(*methods: str) -> Any:
    """Make an object whose methods of these names raise."""
    return type("Raising", (), dict.fromkeys(methods, _boom))()


def _answering(**answers: Any) -> Any:
    """Make an object whose methods of these names, without underscores, give these answers."""

    def method(answer: Any) -> Callable[[object], Any]:
        return lambda _: answer

    return type("Answering", (), {f"__{name}__": method(answer) for name, answer in answers.items()})()


class Lying:
    """A sequence that says another length than it has."""

    def __init__(self, says: int, has: int | None, item: Any = 0.5) -> None:
        self.says, self.has, self.item = says, has, item

    def __len__(self) -> int:
        return self.says

    def __getitem__(self, place: int) -> Any:
        if self.has is not None and not 0 <= place < self.has:
            raise IndexError(place)
        return self.item


class Endless:
    """A sequence of a few by its own account, that never ends."""

    def __len__(self) -> int:
        return 4

    def __iter__(self) -> Iterator[Any]:
        return itertools.repeat(0.5)


class Breaking:
    """A sequence that breaks in the middle."""

    def __len__(self) -> int:
        return 4

    def __iter__(self) -> Iterator[Any]:
        yield 0.5
        _boom()


class Wild(np.ndarray):  # type: ignore[type-arg]
    """An array whose Python side raises."""

    __getitem__ = __len__ = __iter__ = __float__ = __index__ = __repr__ = __array_wrap__ = astype = view = _boom
    mask = property(_boom)


class Short(np.ndarray):  # type: ignore[type-arg]
    """An array that gives something else for its pieces."""

    def __getitem__(self, place: Any) -> Any:
        return "piece"

    def astype(self, *_: Any, **__: Any) -> Any:
        return [1]


class Text(str):
    """A text whose own methods raise."""

    __slots__ = ()
    __str__ = __repr__ = __hash__ = __eq__ = encode = _boom  # type: ignore[assignment]


def _recursive() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


def _holding(item: Any) -> list[Any]:
    return [item] * 4


def _unaligned() -> Any:
    return np.zeros(33, np.uint8)[1:].view(np.float64)


def _read_only(values: Any) -> Any:
    values.setflags(write=False)
    return values


_SCALARS: dict[str, Any] = {
    "None": None,
    "True": True,
    "False": False,
    "NumPy's True": np.True_,
    "0": 0,
    "-1": -1,
    "-0.0": -0.0,
    "1.5": 1.5,
    "2.0": 2.0,
    "float32": np.float32(0.5),
    "longdouble": np.longdouble("1e400"),
    "nan": float("nan"),
    "NumPy's nan": np.float32("nan"),
    "inf": float("inf"),
    "-inf": float("-inf"),
    "subnormal": 5e-324,
    "1e308": 1e308,
    "2**63": 2**63,
    "-2**63": -(2**63),
    "10**400": 10**400,
    "-10**400": -(10**400),
    "10**5000": 10**5000,
    "1j": 1j,
    "Decimal nan": Decimal("sNaN"),
    "Decimal giant": Decimal("1e999"),
    "Fraction": Fraction(10**400, 3),
    "empty text": "",
    "text": "abc",
    "number in a text": "5",
    "lone surrogate": "\udc80",
    "text with NUL": "a\0b",
    "long text": "x" * 100_000,
    "NumPy's text": np.str_("abc"),
    "bytes": b"5",
    "memory view": memoryview(b"1234"),
    "Ellipsis": ...,
    "NotImplemented": NotImplemented,
    "class": int,
    "module": types,
    "function": _boom,
    "slice": slice(0, 3),
    "date": dt.datetime(2020, 1, 1),
    "timedelta": dt.timedelta(seconds=3),
    "negative timedelta": dt.timedelta(seconds=-3),
    "datetime64": np.datetime64("2020-01-01"),
    "NaT": NO_DATE,
    "timedelta64": np.timedelta64(3, "s"),
    "timedelta64 NaT": NO_TIME,
    "timedelta64 of years": np.timedelta64(2, "Y"),
    "giant timedelta64": np.timedelta64(2**62, "W"),
    "pandas' NA": pd.NA,
    "duration": "20s",
    "giant duration": "99999999999999999999 weeks",
    "negative duration": "-3s",
}

_SEQUENCES: dict[str, Callable[[], Any]] = {
    "empty list": list,
    "empty tuple": tuple,
    "empty dict": dict,
    "dict": lambda: {0: 0.5, 1: 0.5},
    "set": lambda: {0.25, 0.5},
    "bytearray": lambda: bytearray(b"1234"),
    "list of None": lambda: _holding(None),
    "list of True": lambda: _holding(True),
    "list of nan": lambda: _holding(float("nan")),
    "list of inf": lambda: _holding(float("inf")),
    "list of -1": lambda: _holding(-1),
    "list of 10**400": lambda: _holding(10**400),
    "list of text": lambda: _holding("median"),
    "list of surrogates": lambda: _holding("\udc80"),
    "list of objects": lambda: _holding(object()),
    "list of raising": lambda: _holding(_raising("__float__", "__index__", "__len__", "__iter__")),
    "list of pairs": lambda: _holding((0, 1)),
    "list of lists": lambda: _holding([0.5, 0.6, 0.7]),
    "list of giants": lambda: _holding(range(GIANT)),
    "recursive list": _recursive,
    "longer list": lambda: [0.5] * 1000,
    "giant range": lambda: range(GIANT),
    "largest range": lambda: range(2**62),
    "range beyond sizes": lambda: range(2**70),
    "giant of numbers": lambda: np.broadcast_to(0.5, GIANT),
    "giant of integers": lambda: np.broadcast_to(np.int64(0), GIANT),
    "giant of bytes": lambda: np.broadcast_to(np.int8(0), GIANT),
    "giant of pairs": lambda: np.broadcast_to(0.5, (GIANT, 2)),
    "giant pair": lambda: np.broadcast_to(0.5, (2, GIANT)),
    "says 2**62": lambda: Lying(2**62, None),
    "says 2**70": lambda: Lying(2**70, None),
    "says -1": lambda: Lying(-1, None),
    "says too few": lambda: Lying(2, 4),
    "says too many": lambda: Lying(4, 2),
    "says far too many": lambda: Lying(2**23, 2),
    "endless": Endless,
    "breaking": Breaking,
    "says a text": lambda: _answering(len="four"),
    "endless iterator": itertools.count,
    "generator": lambda: (0.5 for _ in range(4)),
    "deque": lambda: __import__("collections").deque([0.5, 0.25]),
}

_RAISING: dict[str, Callable[[], Any]] = {
    name: partial(_raising, *name.split())
    for name in (
        "__float__",
        "__index__",
        "__float__ __index__ __int__ __repr__",
        "__len__",
        "__len__ __iter__ __getitem__",
        "__iter__",
        "__getattr__",
        "__getattribute__",
        "__bool__ __eq__ __hash__",
        "__array__ __array_interface__",
        "__fspath__",
        "__repr__ __str__",
    )
}

_ANSWERING: dict[str, Callable[[], Any]] = {
    "float is a text": lambda: _answering(float="x"),
    "index is a text": lambda: _answering(index="x"),
    "index is 10**400": lambda: _answering(index=10**400),
    "float is nan": lambda: _answering(float=float("nan")),
    "path is a number": lambda: _answering(fspath=3),
    "path is a surrogate": lambda: _answering(fspath="\udc80"),
    "text of its own": lambda: Text("hann"),
}

_ARRAYS: dict[str, Callable[[], Any]] = {
    "array of int64": lambda: np.arange(60),
    "array of int32 pairs": lambda: np.arange(8, dtype=np.int32).reshape(4, 2),
    "array of uint64": lambda: np.full(60, 2**64 - 1, np.uint64),
    "array of float16": lambda: np.ones(60, np.float16),
    "array of longdouble": lambda: np.full(60, np.longdouble("1e400")),
    "array of complex": lambda: np.ones(60, complex),
    "array of bool": lambda: np.ones(60, bool),
    "array of objects": lambda: np.array([None, "a", 10**400, object()], object),
    "array of texts": lambda: np.array(["a", "b"]),
    "array of bytes": lambda: np.array([b"a", b"b"]),
    "array of dates": lambda: np.full(60, np.datetime64("NaT", "ns")),
    "array of timedeltas": lambda: np.full(60, np.timedelta64("NaT", "s")),
    "array of records": lambda: np.zeros(60, [("a", "f8"), ("b", "i4")]),
    "array of nothing": lambda: np.zeros(60, "V0"),
    "0-d array": lambda: np.array(0.5),
    "0-d array of True": lambda: np.array(True),
    "0-d array of 3": lambda: np.array(3),
    "3-d array": lambda: np.ones((3, 4, 5)),
    "empty array": lambda: np.empty(0),
    "no rows": lambda: np.empty((0, 4)),
    "no columns": lambda: np.empty((60, 0)),
    "one row": lambda: np.ones((1, 4)),
    "rows too many": lambda: np.ones((61, 4)),
    "columns too many": lambda: np.ones((60, 5)),
    "array of nan": lambda: np.full((60, 4), np.nan),
    "array of inf": lambda: np.full((60, 4), np.inf),
    "array of 1e308": lambda: np.full((60, 4), 1e308) * np.resize([1.0, -1.0], (60, 4)),
    "array of subnormals": lambda: np.full((60, 4), 5e-324),
    "float32 array": lambda: np.ones((60, 4), np.float32),
    "big-endian array": lambda: np.ones((60, 4), ">f8"),
    "big-endian line": lambda: np.ones(60, ">f8"),
    "big-endian integers": lambda: np.ones(60, ">i8"),
    "backward array": lambda: np.ones((60, 4))[::-1, ::-1],
    "read-only array": lambda: _read_only(np.ones((60, 4))),
    "read-only line": lambda: _read_only(np.zeros(60)),
    "unaligned array": _unaligned,
    "masked array": lambda: np.ma.masked_array(np.ones((60, 4)), np.ones((60, 4), bool)),
    "masked line": lambda: np.ma.masked_array(np.ones(60, np.int64), True),
    "matrix": lambda: np.ones((60, 4)).view(np.matrix),
    "array that raises": lambda: np.ones(60).view(Wild),
    "table that raises": lambda: np.ones((60, 4)).view(Wild),
    "integers that raise": lambda: np.zeros(60, np.int64).view(Wild),
    "array of other pieces": lambda: np.zeros(60, np.int64).view(Short),
    "field of records": lambda: np.zeros(60, [("a", "f4"), ("b", "f8")])["b"],
    "data frame": lambda: pd.DataFrame({"a": [1.0, 2.0]}),
    "series": lambda: pd.Series([1.0, 2.0], [7, 8]),
}


def _always(value: Any) -> Callable[[], Any]:
    return lambda: value


ODD: Mapping[str, Callable[[], Any]] = types.MappingProxyType(
    {**{name: _always(value) for name, value in _SCALARS.items()}, **_SEQUENCES, **_RAISING, **_ANSWERING, **_ARRAYS}
)
"""Makers of odd values by what they are."""

GIANTS = frozenset({"giant of numbers", "giant of pairs", "giant pair"})
"""Virtual arrays of numbers: where the data belong, they ask for years of work, and get it."""
