"""The history that a Monitor has learnt from, kept so that rows can be taken out of it or put in later."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Chunk", "History"]

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]
Bytes = NDArray[np.uint8]

DECIMALS = 6
"""Most digits behind the point with which readings are kept as whole numbers."""
SAMPLE = 8192
"""Bytes by which is told whether more of their kind can be packed."""
TYPES = {"<f8": 8, "|i1": 1, "<i2": 2, "<i4": 4}
"""How a column may be written, and the bytes of each reading."""
WORTH = 0.9
"""Share of its size that a packed sample may have."""


class Chunk:
    """Rows that came together: the history of the fit, or rows that were accepted later."""

    __slots__ = ("_packed", "_values", "accepted", "excluded", "healthy", "times")

    def __init__(
        self, values: Matrix | None, times: Counts | None, healthy: Flags, excluded: Flags, accepted: Counts
    ) -> None:
        self._values = values
        self._packed: tuple[Bytes, list[Any]] | None = None
        self.times: Counts | None = times
        """Nanoseconds since 1970, or None."""
        self.healthy: Flags = healthy
        self.excluded: Flags = excluded
        """Rows taken out later."""
        self.accepted: Counts = accepted
        """By which entry of the log a row was said to be healthy, 0 for none."""

    def __len__(self) -> int:
        return len(self.healthy)

    @classmethod
    def of(cls, values: Matrix, times: NDArray[np.datetime64] | None, healthy: Flags) -> Chunk:
        """Rows as they were read."""
        n = len(values)
        when = None if times is None else times.astype(np.int64)
        return cls(values, when, healthy, np.zeros(n, bool), np.zeros(n, np.int64))

    @property
    def values(self) -> Matrix:
        """The readings."""
        if self._values is None:
            assert self._packed is not None
            self._values = _unpacked(*self._packed, len(self))
        return self._values

    @property
    def packed(self) -> tuple[Bytes, list[Any]]:
        """The readings in few bytes, and how they are packed."""
        if self._packed is None:
            self._packed = _packed(self.values)
        return self._packed

    def marked(self, excluded: Flags, accepted: Counts) -> Chunk:
        """The same rows under other marks."""
        other = Chunk(self._values, self.times, self.healthy, excluded, accepted)
        other._packed = self._packed
        return other


class History:
    """All rows that were learnt from, in the order of their times."""

    def __init__(
        self,
        names: list[str],
        texts: dict[str, str],
        utc: bool,
        chunks: list[Chunk],
        units: dict[str, str] | None = None,
    ) -> None:
        self.names: list[str] = names
        self.texts: dict[str, str] = texts
        self.utc: bool = utc
        self.chunks: list[Chunk] = chunks
        self.units: dict[str, str] = units or {}

    def _joined(self, name: str) -> Any:
        parts = [getattr(chunk, name) for chunk in self.chunks]
        if len(parts) == 1:
            return parts[0]
        whole = np.concatenate(parts)
        order = self.order
        return np.asfortranarray(whole[order]) if whole.ndim == 2 else whole[order]

    @property
    def order(self) -> Counts:
        """Which row of the chunks, one after the other, each is."""
        n = sum(len(chunk) for chunk in self.chunks)
        if len(self.chunks) == 1 or self.chunks[0].times is None:
            return np.arange(n)
        return np.argsort(np.concatenate([chunk.times for chunk in self.chunks]), kind="stable")

    @property
    def values(self) -> Matrix:
        """The readings as they came."""
        found: Matrix = self._joined("values")
        return found

    @property
    def begins(self) -> list[int]:
        """Rows that do not follow the one before; none where times tell."""
        if self.chunks[0].times is not None:
            return []
        found: list[int] = np.cumsum([len(chunk) for chunk in self.chunks])[:-1].tolist()
        return found

    @property
    def times(self) -> NDArray[np.datetime64] | None:
        """When they were."""
        if self.chunks[0].times is None:
            return None
        found: NDArray[np.datetime64] = self._joined("times").astype("datetime64[ns]")
        return found

    @property
    def chosen(self) -> Flags:
        """The rows to learn from."""
        found: Flags = (self._joined("healthy") | (self._joined("accepted") > 0)) & ~self._joined("excluded")
        return found

    @property
    def accepted(self) -> Counts:
        """By which entry of the log a row was accepted."""
        found: Counts = self._joined("accepted")
        return found

    def marked(self, rows: Flags, number: int) -> History:
        """The same with rows accepted by an entry of the log, or taken out where its number is 0."""
        flat = np.zeros(len(rows), bool)
        flat[self.order] = rows
        chunks = []
        first = 0
        for chunk in self.chunks:
            own = flat[first : first + len(chunk)]
            first += len(chunk)
            excluded = chunk.excluded & ~own if number else chunk.excluded | own
            accepted = np.where(own, number, chunk.accepted)
            chunks.append(chunk.marked(excluded, accepted) if own.any() else chunk)
        return History(self.names, self.texts, self.utc, chunks, self.units)

    def grown(self, chunk: Chunk) -> History:
        """The same with more rows."""
        return History(self.names, self.texts, self.utc, [*self.chunks, chunk], self.units)

    def cut(self, chunks: int, arrays: dict[str, NDArray[Any]]) -> History:
        """The first chunks alone, under the marks that they had."""
        kept = [
            chunk.marked(arrays[f"history.{number}.excluded"], arrays[f"history.{number}.accepted"])
            for number, chunk in enumerate(self.chunks[:chunks])
        ]
        return History(self.names, self.texts, self.utc, kept, self.units)

    # ---- in a file ------------------------------------------------------------------------------------------------

    def put(self, readings: bool) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Settings and arrays; the readings and times themselves only where asked for."""
        arrays: dict[str, NDArray[Any]] = {}
        packing = []
        for number, chunk in enumerate(self.chunks):
            arrays[f"history.{number}.excluded"] = chunk.excluded
            arrays[f"history.{number}.accepted"] = chunk.accepted
            if readings:
                arrays[f"history.{number}.healthy"] = chunk.healthy
                arrays[f"history.{number}.readings"], how = chunk.packed
                packing.append(how)
                if chunk.times is not None:
                    arrays[f"history.{number}.times"] = chunk.times
        settings = {"names": self.names, "texts": self.texts, "utc": self.utc, "chunks": len(self.chunks)}
        settings["units"] = self.units
        return settings | ({"packing": packing} if readings else {}), arrays

    @classmethod
    def take(cls, settings: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> History:
        """What `put` put, with readings."""
        names, texts, utc = settings["names"], settings["texts"], settings["utc"]
        if not isinstance(names, list) or not isinstance(texts, dict) or not isinstance(utc, bool):
            raise TypeError("what is kept of the history is no history")
        units = settings["units"]
        if not all(isinstance(text, str) for text in (*names, *texts.values(), *units.values())):
            raise TypeError("a name or a reason is no text")
        if settings["chunks"] != len(settings["packing"]) or not settings["chunks"]:
            raise ValueError("the pieces of the history are not those that were written")
        chunks = []
        for number, how in enumerate(settings["packing"]):
            own = {name: arrays[f"history.{number}.{name}"] for name in ("healthy", "excluded", "accepted", "readings")}
            times = arrays.get(f"history.{number}.times")
            n = len(own["healthy"])
            shapes = [own[name].shape for name in ("healthy", "excluded", "accepted")]
            shapes += [] if times is None else [times.shape]
            if any(shape != (n,) for shape in shapes) or own["readings"].ndim != 1 or len(how) != len(names):
                raise ValueError("the history's rows are not one for each")
            if any(len(sizes) != TYPES[dtype] for _, dtype, sizes in how):
                raise ValueError("the history's readings are of no type that is written")
            if sum(size for column in how for size, _ in column[2]) != own["readings"].size:
                raise ValueError("the history's readings are not whole")
            chunk = Chunk(None, times, own["healthy"], own["excluded"], own["accepted"])
            chunk._packed = own["readings"].astype(np.uint8, copy=False), how
            chunks.append(chunk)
        if len({chunk.times is None for chunk in chunks}) != 1:
            raise ValueError("only some of the history's pieces have times")
        return cls(names, texts, utc, chunks, units)


def _packed(values: Matrix) -> tuple[Bytes, list[Any]]:
    """Readings, column by column: of few digits as whole numbers; bytes of one rank together, packed where it pays."""
    bodies: list[bytes] = []
    how: list[Any] = []
    for column in values.T:
        decimals, numbers = _whole(column)
        planes = np.ascontiguousarray(numbers).view(np.uint8).reshape(len(numbers), numbers.itemsize).T
        sizes = []
        for plane in planes:
            body = plane.tobytes()
            packs = len(zlib.compress(body[:SAMPLE], 1)) < WORTH * len(body[:SAMPLE])
            body = zlib.compress(body, 1) if packs else body
            sizes.append([len(body), bool(packs)])
            bodies.append(body)
        how.append([decimals, numbers.dtype.str, sizes])
    return np.frombuffer(b"".join(bodies), np.uint8), how


def _whole(column: Matrix) -> tuple[int, NDArray[Any]]:
    """A column as whole numbers over a power of ten, where that gives it back to the last bit; -1 where it does not."""
    gone = np.isnan(column)
    known = np.ascontiguousarray(column[~gone])
    if not np.signbit(known[known == 0.0]).any():
        for decimals in range(DECIMALS + 1):
            power = 10.0**decimals
            with np.errstate(over="ignore"):
                numbers = np.rint(known * power)
            if not (np.abs(numbers) < 2**31 - 1).all():
                break
            if np.array_equal(numbers / power, known):
                held = np.full(len(column), -(2**31), np.int64)
                held[~gone] = numbers
                return decimals, _narrow(held, gone)
    return -1, np.ascontiguousarray(column).astype("<f8", copy=False)


def _narrow(held: Counts, gone: Flags) -> NDArray[Any]:
    """Whole numbers of few bytes; the least of the type is a missing reading."""
    least, most = (int(held[~gone].min()), int(held[~gone].max())) if not gone.all() else (0, 0)
    for dtype in ("<i1", "<i2"):
        ends = np.iinfo(dtype)
        if ends.min < least and most <= ends.max:
            return np.where(gone, ends.min, held).astype(dtype)
    return held.astype("<i4")


def _unpacked(body: Bytes, how: list[Any], rows: int) -> Matrix:
    """What `_packed` packed."""
    values = np.empty((rows, len(how)), order="F")
    data = body.tobytes()
    place = 0
    for number, (decimals, dtype, sizes) in enumerate(how):
        planes = []
        for size, packed in sizes:
            plane = data[place : place + size]
            place += size
            try:
                planes.append(zlib.decompressobj().decompress(plane, rows) if packed else plane)
            except zlib.error as error:
                raise ValueError(f"the history in the file is damaged ({error}); fit again") from None
        held = np.frombuffer(b"".join(planes), np.uint8).reshape(len(planes), rows).T
        numbers = np.ascontiguousarray(held).view(np.dtype(dtype))[:, 0]
        if decimals < 0:
            values[:, number] = numbers
        else:
            gone = numbers == np.iinfo(numbers.dtype).min
            values[:, number] = np.where(gone, np.nan, numbers / 10.0**decimals)
    return values
