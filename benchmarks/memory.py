"""Peak memory of one call, each measured in a process of its own: ``python -m benchmarks.memory SPEC``."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.environment import ROOT, clean_environment, load_acm_rs
from benchmarks.table import Section, Table, Verdict, mebibytes

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
SMALL_ROWS = 64


def _status(field: str) -> int:
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{field} is not in {STATUS}")


def reset_peak() -> bool:
    """Set the peak back to what is resident now, where the kernel lets us."""
    try:
        CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _resident_and_peak() -> tuple[int, int]:
    if STATUS.exists():
        return _status("VmRSS"), _status("VmHWM")
    if importlib.util.find_spec("psutil"):
        import psutil

        info = psutil.Process().memory_info()
        return int(info.rss), int(getattr(info, "peak_wset", _max_rss()))
    peak = _max_rss()
    return peak, peak


def _max_rss() -> int:
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_growth(run: Callable[[], Any]) -> tuple[int, Any]:
    """Call once and return how far resident memory rose above what it was, and the result.

    Where the peak cannot be set back, growth below an earlier peak stays unseen: a fresh process keeps that small.
    """
    gc.collect()
    reset_peak()
    before, _ = _resident_and_peak()
    result = run()
    _, peak = _resident_and_peak()
    return max(0, peak - before), result


def peak_bytes() -> int:
    """The most memory that this process has held at once."""
    return _resident_and_peak()[1]


def output_bytes(result: Any) -> int:
    """Bytes of an array, a frame or a tuple of them."""
    if isinstance(result, (tuple, list)):
        return sum(output_bytes(one) for one in result)
    if hasattr(result, "nbytes"):
        return int(result.nbytes)
    if hasattr(result, "estimated_size"):
        return int(result.estimated_size())
    if hasattr(result, "memory_usage"):
        return int(result.memory_usage(index=False).sum())
    return 0


def _call(spec: dict[str, Any]) -> Callable[[Any], Any]:
    """Bind the call a specification names, as a function of the inputs."""
    from registry.inputs import Inputs

    from benchmarks.cases import CASES
    from benchmarks.features import drop_in_call, feature_calls

    module = load_acm_rs()
    if spec["kind"] == "kernel":
        (case,) = [one for one in CASES if one.key == spec["key"]]

        def kernel(inputs: Inputs) -> Any:
            if module is None:
                raise LookupError("acm_rs is not installed")
            return case.bind(module, inputs.order(spec["order"]), spec["window"])

        return kernel

    def features(inputs: Inputs) -> Any:
        name = str(spec["key"])
        if name.startswith("drop-in, "):
            call = drop_in_call(name.removeprefix("drop-in, "), inputs, 16)
        else:
            call = next((c for c in feature_calls(inputs, 16, module) if c.name == name), None)
        if call is None:
            raise LookupError(name)
        return call.run

    return features


def child(spec: dict[str, Any]) -> dict[str, int]:
    """Measure the call a specification names in this process."""
    import numpy as np
    from registry.inputs import Inputs

    build = _call(spec)
    n, d = spec["shape"]
    if spec["warm"]:
        build(Inputs(np.random.default_rng(3).standard_normal((min(n, SMALL_ROWS), d))))()
    # Written straight into its memory order: a copy made and freed here would hide growth later.
    values = np.empty((n, d), order=spec["order"])
    np.random.default_rng(4).standard_normal(out=values.T if spec["order"] == "F" else values)
    if spec.get("gaps"):
        rng = np.random.default_rng(5)
        for column in values.T:
            column[rng.integers(0, n, n // 20)] = np.nan
    run = build(Inputs(values))
    growth, result = peak_growth(run)
    return {"growth": growth, "output": output_bytes(result)}


def measure_in_child(spec: dict[str, Any]) -> dict[str, int] | None:
    """Run a specification in a fresh process; None where it fails."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [environment.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", json.dumps(spec)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        check=False,
    )
    if done.returncode:
        return None
    answer: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return answer


def memory_section(
    keys: Sequence[str],
    shape: tuple[int, int],
    module: ModuleType | None,
    orders: Sequence[str],
    progress: Callable[[str], None],
) -> Section:
    """Hold every first call to its output, its documented scratch and 4 MiB."""
    from benchmarks.cases import CASES, SPARE_BYTES

    n, d = shape
    section = Section(f"Peak memory of a call, {n:,} x {d}, fresh process")
    rows = []
    for case in CASES:
        if case.key not in keys or module is None or not case.present(module):
            continue
        columns = case.columns(d)
        scratch = case.scratch(n, columns)
        allowed = "output + scratch + 4 MiB" if scratch else "output + 4 MiB"
        for window in sorted({case.windows[0], min(case.windows[-1], n)}):
            if not case.fits(n, d, window):
                continue
            for order in orders:
                progress(f"memory of {case.named(window)}, {order}")
                spec = {"kind": "kernel", "key": case.key, "window": window, "shape": [n, columns], "order": order}
                spec["gaps"] = case.gaps
                first = measure_in_child({**spec, "warm": False})
                later = measure_in_child({**spec, "warm": True})
                title = f"{case.named(window)}, {order}: peak memory"
                if first is None or later is None:
                    section.broken.append(f"{title}: the measuring process failed")
                    continue
                spare = first["growth"] - first["output"]
                verdict = Verdict(
                    title, f"≤ {allowed}", f"output + {mebibytes(spare)} MiB", spare <= SPARE_BYTES + scratch
                )
                section.verdicts.append(verdict)
                rows.append(
                    [
                        case.title,
                        case.shown(window),
                        order,
                        mebibytes(first["output"]),
                        mebibytes(first["growth"]),
                        mebibytes(later["growth"]),
                        mebibytes(spare),
                        mebibytes(scratch) if scratch else "-",
                        verdict.word,
                    ]
                )
    head = [
        "Kernel",
        "Window",
        "Order",
        "Output",
        "First call",
        "Later call",
        "First call beyond output",
        "Scratch",
        "Verdict",
    ]
    section.body.append(Table(head, rows))
    section.body.append(
        "MiB of resident growth. Later call: after a call on 64 rows, when code and threads are in place. Scratch: "
        "what the algorithm is documented to need beyond 4 MiB."
    )
    return section


def wide_memory_section(keys: Sequence[str], module: ModuleType | None, progress: Callable[[str], None]) -> Section:
    """Hold the correlation of very many columns to a fixed number of bytes beyond its input and output."""
    from registry.timed import WHOLE

    from benchmarks.cases import CASES, WIDE_BYTES, WIDE_KEYS, WIDE_SHAPE

    n, d = WIDE_SHAPE
    section = Section(f"Peak memory of a correlation matrix, {n:,} x {d:,}, fresh process")
    rows = []
    for case in CASES:
        if case.key not in keys or case.key not in WIDE_KEYS or not case.present(module):
            continue
        progress(f"memory of {case.title}, {n:,} x {d:,}")
        spec = {"kind": "kernel", "key": case.key, "window": WHOLE, "shape": [n, d], "order": "C", "gaps": case.gaps}
        measured = measure_in_child({**spec, "warm": False})
        title = f"{case.title}, {n:,} x {d:,}: peak memory beyond input and output"
        if measured is None:
            section.broken.append(f"{title}: the measuring process failed")
            continue
        beyond = measured["growth"] - measured["output"]
        verdict = Verdict(title, f"< {WIDE_BYTES / 1e6:.0f} MB", f"{beyond / 1e6:.0f} MB", beyond < WIDE_BYTES)
        section.verdicts.append(verdict)
        rows.append(
            [case.title, *[f"{b / 1e6:.0f}" for b in (measured["output"], measured["growth"], beyond)], verdict.word]
        )
    section.body.append(Table(["Matrix", "Output", "Growth", "Beyond input and output", "Verdict"], rows))
    section.body.append("MB of resident growth in a first call; the input was there before.")
    return section


def feature_memory_section(shape: tuple[int, int], progress: Callable[[str], None]) -> Section:
    """Hold the full feature set to half of what pandas needs for the same numbers."""
    from benchmarks.cases import FEATURES_OVER_PANDAS_MEMORY

    n, d = shape
    section = Section(f"Peak memory of compute_basic_features, {n:,} x {d}, window 16, fresh process")
    rows, growth = [], {}
    for name in ("acm_rs.feature_matrix", "drop-in, rust", "drop-in, polars", "drop-in, pandas", "Polars + NumPy"):
        progress(f"memory of {name}, {n:,} x {d}")
        spec = {"kind": "features", "key": name, "shape": [n, d], "order": "F"}
        measured = [measure_in_child({**spec, "warm": warm}) for warm in (False, True)]
        if measured[0] is None or measured[1] is None:
            rows.append([name, "-", "-", "-"])
            continue
        growth[name] = measured[1]["growth"]
        rows.append([name, *[mebibytes(v) for v in (measured[0]["output"], measured[0]["growth"], growth[name])]])
    section.body.append(Table(["Form", "Output", "First call", "Later call"], rows))
    if "drop-in, rust" in growth and "drop-in, pandas" in growth:
        share = growth["drop-in, rust"] / max(1, growth["drop-in, pandas"])
        verdict = Verdict(
            f"full feature set {n:,} x {d}, memory over the pandas backend's",
            f"≤ {FEATURES_OVER_PANDAS_MEMORY:.0%}",
            f"{share:.0%}",
            share <= FEATURES_OVER_PANDAS_MEMORY,
        )
        section.verdicts.append(verdict)
        section.judged.append(
            f"Later call, rust over pandas: {verdict.measured}, target {verdict.target}: {verdict.word}."
        )
    return section


if __name__ == "__main__":
    clean_environment()
    print(json.dumps(child(json.loads(sys.argv[1]))))
