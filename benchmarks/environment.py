"""The machine, the versions and the variables a run depends on. Imports nothing that loads BLAS."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

SLOWING_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Variables that pin OpenBLAS to another CPU's kernels and would slow the NumPy and SciPy peers."""

THREAD_VARIABLES = (
    "ACM_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)
"""Variables that limit a candidate's threads; printed when they are set."""

PACKAGES = (
    "numpy",
    "pandas",
    "polars",
    "bottleneck",
    "numbagg",
    "numba",
    "scipy",
    "scikit-learn",
    "hdbscan",
    "fast_hdbscan",
    "isotree",
)

MISSING = "not installed"

ROOT = Path(__file__).resolve().parent.parent
"""The repository's root: where ``core/fast_features.py`` lies."""


def clean_environment() -> dict[str, str]:
    """Remove the variables that slow a peer and return what was removed."""
    return {name: os.environ.pop(name) for name in SLOWING_VARIABLES if name in os.environ}


def load_acm_rs() -> ModuleType | None:
    """Import ``acm_rs``, or return None where it is not installed or its native part is not built."""
    try:
        return importlib.import_module("acm_rs")
    except ModuleNotFoundError:
        return None


def cpu_model() -> str:
    """Name the CPU as the operating system does."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in {"model name", "Model"}:
                return value.strip()
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Versions of acm_rs and of the peers that are installed."""
    found: dict[str, str] = {}
    acm_rs = load_acm_rs()
    found["acm_rs"] = str(getattr(acm_rs, "__version__", "unknown")) if acm_rs is not None else MISSING
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = MISSING
    return found


@dataclass(frozen=True)
class BusyClock:
    """CPU seconds of the whole machine and of this process and its children, at one moment."""

    machine: float | None
    own: float
    wall: float

    @classmethod
    def now(cls) -> BusyClock:
        """Read the clocks; the machine's only where ``/proc/stat`` is there."""
        used = os.times()
        own = used.user + used.system + used.children_user + used.children_system
        stat = Path("/proc/stat")
        machine = None
        if stat.exists():
            # user, nice, system, idle, iowait, irq, softirq, steal
            ticks = [int(word) for word in stat.read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
            machine = (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
        return cls(machine, own, time.perf_counter())

    def others_since(self, start: BusyClock) -> float | None:
        """Cores that other processes kept busy on average since ``start``; None where it is not known."""
        if self.machine is None or start.machine is None or self.wall <= start.wall:
            return None
        return max(0.0, (self.machine - start.machine) - (self.own - start.own)) / (self.wall - start.wall)


def machine_lines(removed: Mapping[str, str]) -> list[str]:
    """Describe machine, versions and environment in a few lines of Markdown."""
    from registry.inputs import cores

    acm_rs, found = load_acm_rs(), versions()
    threads = getattr(acm_rs, "get_num_threads", None)
    pool = f", acm_rs threads {threads()}" if threads is not None else ""
    lines = [
        f"Machine: {cpu_model()}, {cores()} cores{pool}, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}.",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in found.items() if version != MISSING) + ".",
    ]
    missing = [name for name, version in found.items() if version == MISSING]
    if missing:
        lines.append(f"Not installed and left out: {', '.join(missing)} (`pip install {' '.join(missing)}`).")
    if removed:
        lines.append("Removed from the environment: " + ", ".join(f"{k}={v}" for k, v in removed.items()) + ".")
    limits = [f"{name}={os.environ[name]}" for name in THREAD_VARIABLES if name in os.environ]
    if limits:
        lines.append("Thread limits in the environment: " + ", ".join(limits) + ".")
    return lines
