"""The table of the full feature set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
from registry.inputs import Inputs

from benchmarks.data import fan_twin, read_history
from benchmarks.features import (
    EARLIER_SECONDS,
    TIMES_OVER_EARLIER,
    TIMES_OVER_POLARS_NUMPY,
    feature_calls,
)
from benchmarks.kernels import Progress
from benchmarks.measure import Candidate, Plan, race, timed
from benchmarks.table import Section, Table, Verdict, digits, milliseconds

WINDOW = 16
TOLERANCE = 1e-6
"""Accepted difference, relative to the column's largest value: a library's moments can be as far off."""


OWN = ("drop-in, rust", "acm_rs.feature_matrix")
"""Forms that acm_rs computes, the one that is judged first."""

ALONE = ", 1 thread"


def _at_threads(module: ModuleType | None, count: int) -> Callable[[], None]:
    def before() -> None:
        if module is not None:
            module.set_num_threads(count)

    return before


def feature_section(data: Path | None, module: ModuleType | None, plan: Plan, progress: Progress) -> Section:
    """Time the feature set on the fan's history, or on a synthetic twin of its shape."""
    if data is None:
        source, x = "synthetic twin of the fan data", fan_twin()
    else:
        source, _, x = read_history(data)
    inputs = Inputs(x)
    section = Section(f"compute_basic_features, {inputs.n:,} x {inputs.d}, window {WINDOW}: {source}")
    progress(section.title)
    calls = feature_calls(inputs, WINDOW, module)
    if not calls:
        section.body.append("Neither acm_rs nor a peer is installed.")
        return section
    # The exact NumPy backend, where it is there, is what the others are compared with.
    by_name = {call.name: call for call in calls}
    reference = next((by_name[n] for n in ("drop-in, pandas", "Polars + NumPy") if n in by_name), calls[0])
    numbers = {}
    for call in calls:
        numbers[call.name] = np.asarray(call.output(call.run()), dtype=np.float64)
    expected = numbers[reference.name]
    scale = np.maximum(1.0, np.abs(expected).max(axis=0, initial=0.0))
    worst = {}
    for name, found in numbers.items():
        same = found.shape == expected.shape
        worst[name] = float(np.max(np.abs(found - expected) / scale, initial=0.0)) if same else float("nan")
        if not worst[name] <= TOLERANCE:
            section.broken.append(f"{section.title}: {name} differs from {reference.name} by {worst[name]:.1e}")
    threads = module.get_num_threads() if module is not None else 1
    candidates = [Candidate(call.name, call.run, before=_at_threads(module, threads)) for call in calls]
    candidates += [
        Candidate(f"{call.name}{ALONE}", call.run, before=_at_threads(module, 1)) for call in calls if call.name in OWN
    ]
    timings = race(candidates, plan)
    if module is not None:
        module.set_num_threads(threads)
    ours = next((name for name in OWN if name in timings), None)
    own = [name for name in timings if name.removesuffix(ALONE) in OWN]
    section.timed += timed("features", "compute_basic_features", f"{inputs.n}x{inputs.d}", timings, own)
    rows = []
    for name, timing in sorted(timings.items(), key=lambda item: item[1].median):
        times = digits(timing.median / timings[ours].median) if ours is not None else "-"
        difference = f"{worst[name]:.1e}" if name in worst else ""
        rows.append([name, milliseconds(timing.median), times, difference])
    head = ["Form", "ms", f"times {ours or 'acm_rs'}", f"difference to {reference.name}"]
    section.body.append(Table(head, rows))
    section.body.append(
        "Drop-in: `core/fast_features.py`, pandas frame in and out, served by one backend. Polars + NumPy: Polars' "
        "rolling functions, NumPy and SciPy over sliding windows where it has none, all cores, Polars frame in and "
        "out. Differences are relative to each column's largest value."
    )
    if ours is not None:
        mine = timings[ours].median
        if "Polars + NumPy" in timings:
            peer = timings["Polars + NumPy"].median
            ratio = peer / mine
            section.headlines.append(
                [
                    f"compute_basic_features, {inputs.n:,} x {inputs.d}",
                    str(WINDOW),
                    milliseconds(mine),
                    f"{milliseconds(peer)} (Polars + NumPy)",
                    digits(ratio),
                ]
            )
            section.verdicts.append(
                Verdict(
                    f"compute_basic_features ({ours}) against Polars + NumPy",
                    f"≥ {digits(TIMES_OVER_POLARS_NUMPY)} x",
                    f"{digits(ratio)} x",
                    ratio >= TIMES_OVER_POLARS_NUMPY,
                )
            )
        ratio = EARLIER_SECONDS / mine
        section.verdicts.append(
            Verdict(
                f"compute_basic_features ({ours}) against ACM's earlier file",
                f"≥ {digits(TIMES_OVER_EARLIER)} x",
                f"{digits(ratio)} x",
                ratio >= TIMES_OVER_EARLIER,
            )
        )
        section.judged.append(
            "\n".join(f"- {v.what}: {v.measured}, target {v.target}: {v.word}." for v in section.verdicts)
            + f"\n\nACM's earlier file is not part of this run: its {digits(EARLIER_SECONDS)} s "
            "were read on another 2-core machine."
        )
    return section
