"""What ACM's ``rust_bridge`` looks for in acm_rs: scores of a batch, a trained PCA, scores of a forest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.detectors import AR1Detector, IsolationForest, PCADetector
from acm_rs.linalg import pca

__all__ = ["iforest_scores", "score_batch", "train_pca"]

_ALERT = 0.85
_WARN = 0.70
_FALSE_ALARMS = 0.01
_LEAST_ROWS = 30
_CULPRITS = 5


def _matrix(batch: Mapping[str, Any], key: str) -> NDArray[np.float64]:
    try:
        x = np.asarray(batch[key], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f'`input["{key}"]` must be a table of numbers: {error}') from None
    if x.ndim != 2 or not x.shape[1]:
        raise ValueError(f'`input["{key}"]` must have rows and columns, got shape {x.shape}')
    return x


def _read(batch: object) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """The rows to score, those to learn from, and the sensors' names."""
    if not isinstance(batch, Mapping):
        raise TypeError(f"`input` must be a mapping, got {type(batch).__name__}")
    if batch.get("matrix") is None:
        raise ValueError('`input` must hold "matrix": rows = time, columns = sensors')
    x = _matrix(batch, "matrix")
    train = x if batch.get("train") is None else _matrix(batch, "train")
    if train.shape[1] != x.shape[1]:
        raise ValueError(f'`input["train"]` must have {x.shape[1]} columns as "matrix", got {train.shape[1]}')
    if len(train) < _LEAST_ROWS:
        raise ValueError(f"at least {_LEAST_ROWS} rows are needed to learn from, got {len(train)}")
    names = [str(j) for j in range(x.shape[1])] if batch.get("columns") is None else [str(n) for n in batch["columns"]]
    if len(names) != x.shape[1]:
        raise ValueError(f'`input["columns"]` must have {x.shape[1]} names, one for each column, got {len(names)}')
    return x, train, names


def _paths(forest: IsolationForest, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores of a forest, which follows its branches even where a row has no value at all."""
    return np.where(np.isfinite(x).any(axis=1), forest.score(x), np.nan)


def score_batch(input: Mapping[str, Any]) -> dict[str, Any]:
    """Score the rows of a batch by PCA, AR(1) and isolation forest.

    Parameters
    ----------
    input : mapping
        ``"matrix"``: rows to score, shape (n, d), oldest first, NaN and infinity missing. ``"train"``, optional:
        healthy rows to learn from, shape (m, d), at least 30; otherwise the batch itself, whose bad rows the fits leave
        out, with a warning, where they are few. ``"columns"``, optional: d names. ``"equip"``, ``"run_ts"``, optional:
        given back.

    Returns
    -------
    dict
        ``"equip"``, ``"run_ts"``, ``"n_rows"``; ``"scores"``: lists of n floats, higher is more abnormal, NaN for rows
        without values, ``"pca_recon_err"`` (SPE), ``"iforest_score"``, ``"ar1_residual"`` and ``"fused_score"``;
        ``"culprit_tags"``: up to 5 sensors that stand out in PCA's share of the rows in alert, the greatest first;
        ``"thresholds"``: ``"alert"`` 0.85 and ``"warn"`` 0.7 of the fused score.

    Raises
    ------
    TypeError
        ``input`` is no mapping, or what it holds no table of numbers.
    ValueError
        There is no ``"matrix"``, there are too few rows to learn from, or shapes do not fit one another.

    Notes
    -----
    Let r be the largest of the three scores, each over its own limit for one false alarm in 100 rows. The fused score
    is r / (r + 3/17): 0.85 where a detector reaches its limit, 0 for a row as expected, towards 1 beyond.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.random.default_rng(0).normal(50.0, 2.0, (300, 3))
    >>> today = x[:5].copy()
    >>> today[4, 1] = 90.0
    >>> found = acm_rs.score_batch({"matrix": today, "train": x, "columns": ["flow", "power", "speed"]})
    >>> int(np.argmax(found["scores"]["fused_score"])), found["culprit_tags"][0]
    (4, 'power')
    """
    x, train, names = _read(input)
    subspace, ar1, forest = PCADetector().fit(train), AR1Detector().fit(train), IsolationForest().fit(train)
    residual, path = ar1.score(x), _paths(forest, x)
    over = np.stack([subspace.score(x), residual / ar1.limit(_FALSE_ALARMS), path / forest.limit(_FALSE_ALARMS)])
    some = ~np.isnan(over).all(axis=0)
    largest = np.full(len(x), np.nan)
    largest[some] = np.nanmax(over[:, some], axis=0)
    fused = np.ones(len(x))
    finite = ~np.isinf(largest)
    fused[finite] = largest[finite] / (largest[finite] + (1.0 - _ALERT) / _ALERT)
    alert = fused > _ALERT
    shares = np.nansum(subspace.contributions(x)[alert], axis=0)
    order = [int(j) for j in np.argsort(-shares, kind="stable")[:_CULPRITS] if shares[j] > 0.0]
    scores = {
        "fused_score": fused,
        "pca_recon_err": subspace.spe(x),
        "iforest_score": path,
        "ar1_residual": residual,
    }
    return {
        "equip": str(input.get("equip") or ""),
        "run_ts": str(input.get("run_ts") or ""),
        "n_rows": len(x),
        "scores": {name: values.tolist() for name, values in scores.items()},
        "culprit_tags": [names[j] for j in order],
        "thresholds": {"alert": _ALERT, "warn": _WARN},
    }


def train_pca(input: Mapping[str, Any]) -> dict[str, Any]:
    """Find the principal components of a batch, scaled robustly.

    Parameters
    ----------
    input : mapping
        As for `score_batch`; the components are those of ``"train"`` where it is given, else of ``"matrix"``.
        ``"n_components"``, optional: 5.

    Returns
    -------
    dict
        ``"ok"``: True; ``"columns"``; ``"center"``, ``"scale"``: d floats each, median and interquartile range (the
        standard deviation where that is 0, 1 for a sensor that stands still); and of the scaled rows ``"mean"`` (d),
        ``"components"`` (k lists of d), ``"explained_variance"`` and ``"explained_variance_ratio"`` (k). Missing values
        count as medians.

    Raises
    ------
    TypeError, ValueError
        As for `score_batch`; or ``"n_components"`` is below 1.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.random.default_rng(0).normal(size=(100, 3)) * [1.0, 1.0, 5.0]
    >>> found = acm_rs.train_pca({"matrix": x, "n_components": 2})
    >>> found["ok"], len(found["components"])
    (True, 2)
    """
    _, x, names = _read(input)
    k = int(input.get("n_components") or 5)
    if k < 1:
        raise ValueError(f'`input["n_components"]` must be at least 1, got {k}')
    x = np.where(np.isfinite(x), x, np.nan)
    center, scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
    for j, column in enumerate(x.T):
        known = column[~np.isnan(column)]
        if known.size:
            low, center[j], high = np.quantile(known, [0.25, 0.5, 0.75])
            spread = high - low if high > low else float(np.std(known))
            scale[j] = spread if spread > 0.0 else 1.0
    z = np.where(np.isnan(x), 0.0, (x - center) / scale)
    components, variance, mean = pca(z, min(k, *z.shape))
    total = float(np.sum(np.var(z, axis=0, ddof=1)))
    return {
        "ok": True,
        "columns": names,
        "center": center.tolist(),
        "scale": scale.tolist(),
        "mean": np.asarray(mean).tolist(),
        "components": np.asarray(components).tolist(),
        "explained_variance": variance.tolist(),
        "explained_variance_ratio": (variance / total if total > 0.0 else variance).tolist(),
    }


def iforest_scores(input: Mapping[str, Any]) -> list[float]:
    """Score the rows of a batch by an isolation forest.

    Parameters
    ----------
    input : mapping
        As for `score_batch`.

    Returns
    -------
    list of float
        A score in (0, 1) for each row, about 0.5 for an average one; NaN for a row without values.

    Raises
    ------
    TypeError, ValueError
        As for `score_batch`.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.random.default_rng(0).normal(50.0, 2.0, (300, 3))
    >>> x[7] = 90.0
    >>> int(np.argmax(acm_rs.iforest_scores({"matrix": x})))
    7
    """
    x, train, _ = _read(input)
    return _paths(IsolationForest().fit(train), x).tolist()
