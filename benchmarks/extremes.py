"""What the kernels cost at the edges: the share of copy bandwidth, the worst input, the overhead of a call."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from types import ModuleType

import numpy as np
from registry.inputs import Inputs, Matrix, cores, random_matrix
from registry.timed import MIN_PERIODS, Case, available

from benchmarks.cases import MEMORY_BOUND, OVERHEAD_OVER_BOTTLENECK, OVERHEAD_SECONDS, WORST_OVER_RANDOM
from benchmarks.data import ADVERSARIES, GAPS
from benchmarks.kernels import Progress, Variant
from benchmarks.measure import Candidate, Plan, race, timed
from benchmarks.table import JUDGING, Section, Table, Verdict, digits, milliseconds

WINDOW = 16
LARGE_WINDOWS = frozenset({256, 2048})
"""Where other ways of keeping a window are taken."""


def _copies(x: Matrix, pool: ThreadPoolExecutor) -> list[Candidate]:
    target = np.empty_like(x)
    flat, flat_target = x.ravel(order="K"), target.ravel(order="K")
    if not np.shares_memory(flat_target, target):
        raise ValueError("the copy's input must be contiguous")
    bounds = np.linspace(0, flat.size, cores() + 1).astype(int)
    parts = [slice(a, b) for a, b in pairwise(bounds)]

    def together() -> None:
        for _ in pool.map(lambda part: np.copyto(flat_target[part], flat[part]), parts):
            pass

    return [Candidate("copy 1", lambda: np.copyto(flat_target, flat)), Candidate("copy all", together)]


def bandwidth_section(
    shape: tuple[int, int], module: ModuleType, kinds: Sequence[Variant], plan: Plan, progress: Progress
) -> Section:
    """Compare the memory-bound kernels, writing into ``out``, with a copy of the same bytes."""
    n, d = shape
    section = Section(f"Share of the copy bandwidth, {n:,} x {d}, window {WINDOW}")
    inputs = Inputs(random_matrix(n, d))
    present = [name for name in MEMORY_BOUND if hasattr(module, name)]
    candidates = []
    for name in present:
        for kind in kinds:
            x = inputs.order(kind.order)
            out = np.empty_like(x)
            candidates.append(
                Candidate(
                    f"{name} {kind.label}",
                    partial(getattr(module, name), x, WINDOW, MIN_PERIODS, out=out),
                    before=partial(module.set_num_threads, kind.threads),
                )
            )
    progress(f"{n:,} x {d}  copy bandwidth")
    with ThreadPoolExecutor(cores()) as pool:
        timings = race([*_copies(inputs.c, pool), *candidates], plan)
    own = [name for name in timings if not name.startswith("copy ")]
    section.timed += timed("bandwidth", f"written again, window {WINDOW}", f"{n}x{d}", timings, own)
    single = timings["copy 1"].median
    every = min(single, timings["copy all"].median)
    moved = 2.0 * inputs.c.nbytes
    rows = [
        [
            name,
            *[
                f"{milliseconds(timings[f'{name} {k.label}'].median)} "
                f"({(single if k.threads == 1 else every) / timings[f'{name} {k.label}'].median:.0%})"
                for k in kinds
            ],
        ]
        for name in present
    ]
    section.body.append(Table(["Kernel", *[k.label for k in kinds]], rows))
    section.body.append(
        f"ms (share). A copy of the same array takes {milliseconds(single)} ms on one thread "
        f"({moved / single / 1e9:.1f} GB/s read and written) and {milliseconds(every)} ms at best."
    )
    return section


def worst_section(
    cases: Sequence[Case], shape: tuple[int, int], module: ModuleType, plan: Plan, progress: Progress
) -> Section:
    """Time each kernel on inputs meant to be slow, over its time on random input, on one thread."""
    n, d = shape
    section = Section(f"Worst input over random input, {n:,} x {d}, one thread")
    random = random_matrix(n, d)
    matrices = {"random": random, **{name: make(n, d) for name, make in ADVERSARIES.items()}}
    module.set_num_threads(1)
    rows = []
    for case in cases:
        if case.gaps or not case.present(module):
            continue
        windows = sorted({case.windows[0]} | (LARGE_WINDOWS & set(case.windows)))
        for window in windows:
            if not case.fits(n, d, window):
                continue
            progress(f"{n:,} x {d}  worst input of {case.named(window)}")
            columns = slice(case.columns(d))
            candidates = [Candidate(name, case.bind(module, x[:, columns], window)) for name, x in matrices.items()]
            timings = race(candidates, plan)
            section.timed += timed("worst", case.named(window), f"{n}x{d}", timings, timings)
            base = timings["random"].median
            ratio = {name: timings[name].median / base for name in ADVERSARIES}
            held = [name for name in ADVERSARIES if not (case.gaps_apart and name in GAPS)]
            worst = max(held, key=ratio.__getitem__)
            verdict = Verdict(
                f"{case.named(window)}, worst input ({worst})",
                f"≤ {WORST_OVER_RANDOM}",
                digits(ratio[worst]),
                ratio[worst] <= WORST_OVER_RANDOM,
            )
            section.verdicts.append(verdict)
            rows.append(
                [
                    case.title,
                    case.shown(window),
                    milliseconds(base),
                    *[digits(ratio[a]) + ("" if a in held else "‡") for a in ADVERSARIES],
                    verdict.word,
                ]
            )
    section.body.append(Table(["Kernel", "Window", "Random, ms", *ADVERSARIES, "Verdict"], rows))
    section.body.append(
        "‡ another algorithm with a row of its own in the main table: not held to the time of random input."
    )
    return section


def overhead_section(cases: Sequence[Case], module: ModuleType, plan: Plan, progress: Progress) -> Section:
    """Measure what a call costs beside its work.

    The work of 1,000 x 10 is a tenth of what 10,000 x 10 takes on one thread; what a call at all threads takes
    beyond that is overhead. A call on one value shows the fixed part alone, which is what counts where the work is
    not proportional to the rows.
    """
    section = Section("Call overhead")
    every = module.get_num_threads()
    small, large, one = random_matrix(1_000, 10), random_matrix(10_000, 10), random_matrix(1, 1)
    rows = []
    for case in cases:
        window = case.windows[0]
        if case.gaps or not case.present(module):
            continue
        progress(f"call overhead of {case.title}")
        shapes = (("one", one, every), ("small", small, every), ("large", large, 1))
        timings = race(
            [
                Candidate(name, case.bind(module, x, window), partial(module.set_num_threads, count))
                for name, x, count in shapes
            ],
            plan,
        )
        section.timed += timed("overhead", case.title, "1x1, 1000x10, 10000x10", timings, timings)
        calls = len(case.functions)
        work = timings["large"].median / 10.0
        alone = timings["one"].median / calls
        extra = (timings["small"].median - work) / calls if case.linear else alone
        verdict = Verdict(
            f"{case.title}, call overhead",
            f"< {OVERHEAD_SECONDS * 1e6:.0f} µs",
            f"{extra * 1e6:.1f} µs",
            extra < OVERHEAD_SECONDS,
        )
        section.verdicts.append(verdict)
        rows.append(
            [
                case.title,
                case.shown(window),
                f"{alone * 1e6:.1f}",
                f"{timings['small'].median * 1e6:.1f}",
                f"{work * 1e6:.1f}" if case.linear else "-",
                f"{extra * 1e6:.1f}",
                verdict.word,
            ]
        )
    head = ["Kernel", "Window", "1 x 1, a call", "1,000 x 10", "its work", "overhead, a call", "Verdict"]
    section.body.append(Table(head, rows))
    section.body.append(
        "µs. Its work: a tenth of 10,000 x 10 on one thread; where it is not proportional to the rows, the overhead is "
        "that of 1 x 1. Below zero: threads gained more than the call costs."
    )
    module.set_num_threads(every)
    _beside_bottleneck(section, module, small, plan, progress)
    return section


def _beside_bottleneck(section: Section, module: ModuleType, x: Matrix, plan: Plan, progress: Progress) -> None:
    """Time the simple statistics of a small input beside the library whose calls cost least."""
    if not available("bottleneck"):
        section.body.append("Calls beside bottleneck: it is not installed (`pip install bottleneck`).")
        return
    import bottleneck

    rows = []
    orders: dict[str, Matrix] = {"C": np.ascontiguousarray(x), "F": np.asfortranarray(x)}
    more: dict[str, dict[str, int]] = {"std": {"ddof": 1}}
    for name in ("mean", "min", "max", "std"):
        progress(f"call overhead of rolling {name} beside bottleneck")
        ours, theirs = getattr(module, f"rolling_{name}"), getattr(bottleneck, f"move_{name}")
        candidates = [Candidate(o, partial(ours, one, WINDOW, MIN_PERIODS)) for o, one in orders.items()]
        their_call = partial(theirs, orders["F"], WINDOW, MIN_PERIODS, axis=0, **more.get(name, {}))
        timings = race([*candidates, Candidate("bottleneck", their_call)], plan)
        section.timed += timed("overhead", f"rolling {name}", "x".join(map(str, x.shape)), timings, tuple(orders))
        peer = timings["bottleneck"].median
        ratio = max(timings[order].median for order in orders) / peer
        verdict = Verdict(
            f"rolling {name} of {x.shape[0]:,} x {x.shape[1]} over bottleneck's time",
            f"≤ {OVERHEAD_OVER_BOTTLENECK}",
            digits(ratio),
            ratio <= OVERHEAD_OVER_BOTTLENECK,
        )
        section.verdicts.append(verdict)
        times = [f"{timings[one].median * 1e6:.1f}" for one in (*orders, "bottleneck")]
        rows.append([f"rolling {name}", *times, digits(ratio), verdict.target, verdict.word])
    head = ["1,000 x 10, µs", *(f"acm_rs {order}" for order in orders), "bottleneck", "times its time", *JUDGING]
    section.body.append(Table(head, rows))
