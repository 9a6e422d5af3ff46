"""What a row costs that comes alone: `RollingState` beside pandas over the window's rows, and `Monitor.update`.

``python -m benchmarks.row_by_row [--sensors 50] [--rows 300] [--monitor]`` feeds a history of sensors row by row,
through Python, and prints medians and 99 % points in microseconds. pandas takes the rows of the window anew for each
row, in the same process, in turn with ours.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import acm_rs
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.live import TRAINED, plant

Array = npt.NDArray[np.float64]
Peer = Callable[[pd.DataFrame], Any]

WINDOWS = (60, 1000, 4096)
KINDS: Mapping[str, tuple[Mapping[str, Any], Peer | None]] = {
    "mean": ({}, lambda tail: tail.mean()),
    "std": ({}, lambda tail: tail.std()),
    "max": ({}, lambda tail: tail.max()),
    "kurt": ({}, lambda tail: tail.kurt()),
    "median": ({}, lambda tail: tail.median()),
    "mad": ({}, lambda tail: (tail - tail.median()).abs().median()),
    "quantile": ({"q": [0.1, 0.9]}, lambda tail: tail.quantile([0.1, 0.9])),
    "slope": ({}, None),
    "corr": ({}, lambda tail: tail.corrwith(tail)),
    "band_energy": ({}, None),
    "feature_matrix": ({}, lambda tail: (tail.median(), tail.mean(), tail.std(), tail.skew(), tail.kurt())),
}
"""Kernels, their own keywords, and what pandas does instead; of the features those that it has."""

PEER_ROWS = 20


def timed(step: Callable[[], Any]) -> float:
    """Microseconds of a call."""
    begun = time.perf_counter()
    step()
    return 1e6 * (time.perf_counter() - begun)


def figures(taken: Sequence[float]) -> str:
    """Median and 99 % point."""
    return f"{np.median(taken):9.1f} {np.quantile(taken, 0.99):9.1f}"


def kernel(kind: str, window: int, x: Array, rows: int) -> str:
    """A line of the table."""
    own, peer = KINDS[kind]
    state = acm_rs.RollingState(kind, window, x.shape[1], **own)
    begin = len(x) - rows
    beside = kind == "corr"
    state.update(x[:begin], *([x[:begin, ::-1]] if beside else []))
    ours, theirs = [], []
    for number, row in enumerate(x[begin:]):
        other = (row[::-1],) if beside else ()
        ours.append(timed(partial(state.update, row, *other)))
        if peer is not None and number < PEER_ROWS:
            tail = pd.DataFrame(x[begin + number + 1 - window : begin + number + 1])
            theirs.append(timed(partial(peer, tail)))
    # The first row finds no running sums yet.
    return f"{kind:<15} {window:>6} {figures(ours[1:])} {figures(theirs) if theirs else '        -         -'}"


def monitor(sensors: int, rows: int) -> list[str]:
    """Rows of a monitor's table, of an array and of frames."""
    lines = []
    fitted = acm_rs.Monitor().fit(plant(TRAINED, sensors, 1)).to_bytes()
    polars = plant(1000 + rows, sensors, 2)
    pandas = polars.to_pandas().set_index("time")
    for kind, frame in {"array": pandas.to_numpy(), "pandas": pandas, "polars": polars}.items():
        model = acm_rs.Monitor.from_bytes(fitted)
        model.update(frame[:1000])
        each = [frame[at] if kind == "array" else frame[at : at + 1] for at in range(1000, 1000 + rows)]
        taken = [timed(partial(model.update, row)) for row in each]
        lines.append(f"{'Monitor.update':<15} {kind:>6} {figures(taken)}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sensors", type=int, default=50)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--monitor", action="store_true", help="Monitor.update alone")
    asked = parser.parse_args(arguments)
    print(f"{asked.sensors} sensors, one row at a time, microseconds: median and 99 %")
    if asked.monitor:
        print("\n".join(monitor(asked.sensors, asked.rows)))
        return 0
    print(f"{'kind':<15} {'window':>6} {'acm_rs':>19} {'pandas, tail':>19}")
    x = np.random.default_rng(0).normal(50.0, 2.0, (2 * max(WINDOWS) + asked.rows, asked.sensors))
    for kind in KINDS:
        for window in WINDOWS:
            if window > WINDOWS[1] and kind in ("band_energy", "feature_matrix"):
                continue
            print(kernel(kind, window, x, asked.rows), flush=True)
    state = acm_rs.RollingState("ewm_mean", None, asked.sensors, span=60.0)
    state.update(x[:1000])
    taken = [timed(partial(state.update, row)) for row in x[-asked.rows :]]
    print(f"{'ewm_mean':<15} {'':>6} {figures(taken)}")
    times = np.arange(len(x)) * np.timedelta64(1, "s") + np.datetime64("2026-01-05", "ns")
    for window in WINDOWS:
        state = acm_rs.RollingState("time_mean", f"{window}s", asked.sensors)
        state.update(x[: -asked.rows], times=times[: -asked.rows])
        each = zip(x[-asked.rows :], times[-asked.rows :, None], strict=True)
        taken = [timed(partial(state.update, row, times=time)) for row, time in each]
        print(f"{'time_mean':<15} {f'{window} s':>6} {figures(taken)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
