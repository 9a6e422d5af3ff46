"""Exponential weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from exact import NAN, Pair, as_exact
from families import family

from registry.inputs import Inputs
from registry.measure import CASES, FEW_CASES, Array, Worst, case_name, largest
from registry.references import Floats, clean
from registry.row import Accuracy, Probe, frozen, public
from registry.timed import (
    MIN_PERIODS,
    NUMBAGG,
    PANDAS,
    POLARS,
    Call,
    Case,
    Peer,
    Target,
    pandas_form,
    polars_form,
)
from registry.values import Arguing, Arguments, history, labels, seconds, with_out
from registry.whole import Matrix, Whole, same

_K = MIN_PERIODS


# ---- exact ----------------------------------------------------------------------------------------------------------


def _split(value: Any) -> Pair:
    hi = float(value)
    return hi, float(value - hi)


def weighted_exactly(x: Array, alpha: float, name: str) -> list[Pair]:
    """Mean or deviation from adjusted weighted sums, as exact as mpmath is told to be."""
    keep, out = 1 - mpmath.mpf(alpha), []
    s0 = s1 = s2 = q = mpmath.mpf(0)
    for v in x.tolist():
        s0, s1, s2, q = keep * s0, keep * s1, keep * s2, keep * keep * q
        if math.isfinite(v):
            s0, s1, s2, q = s0 + 1, s1 + v, s2 + mpmath.mpf(v) ** 2, q + 1
        mean = s1 / s0 if s0 else mpmath.nan
        if name == "ewm_mean":
            out.append(_split(mean) if s0 else NAN)
        else:
            left = 1 - q / (s0 * s0) if s0 else 0
            out.append(_split(mpmath.sqrt(abs(s2 / s0 - mean * mean) / left)) if left > 1e-60 else NAN)
    return out


def _measure(name: str) -> Callable[[bool], Worst]:
    def measure(few: bool) -> Worst:
        found = []
        with mpmath.workprec(500):
            for case in FEW_CASES if few else CASES:
                x = family(*case)[:1200]
                for alpha in (0.3, 0.02):
                    want = as_exact([[pair] for pair in weighted_exactly(x, alpha, name)], 1)
                    got = public(name)(x, alpha=alpha)
                    found.append((float(want.scaled_error(got).max()), f"{case_name(*case)}, alpha {alpha}"))
        return largest(found)

    return measure


# ---- references and peers -------------------------------------------------------------------------------------------


def _ewm(method: str) -> Callable[..., Floats]:
    def reference(x: Floats, bias: bool | None = None, **keywords: Any) -> Floats:
        weighted = clean(x).ewm(**keywords)
        found = getattr(weighted, method)() if bias is None else getattr(weighted, method)(bias=bias)
        return found.to_numpy()

    return reference


def _numbagg_ewm(name: str) -> Callable[[Inputs, int], Call]:
    def build(inputs: Inputs, window: int) -> Call:
        import numbagg

        function, x = getattr(numbagg, name), np.ascontiguousarray(inputs.columns)
        return Call(lambda: function(x, alpha=2.0 / (window + 1.0), axis=-1), lambda result: [result.T])

    return build


# ---- rows -----------------------------------------------------------------------------------------------------------


def _called(**own: Any) -> dict[str, Arguing]:
    """A call for each way to say how fast weights fade."""

    def given(rows: int, **how: Any) -> Arguments:
        return {"x": history(rows), "adjust": True, "ignore_na": False, "min_periods": 2, **own, **how}

    ways: tuple[Arguments, ...] = ({"alpha": 0.2}, {"span": 5.0}, {"halflife": 3.0})
    calls = {next(iter(how)): with_out(lambda rows, how=how: given(rows, **how)) for how in ways}
    return {
        **calls,
        "lasting": lambda rows: given(rows, halflife="3s", times=seconds(rows)),
        "by group": lambda rows: given(rows, span=5.0, by=labels(rows)),
    }


ROWS = (
    Whole(
        "ewm_mean",
        (
            Matrix(_ewm("mean"), same, frozen(span=10), columns=-1, takes_out=True),
            Matrix(
                _ewm("mean"),
                same,
                frozen(alpha=0.25, adjust=False, ignore_na=True, min_periods=3),
                "recursive",
                columns=-1,
                takes_out=True,
            ),
        ),
        _called(),
        (Probe(frozen(span=5)),),
        (Accuracy(_measure("ewm_mean"), 1e-12),),
        benchmarks=(
            Case(
                "ewm_mean",
                "exponentially weighted mean",
                ("ewm_mean",),
                {16: (Target(5.0),)},
                1e-12,
                (
                    Peer(*PANDAS, pandas_form(lambda f, w: [f.ewm(span=w, min_periods=_K).mean()])),
                    Peer(*POLARS, polars_form(lambda x, w: [x.ewm_mean(span=w, min_samples=_K)])),
                    Peer(*NUMBAGG, _numbagg_ewm("move_exp_nanmean"), first_row=lambda window: _K - 1),
                ),
                call=lambda module, x, window, **more: (module.ewm_mean(x, span=window, min_periods=_K, **more),),
                label="span 16",
            ),
        ),
    ),
    Whole(
        "ewm_std",
        (
            Matrix(_ewm("std"), same, frozen(halflife=4.0), columns=-1, takes_out=True),
            Matrix(_ewm("std"), same, frozen(alpha=0.3, bias=True), "biased", columns=-1, takes_out=True),
        ),
        _called(bias=False),
        (Probe(frozen(span=5)),),
        (Accuracy(_measure("ewm_std"), 1e-12),),
        benchmarks=(
            Case(
                "ewm_std",
                "exponentially weighted std",
                ("ewm_std",),
                {16: (Target(5.0),)},
                1e-12,
                (
                    Peer(*PANDAS, pandas_form(lambda f, w: [f.ewm(span=w, min_periods=_K).std()])),
                    Peer(*POLARS, polars_form(lambda x, w: [x.ewm_std(span=w, min_samples=_K)])),
                    Peer(*NUMBAGG, _numbagg_ewm("move_exp_nanstd"), first_row=lambda window: _K - 1),
                ),
                call=lambda module, x, window, **more: (module.ewm_std(x, span=window, min_periods=_K, **more),),
                label="span 16",
            ),
        ),
    ),
)
