"""The registry: one row for each public function and model, in the file of its subject.

A row says what is known of a name without looking inside: a reference from a peer, the exact form, the tolerance, what
is asked of it at the edges, arguments for calls, and its peers in the benchmarks. Parity, accuracy, policy, contract
and benchmark walk the rows, so one more row is one more of everything. A public name without a row fails a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from registry import (
    columns,
    correlation,
    decisions,
    detectors,
    engine,
    ewm,
    features,
    files,
    linalg,
    monitor,
    order,
    over_time,
    pairs,
    quality,
    regimes,
    rolling,
    spectra,
)
from registry.features import FEATURE_MATRIX, FEATURES
from registry.kernel import Kernel, LagKernel, PairKernel, partner
from registry.model import Case, Class, Clustering, Model, Result, Stream
from registry.row import Array, Fact, Floats, Function, Job, Row
from registry.whole import Matrix, Parts, Whole

__all__ = [
    "CASES",
    "CLUSTERINGS",
    "FEATURES",
    "FEATURE_MATRIX",
    "FORMER",
    "KERNELS",
    "KNOWN_EXACTLY",
    "MATRICES",
    "MODELS",
    "OF_FEATURES",
    "OF_MODELS",
    "PAIRS",
    "ROLLING",
    "ROWS",
    "STREAMS",
    "WHOLE_JOB",
    "WINDOWED",
    "Array",
    "Case",
    "Class",
    "Clustering",
    "Fact",
    "Floats",
    "Function",
    "Job",
    "Kernel",
    "LagKernel",
    "Matrix",
    "Model",
    "PairKernel",
    "Parts",
    "Result",
    "Row",
    "Stream",
    "Whole",
    "partner",
]

_ROLLING = (rolling, over_time, order, spectra, pairs)
_FEATURES: tuple[Row, ...] = tuple(
    row for subject in (*_ROLLING, ewm, correlation, columns, features) for row in subject.ROWS
)
_MODELS: tuple[Row, ...] = tuple(row for subject in (linalg, detectors, regimes, decisions) for row in subject.ROWS)
_OTHERS: tuple[Row, ...] = (*engine.ROWS, *monitor.ROWS, *files.ROWS, *quality.ROWS)
ROWS: Mapping[str, Row] = MappingProxyType({row.name: row for row in (*_FEATURES, *_MODELS, *_OTHERS)})
"""Every row by its name."""

KERNELS: Mapping[str, Kernel] = MappingProxyType({row.name: row for row in _FEATURES if isinstance(row, Kernel)})
"""Functions of windows."""

PAIRS: tuple[Kernel, ...] = tuple(row for row in KERNELS.values() if isinstance(row, PairKernel))
FORMER: tuple[Kernel, ...] = tuple(row for row in KERNELS.values() if row.former)
ROLLING: tuple[Kernel, ...] = tuple(
    row for row in KERNELS.values() if row.exact and row not in PAIRS and row not in FORMER
)
"""Kernels of one column and of two, and former names; the feature matrix is made of those of one."""

WINDOWED: tuple[Kernel, ...] = tuple(row for row in KERNELS.values() if row.takes_first_row)
KNOWN_EXACTLY: tuple[Kernel, ...] = tuple(row for row in WINDOWED if row.exact)
"""Kernels that take all that a window may be, and those of them that are more than other kernels side by side."""

MATRICES: Mapping[str, Matrix] = MappingProxyType(
    {label: way for row in _FEATURES if isinstance(row, Whole) for label, way in row.matrices().items()}
)
"""Functions of whole columns, each in every way that the registry calls it."""

MODELS: Mapping[str, Model] = MappingProxyType({row.name: row for row in _MODELS if isinstance(row, Model)})
CASES: tuple[Case, ...] = tuple(Case(model, given) for model in MODELS.values() for given in model.variants)
"""Models, and each with every set of its parameters."""

CLUSTERINGS: Mapping[str, Clustering] = MappingProxyType(
    {row.name: row for row in _MODELS if isinstance(row, Clustering)}
)
"""Models of whole rows."""

STREAMS: tuple[str, ...] = tuple(row.name for row in (*_FEATURES, *_MODELS) if isinstance(row, Stream))
"""Classes that remember rows, need no fit and can be saved."""

WHOLE_JOB: tuple[str, ...] = tuple(row.name for row in _OTHERS if isinstance(row, Job))
"""Classes and functions of Python alone, which have tests of their own."""

OF_FEATURES = frozenset(row.name for row in _FEATURES if isinstance(row, Kernel | Whole))
OF_MODELS = frozenset(row.name for row in _MODELS)
"""Names of features, and those of models and of what is under them."""

if len(ROWS) != len(_FEATURES) + len(_MODELS) + len(_OTHERS):
    raise ValueError("a name has two rows")
