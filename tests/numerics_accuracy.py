"""How far the public functions are from exact arithmetic, on the six families and at irregular times.

What is measured of kernels is said here; of everything else the rows of the registry say it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from accuracy_table import worst_errors
from exact import as_columns
from exact_pairs import Pairs
from families import family, sample_rows
from registry import FORMER, OF_FEATURES, PAIRS, ROLLING, ROWS, WINDOWED, Kernel, partner
from registry.kernel import pair_sums
from registry.measure import CASES, FEW_CASES, Worst, case_name, largest
from registry.row import Accuracy
from windows import MINUTE, clock, evaluated, ns, trailing

Floats = npt.NDArray[np.float64]


def _spread(x: Floats, window: int, rows: Sequence[int]) -> Floats:
    """What a covariance is summed from, which it is held against."""
    start, stop = trailing(x.size, window)
    sums = pair_sums(x, partner(x))
    return np.array([sums.spread(int(start[r]), int(stop[r])) for r in rows])[:, None]


def _pair_errors(kernel: Kernel, name: str, missing: bool, window: int) -> float:
    x, rows = family(name, missing), list(sample_rows(name, missing, window))
    want = kernel.exactly(x, window, rows)
    error = want.error(as_columns(kernel(x, window))[rows])
    size = np.fmax(1.0, np.abs(want.hi))
    if kernel.exact is Pairs.cov:
        size = np.fmax(size, _spread(x, window, rows))
    return float((error / size).max())


def rolling(kernel: Kernel, few: bool) -> Worst:
    """Over windows of rows."""
    windows = (3, 20) if few else (2, 3, 4, 20, 100, 1000)
    found = []
    for name, missing in FEW_CASES if few else CASES:
        for window in windows:
            if kernel in PAIRS:
                error = _pair_errors(kernel, name, missing, window)
            else:
                error = max(one.scaled for one in worst_errors(kernel, name, missing, window))
            found.append((error, f"{case_name(name, missing)}, window {window}"))
    return largest(found)


def lasting(kernel: Kernel, few: bool) -> Worst:
    """Over durations at irregular times."""
    n = 2000
    times, found = clock("irregular", n), []
    for name, missing in FEW_CASES if few else CASES:
        if kernel.exact is Pairs.cov and name.startswith("B"):
            continue
        x = family(name, missing)[:n]
        rows = sorted({*range(0, 60, 6), *range(1500, 1520, 5), *range(0, n, 400 if kernel.heavy else 40)})
        for minutes in (45, 1200):
            got = as_columns(kernel(x, ns(minutes * MINUTE), times=times))[rows]
            want = evaluated(kernel, x, times, minutes * MINUTE, rows)
            found.append((float(want.scaled_error(got).max()), f"{case_name(name, missing)}, {minutes} minutes"))
    return largest(found)


def _of_kernel(kernel: Kernel) -> Accuracy:
    limit = kernel.tolerance if kernel.target is None else float(np.max(kernel.target))
    over = (lambda few: lasting(kernel, few)) if kernel in WINDOWED else None
    return Accuracy(lambda few: rolling(kernel, few), limit, over)


MEASURES: dict[str, Accuracy] = {
    **{kernel.name: _of_kernel(kernel) for kernel in (*ROLLING, *FORMER, *PAIRS)},
    **{f"{row.name} {one.label}".strip(): one for row in ROWS.values() for one in row.measured},
}
NOT_MEASURED = OF_FEATURES - {name.split(" ")[0] for name in MEASURES}
