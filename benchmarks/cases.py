"""The rows of the tables, out of the registry, and what they are held to."""

from __future__ import annotations

from registry import KERNELS, ROWS
from registry.timed import Case, ModelCase

CASES: tuple[Case, ...] = tuple(case for row in ROWS.values() for case in row.timed if isinstance(case, Case))
MODEL_CASES: tuple[ModelCase, ...] = tuple(
    case for row in ROWS.values() for case in row.timed if isinstance(case, ModelCase)
)
MEMORY_BOUND = tuple(kernel.name for kernel in KERNELS.values() if kernel.memory_bound)
"""Kernels that are also reported as a share of the copy bandwidth."""

TARGET_SHAPE = (10_000, 50)
"""The input size the targets are set for."""

WORST_OVER_RANDOM = 1.5
FLAT_OVER_SMALLEST = 1.5
OVERHEAD_SECONDS = 30e-6
OVERHEAD_OVER_BOTTLENECK = 1.5
SPARE_BYTES = 4 * 1024 * 1024
FEATURES_OVER_PANDAS_MEMORY = 0.5
WIDE_SHAPE = (10_000, 2_000)
WIDE_KEYS = ("pearson", "pearson_gaps", "spearman")
WIDE_BYTES = 300_000_000
"""What the correlation of ``WIDE_SHAPE`` may need beyond its input and output."""
