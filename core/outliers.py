"""Isolation forest and Gaussian mixture of sensor histories: pandas frames in, scores out.

One self-contained file that takes the place of ACM's own ``core/outliers.py``. Forests are grown by ``acm_rs`` where it
is installed, else by scikit-learn: both are isolation forests, no two trees are the same. Mixtures are those of
scikit-learn, from its k-means, by steps of acm_rs or else of NumPy, with the same numbers in both cases. `BACKEND` says
which serves; the environment variable ``ACM_BACKEND`` (``rust``, or ``polars`` or ``pandas`` for NumPy and
scikit-learn), read once at import, forces one.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import math
import numbers
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

try:
    import acm_rs as _acm_rs
except ImportError:
    _rs: Any = None
else:
    _rs = _acm_rs if all(hasattr(_acm_rs, name) for name in ("column_quantiles", "IsolationForest")) else None

__all__ = ["BACKEND", "HAS_RUST", "Forest", "GMMDetector", "IsolationForestDetector", "Mixture"]

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

_log = logging.getLogger(__name__)

_LARGEST = 1e150
_LARGEST_SCALED = 1e6
# Readings that differ by no more than this share of their level differ by rounding.
_ROUNDING = 8.0 * float(np.finfo(np.float64).eps)
_MOST = 2**32 - 1
# Values that are worked on at a time: what is computed of them stays near the processor.
_BLOCK = 2**16
# scikit-learn's own.
_TOLERANCE = 1e-3
_FORMS = ("diag", "full", "tied", "spherical")
_STARTS = ("kmeans", "k-means++", "random", "random_from_data")


def _choose_backend(forced: str | None) -> str:
    if forced not in {None, "", "rust", "polars", "pandas"}:
        raise ValueError(f"ACM_BACKEND must be rust, polars or pandas, got {forced!r}")
    if forced == "rust" and _rs is None:
        raise RuntimeError("ACM_BACKEND=rust is not available here: pip install acm-rs")
    return "rust" if _rs is not None and forced in {None, "", "rust"} else "numpy"


HAS_RUST: bool = _rs is not None
# Of an acm_rs that is older than this file there are none.
_steps: Any = getattr(getattr(_rs, "_native", None), "mixture_from_shares", None)
_labels_from: Any = getattr(getattr(_rs, "_native", None), "certain_labels", None)
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


def _scaling(x: Array) -> tuple[Array, Array]:
    """Give median and interquartile range of each column; the standard deviation where that is 0, or 1."""
    low, median, high = _quartiles(x)
    scale = high - low
    still = ~(scale > _ROUNDING * np.abs(median))
    if still.any():
        scale[still] = _deviations(x[:, still])
    scale[~(scale > 0.0)] = 1.0
    return np.where(np.isnan(median), 0.0, median), scale


def _scaled(x: Array, center: Array, scale: Array) -> Array:
    """Scale rows; missing values stand at the centre."""
    z: Array = np.clip((x - center) / scale, -_LARGEST_SCALED, _LARGEST_SCALED)
    z[np.isnan(z)] = 0.0
    return z


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError("this needs scikit-learn: pip install scikit-learn") from error


def _no_scores(frame: pd.DataFrame, what: str, why: str) -> Array:
    _check(frame)
    _log.warning("%s: there was nothing to learn from (%s): every row scores NaN", what, why)
    return np.full(len(frame), np.nan)


class Forest:
    """A grown forest, with the columns and scaling that go before it.

    It holds all that scoring needs: what ACM stores of a detector is its ``model`` alone.
    """

    max_features = 1.0

    def __init__(self, columns: list[Any], moves: np.ndarray[Any, Any], n_estimators: int, max_samples: int) -> None:
        self.columns = columns
        self.moves = moves
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.n_features_in_ = len(columns)
        self.threshold: float | None = None
        self.engine: Any = None

    def grow(self, x: Array, seed: int, bootstrap: bool) -> None:
        """Grow the trees; acm_rs draws rows without replacement only, scikit-learn serves bootstrap."""
        x = np.asfortranarray(x[:, self.moves])
        self.center, self.scale = _scaling(x)
        if BACKEND == "rust" and not bootstrap:
            grown = _rs.IsolationForest(self.n_estimators, self.max_samples, seed=seed, constants="ignore")
            self.engine = grown.fit(x)
        else:
            made = _imported("sklearn.ensemble").IsolationForest(
                n_estimators=self.n_estimators, max_samples=self.max_samples, random_state=seed, bootstrap=bootstrap
            )
            self.engine = made.fit(_scaled(x, self.center, self.scale))

    def score(self, x: Array) -> Array:
        """Score rows, shape (n, d), by 2^(-mean path length / expected path length)."""
        x = x[:, self.moves]
        s = np.full(len(x), np.nan)
        rows = ~np.isnan(x).all(axis=1)
        if rows.any():
            known = x if rows.all() else x[rows]
            if hasattr(self.engine, "score_samples"):
                s[rows] = -self.engine.score_samples(_scaled(known, self.center, self.scale))
            else:
                s[rows] = self.engine.score(known)
        return s


def _row_count(given: Any) -> int | float:
    """Give how many rows a tree gets: a whole number, or a share below or of 1 as a float."""
    if isinstance(given, str) and given == "auto":
        return 256
    must = "'auto', a number of rows or a share of them"
    number = _real("max_samples", given, must, lambda n: 0.0 < n <= 1.0 or (n.is_integer() and 1.0 < n <= _MOST))
    share = number < 1.0 or (number == 1.0 and "." in str(given))
    return number if share else int(number)


class IsolationForestDetector:
    """Rows that few random splits set apart from the others are abnormal.

    Parameters
    ----------
    if_cfg : dict, optional
        ``n_estimators`` (100), ``max_samples`` (``"auto"`` for 256, a number of rows, or a share of them),
        ``contamination`` (``"auto"``, or the share of training rows that `predict` calls abnormal, at most 0.5),
        ``random_state`` (17), ``bootstrap`` (False). ``warm_start`` is accepted and changes nothing.

    Attributes
    ----------
    model : Forest or None
        What was learnt; set on another detector, it makes that one score as this one.

    Raises
    ------
    ValueError
        A setting is outside what it may be.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> x = pd.DataFrame(np.random.default_rng(0).normal(50.0, 2.0, (300, 2)), columns=["a", "b"])
    >>> x.iloc[-1, 1] = 80.0
    >>> int(IsolationForestDetector({}).fit(x).score(x).argmax())
    299
    """

    def __init__(self, if_cfg: Mapping[str, Any] | None = None) -> None:
        self.cfg: dict[str, Any] = _settings("if_cfg", if_cfg)
        given = self.cfg.get
        self._trees = _whole("n_estimators", given("n_estimators", 100), 1)
        self._seed = _whole("random_state", given("random_state", 17), 0)
        self._samples = _row_count(given("max_samples", "auto"))
        self._share: float | None = None
        share = given("contamination", "auto")
        if not (isinstance(share, str) and share == "auto"):
            must = "'auto' or above 0 and at most 0.5"
            self._share = _real("contamination", share, must, lambda number: 0.0 < number <= 0.5)
        self._bootstrap = _switch("bootstrap", given("bootstrap", False))
        _switch("warm_start", given("warm_start", False))
        self._model: Forest | None = None
        self._nothing = ""

    @property
    def model(self) -> Forest | None:
        return self._model

    @model.setter
    def model(self, model: Forest | None) -> None:
        if model is not None and not isinstance(model, Forest):
            raise TypeError(f"model must be a Forest, got {type(model).__name__} without columns or medians: fit again")
        self._model = model
        self._nothing = ""

    def fit(self, X: pd.DataFrame) -> IsolationForestDetector:
        """Grow the forest. In a frame where nothing moves there is nothing to learn: rows score NaN then."""
        _check(X)
        x = _values(X)
        self.model = None
        moves = _deviations(x) > 0.0 if len(x) > 1 else np.zeros(x.shape[1], dtype=bool)
        if not moves.any():
            self._nothing = f"nothing moves in {len(x)} rows"
            _log.warning("IForest: %s: every row scores NaN", self._nothing)
            return self
        asked = self._samples
        rows = max(2, min(len(x), int(asked * len(x)) if isinstance(asked, float) else asked))
        model = Forest(list(X.columns), moves, self._trees, rows)
        model.grow(x, self._seed, self._bootstrap)
        if self._share is not None:
            known = model.score(x)
            model.contamination = self._share  # type: ignore[attr-defined]
            model.threshold = float(np.quantile(known[~np.isnan(known)], 1.0 - self._share))
        self.model = model
        return self

    def score(self, X: pd.DataFrame) -> Array:
        """Score rows between 0 and 1, about 0.5 for an average one; NaN for a row without values.

        Columns are taken by name. Missing values never depend on the other rows that are scored: with acm_rs they go
        down the branch that took more of the training rows, else they count as the training median.
        """
        if self._nothing:
            return _no_scores(X, "IForest", self._nothing)
        if self._model is None:
            raise RuntimeError("IsolationForestDetector is not fitted: call fit first")
        return self._model.score(_aligned(X, self._model.columns, "IForest"))

    def decision_function(self, X: pd.DataFrame) -> Array:
        """Give the same as `score`."""
        return self.score(X)

    def predict(self, X: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.int8]]:
        """Give 1 for rows at or above the threshold that ``contamination`` set, else 0; all 0 without one."""
        scores = self.score(X)
        threshold = None if self._model is None else self._model.threshold
        return (scores >= (np.inf if threshold is None else threshold)).astype(np.int8)

    def to_dict(self) -> dict[str, Any]:
        """Give the model as plain values and, for the trees, bytes; ``fitted`` says whether there is one.

        Where there was nothing to learn, ``nothing`` says why.
        """
        if self._model is None:
            return {"fitted": False, "cfg": _plain(self.cfg), "nothing": self._nothing}
        state = dict(self._model.__dict__)
        engine = state.pop("engine")
        if hasattr(engine, "to_bytes"):
            trees = engine.to_bytes()
        else:
            file = io.BytesIO()
            _imported("joblib").dump(engine, file)
            trees = file.getvalue()
        state = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in state.items()}
        kind = "acm_rs" if hasattr(engine, "to_bytes") else "sklearn"
        return {"fitted": True, "cfg": _plain(self.cfg), "state": state, "engine": kind, "trees": trees}

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> IsolationForestDetector:
        """Restore a model that scores as the one that ``to_dict`` was called on."""
        detector = cls(payload.get("cfg"))
        detector._nothing = str(payload.get("nothing", ""))
        if payload["fitted"]:
            model = Forest.__new__(Forest)
            model.__dict__.update(payload["state"])
            model.moves = np.array(payload["state"]["moves"], dtype=bool)
            model.center, model.scale = (np.array(payload["state"][n], dtype=np.float64) for n in ("center", "scale"))
            if payload["engine"] == "acm_rs":
                if _rs is None:
                    raise RuntimeError("these trees were grown by acm_rs: pip install acm-rs, or fit again")
                model.engine = _rs.IsolationForest.from_bytes(payload["trees"])
            else:
                model.engine = _imported("joblib").load(io.BytesIO(payload["trees"]))
            detector.model = model
        return detector

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a pickled state; those of ACM's own class do not hold the medians of their training."""
        if "_trees" not in state:
            raise TypeError("a pickled IsolationForestDetector of ACM's own file lacks its training medians: fit again")
        self.__init__(state["cfg"])  # type: ignore[misc]
        self._model, self._nothing = state["_model"], state["_nothing"]


def _n_parameters(form: str, k: int, d: int) -> int:
    """Give how many numbers k states of d columns choose freely."""
    inner = {"full": d * (d + 1) // 2 * k, "tied": d * (d + 1) // 2, "diag": d * k, "spherical": k}
    return inner[form] + d * k + k - 1


def _start_labels(z: Array, k: int, draw: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """Give the labels of scikit-learn's k-means from one start, which is drawn as it draws it."""
    cluster = _imported("sklearn.cluster")
    labels: np.ndarray[Any, np.dtype[Any]] | None = None
    if BACKEND == "rust" and _labels_from is not None:
        before = draw.get_state()
        first = cluster.kmeans_plusplus(z - z.mean(axis=0), k, random_state=draw)[1]
        labels = _labels_from(z, z[first])
        if labels is None:
            # Rows halfway between two centres, where rounding decides.
            draw.set_state(before)
    if labels is None:
        labels = cluster.KMeans(k, n_init=1, random_state=draw).fit(z).labels_
    return labels


def _starts(z: Array, k: int, n_init: int, init_params: str, random_state: int) -> Array:
    """Give the responsibilities that scikit-learn's mixture begins with, (n, n_init * k), from its own generator."""
    draw = np.random.RandomState(random_state)
    shares = np.zeros((len(z), n_init * k))
    states = np.arange(k)
    for first in range(0, n_init * k, k):
        own = shares[:, first : first + k]
        if init_params == "kmeans":
            own[np.arange(len(z)), _start_labels(z, k, draw)] = 1.0
        elif init_params == "k-means++":
            own[_imported("sklearn.cluster").kmeans_plusplus(z, k, random_state=draw)[1], states] = 1.0
        elif init_params == "random":
            own[:] = draw.uniform(size=own.shape)
            own /= own.sum(axis=1, keepdims=True)
        else:
            own[draw.choice(len(z), size=k, replace=False), states] = 1.0
    return shares


def _factors(form: str, covariances: Array, k: int, d: int) -> Array:
    """Give inverse deviations of each state, (k, d), or Cholesky factors of its inverse covariance, (k, d, d)."""
    if form in {"full", "tied"}:
        factors = np.swapaxes(np.linalg.inv(np.linalg.cholesky(covariances)), -1, -2)
        return np.broadcast_to(factors, (k, d, d)).copy()
    if not (covariances > 0.0).all():
        raise ValueError("reg_covar must be larger: a variance is 0")
    return np.broadcast_to((1.0 / np.sqrt(covariances)).reshape(k, -1), (k, d)).copy()


def _blocks(x: Array) -> Iterator[slice]:
    """Give the rows in blocks, so that what is computed of them stays near the processor."""
    step = max(1, _BLOCK // max(1, x.shape[1]))
    return (slice(first, first + step) for first in range(0, len(x), step))


def _log_parts(rests: Array, squares: Array | None, weights: Array, factors: Array) -> Array:
    """Give each state's part of the density of rows, as logarithms, (n, k), from their differences from its mean."""
    d = rests.shape[2]
    if squares is not None:
        distances = (squares @ (factors * factors)[:, :, None])[:, :, 0]
        roots = factors
    else:
        y = rests @ factors
        distances = np.einsum("knd,knd->kn", y, y)
        roots = factors[:, np.arange(d), np.arange(d)]
    constants = np.log(weights) + np.log(roots).sum(axis=1) - 0.5 * d * np.log(2.0 * np.pi)
    return constants - 0.5 * distances.T


def _log_sums(parts: Array) -> Array:
    top = parts.max(axis=1, keepdims=True)
    sums: Array = top[:, 0] + np.log(np.sum(np.exp(parts - top), axis=1))
    return sums


def _density(z: Array, weights: Array, means: Array, factors: Array) -> Array:
    """Give the log density of scaled rows, (n,)."""
    rests = z - means[:, None]
    return _log_sums(_log_parts(rests, rests * rests if factors.ndim == 2 else None, weights, factors))


class _Run:
    """Expectation and maximisation by NumPy, as acm_rs does it: sums about the means before, in blocks of rows."""

    def __init__(self, z: Array, shares: Array, form: str, reg_covar: float, max_iter: int) -> None:
        self.z, self.form, self.reg_covar = z, form, reg_covar
        self.means_ = np.zeros((shares.shape[1], z.shape[1]))
        for _ in range(2):  # First the means of the start, then all else about them.
            self._step(shares)
        self.lower_bound_ = -math.inf
        for _ in range(max_iter):
            before, self.lower_bound_ = self.lower_bound_, self._step(None)
            if abs(self.lower_bound_ - before) < _TOLERANCE:
                break

    def _step(self, shares: Array | None) -> float:
        """Maximise, by the shares that are given or those of the states; give the mean log density before."""
        k, d = self.means_.shape
        whole = self.form in {"full", "tied"}
        counts, firsts, seconds = np.zeros(k), np.zeros((k, d)), np.zeros((k, d, d) if whole else (k, d))
        log = 0.0
        for rows in _blocks(self.z):
            rests = self.z[rows] - self.means_[:, None]
            squares = None if whole else rests * rests
            if shares is None:
                parts = _log_parts(rests, squares, self.weights_, self.factors_)
                sums = _log_sums(parts)
                log += float(sums.sum())
                own = np.exp(parts - sums[:, None])
            else:
                own = shares[rows]
            counts += own.sum(axis=0)
            mine = np.ascontiguousarray(own.T)[:, None]
            firsts += (mine @ rests)[:, 0]
            if squares is None:
                seconds += np.swapaxes(rests, 1, 2) * mine @ rests
            else:
                seconds += (mine @ squares)[:, 0]
        self._maximise(counts + 10.0 * float(np.finfo(np.float64).eps), firsts, seconds)
        return log / len(self.z)

    @property
    def log_density_(self) -> float:
        """The mean log density of the rows."""
        state = (self.weights_, self.means_, self.factors_)
        return sum(float(_density(self.z[rows], *state).sum()) for rows in _blocks(self.z)) / len(self.z)

    def _maximise(self, counts: Array, firsts: Array, seconds: Array) -> None:
        k, d = firsts.shape
        shifts = firsts / counts[:, None]
        if self.form in {"full", "tied"}:
            spreads = seconds / counts[:, None, None] - shifts[:, :, None] * shifts[:, None, :]
            if self.form == "tied":
                spreads = np.average(spreads, axis=0, weights=counts)[None]
            spreads[:, np.arange(d), np.arange(d)] += self.reg_covar
        else:
            spreads = np.maximum(seconds / counts[:, None] - shifts * shifts, 0.0) + self.reg_covar
            if self.form == "spherical":
                spreads = spreads.mean(axis=1)
        self.weights_ = counts / counts.sum()
        self.means_ = self.means_ + shifts
        self.covariances_ = spreads
        self.factors_ = _factors(self.form, spreads, k, d)


def _stepped(
    z: Array,
    k: int,
    form: str,
    reg_covar: float,
    random_state: int,
    n_init: int = 1,
    max_iter: int = 100,
    init_params: str = "kmeans",
) -> Any:
    """Fit k states to scaled rows: the starts and the rule of stopping are those of scikit-learn's mixture."""
    shares = _starts(z, k, n_init, init_params, random_state)
    if BACKEND == "rust" and _steps is not None:
        best = SimpleNamespace(**_steps(z, shares, k, form, reg_covar, _TOLERANCE, max_iter))
        best.factors_ = _factors(form, best.covariances_, k, z.shape[1])
        return best
    runs = (_Run(z, shares[:, first : first + k], form, reg_covar, max_iter) for first in range(0, n_init * k, k))
    return max(runs, key=lambda run: run.lower_bound_)


class Mixture:
    """A fitted mixture, with the columns and scaling that go before it.

    It holds all that scoring needs: what ACM stores of a detector is its ``model`` alone. Arrays of rows have the
    columns that the fit saw, in their units.
    """

    def __init__(self, columns: list[Any], moves: np.ndarray[Any, Any], center: Array, scale: Array) -> None:
        self.columns = columns
        self.moves = np.asarray(moves, dtype=bool)
        self.center = center
        self.scale = scale
        self.n_features_in_ = len(columns)
        self.score_mu = 0.0
        self.score_sd = 1.0

    def adopt(self, form: str, fitted: Any, factors: Array) -> None:
        """Take the parameters of a mixture of scaled rows."""
        self.n_components = len(fitted.weights_)
        self.covariance_type = form
        self.weights_ = np.asarray(fitted.weights_, dtype=np.float64)
        self.means_ = np.asarray(fitted.means_, dtype=np.float64)
        self.lower_bound_ = float(fitted.lower_bound_)
        self.factors = factors
        self.n_parameters = _n_parameters(form, *self.means_.shape)

    def score_samples(self, x: Array) -> Array:
        """Give the log density of rows in units of their scaled values; NaN for a row without values."""
        x = np.asarray(x, dtype=np.float64)
        s = np.empty(len(x))
        for rows in _blocks(x):
            block = x[rows, self.moves]
            z = _scaled(block, self.center, self.scale)
            found = _density(z, self.weights_, self.means_, self.factors)
            found[np.isnan(block).all(axis=1)] = np.nan
            s[rows] = found
        return s

    def bic(self, x: Array) -> float:
        """Give the Bayesian information criterion of rows."""
        s = self.score_samples(x)
        return float(-2.0 * np.nansum(s) + self.n_parameters * np.log(max(1, np.sum(~np.isnan(s)))))

    def aic(self, x: Array) -> float:
        """Give Akaike's information criterion of rows."""
        return float(-2.0 * np.nansum(self.score_samples(x)) + 2.0 * self.n_parameters)


class GMMDetector:
    """Rows that none of a few operating states makes likely are abnormal.

    Parameters
    ----------
    gmm_cfg : dict, optional
        ``n_components`` (5, most states), ``covariance_type`` (``"diag"``), ``reg_covar`` (1e-2), ``n_init`` (3),
        ``max_iter`` (100), ``init_params`` (``"kmeans"``), ``random_state`` (42); ``enable_bic_search`` (True) takes as
        many states, from ``k_min`` (2) to ``k_max`` (5), at least two and at most ``n_components``, as the Bayesian
        information criterion likes best.

    Attributes
    ----------
    model : Mixture or None
        What was learnt; set on another detector, it makes that one score as this one.

    Raises
    ------
    ValueError
        A setting is outside what it may be.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> load = np.random.default_rng(0).choice([20.0, 80.0], 300)
    >>> x = pd.DataFrame({"a": load, "b": 2 * load}) + np.random.default_rng(1).normal(size=(300, 2))
    >>> x.iloc[-1] = [50.0, 100.0]
    >>> int(GMMDetector({"n_components": 2}).fit(x).score(x).argmax())
    299
    """

    def __init__(self, gmm_cfg: Mapping[str, Any] | None = None) -> None:
        self.gmm_cfg: dict[str, Any] = _settings("gmm_cfg", gmm_cfg)
        given = self.gmm_cfg.get
        self._user_k = _whole("n_components", given("n_components", 5), 1)
        if self._user_k == 1:
            _log.warning("GMM: n_components 1 counts as 5: a mixture has at least two states")
            self._user_k = 5
        self._form = _word("covariance_type", given("covariance_type", "diag"), _FORMS)
        self._ridge = _real(
            "reg_covar", given("reg_covar", 1e-2), "a number of at least 0", lambda number: 0.0 <= number < math.inf
        )
        self._search = _switch("enable_bic_search", given("enable_bic_search", True))
        self._k_min, self._k_max = (_whole(name, given(name, k), 1) for name, k in (("k_min", 2), ("k_max", 5)))
        if self._k_min > self._k_max:
            raise ValueError(f"k_min must be at most k_max, got {self._k_min} and {self._k_max}")
        self._start: dict[str, Any] = {
            "n_init": _whole("n_init", given("n_init", 3), 1),
            "max_iter": _whole("max_iter", given("max_iter", 100), 1),
            "init_params": _word("init_params", given("init_params", "kmeans"), _STARTS),
            "random_state": _whole("random_state", given("random_state", 42), 0),
        }
        self._model: Mixture | None = None
        self._nothing = ""

    @property
    def model(self) -> Mixture | None:
        return self._model

    @model.setter
    def model(self, model: Mixture | None) -> None:
        if model is not None and not isinstance(model, Mixture):
            raise TypeError(f"model must be a Mixture, got {type(model).__name__} without a scaling: fit again")
        self._model = model
        self._nothing = ""

    def _fitted(self, z: Array, k: int, **start: Any) -> Any:
        """Fit k states to scaled rows, None where that fails."""
        with warnings.catch_warnings():
            # Of k-means: fewer different rows than states.
            warnings.simplefilter("ignore", _imported("sklearn.exceptions").ConvergenceWarning)
            try:
                return _stepped(z, k, self._form, self._ridge, **start)
            except (ValueError, np.linalg.LinAlgError) as error:
                _log.warning(
                    "GMM: %d states could not be fitted (%s): reg_covar must be larger than %g, or no column follow"
                    " from the others",
                    k,
                    error,
                    self._ridge,
                )
                return None

    def _best_k(self, z: Array, most: int) -> int:
        if not self._search or most < 3:
            return most
        criteria = {}
        for k in range(max(2, self._k_min), min(most, self._k_max) + 1):
            fitted = self._fitted(z, k, random_state=17)
            if fitted is not None:
                free = _n_parameters(self._form, k, z.shape[1])
                criteria[k] = free * math.log(len(z)) - 2.0 * len(z) * fitted.log_density_
        return min(criteria, key=lambda k: criteria[k]) if criteria else min(most, max(2, self._k_max))

    def fit(self, X: pd.DataFrame) -> GMMDetector:
        """Learn from a frame. Columns that stand still are left out; where all do, rows score NaN."""
        _check(X)
        x = _values(X)
        self.model = None
        moves = _deviations(x) > 0.0 if len(x) > 2 else np.zeros(x.shape[1], dtype=bool)
        if not moves.any():
            self._nothing = f"nothing moves in {len(x)} rows"
            _log.warning("GMM: %s: every row scores NaN", self._nothing)
            return self
        model = Mixture(list(X.columns), moves, *_scaling(np.asfortranarray(x[:, moves])))
        z = np.empty((len(x), len(model.center)))
        empty = np.zeros(len(x), dtype=bool)
        for rows in _blocks(x):
            block = x[rows, moves]
            z[rows], empty[rows] = _scaled(block, model.center, model.scale), np.isnan(block).all(axis=1)
        del x
        k = self._best_k(z, max(2, min(self._user_k, int(np.sqrt(len(z)) / 2), len(z) - 1, 32)))
        fitted = None
        while fitted is None and k >= 2:
            fitted = self._fitted(z, k, **self._start)
            k -= 1
        if fitted is None:
            self._nothing = "no number of states could be fitted"
            _log.warning("GMM: %s: every row scores NaN", self._nothing)
            return self
        model.adopt(self._form, fitted, fitted.factors_)
        s = np.empty(len(z))
        for rows in _blocks(z):
            s[rows] = -_density(z[rows], model.weights_, model.means_, model.factors)
        s = s[~empty]
        model.score_mu = float(np.median(s))
        model.score_sd = 1.4826 * float(np.median(np.abs(s - model.score_mu))) + 1e-9
        self.model = model
        return self

    def score(self, X: pd.DataFrame) -> Array:
        """Give minus the log density of each row; NaN for a row without values.

        Columns are taken by name. Missing values count as the training median.
        """
        if self._nothing:
            return _no_scores(X, "GMM", self._nothing)
        if self._model is None:
            raise RuntimeError("GMMDetector is not fitted: call fit first")
        return -self._model.score_samples(_aligned(X, self._model.columns, "GMM"))

    def decision_function(self, X: pd.DataFrame) -> Array:
        """Give the score in robust deviations from the median of the training rows' scores."""
        s = self.score(X)
        if self._model is None:
            return s
        z: Array = (s - self._model.score_mu) / self._model.score_sd
        return z

    def to_dict(self) -> dict[str, Any]:
        """Give the model as plain values; ``fitted`` says whether there is one.

        Where there was nothing to learn, ``nothing`` says why.
        """
        if self._model is None:
            return {"fitted": False, "cfg": _plain(self.gmm_cfg), "nothing": self._nothing}
        state = {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in self._model.__dict__.items()}
        return {"fitted": True, "cfg": _plain(self.gmm_cfg), "state": state}

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> GMMDetector:
        """Restore a model that scores as the one that ``to_dict`` was called on."""
        detector = cls(payload.get("cfg"))
        detector._nothing = str(payload.get("nothing", ""))
        if payload["fitted"]:
            model = Mixture.__new__(Mixture)
            model.__dict__.update(payload["state"])
            model.moves = np.array(payload["state"]["moves"], dtype=bool)
            for name in ("center", "scale", "weights_", "means_", "factors"):
                setattr(model, name, np.array(payload["state"][name], dtype=np.float64))
            detector.model = model
        return detector

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a pickled state, also one of ACM's own class, whose ``model`` is scikit-learn's."""
        state = dict(state)
        old, scaler = state.pop("model", None), state.pop("scaler", None)
        self.__init__(state["gmm_cfg"])  # type: ignore[misc]
        self._model, self._nothing = state.get("_model"), state.get("_nothing", "")
        if old is not None:
            model = Mixture(list(state["_columns_"]), state["_var_mask"], scaler.center_, scaler.scale_)
            k, d = old.means_.shape
            factors = np.asarray(old.precisions_cholesky_, dtype=np.float64)
            shape = (k, d, d) if old.covariance_type in {"full", "tied"} else (k, d)
            factors = factors[:, None] if old.covariance_type == "spherical" else factors
            model.adopt(str(old.covariance_type), old, np.broadcast_to(factors, shape).copy())
            model.score_mu, model.score_sd = float(state["_score_mu_"]), float(state["_score_sd_"])
            self._model = model
