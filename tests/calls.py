"""The registry of calls: every public function, class and method, with valid arguments for as many rows as asked.

Tests that walk *everything* (bad arguments, little memory, interrupts, forks, digests) start here. A call names each of
its arguments, so that one of them can be replaced. ``test_calls.py`` fails where a public callable or a parameter is
missing.
"""

from __future__ import annotations

import atexit
import pickle
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import acm_rs
import numpy as np
import numpy.typing as npt
import pandas as pd
from models import MODELS
from oracles import KNOWN_EXACTLY

Floats = npt.NDArray[np.float64]
Arguments = dict[str, Any]

COLUMNS = 4
FITTED_ROWS = 400
# ---- values ---------------------------------------------------------------------------------------------------------


@cache
def _noise() -> Floats:
    random = np.random.default_rng(11)
    return random.standard_normal(65_539)


def history(rows: int, columns: int = COLUMNS) -> Floats:
    """Readings of sensors that share loads, around levels of their own; a few are missing."""
    noise = np.resize(_noise(), (rows, columns))
    loads = np.resize(_noise()[1000:], (rows, 2))
    x = 10.0 ** np.arange(columns) + loads @ (1.0 + np.arange(2 * columns).reshape(2, columns) % 3) + 0.3 * noise
    x[7::97, 0] = np.nan
    return x


def complete(rows: int, columns: int = COLUMNS) -> Floats:
    """The same without gaps."""
    x = history(rows, columns).copy()
    x[7::97, 0] = x[6::97, 0][: len(x[7::97, 0])]
    return x


def line(rows: int) -> Floats:
    """One score a row."""
    return np.abs(np.resize(_noise(), rows))


def labels(rows: int, kinds: int = 3) -> npt.NDArray[np.int64]:
    """States that last for some rows."""
    return (np.arange(rows, dtype=np.int64) // 17) % kinds


def seconds(rows: int) -> npt.NDArray[np.int64]:
    """A row a second, in nanoseconds."""
    return 1_000_000_000 * np.arange(rows, dtype=np.int64)


@cache
def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="acm-rs-calls-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


# ---- calls ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """One public callable with valid arguments.

    ``label`` is unique; ``name`` says what is called: ``"rolling_mean"``, ``"KMeans"``, ``"KMeans.fit"``.
    ``prepare(rows)`` gives the callable, bound to a fresh object where it is a method, and its arguments by name.
    """

    label: str
    name: str
    prepare: Callable[[int], tuple[Callable[..., Any], Arguments]]

    def __call__(self, rows: int) -> Any:
        """Call it."""
        function, arguments = self.prepare(rows)
        return function(**arguments)

    def __str__(self) -> str:
        return self.label


def _function(label: str, arguments: Callable[[int], Arguments]) -> Call:
    name = label.split(" ")[0]
    return Call(label, name, lambda rows: (getattr(acm_rs, name), arguments(rows)))


def _frame(rows: int) -> Arguments:
    return {"min_periods": 3, "center": False, "step": 1, "times": seconds(rows), "first_row": 0}


# What a rolling function takes beside the common arguments; most take nothing.
_OWN: Mapping[str, Callable[[int], Arguments]] = MappingProxyType(
    {
        **dict.fromkeys(("rolling_var", "rolling_std", "rolling_mean_std"), lambda rows: {"ddof": 1}),
        "rolling_mad": lambda rows: {"scale": 1.5},
        "rolling_quantile": lambda rows: {"q": [0.1, 0.5]},
        "rolling_band_energy": lambda rows: {"bands": [(0.0, 0.2), (0.2, 0.5)], "fs": 1.0},
        "rolling_cov": lambda rows: {"y": line(rows), "ddof": 1},
        "rolling_corr": lambda rows: {"y": line(rows)},
        "rolling_lag_corr": lambda rows: {"max_lag": 2, "pairs": [(0, 1), (2, 1)]},
    }
)
_WIDTHS = {"rolling_mean_std": 2, "rolling_quantile": 2, "rolling_band_energy": 2}


def _windowed(name: str, own: Callable[[int], Arguments]) -> Iterator[Call]:
    width = 6 if name == "rolling_lag_corr" else COLUMNS * _WIDTHS.get(name, 1)

    def rows_of_window(rows: int) -> Arguments:
        out = np.empty((rows, width))
        return {"x": history(rows), "window": 20, **own(rows), **_frame(rows), "out": out}

    def lasting(rows: int) -> Arguments:
        return {"x": history(rows), "window": "20s", **own(rows), **_frame(rows), "center": True, "step": 2}

    yield _function(name, rows_of_window)
    yield _function(f"{name} lasting", lasting)


def _with_out(arguments: Callable[[int], Arguments], width: int = COLUMNS) -> Callable[[int], Arguments]:
    return lambda rows: {**arguments(rows), "out": np.empty((rows, width))}


def _ewm(rows: int) -> Arguments:
    return {"x": history(rows), "adjust": True, "ignore_na": False, "min_periods": 2}


def _functions() -> Iterator[Call]:
    for kernel in KNOWN_EXACTLY:
        yield from _windowed(kernel.name, _OWN.get(kernel.name, lambda rows: {}))
    for name in ("rolling_median_f64", "rolling_mad_f64", "rolling_mean_std_f64"):
        yield _function(name, lambda rows: {"data": history(rows), "window": 20, "min_periods": 3})
    yield _function(
        "feature_matrix",
        lambda rows: {
            "x": history(rows),
            "window": 16,
            "features": ["median", "mean", "energy", "robust_z"],
            "bands": [(0.0, 0.1), (0.1, 0.3), (0.3, 0.5)],
            "fs": 1.0,
            "fill": [1.0] * COLUMNS,
            **_frame(rows),
            "out": np.empty((rows, 6 * COLUMNS)),
        },
    )
    yield _function("feature_matrix plain", lambda rows: {"x": history(rows), "window": 16})
    yield _function("feature_matrix filled", lambda rows: {"x": history(rows), "window": 16, "fill": "median"})
    yield _function(
        "feature_matrix lasting",
        lambda rows: {"x": history(rows), "window": "20s", **_frame(rows), "center": True, "step": 2},
    )
    yield _function(
        "feature_names", lambda rows: {"columns": ["a", "b"], "features": ["median", "energy"], "bands": [(0.0, 0.2)]}
    )
    for method in ("pearson", "spearman", "kendall"):
        yield _function(
            f"correlation {method}",
            lambda rows, method=method: {"x": history(rows, 8), "method": method, "min_periods": 2},
        )
    yield _function("compute_correlations_f64", lambda rows: {"data": history(rows, 8), "method": "pearson"})
    yield _function("covariance", lambda rows: {"x": history(rows, 8), "ddof": 1, "min_periods": 2})
    yield _function("lagged_correlation", lambda rows: {"x": history(rows, 8), "max_lag": 2, "min_periods": 2})
    yield _function("column_median_mad", lambda rows: {"x": history(rows), "scale": 1.5})
    yield _function("column_quantiles", lambda rows: {"x": history(rows), "q": [0.1, 0.5]})
    yield _function("column_moments", lambda rows: {"x": history(rows)})
    yield _function(
        "zscore", _with_out(lambda rows: {"x": history(rows), "center": [0.0] * COLUMNS, "scale": [1.0] * COLUMNS})
    )
    yield _function("zscore robust", lambda rows: {"x": history(rows)})
    for method in ("median", "ffill", "bfill", "interpolate", "zero"):
        yield _function(
            f"impute {method}",
            _with_out(lambda rows, method=method: {"x": history(rows), "method": method, "limit": 3}),
        )
    yield _function("impute given", lambda rows: {"x": history(rows), "fill": [1.0] * COLUMNS})
    yield _function("lag_matrix", _with_out(lambda rows: {"x": history(rows), "lags": [1, 3]}, 2 * COLUMNS))
    for name in ("ewm_mean", "ewm_std"):
        own: Arguments = {"bias": False} if name == "ewm_std" else {}
        for how in ({"alpha": 0.2}, {"span": 5.0}, {"halflife": 3.0}):
            yield _function(
                f"{name} {next(iter(how))}", _with_out(lambda rows, how=how, own=own: {**_ewm(rows), **own, **how})
            )
        yield _function(
            f"{name} lasting",
            lambda rows, own=own: {**_ewm(rows), **own, "halflife": "3s", "times": seconds(rows)},
        )
    spectra: Arguments = {"fs": 2.0, "window": "hann"}
    yield _function("band_energy", lambda rows: {"x": complete(rows), "bands": [(0.0, 0.2), (0.2, 0.5)], **spectra})
    yield _function(
        "power_spectrum", lambda rows: {"x": complete(rows), "segment": min(64, rows), "overlap": 0.5, **spectra}
    )
    yield _function("seasonality", lambda rows: {"x": history(rows), "fs": 2.0, "max_periods": 2})
    yield _function("seasonality given", lambda rows: {"x": history(rows), "fs": 2.0, "periods": [8.0, 12.0]})
    yield _function("ar1_residuals", lambda rows: {"x": history(rows), "phi": [0.5] * COLUMNS, "mu": [0.0] * COLUMNS})
    yield _function("pairwise_distances", lambda rows: {"x": complete(rows), "y": complete(50), "metric": "euclidean"})
    yield _function("pairwise_distances to itself", lambda rows: {"x": complete(rows)})
    yield _function("nearest", lambda rows: {"x": complete(rows), "centers": complete(9)})
    for name in ("silhouette_samples", "calinski_harabasz_score", "davies_bouldin_score"):
        yield _function(name, lambda rows: {"x": complete(rows), "labels": labels(rows)})
    yield _function(
        "silhouette_score",
        lambda rows: {"x": complete(rows), "labels": labels(rows), "sample_size": rows - 1, "seed": 3},
    )
    yield _function(
        "choose_k",
        lambda rows: {
            "x": complete(rows),
            "k_min": 2,
            "k_max": 4,
            "method": "silhouette",
            "sample_size": 200,
            "n_init": 2,
            "seed": 3,
        },
    )
    yield _function("smooth_labels", lambda rows: {"labels": labels(rows), "window": 5, "causal": False})
    yield _function("minimum_dwell", lambda rows: {"labels": labels(rows), "rows": 4})
    yield _function("transients", lambda rows: {"labels": labels(rows), "before": 2, "after": 3})
    yield _function(
        "align_labels", lambda rows: {"reference": labels(rows), "labels": labels(rows)[::-1].copy(), "min_share": 0.4}
    )
    yield _function("pca", lambda rows: {"x": complete(rows), "k": 2})
    yield _function("svd", lambda rows: {"x": complete(rows), "k": 2})
    yield _function(
        "cholesky_solve",
        lambda rows: {"a": np.eye(min(rows, 3000)) * 3 + 1, "b": complete(min(rows, 3000))},
    )
    yield _function("ledoit_wolf", lambda rows: {"x": complete(rows)})
    yield _function(
        "calibrate",
        lambda rows: {
            "score": line(rows),
            "false_alarm_rate": 0.05,
            "confidence": 0.9,
            "n_boot": 50,
            "block": 4,
            "seed": 3,
        },
    )
    for name in ("cusum", "ewma_chart", "page_hinkley"):
        yield _function(name, lambda rows, name=name: {"x": history(rows), **_CHARTS[name]})
    yield _function("episodes", lambda rows: {"score": line(rows), **_TRACKER})
    yield _function("episodes lasting", lambda rows: {"score": line(rows), **_LASTING, "times": seconds(rows)})
    yield _function("set_num_threads", lambda rows: {"n": acm_rs.get_num_threads()})
    yield _function("get_num_threads", lambda rows: {})
    yield _function("cpu_features", lambda rows: {})


_CHARTS: Mapping[str, Arguments] = MappingProxyType(
    {
        "cusum": {
            "threshold": 5.0,
            "drift": 0.5,
            "target": [0.0] * COLUMNS,
            "scale": [1.0] * COLUMNS,
            "reset": True,
        },
        "ewma_chart": {"lam": 0.2, "width": 3.0, "target": [0.0] * COLUMNS, "sigma": [1.0] * COLUMNS},
        "page_hinkley": {"threshold": 5.0, "delta": 0.1, "min_rows": 10, "reset": True},
    }
)
_TRACKER: Arguments = {"on": 2.0, "off": 1.0, "min_rows": 2, "gap_rows": 1}
_LASTING: Arguments = {**_TRACKER, "min_time": "2s", "gap_time": "3s"}


# ---- classes --------------------------------------------------------------------------------------------------------

_CONSTRUCTORS: Mapping[str, Arguments] = MappingProxyType(
    {
        "AR1Detector": {"phi_cap": 0.99, "sd_floor": 1e-6, "fuse": "mean"},
        "GaussianMixture": {
            "n_components": 3,
            "covariance": "full",
            "n_init": 2,
            "reg": 0.01,
            "tol": 1e-3,
            "max_iter": 20,
            "seed": 3,
        },
        "KMeans": {"n_clusters": 3, "n_init": 2, "max_iter": 20, "tol": 1e-4, "seed": 3},
        "OMRDetector": {"model": "pls", "n_components": 2, "alpha": 1.0, "clip": 10.0},
        "PCADetector": {"n_components": 2, "lags": 1, "scaling": "robust", "alpha": 0.01, "limits": "theoretical"},
        "MahalanobisDetector": {"shrinkage": "ledoit_wolf", "lags": 1},
        "ScoreFusion": {"scale": "robust", "combine": "mean", "weights": [1.0] * COLUMNS, "min_rows": 20},
        "IsolationForest": {"n_estimators": 20, "max_samples": 64, "extension": 1, "seed": 3},
        "FusedDetector": {
            "n_components": 0.9,
            "lags": 1,
            "memories": [1.0, 0.2],
            "folds": 4,
            "false_alarm_rate": 0.01,
            "trim": 5.0,
        },
        "RegimeModel": {
            "n_regimes": 2,
            "k_max": 4,
            "min_rows": 10,
            "unknown_quantile": 0.99,
            "margin": 1.5,
            "smoothing": 3,
            "seed": 3,
        },
        "RegimeDetector": {"detector": "pca", "false_alarm_rate": 0.01, "min_rows": 50},
        "Cusum": _CHARTS["cusum"],
        "EwmaChart": _CHARTS["ewma_chart"],
        "PageHinkley": _CHARTS["page_hinkley"],
        "EpisodeTracker": _TRACKER,
        "Episodes": {
            "start": [3, 20],
            "end": [9, 31],
            "peak": [2.0, 4.0],
            "area": [5.0, 9.0],
            "peak_row": [4, 22],
        },
        "Threshold": {
            "threshold": 3.0,
            "low": 2.0,
            "high": 4.0,
            "extrapolated": False,
            "block": 3,
            "known": 100,
        },
    }
)
STREAMS = ("Cusum", "EwmaChart", "PageHinkley", "EpisodeTracker")
"""Classes of decisions that remember, need no fit and can be saved."""


def fit_arguments(name: str, rows: int) -> Arguments:
    """Arguments of a model's ``fit``."""
    x = history(rows)
    more: Arguments = {}
    if name == "OMRDetector":
        more = {"labels": labels(rows), "weights": np.ones(COLUMNS)}
    elif name in {"GaussianMixture", "ScoreFusion", "RegimeDetector"}:
        more = {"labels": labels(rows)}
    elif name == "KMeans":
        more = {"sample_weight": np.ones(rows), "centers": complete(3)}
    elif name == "RegimeModel":
        more = {"reference": _reference()}
    return {"x": x, **more}


@cache
def _reference() -> Any:
    return acm_rs.RegimeModel(2).fit(history(FITTED_ROWS))


@cache
def _stored(name: str) -> bytes:
    fresh = getattr(acm_rs, name)(**_CONSTRUCTORS[name])
    if name in MODELS:
        fresh.fit(**fit_arguments(name, FITTED_ROWS))
    elif name == "EpisodeTracker":
        fresh.update(line(FITTED_ROWS))
    else:
        fresh.update(history(FITTED_ROWS))
    found: bytes = fresh.to_bytes()
    return found


def named(name: str) -> Any:
    """The same, fitted on sensors with names."""
    arguments = fit_arguments(name, FITTED_ROWS)
    arguments["x"] = pd.DataFrame(arguments["x"], columns=list("abcd"))
    return getattr(acm_rs, name)(**_CONSTRUCTORS[name]).fit(**arguments)


def made(name: str) -> Any:
    """A fresh object of that class, fitted or in use."""
    if name == "ClusterChoice":
        return acm_rs.choose_k(complete(60), 2, 3, n_init=1)
    if name in MODELS or name in STREAMS:
        return getattr(acm_rs, name).from_bytes(_stored(name))
    return getattr(acm_rs, name)(**_CONSTRUCTORS[name])


def _methods_of(name: str) -> Iterator[tuple[str, Callable[[int], Arguments]]]:
    """What a class offers besides its constructor, with arguments."""
    if name in MODELS:
        yield "fit", lambda rows: fit_arguments(name, max(rows, 60))
        with_labels = name in {"ScoreFusion", "RegimeDetector"}
        more: Callable[[int], Arguments] = (lambda rows: {"labels": labels(rows)}) if with_labels else (lambda rows: {})
        rowwise = ["score", "update", *MODELS[name].methods]
        rowwise += {
            "GaussianMixture": ["bic", "aic"],
            "FusedDetector": ["parts"],
            "RegimeModel": ["track"],
        }.get(name, [])
        if name != "PCADetector":
            rowwise.append("contributions")
        for method in rowwise:
            yield method, lambda rows: {"x": history(rows), **more(rows)}
        if name == "KMeans":
            yield "partial_fit", lambda rows: {"x": history(rows), "sample_weight": np.ones(rows)}
        if name == "PCADetector":
            yield (
                "contributions",
                lambda rows: {"x": history(rows), "statistic": "score", "decomposition": "complete"},
            )
            for method in ("spe_limit", "t2_limit"):
                yield method, lambda rows: {"alpha": 0.01, "method": "theoretical"}
        if name == "MahalanobisDetector":
            yield "limit", lambda rows: {"alpha": 0.01}
    elif name == "EpisodeTracker":
        yield "update", lambda rows: {"score": line(rows), "times": seconds(rows)}
    elif name in STREAMS:
        yield "update", lambda rows: {"x": history(rows)}
    if name in MODELS or name in STREAMS:
        yield "to_bytes", lambda rows: {}
        yield "from_bytes", lambda rows: {"data": _stored(name)}
        yield "save", lambda rows: {"path": _folder() / f"{name}.safetensors"}
        yield "load", lambda rows: {"path": _saved(name)}


@cache
def _saved(name: str) -> Path:
    path = _folder() / f"{name}-to-load.safetensors"
    made(name).save(path)
    return path


_SPECIAL: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "__repr__": repr,
        "__eq__": lambda thing: thing == thing,
        "__reduce__": lambda thing: pickle.loads(pickle.dumps(thing)),
        "__iter__": list,
        "__float__": float,
    }
)


def _method(cls: str, method: str, arguments: Callable[[int], Arguments]) -> Call:
    label = f"{cls}.{method}"
    return Call(label, label, lambda rows: (getattr(made(cls), method), arguments(rows)))


def _special(cls: str, method: str) -> Call:
    label = f"{cls}.{method}"

    def prepare(_: int) -> tuple[Callable[..., Any], Arguments]:
        thing = made(cls)
        return (lambda: _SPECIAL[method](thing)), {}

    return Call(label, label, prepare)


def _attribute(cls: str, attribute: str) -> Call:
    label = f"{cls}.{attribute}"

    def prepare(_: int) -> tuple[Callable[..., Any], Arguments]:
        thing = named(cls) if attribute == "feature_names_in_" else made(cls)
        return (lambda: getattr(thing, attribute)), {}

    return Call(label, label, prepare)


WHOLE_JOB = ("Monitor", "Result")
"""Classes of Python alone, which have tests of their own: ``tests/test_monitor*.py``."""


def classes() -> list[str]:
    """Names of the public classes of the engine, but the exception."""
    return [
        name
        for name in acm_rs.__all__
        if isinstance(getattr(acm_rs, name), type)
        and not issubclass(getattr(acm_rs, name), BaseException)
        and name not in WHOLE_JOB
    ]


def members(name: str) -> dict[str, Any]:
    """What a public class has of its own and of the classes it is made of."""
    found: dict[str, Any] = {}
    for cls in reversed(getattr(acm_rs, name).__mro__[:-1]):
        found |= vars(cls)
    return found


def attributes(name: str) -> list[str]:
    """A public class's properties."""
    return sorted(attribute for attribute, member in members(name).items() if isinstance(member, property))


def _of_class(name: str) -> Iterator[Call]:
    if name in _CONSTRUCTORS:
        yield _function(name, lambda rows: dict(_CONSTRUCTORS[name]))
    if name == "EpisodeTracker":
        yield _function(f"{name} lasting", lambda rows: dict(_LASTING))
    for method, arguments in _methods_of(name):
        yield _method(name, method, arguments)
    for method in _SPECIAL:
        if method in members(name):
            yield _special(name, method)


CALLS: tuple[Call, ...] = (*_functions(), *(call for name in classes() for call in _of_class(name)))
ATTRIBUTES: tuple[Call, ...] = tuple(
    _attribute(name, attribute) for name in classes() for attribute in attributes(name)
)
BY_LABEL: Mapping[str, Call] = MappingProxyType({call.label: call for call in (*CALLS, *ATTRIBUTES)})
