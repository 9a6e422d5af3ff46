"""PCA monitor of sensor histories: pandas frames in, SPE and T² out.

One self-contained file that takes the place of ACM's own ``core/correlation.py``. Medians, quartiles and components are
computed by ``acm_rs`` where it is installed, else by NumPy, with the same numbers. `BACKEND` says which serves; the
environment variable ``ACM_BACKEND`` (``rust``, or ``polars`` or ``pandas`` for NumPy), read once at import, forces one.
"""

from __future__ import annotations

import contextlib
import logging
import math
import numbers
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

try:
    import acm_rs as _acm_rs
except ImportError:
    _rs: Any = None
else:
    _rs = _acm_rs if all(hasattr(_acm_rs, name) for name in ("column_quantiles", "pca")) else None

__all__ = ["BACKEND", "HAS_RUST", "PCASubspace", "PCASubspaceDetector", "RobustStandardScaler"]

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

_log = logging.getLogger(__name__)

_LARGEST = 1e150
_LARGEST_SCALED = 1e6
_LARGEST_SCORE = 1e6
# Readings that differ by no more than this share of their level differ by rounding.
_ROUNDING = 8.0 * float(np.finfo(np.float64).eps)
_MOST = 2**32 - 1
# Below this share of the greatest variance a direction holds rounding, not sensors.
_NO_VARIANCE = 1e-12


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


def _switch(name: str, given: Any) -> bool:
    answer = {"true": True, "1": True, "false": False, "0": False}.get(str(given).strip().lower())
    if answer is None:
        raise ValueError(f"{name} must be True or False, got {given!r}")
    return answer


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


def _deviations(x: Array) -> Array:
    """Give the standard deviation of each column's values, 0 where they differ by rounding alone.

    By the largest deviation, so that no square is lost.
    """
    out = np.zeros(x.shape[1])
    for j, column in enumerate(x.T):
        known = column[~np.isnan(column)]
        if known.size:
            c = known - known[0]
            largest = float(np.abs(c).max())
            deviation = largest * float(np.std(c / largest)) if largest > 0.0 else 0.0
            out[j] = deviation if deviation > _ROUNDING * float(np.abs(known).max()) else 0.0
    return out


def _quartiles(x: Array) -> Array:
    """Give lower quartile, median and upper quartile of each column's values, shape (3, d)."""
    q = [0.25, 0.5, 0.75]
    if BACKEND == "rust":
        return np.asarray(_rs.column_quantiles(x, q), dtype=np.float64)
    out = np.full((3, x.shape[1]), np.nan)
    for j, column in enumerate(x.T):
        known = column[~np.isnan(column)]
        if known.size:
            out[:, j] = np.quantile(known, q)
    return out


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


def _rows(X: Any) -> Array:
    """Give a frame or an array of rows as float64, columns by their places."""
    if isinstance(X, pd.DataFrame):
        _check(X)
        return _values(X)
    x = _floats(X, "X")
    if x.ndim != 2:
        raise ValueError(f"X must have two dimensions, got shape {x.shape}")
    return x


def _mean_components(x: Array, k: int) -> tuple[Array, Array, Array]:
    """Give the first k principal components, their variances and the mean."""
    if BACKEND == "rust":
        components, variance, mean = _rs.pca(x, k)
        return np.asarray(components), np.asarray(variance), np.asarray(mean)
    mean = x.mean(axis=0)
    _, s, vt = np.linalg.svd(x - mean, full_matrices=False)
    vt = vt[:k]
    signs = np.sign(vt[np.arange(len(vt)), np.abs(vt).argmax(axis=1)])
    return vt * signs[:, None], s[:k] ** 2 / (len(x) - 1), mean


class RobustStandardScaler:
    """Scaling by median and interquartile range.

    A column whose quartiles are equal is scaled by its standard deviation, by 1 if it stands still. No scale is below
    ``epsilon``, in the columns' units, where it is given. ``transform`` keeps NaN.
    """

    def __init__(self, epsilon: float | None = None, with_centering: bool = True, with_scaling: bool = True) -> None:
        if epsilon is not None:
            epsilon = _real("epsilon", epsilon, "a number of at least 0", lambda number: 0.0 <= number < math.inf)
        self.epsilon = epsilon
        self.with_centering = _switch("with_centering", with_centering)
        self.with_scaling = _switch("with_scaling", with_scaling)

    def fit(self, X: Any, y: object = None) -> RobustStandardScaler:
        """Learn centre and scale of each column of an array, NaN left out."""
        x = np.asfortranarray(_rows(X))
        low, median, high = _quartiles(x)
        scale = high - low
        still = ~(scale > _ROUNDING * np.abs(median))
        if still.any():
            scale[still] = _deviations(x[:, still])
        scale[~(scale > 0.0)] = 1.0
        self.center_: Array | None = median if self.with_centering else None
        self.scale_: Array | None = np.maximum(scale, self.epsilon or 0.0) if self.with_scaling else None
        self.n_features_in_ = x.shape[1]
        return self

    def transform(self, X: Any) -> Array:
        """Scale an array, shape (n, d)."""
        x = _rows(X)
        if self.center_ is not None:
            x -= self.center_
        if self.scale_ is not None:
            x /= self.scale_
        return x

    def fit_transform(self, X: Any, y: object = None) -> Array:
        """Fit and scale."""
        return self.fit(X).transform(X)


class PCASubspace:
    """Principal components, with the scaling and columns that go before them.

    It holds all that scoring needs: what ACM stores of a detector is its ``pca`` alone.
    """

    def __init__(
        self,
        components: Array,
        variance: Array,
        ratio: Array,
        singular: Array,
        mean: Array,
        scaler: RobustStandardScaler,
        keep_cols: list[Any],
        medians: Array,
        n_features: int,
    ) -> None:
        self.components_ = components
        self.explained_variance_ = variance
        self.explained_variance_ratio_ = ratio
        self.singular_values_ = singular
        self.mean_ = mean
        self.n_components_ = self.n_components = len(components)
        # The columns of the training, kept or not: ACM compares it with those that it has now.
        self.n_features_in_ = n_features
        self.scaler = scaler
        self.keep_cols = keep_cols
        self.medians = medians

    def transform(self, X: Any) -> Array:
        """Give the coordinates of scaled rows, shape (n, k)."""
        x: Array = (np.asarray(X, dtype=np.float64) - self.mean_) @ self.components_.T
        return x

    def inverse_transform(self, Z: Any) -> Array:
        """Give the scaled rows that have these coordinates, shape (n, d)."""
        x: Array = np.asarray(Z, dtype=np.float64) @ self.components_ + self.mean_
        return x


class PCASubspaceDetector:
    """Distances of rows to (SPE) and within (T²) the subspace in which healthy rows lie.

    Parameters
    ----------
    pca_cfg : dict, optional
        ``n_components`` (5, most components). ``incremental`` and ``batch_size`` are accepted and change nothing: one
        decomposition serves both.

    Attributes
    ----------
    pca : PCASubspace
        What was learnt; set on another detector, it makes that one score as this one.
    scaler : RobustStandardScaler
        Scaling of the columns that are watched.
    keep_cols : list
        Columns that are watched: those that moved in training.
    col_medians : pandas.Series
        What stands in for missing values.

    Raises
    ------
    ValueError
        A setting is outside what it may be.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> load = np.random.default_rng(0).normal(50.0, 5.0, 300)
    >>> x = pd.DataFrame({"a": load, "b": 2 * load + np.random.default_rng(1).normal(size=300)})
    >>> detector = PCASubspaceDetector({"n_components": 1}).fit(x)
    >>> x.iloc[-1, 1] += 20.0
    >>> spe, t2 = detector.score(x)
    >>> int(spe.argmax())
    299
    """

    def __init__(self, pca_cfg: Mapping[str, Any] | None = None) -> None:
        self.cfg: dict[str, Any] = _settings("pca_cfg", pca_cfg)
        self._most = _whole("n_components", self.cfg.get("n_components", 5), 1)
        _switch("incremental", self.cfg.get("incremental", False))
        _whole("batch_size", self.cfg.get("batch_size", 4096), 1)
        self.scaler = RobustStandardScaler()
        self.keep_cols: list[Any] = []
        self.col_medians: pd.Series | None = None
        self._pca: PCASubspace | None = None

    @property
    def pca(self) -> PCASubspace | None:
        return self._pca

    @pca.setter
    def pca(self, model: PCASubspace | None) -> None:
        if model is not None:
            if not isinstance(model, PCASubspace):
                raise TypeError(f"pca must be a PCASubspace, got {type(model).__name__} without a scaling: fit again")
            self.scaler = model.scaler
            self.keep_cols = list(model.keep_cols)
            self.col_medians = pd.Series(model.medians, index=pd.Index(model.keep_cols, dtype=object))
        self._pca = model

    def fit(self, X: pd.DataFrame) -> PCASubspaceDetector:
        """Learn from a frame. Columns without values, or that stand still, are left out."""
        _check(X)
        x = _values(X)
        kept = np.flatnonzero(_deviations(x) > 0.0) if len(x) > 1 else np.empty(0, dtype=np.intp)
        left_out = [X.columns[j] for j in range(x.shape[1]) if j not in set(kept.tolist())]
        if left_out:
            _log.warning("PCA: %d columns do not move and are left out: %s", len(left_out), left_out)
        names = [X.columns[int(j)] for j in kept]
        x = np.asfortranarray(x[:, kept])
        scaler = RobustStandardScaler()
        if not names:
            _log.warning("PCA: nothing moves in %d rows: every row scores NaN", len(x))
            none, zero = np.zeros(0), np.zeros(1)
            scaler.center_, scaler.scale_, scaler.n_features_in_ = none, none, 0
            self.pca = PCASubspace(np.zeros((1, 0)), zero, zero, zero, none, scaler, [], none, X.shape[1])
            return self
        scaler.fit(x)
        assert scaler.center_ is not None
        medians = scaler.center_
        gaps = np.isnan(x)
        if gaps.any():
            x[gaps] = medians[np.nonzero(gaps)[1]]
        x = np.clip(scaler.transform(x), -_LARGEST_SCALED, _LARGEST_SCALED)
        components, variance, mean = _mean_components(x, min(self._most, x.shape[1], len(x) - 1))
        total = float(np.sum(np.var(x, axis=0, ddof=1)))
        k = max(1, int(np.sum(variance > _NO_VARIANCE * variance[0])))
        variance = variance[:k]
        singular = np.sqrt(variance * (len(x) - 1))
        self.pca = PCASubspace(
            components[:k], variance, variance / total, singular, mean, scaler, names, medians, X.shape[1]
        )
        return self

    def score(self, X: pd.DataFrame) -> tuple[Array, Array]:
        """Give SPE and T² of each row, both between 0 and 1e6; NaN where no watched sensor has a value.

        Columns are taken by name. Missing values count as the training median, also those of a column that is not
        there, which is logged.
        """
        if self._pca is None:
            raise RuntimeError("PCASubspaceDetector is not fitted: call fit first")
        model = self._pca
        if not self.keep_cols:
            _log.warning("PCA: there was nothing to learn from (nothing moved in training): every row scores NaN")
        x = _aligned(X, self.keep_cols, "PCA")
        gaps = np.isnan(x)
        empty = gaps.all(axis=1)
        if gaps.any():
            x[gaps] = model.medians[np.nonzero(gaps)[1]]
        x = np.clip(self.scaler.transform(x), -_LARGEST_SCALED, _LARGEST_SCALED)
        z = model.transform(x)
        x -= model.inverse_transform(z)
        spe = np.clip(np.sum(x * x, axis=1), 0.0, _LARGEST_SCORE)
        t2 = np.clip(np.sum(z * z / np.maximum(model.explained_variance_, 1e-12), axis=1), 0.0, _LARGEST_SCORE)
        spe[empty] = np.nan
        t2[empty] = np.nan
        return spe, t2

    def to_dict(self) -> dict[str, Any]:
        """Give the model as plain values; ``fitted`` says whether there is one."""
        if self._pca is None:
            return {"fitted": False, "cfg": _plain(self.cfg)}
        model = self._pca
        arrays = {name: getattr(model, name).tolist() for name in _PARTS}
        scale = None if self.scaler.scale_ is None else self.scaler.scale_.tolist()
        center = None if self.scaler.center_ is None else self.scaler.center_.tolist()
        columns = {"keep_cols": list(self.keep_cols), "n_features": model.n_features_in_}
        return {"fitted": True, "cfg": _plain(self.cfg), **columns, "center": center, "scale": scale, **arrays}

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> PCASubspaceDetector:
        """Restore a model that scores as the one that ``to_dict`` was called on."""
        detector = cls(payload.get("cfg"))
        if payload["fitted"]:
            names = list(payload["keep_cols"])
            scaler = RobustStandardScaler()
            scaler.center_, scaler.scale_ = (_array(payload[name]) for name in ("center", "scale"))
            scaler.n_features_in_ = len(names)
            components, variance, ratio, singular, mean, medians = (
                np.array(payload[name], dtype=np.float64) for name in _PARTS
            )
            components = components.reshape(len(variance), len(names))
            detector.pca = PCASubspace(
                components, variance, ratio, singular, mean, scaler, names, medians, int(payload["n_features"])
            )
        return detector

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a pickled state, also one of ACM's own class, whose ``pca`` is scikit-learn's."""
        state = dict(state)
        old = state.pop("pca", None)
        self.__init__(state.get("cfg"))  # type: ignore[misc]
        self.__dict__.update(state)
        if old is not None:
            if self.col_medians is None or not hasattr(self.scaler, "scale_"):
                raise TypeError("a pickled PCASubspaceDetector without its scaling cannot score: fit again")
            self.pca = PCASubspace(
                old.components_,
                old.explained_variance_,
                old.explained_variance_ratio_,
                old.singular_values_,
                old.mean_,
                self.scaler,
                self.keep_cols,
                self.col_medians.to_numpy(dtype=np.float64),
                len(self.keep_cols),
            )


_PARTS: Sequence[str] = (
    "components_",
    "explained_variance_",
    "explained_variance_ratio_",
    "singular_values_",
    "mean_",
    "medians",
)


def _array(values: Sequence[float] | None) -> Array | None:
    return None if values is None else np.array(values, dtype=np.float64)
