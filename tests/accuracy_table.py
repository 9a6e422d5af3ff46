"""Worst errors of the rolling kernels against exact arithmetic: ``python tests/accuracy_table.py [--peers]``.

Kernels of two series are measured on a family and its second series.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from exact import Exact, as_columns
from exact_pairs import pair_values
from families import FAMILIES, LENGTH, WINDOWS, family, sample_rows, second, sums, truth
from registry import PAIRS, ROLLING, Array, Kernel, LagKernel
from windows import trailing


@dataclass(frozen=True)
class Worst:
    """The largest error of one output of a kernel, and where it was met."""

    scaled: float
    relative: float
    where: str

    @staticmethod
    def none() -> Worst:
        return Worst(0.0, 0.0, "")


def truth_of(kernel: Kernel, name: str, missing: bool, window: int, **keywords: Any) -> tuple[list[int], Exact]:
    """Give sampled rows and exact values of a kernel called with its default keywords and these."""
    arguments: Mapping[str, Any] = {**kernel.keywords, **keywords}
    key = tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in sorted(arguments.items()))
    assert kernel.exact is not None
    minimum = kernel.minimum(arguments)
    rows, want = truth(kernel.exact, name, missing, window, minimum, kernel.leading_zeros, kernel.heavy, key)
    return list(rows), want


def worst_errors(kernel: Kernel, name: str, missing: bool, window: int, got: Array | None = None) -> list[Worst]:
    """Measure every output of a kernel on a family; ``got`` replaces the kernel's own result."""
    rows, want = truth_of(kernel, name, missing, window)
    ours = as_columns(kernel(family(name, missing), window) if got is None else got)[rows]
    scaled, relative = want.scaled_error(ours), want.relative_error(ours)
    found = []
    for k in range(scaled.shape[1]):
        at = int(scaled[:, k].argmax())
        place = f"{name}{' with gaps' if missing else ''}, window {window}, row {rows[at]}"
        found.append(Worst(float(scaled[at, k]), float(relative[:, k].max()), place))
    return found


def worst_of_pairs(kernel: Kernel, name: str, missing: bool, window: int, peers: bool = False) -> Worst:
    """Measure covariance or correlation on a family and its second series."""
    x, y = family(name, missing), second(name, missing)
    rows = list(sample_rows(name, missing, window))
    assert kernel.exact is not None
    want = pair_values(kernel.exact, sums(name, missing), trailing(LENGTH, window), rows)
    if peers:
        one, other = (pd.Series(np.where(np.isfinite(v), v, np.nan)) for v in (x, y))
        got = getattr(one.rolling(window, min_periods=1), kernel.name.removeprefix("rolling_"))(other).to_numpy()[rows]
    else:
        got = kernel(x, window, y=y)[rows]
    scaled = want.scaled_error(got)[:, 0]
    # Only what both define: pandas gives numbers for constants.
    scaled = np.where(np.isfinite(scaled), scaled, 0.0) if peers else scaled
    at = int(scaled.argmax())
    place = f"{name}{' with gaps' if missing else ''}, window {window}, row {rows[at]}"
    return Worst(float(scaled[at]), float(want.relative_error(got)[at, 0]), place)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", action="store_true", help="measure the references of the registry instead")
    peers = parser.parse_args().peers
    print(f"{'kernel':<24}{'output':>7}  {'scaled':>9}  {'relative':>9}  {'target':>9}  worst at")
    for kernel in ROLLING:
        width = kernel.width(1)
        best = [Worst.none()] * width
        relative = [0.0] * width
        for name in FAMILIES:
            for missing in (False, True):
                for window in WINDOWS:
                    got = kernel.columns(family(name, missing)[:, None], window) if peers else None
                    for k, one in enumerate(worst_errors(kernel, name, missing, window, got)):
                        relative[k] = max(relative[k], one.relative)
                        if one.scaled > best[k].scaled:
                            best[k] = one
        targets = np.broadcast_to(np.asarray(kernel.tolerance if kernel.target is None else kernel.target), width)
        for k in range(width):
            numbers = "".join(f"  {value:>9.1e}" for value in (best[k].scaled, relative[k], targets[k]))
            print(f"{kernel.name:<24}{k:>7}{numbers}  {best[k].where}")
    for kernel in PAIRS:
        if not isinstance(kernel, LagKernel):
            found = [
                worst_of_pairs(kernel, name, missing, window, peers)
                for name in FAMILIES
                for missing in (False, True)
                for window in WINDOWS[1:]
            ]
            worst = max(found, key=lambda one: one.scaled)
            target = kernel.tolerance if kernel.target is None else kernel.target
            print(
                f"{kernel.name:<24}{0:>7}  {worst.scaled:>9.1e}  {worst.relative:>9.1e}  {target:>9.1e}  {worst.where}"
            )


if __name__ == "__main__":
    main()
