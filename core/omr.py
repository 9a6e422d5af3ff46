"""Overall model residual of sensor histories: pandas frames in, scores and contributions out.

One self-contained file that takes the place of ACM's own ``core/omr.py``. Components and solutions are computed by
``acm_rs`` where it is installed, else by NumPy, with the same numbers. `BACKEND` says which serves; the environment
variable ``ACM_BACKEND`` (``rust``, or ``polars`` or ``pandas`` for NumPy), read once at import, forces one.
"""

from __future__ import annotations

import contextlib
import logging
import math
import numbers
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

try:
    import acm_rs as _acm_rs
except ImportError:
    _rs: Any = None
else:
    _rs = _acm_rs if all(hasattr(_acm_rs, name) for name in ("cholesky_solve", "pca")) else None

__all__ = ["BACKEND", "HAS_RUST", "ModelType", "OMRDetector", "OMRModel"]

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

_log = logging.getLogger(__name__)

_LARGEST = 1e150
_LARGEST_SCALED = 1e6
# Values that are worked on at a time: what is computed of them stays near the processor.
_BLOCK = 2**16
# Readings that differ by no more than this share of their level differ by rounding.
_ROUNDING = 8.0 * float(np.finfo(np.float64).eps)
_MOST = 2**32 - 1
# Below this share of the greatest variance a direction holds rounding, not sensors.
_NO_VARIANCE = 1e-12
_UNKNOWN = -1
_SHAPES = ("_kurt", "_skew")
_WEIGHT_OF_SHAPES = 0.25
_NAMES = (
    "model_type",
    "n_components",
    "alpha",
    "min_samples",
    "max_z_score",
    "variance_floor",
    "missingness_drop",
    "healthy_regime",
)


def _choose_backend(forced: str | None) -> str:
    if forced not in {None, "", "rust", "polars", "pandas"}:
        raise ValueError(f"ACM_BACKEND must be rust, polars or pandas, got {forced!r}")
    if forced == "rust" and _rs is None:
        raise RuntimeError("ACM_BACKEND=rust is not available here: pip install acm-rs")
    return "rust" if _rs is not None and forced in {None, "", "rust"} else "numpy"


HAS_RUST: bool = _rs is not None
BACKEND: str = _choose_backend(os.environ.get("ACM_BACKEND"))


def _settings(name: str, cfg: Any) -> dict[str, Any]:
    """Give a dict of settings; none at all are an empty one."""
    if cfg is not None and not isinstance(cfg, Mapping):
        raise TypeError(f"{name} must be a dict of settings, got {type(cfg).__name__}")
    return dict(cfg or {})


def _plain(given: Any) -> Any:
    """Give settings with NumPy's numbers as plain ones."""
    if isinstance(given, Mapping):
        return {key: _plain(value) for key, value in given.items()}
    return given.item() if isinstance(given, np.generic) else given


def _real(name: str, given: Any, must: str, fits: Callable[[float], bool]) -> float:
    """Give a setting as a number; digits in a text are one, as tables of settings hold them."""
    number = math.nan
    if isinstance(given, str | numbers.Real) and not isinstance(given, bool):
        with contextlib.suppress(ValueError, OverflowError):
            number = float(given)
    if math.isnan(number) or not fits(number):
        raise ValueError(f"{name} must be {must}, got {given!r}")
    return number


def _whole(name: str, given: Any, least: int) -> int:
    must = f"a whole number from {least} to {_MOST}"
    return int(_real(name, given, must, lambda number: number.is_integer() and least <= number <= _MOST))


def _word(name: str, given: Any, words: tuple[str, ...]) -> str:
    if not isinstance(given, str) or given not in words:
        raise ValueError(f"{name} must be one of {', '.join(words)}, got {given!r}")
    return str(given)


def _check(frame: pd.DataFrame) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"X must be a pandas DataFrame, got {type(frame).__name__}")
    if not frame.columns.is_unique:
        twice = list(frame.columns[frame.columns.duplicated()].unique())
        raise ValueError(f"X must have columns of different names, twice there: {twice}")


def _values(frame: pd.DataFrame) -> Array:
    """Give the frame as float64 with NaN for what is missing, clipped so that squares stay finite."""
    wrong = [
        name
        for name, kind in frame.dtypes.items()
        if not pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_complex_dtype(kind)
    ]
    if wrong:
        raise TypeError(f"X must have columns of numbers, these are not: {wrong}")
    x = np.empty(frame.shape, order="F")
    for j in range(frame.shape[1]):
        x[:, j] = frame.iloc[:, j].to_numpy(dtype=np.float64, na_value=np.nan)
    x[~np.isfinite(x)] = np.nan
    highest, lowest = (reduce.reduce(x, axis=0, initial=0.0) for reduce in (np.fmax, np.fmin))
    beyond = (highest > _LARGEST) | (lowest < -_LARGEST)
    if beyond.any():
        _log.warning("values beyond 1e150 are clipped: %s", [frame.columns[int(j)] for j in np.flatnonzero(beyond)])
        np.clip(x, -_LARGEST, _LARGEST, out=x)
    return x


def _aligned(frame: pd.DataFrame, columns: list[Any], what: str) -> Array:
    """Give the columns that the fit saw, in their order, NaN for those that are not there."""
    _check(frame)
    here = [j for j, name in enumerate(columns) if name in frame.columns]
    if len(here) < len(columns):
        gone = [name for name in columns if name not in frame.columns]
        _log.warning("%s: %d columns are not there and count as missing: %s", what, len(gone), gone)
    x = np.full((len(frame), len(columns)), np.nan, order="F")
    x[:, here] = _values(frame[[columns[j] for j in here]])
    return x


def _floats(values: Any, name: str) -> Array:
    """Give an array of numbers as float64, NaN for what is missing; text is no number, whatever it says."""
    try:
        x = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} must have rows of one length") from None
    if isinstance(values, np.ma.MaskedArray):
        x = x.astype(object)
        x[np.ma.getmaskarray(values)] = None
    if x.dtype.kind == "O":
        flat = [math.nan if value is None or value is pd.NA else value for value in x.ravel()]
        if all(isinstance(value, numbers.Real) for value in flat):
            x = np.array(flat, dtype=np.float64).reshape(x.shape)
    if x.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold numbers, got {x.dtype}")
    out: Array = np.array(x, dtype=np.float64, order="C")
    out[~np.isfinite(out)] = np.nan
    return out


def _components(x: Array, k: int) -> tuple[Array, Array]:
    """Give the first k principal components of rows and their variances."""
    if BACKEND == "rust":
        components, variance, _ = _rs.pca(x, k)
        return np.asarray(components), np.asarray(variance)
    # Scaled rows are centred only so far as their level's rounding lets them be.
    _, s, vt = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return vt[:k], s[:k] ** 2 / (len(x) - 1)


def _inverse(a: Array) -> Array:
    """Invert a positive definite matrix."""
    if BACKEND == "rust":
        return np.asarray(_rs.cholesky_solve(a, np.eye(len(a))))
    return np.asarray(np.linalg.inv(a), dtype=np.float64)


class ModelType(StrEnum):
    """How sensors are predicted from each other."""

    PLS = "pls"
    LINEAR = "linear"
    PCA = "pca"
    AUTO = "auto"


@dataclass
class OMRModel:
    """What was learnt: scaling, and either components (shape (k, d)) or the ridge's inverse matrix (d, d)."""

    model_type: str
    feature_names: list[Any]
    n_components: int
    mean: Array
    scale: Array
    components: Array | None
    inverse: Array | None
    train_residual_std: float
    train_medians: Array
    contribution_scale: Array
    clip: float
    train_samples: int
    train_features: int

    def residuals(self, x: Array) -> Array:
        """Give reading minus prediction of each sensor, in standard deviations; 0 where there is no reading."""
        r = np.empty(x.shape)
        step = max(1, _BLOCK // max(1, x.shape[1]))
        for first in range(0, len(x), step):
            rows = slice(first, first + step)
            gaps = np.isnan(x[rows])
            z = np.where(gaps, self.train_medians, x[rows])
            z = np.clip((z - self.mean) / self.scale, -_LARGEST_SCALED, _LARGEST_SCALED)
            if self.components is not None:
                r[rows] = z - (z @ self.components.T) @ self.components
            else:
                assert self.inverse is not None
                # Column j of the inverse of X'X + alpha I over its diagonal: 1, and minus the ridge of j on the others.
                r[rows] = (z @ self.inverse) / np.diag(self.inverse)
            r[rows][gaps] = 0.0
        return r

    def to_dict(self) -> dict[str, Any]:
        """Give the model as plain values."""
        return {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in asdict(self).items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a pickled state; those of ACM's own class lack what contributions are measured by."""
        if "contribution_scale" not in state:
            raise TypeError("an OMRModel of ACM's own file lacks the scale of its contributions: fit again")
        self.__dict__.update(state)


_ARRAYS = ("mean", "scale", "components", "inverse", "train_medians", "contribution_scale")


class OMRDetector:
    """How far a row's sensors are from what the other sensors let expect.

    Parameters
    ----------
    cfg : dict, optional
        Settings, or a dict that holds them under ``"omr"``: ``model_type`` (``"auto"``, ``"pls"``, ``"linear"``,
        ``"pca"``), ``n_components`` (5), ``alpha`` (1, penalty of the ridge), ``min_samples`` (100), ``max_z_score``
        (10), ``variance_floor`` (least variance of a column in its unit; without it a column counts that moves at all),
        ``missingness_drop`` (0.5), ``healthy_regime`` (the most frequent).

    Attributes
    ----------
    model : OMRModel or None
        What was learnt.

    Raises
    ------
    ValueError
        A setting is outside what it may be.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> load = rng.normal(50.0, 5.0, 300)
    >>> x = pd.DataFrame({name: load + rng.normal(size=300) for name in "abcd"})
    >>> detector = OMRDetector({"n_components": 1}).fit(x)
    >>> x.iloc[-1, 2] += 20.0
    >>> z, contributions = detector.score(x, return_contributions=True)
    >>> int(z.argmax()), detector.get_top_contributors(contributions, 299, 1)[0][0]
    (299, 'c')
    """

    def __init__(self, cfg: Mapping[str, Any] | None = None) -> None:
        self.cfg: dict[str, Any] = _settings("cfg", cfg)
        settings = self.cfg
        if self.cfg.get("omr") is not None:
            settings = _settings("omr", self.cfg["omr"])
            beside = [name for name in _NAMES if name in self.cfg]
            if beside:
                _log.warning("OMR: the settings under omr count, not these beside it: %s", beside)
        given = settings.get
        self.model_type = _word("model_type", given("model_type", "auto"), tuple(str(kind) for kind in ModelType))
        self.n_components = _whole("n_components", given("n_components", 5), 1)
        self.alpha = _real("alpha", given("alpha", 1.0), "above 0 and finite", lambda number: 0.0 < number < math.inf)
        self.min_samples = _whole("min_samples", given("min_samples", 100), 1)
        self.max_z_score = _real("max_z_score", given("max_z_score", 10.0), "above 0", lambda number: number > 0.0)
        self.variance_floor: float | None = None
        if "variance_floor" in settings:
            self.variance_floor = _real(
                "variance_floor", settings["variance_floor"], "at least 0", lambda number: 0.0 <= number < math.inf
            )
        self.missingness_drop = _real(
            "missingness_drop", given("missingness_drop", 0.5), "a number from 0 to 1", lambda n: 0.0 <= n <= 1.0
        )
        self.healthy_regime_label: int | None = None
        healthy = given("healthy_regime")
        if healthy is not None:
            self.healthy_regime_label = _whole("healthy_regime", healthy, 0)
        self.model: OMRModel | None = None
        self._is_fitted = False
        self._nothing = ""

    def _healthy(self, labels: Any, n: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Tell which rows belong to the healthy regime: the one that is asked for, else the most frequent known one."""
        known = _floats(labels, "regime_labels")
        if known.shape != (n,):
            raise ValueError(f"regime_labels must have one label for each of {n} rows, got shape {known.shape}")
        label = self.healthy_regime_label
        if label is None:
            names, counts = np.unique(known[~np.isnan(known) & (known != _UNKNOWN)], return_counts=True)
            if not len(names):
                return np.ones(n, dtype=bool)
            label = int(names[counts.argmax()])
        rows = known == label
        if rows.sum() < self.min_samples:
            _log.warning("OMR: regime %s has only %d rows: all rows are learnt from", label, int(rows.sum()))
            return np.ones(n, dtype=bool)
        return np.asarray(rows)

    def _refuse(self, why: str, *values: object) -> OMRDetector:
        self._nothing = why % values
        _log.warning("OMR: %s: every row scores NaN", self._nothing)
        return self

    def fit(self, X: pd.DataFrame, regime_labels: Any = None) -> OMRDetector:
        """Learn from a frame; with labels of regimes, from the rows of the healthy one.

        Columns of which more than ``missingness_drop`` is missing, that stand still, or whose variance is at most
        ``variance_floor``, are left out. With fewer than max(20, min(min_samples / 2, columns)) rows, or fewer than two
        columns, there is nothing to learn, and rows score NaN.
        """
        _check(X)
        self.model, self._is_fitted, self._nothing = None, False, ""
        if regime_labels is not None:
            X = X[self._healthy(regime_labels, len(X))]
        x = _values(X)
        n = len(x)
        if not x.size:
            return self._refuse("nothing to learn from in shape %s", x.shape)
        kept = np.isnan(x).mean(axis=0) <= min(self.missingness_drop, 1.0 - 1.0 / n)
        medians, mean, scale = (np.full(len(kept), np.nan) for _ in range(3))
        # One column at a time: a few tables of all of them would be most of what the fit takes of memory.
        for j in np.flatnonzero(kept):
            known = x[:, j][~np.isnan(x[:, j])]
            medians[j] = np.median(known)
            # About the median and by the largest deviation, so that no square is lost.
            c = np.where(np.isnan(x[:, j]), medians[j], x[:, j]) - medians[j]
            largest = float(np.abs(c).max())
            unit = c / largest if largest > 0.0 else c
            mean[j], scale[j] = medians[j] + largest * unit.mean(), largest * unit.std()
        with np.errstate(invalid="ignore"):
            kept &= (scale > _ROUNDING * np.abs(medians)) & (scale > math.sqrt(self.variance_floor or 0.0))
        left_out = [name for name, keep in zip(X.columns, kept, strict=True) if not keep]
        if left_out:
            _log.warning("OMR: %d columns are mostly missing or still and are left out: %s", len(left_out), left_out)
        d = int(kept.sum())
        needed = max(20, min(self.min_samples // 2, d))
        if d < 2 or n < needed:
            return self._refuse("%d rows of %d columns are too few, %d of 2 are needed", n, d, needed)
        mean, scale, medians, x = mean[kept], scale[kept], medians[kept], x[:, kept]
        z = np.empty(x.shape, order="F")
        for to, column, median, level, spread in zip(z.T, x.T, medians, mean, scale, strict=True):
            filled = np.where(np.isnan(column), median, column)
            to[:] = np.clip((filled - level) / spread, -_LARGEST_SCALED, _LARGEST_SCALED)
        kind = self.model_type
        if kind == ModelType.AUTO.value:
            kind = "pca" if d > n else "linear" if n > 1000 and d < 20 else "pls"
        components = inverse = None
        k = 0
        if kind == ModelType.LINEAR.value:
            inverse = _inverse(z.T @ z + self.alpha * np.eye(d))
        else:
            components, variance = _components(z, max(1, min(self.n_components, d - 1, n - 1)))
            k = max(1, int(np.sum(variance > _NO_VARIANCE * variance[0])))
            components = components[:k]
        names = [name for name, keep in zip(X.columns, kept, strict=True) if keep]
        model = OMRModel(
            kind, names, k, mean, scale, components, inverse, 1.0, medians, np.ones(d), self.max_z_score, n, d
        )
        del z
        squares = model.residuals(x)
        squares *= squares
        norm = np.sqrt(np.sum(squares, axis=1))
        spread = 1.4826 * float(np.median(np.abs(norm - np.median(norm))))
        model.train_residual_std = max(spread if spread > 0.0 else float(np.std(norm)), 1e-6)
        model.contribution_scale = np.array([np.std(column) for column in squares.T]) + 1e-9
        # With many sensors healthy rows lie beyond any fixed bound.
        model.clip = max(self.max_z_score, 2.0 * float(np.quantile(norm, 0.99)) / model.train_residual_std)
        self.model, self._is_fitted = model, True
        return self

    def score(self, X: pd.DataFrame, return_contributions: bool = False) -> Array | tuple[Array, pd.DataFrame]:
        """Score rows by the norm of their residuals over that norm's robust scale in training, clipped.

        NaN for a row without values. With ``return_contributions`` also a frame of each sensor's squared residual over
        the standard deviation that it had in training, a quarter of it for columns ``_kurt`` and ``_skew``, with the
        index of ``X``. Columns are taken by name; a missing value has no residual and counts as the training median for
        the other sensors.
        """
        if self.model is None:
            if not self._nothing:
                raise RuntimeError("OMRDetector is not fitted: call fit first")
            _check(X)
            _log.warning("OMR: there was nothing to learn from (%s): every row scores NaN", self._nothing)
            none = np.full(len(X), np.nan)
            return (none, pd.DataFrame(np.nan, index=X.index, columns=X.columns)) if return_contributions else none
        model = self.model
        names = model.feature_names
        x = _aligned(X, names, "OMR")
        empty = np.isnan(x).all(axis=1)
        squares = model.residuals(x)
        squares *= squares
        z: Array = np.minimum(np.sqrt(np.sum(squares, axis=1)) / model.train_residual_std, model.clip)
        z[empty] = np.nan
        if not return_contributions:
            return z
        squares /= model.contribution_scale
        squares[:, [str(name).endswith(_SHAPES) for name in names]] *= _WEIGHT_OF_SHAPES
        return z, pd.DataFrame(squares, index=X.index, columns=pd.Index(names))

    def get_top_contributors(
        self, contributions: pd.DataFrame, timestamp: Any, top_n: int = 5
    ) -> list[tuple[str, float]]:
        """Give the sensors that contribute most at a time, the greatest first; none where the time is not there."""
        top_n = _whole("top_n", top_n, 0)
        if timestamp not in contributions.index:
            return []
        row = contributions[contributions.index == timestamp].iloc[-1]
        top = row.astype(float).nlargest(top_n)
        return [(str(name), float(value)) for name, value in top.items()]

    def get_diagnostics(self) -> dict[str, Any]:
        """Give what ACM records of a training."""
        if self.model is None:
            return {"fitted": False}
        return {
            "fitted": True,
            "model_type": self.model.model_type,
            "n_features": self.model.train_features,
            "n_samples": self.model.train_samples,
            "n_components": self.model.n_components,
            "train_residual_std": self.model.train_residual_std,
            "feature_names": self.model.feature_names,
        }

    def to_dict(self) -> dict[str, Any]:
        """Give the model as plain values; ``fitted`` says whether there is one.

        Where there was nothing to learn, ``nothing`` says why.
        """
        if self.model is None:
            return {"fitted": False, "cfg": _plain(self.cfg), "nothing": self._nothing}
        return {"fitted": True, "cfg": _plain(self.cfg), "model": self.model.to_dict()}

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any], cfg: Mapping[str, Any] | None = None) -> OMRDetector:
        """Restore a model that scores as the one that ``to_dict`` was called on; ``cfg`` is for its next fit."""
        detector = cls(payload.get("cfg") if cfg is None else cfg)
        detector._nothing = str(payload.get("nothing", ""))
        if payload.get("fitted"):
            state = dict(payload["model"])
            if "contribution_scale" not in state:
                raise TypeError("a payload of ACM's own file lacks the scale of its contributions: fit again")
            arrays = {n: None if state[n] is None else np.array(state[n], dtype=np.float64) for n in _ARRAYS}
            detector.model = OMRModel(**{**state, **arrays})
            detector._is_fitted = True
        return detector
