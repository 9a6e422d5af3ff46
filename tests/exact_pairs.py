"""Exact covariance and correlation of two columns over any rows, in integers.

Prefix sums of integers lose nothing, so a window costs a few subtractions, whatever its length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from exact import NAN, Bounds, Column, Exact, Pair, as_exact, round_ratio, round_root


def lagged(column: Column, lag: int) -> Column:
    """Give the column moved down by ``lag`` rows; nothing is known above."""
    n = len(column.values)
    return Column(([None] * min(lag, n) + column.values)[:n], column.unit)


class Pairs:
    """Sums over the rows where both columns have a value."""

    def __init__(self, a: Column, b: Column) -> None:
        both = [(u, v) if u is not None and v is not None else None for u, v in zip(a.values, b.values, strict=True)]
        self.unit = (a.unit, b.unit)

        def sums(terms: Iterable[int]) -> list[int]:
            return [0, *accumulate(terms)]

        self.n = sums(p is not None for p in both)
        self.a = sums(0 if p is None else p[0] for p in both)
        self.b = sums(0 if p is None else p[1] for p in both)
        self.aa = sums(0 if p is None else p[0] * p[0] for p in both)
        self.bb = sums(0 if p is None else p[1] * p[1] for p in both)
        self.ab = sums(0 if p is None else p[0] * p[1] for p in both)

    def count(self, start: int, stop: int) -> int:
        """Count the rows where both have a value."""
        return self.n[stop] - self.n[start]

    def _centred(self, start: int, stop: int) -> tuple[int, int, int, int]:
        """Give the count, and count times the centred sums of aa, bb and ab."""
        n, a, b, aa, bb, ab = (s[stop] - s[start] for s in (self.n, self.a, self.b, self.aa, self.bb, self.ab))
        return n, n * aa - a * a, n * bb - b * b, n * ab - a * b

    def cov(self, start: int, stop: int, ddof: int = 1) -> Pair:
        """Covariance of the rows from ``start`` up to ``stop``."""
        n, _, _, ab = self._centred(start, stop)
        if n <= ddof:
            return NAN
        return round_ratio(ab, n * (n - ddof) * self.unit[0] * self.unit[1])

    def spread(self, start: int, stop: int, ddof: int = 1) -> float:
        """Give the product of the two standard deviations, which bounds what a covariance is summed from."""
        n, aa, bb, _ = self._centred(start, stop)
        if n <= ddof:
            return 0.0
        return round_root(aa * bb, (n * (n - ddof) * self.unit[0] * self.unit[1]) ** 2)[0]

    def corr(self, start: int, stop: int) -> Pair:
        """Pearson correlation; undefined where one of them is constant."""
        _, aa, bb, ab = self._centred(start, stop)
        if aa == 0 or bb == 0:
            return NAN
        hi, lo = round_root(ab * ab, aa * bb)
        return (math.copysign(hi, ab), lo if ab >= 0 else -lo)


Form = Callable[..., Pair]
"""``Pairs.cov`` or ``Pairs.corr``."""


def pair_values(
    form: Form,
    sums: Pairs | Sequence[Pairs],
    bounds: Bounds,
    rows: Iterable[int],
    *,
    min_periods: int = 1,
    **keywords: int,
) -> Exact:
    """Evaluate a form at the given rows, one output for each of ``sums``; a covariance may take ``ddof``."""
    each = [sums] if isinstance(sums, Pairs) else list(sums)

    def value(one: Pairs, start: int, stop: int) -> Pair:
        return NAN if one.count(start, stop) < max(min_periods, 1) else form(one, start, stop, **keywords)

    start, stop = bounds
    found = [[value(one, int(start[row]), int(stop[row])) for one in each] for row in rows]
    return as_exact(found, len(each))


def whole(form: Form, columns: Sequence[Column], *, min_periods: int = 1, lag: int = 0, **keywords: int) -> Exact:
    """Evaluate a form of every column with every column moved down by ``lag``, over all rows."""
    n = len(columns[0].values) if columns else 0
    found = []
    for a in columns:
        line = []
        for b in columns:
            sums = Pairs(a, lagged(b, lag))
            few = sums.count(0, n) < max(min_periods, 1)
            line.append(NAN if few else form(sums, 0, n, **keywords))
        found.append(line)
    return as_exact(found, len(columns))
