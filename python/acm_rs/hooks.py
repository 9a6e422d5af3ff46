"""What ACM's ``rust_bridge`` looks for in acm_rs: scores of a batch, a trained PCA, scores of a forest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from numbers import Real
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from acm_rs.detectors import AR1Detector, IsolationForest, PCADetector
from acm_rs.frames import Sheet, listed, type_name
from acm_rs.linalg import pca

__all__ = ["iforest_scores", "score_batch", "train_pca"]

_ALERT = 0.85
_WARN = 0.70
_FALSE_ALARMS = 0.01
_LEAST_ROWS = 30
_CULPRITS = 5
_LARGEST = 1e150

Learner = TypeVar("Learner", PCADetector, AR1Detector, IsolationForest)


class _Batch(NamedTuple):
    """What was asked: rows to score, rows to learn from, what these are called, and the sensors' names."""

    x: NDArray[np.float64]
    train: NDArray[np.float64]
    source: str
    names: list[str]


def _numbers(given: Any, name: str) -> NDArray[np.float64]:
    """An array or nested lists as float64, NaN for what is missing; text is no number, whatever it says."""
    try:
        x = np.asarray(given)
    except ValueError:
        raise ValueError(f"`{name}` must have rows of one length") from None
    if isinstance(given, np.ma.MaskedArray):
        x = x.astype(object)
        x[np.ma.getmaskarray(given)] = None
    if x.dtype.kind == "O":
        flat = [np.nan if value is None else value for value in x.ravel()]
        if all(isinstance(value, Real) for value in flat):
            try:
                x = np.array(flat, dtype=np.float64).reshape(x.shape)
            except OverflowError:
                raise ValueError(f"`{name}` must be free of numbers beyond float64") from None
    if x.dtype.kind not in "biuf":
        raise TypeError(f"`{name}` must be a table of numbers, got one of {x.dtype}")
    if x.ndim != 2 or not x.shape[1]:
        raise ValueError(f"`{name}` must have rows and columns, got shape {x.shape}")
    return x.astype(np.float64)


def _matrix(
    batch: Mapping[str, Any], key: str, asked: list[str] | None
) -> tuple[NDArray[np.float64], list[str] | None]:
    """A table of the batch, and the names of its columns where it is a frame: of those asked for alone."""
    given, name = batch[key], f'input["{key}"]'
    if isinstance(given, np.ndarray | Sequence):
        return _numbers(given, name), None
    sheet = Sheet(_those(given, asked), name)
    names = sheet.names
    columns = sheet.values if isinstance(sheet.values, list) else [sheet.values]
    return np.column_stack(columns).astype(np.float64), None if names is None else list(names)


def _those(frame: Any, asked: list[str] | None) -> Any:
    """The columns of a frame that are asked for, where it has them."""
    import narwhals as nw

    read = nw.from_native(frame, eager_only=True, pass_through=True)
    if asked is None or not isinstance(read, nw.DataFrame) or not set(asked) <= set(read.columns):
        return frame
    return read.select(asked).to_native()


def _columns(batch: Mapping[str, Any]) -> list[str] | None:
    given = batch.get("columns")
    if given is None:
        return None
    if isinstance(given, str | bytes | Set) or not isinstance(given, Iterable):
        raise TypeError(f'`input["columns"]` must be a list of names, got {type_name(given)}')
    names = [str(name) for name in given]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f'`input["columns"]` must be different names, got {listed(twice)} twice')
    return names


def _by_name(x: NDArray[np.float64], own: list[str], names: list[str], key: str, asked: bool) -> NDArray[np.float64]:
    """The columns of a frame that are called so, in that order; others only where the names were asked for."""
    lacking = [name for name in names if name not in own]
    strange = [] if asked else [name for name in own if name not in names]
    if lacking or strange:
        whose = '"columns"' if asked else 'the frame in "train"'
        parts = [f"missing: {listed(lacking)}"] * bool(lacking) + [f"not known: {listed(strange)}"] * bool(strange)
        raise ValueError(f'`input["{key}"]` must have the columns of {whose}; {"; ".join(parts)}')
    return np.ascontiguousarray(x[:, [own.index(name) for name in names]])


def _read(batch: object) -> _Batch:
    """The rows to score, those to learn from, and the sensors' names."""
    if not isinstance(batch, Mapping):
        raise TypeError(f"`input` must be a mapping, got {type_name(batch)}")
    if batch.get("matrix") is None:
        raise ValueError('`input` must hold "matrix": rows = time, columns = sensors')
    asked = _columns(batch)
    source = "matrix" if batch.get("train") is None else "train"
    (train, its), (x, own) = _matrix(batch, source, asked), _matrix(batch, "matrix", asked)
    names = next((found for found in (asked, its, own) if found is not None), None)
    if names is not None and its is not None:
        train = _by_name(train, its, names, source, asked is not None)
    if names is not None and own is not None:
        x = _by_name(x, own, names, "matrix", asked is not None)
    if train.shape[1] != x.shape[1]:
        raise ValueError(f'`input["train"]` must have {x.shape[1]} columns as "matrix", got {train.shape[1]}')
    if len(train) < _LEAST_ROWS:
        raise ValueError(f"at least {_LEAST_ROWS} rows are needed to learn from, got {len(train)}")
    if names is None:
        names = [str(j) for j in range(x.shape[1])]
    if len(names) != x.shape[1]:
        raise ValueError(f'`input["columns"]` must have {x.shape[1]} names, one for each column, got {len(names)}')
    return _Batch(x, train, source, names)


def _fitted(detector: Learner, batch: _Batch) -> Learner:
    """A detector that has learnt, or what is wrong with the rows, by the name that they have here."""
    try:
        return detector.fit(batch.train)
    except ValueError as error:
        raise ValueError(str(error).replace("`x`", f'`input["{batch.source}"]`')) from None


def _said(batch: Mapping[str, Any], key: str) -> str:
    said = batch.get(key)
    return "" if said is None else str(said)


def _paths(forest: IsolationForest, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores of a forest, which follows its branches even where a row has no value at all."""
    return np.where(np.isfinite(x).any(axis=1), forest.score(x), np.nan)


def score_batch(input: Mapping[str, Any]) -> dict[str, Any]:
    """Score the rows of a batch by PCA, AR(1) and isolation forest.

    Parameters
    ----------
    input : mapping
        ``"matrix"``: rows to score, shape (n, d), oldest first, array, nested lists or frame; NaN and infinity are
        missing. ``"train"``, optional: healthy rows to learn from, shape (m, d), at least 30; otherwise the batch
        itself, whose bad rows the fits leave out, with a warning, where they are few. ``"columns"``, optional: d names
        of the columns of an array, or which columns of a frame to take; without it two frames must have the same
        columns, in whatever order. ``"equip"``, ``"run_ts"``, optional: given back as texts.

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
        ``input`` is no mapping, what it holds no table of numbers, or ``"columns"`` no list.
    ValueError
        There is no ``"matrix"``, there are too few rows to learn from or none that change, or shapes or names do not
        fit one another.

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
    batch = _read(input)
    x, names = batch.x, batch.names
    subspace, ar1 = _fitted(PCADetector(), batch), _fitted(AR1Detector(), batch)
    forest = _fitted(IsolationForest(), batch)
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
        "equip": _said(input, "equip"),
        "run_ts": _said(input, "run_ts"),
        "n_rows": len(x),
        "scores": {name: values.tolist() for name, values in scores.items()},
        "culprit_tags": [names[j] for j in order],
        "thresholds": {"alert": _ALERT, "warn": _WARN},
    }


def _component_count(given: object) -> int:
    if given is None:
        return 5
    if not isinstance(given, int | np.integer) or isinstance(given, bool):
        raise TypeError(f'`input["n_components"]` must be an integer, got {given!r}')
    if given < 1:
        raise ValueError(f'`input["n_components"]` must be at least 1, got {given}')
    return int(given)


def train_pca(input: Mapping[str, Any]) -> dict[str, Any]:
    """Find the principal components of a batch, scaled robustly.

    Parameters
    ----------
    input : mapping
        As for `score_batch`; the components are those of ``"train"`` where it is given, else of ``"matrix"``.
        ``"n_components"``, optional: at least 1, by default 5; there are never more than d.

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
        As for `score_batch`, but for rows that do not change; or ``"n_components"`` is no integer or below 1, or values
        to learn from are beyond ±1e150.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.random.default_rng(0).normal(size=(100, 3)) * [1.0, 1.0, 5.0]
    >>> found = acm_rs.train_pca({"matrix": x, "n_components": 2})
    >>> found["ok"], len(found["components"])
    (True, 2)
    """
    batch = _read(input)
    k = _component_count(input.get("n_components"))
    x, names = np.where(np.isfinite(batch.train), batch.train, np.nan), batch.names
    beyond = [name for name, column in zip(names, x.T, strict=True) if (np.abs(column) > _LARGEST).any()]
    if beyond:
        raise ValueError(f'`input["{batch.source}"]` must be within ±1e150, but is not in {listed(beyond)}')
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
    batch = _read(input)
    return _paths(_fitted(IsolationForest(), batch), batch.x).tolist()
