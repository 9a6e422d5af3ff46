"""AR(1) detector of sensor histories: pandas frames in, scores out.

One self-contained file that takes the place of ACM's own ``core/ar1_detector.py``. Residuals are computed by ``acm_rs``
where it is installed, else by NumPy, with the same numbers. `BACKEND` says which serves; the environment variable
``ACM_BACKEND`` (``rust``, or ``polars`` or ``pandas`` for NumPy), read once at import, forces one.
"""

from __future__ import annotations

import contextlib
import logging
import math
import numbers
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

try:
    import acm_rs as _acm_rs
except ImportError:
    _rs: Any = None
else:
    _rs = _acm_rs if hasattr(_acm_rs, "ar1_residuals") else None

__all__ = ["BACKEND", "HAS_RUST", "MIN_AR1_SAMPLES", "MIN_FORECAST_SAMPLES", "AR1Detector"]

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

_log = logging.getLogger(__name__)

# Rows that are fused at a time.
_ROWS = 1024
MIN_AR1_SAMPLES = 3
MIN_FORECAST_SAMPLES = 20
_LARGEST = 1e150
# Readings that differ by no more than this share of their level differ by rounding.
_ROUNDING = 8.0 * float(np.finfo(np.float64).eps)
# Least scale of residuals, as a share of what the sensor does.
_LEAST_SHARE = 1e-6
_FUSIONS = ("mean", "median", "p95")


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


def _residuals(x: Array, phi: Array, mu: Array) -> Array:
    if BACKEND == "rust":
        return np.asarray(_rs.ar1_residuals(x, phi, mu), dtype=np.float64)
    c = x - mu
    r: Array = c.copy()
    r[1:] -= phi * np.where(np.isnan(c[:-1]), 0.0, c[:-1])
    r[0, ~np.isnan(r[0])] = 0.0
    return r


class AR1Detector:
    """AR(1) model of each sensor; a row's score tells how far it is from what the row before lets expect.

    Parameters
    ----------
    ar1_cfg : dict, optional
        ``eps`` (1e-9), ``phi_cap`` (0.999, most that a coefficient may be in magnitude), ``sd_floor`` (least scale of
        residuals in the sensor's unit; without it 1e-6 of the sensor's root mean square about its median, of the median
        where the sensor stands still) and ``fuse`` (``"mean"``, ``"median"`` or ``"p95"`` over the sensors).

    Attributes
    ----------
    phimap : dict
        Coefficient and level of each sensor.
    sdmap : dict
        Scale of each sensor's residuals.

    Raises
    ------
    ValueError
        A setting is outside what it may be.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> x = pd.DataFrame({"a": np.random.default_rng(0).normal(50.0, 2.0, 300)})
    >>> detector = AR1Detector({"fuse": "mean"}).fit(x)
    >>> x.iloc[-1, 0] = 90.0
    >>> int(detector.score(x).argmax())
    299
    """

    def __init__(self, ar1_cfg: Mapping[str, Any] | None = None) -> None:
        self.cfg: dict[str, Any] = _settings("ar1_cfg", ar1_cfg)
        given = self.cfg.get
        self._eps = _real("eps", given("eps", 1e-9), "at least 0 and finite", lambda number: 0.0 <= number < math.inf)
        self._phi_cap = _real(
            "phi_cap", given("phi_cap", 0.999), "at least 0 and below 1", lambda number: 0.0 <= number < 1.0
        )
        self._sd_floor: float | None = None
        if "sd_floor" in self.cfg:
            self._sd_floor = _real(
                "sd_floor", self.cfg["sd_floor"], "above 0 and finite", lambda number: 0.0 < number < math.inf
            )
        self._fuse = _word("fuse", given("fuse", "mean"), _FUSIONS)
        self.phimap: dict[Any, tuple[float, float]] = {}
        self.sdmap: dict[Any, float] = {}
        self._is_fitted = False

    def fit(self, X: pd.DataFrame) -> AR1Detector:
        """Learn level, coefficient and residual scale of each column; one without values is left out."""
        _check(X)
        x = _values(X)
        self.phimap, self.sdmap = {}, {}
        still, capped, few, empty = [], [], [], []
        for name, column in zip(X.columns, x.T, strict=True):
            known = column[~np.isnan(column)]
            if not known.size:
                empty.append(name)
                continue
            mu = float(np.median(known))
            c = known - mu
            largest = float(np.abs(c).max())
            unit = c / largest if largest > 0.0 else c
            spread = largest * math.sqrt(float(np.mean(unit**2)))
            moves = spread > _ROUNDING * abs(mu)
            phi = 0.0
            if known.size < MIN_FORECAST_SAMPLES:
                few.append(name)
            if known.size >= MIN_AR1_SAMPLES:
                if not moves:
                    still.append(name)
                else:
                    # By the largest deviation, so that no square is lost below or above.
                    below = float(np.sum(unit[:-1] ** 2))
                    phi = float(np.sum(unit[1:] * unit[:-1])) / below if below > self._eps**2 else 0.0
                if abs(phi) > self._phi_cap:
                    phi = math.copysign(self._phi_cap, phi)
                    capped.append(name)
            r = c[1:] - phi * c[:-1] if known.size > 1 else c
            scale = 1.4826 * float(np.median(np.abs(r - np.median(r))))
            self.phimap[name] = (phi, mu)
            least = self._sd_floor or _LEAST_SHARE * (spread if moves else abs(mu)) or _LEAST_SHARE
            self.sdmap[name] = max(scale, least, float(np.finfo(np.float64).tiny))
        for names, what in (
            (empty, "have no values and are left out"),
            (still, "stand still (phi = 0)"),
            (capped, f"have phi capped to ±{self._phi_cap}"),
            (few, f"have fewer than {MIN_FORECAST_SAMPLES} values (unstable coefficients)"),
        ):
            if names:
                _log.warning("AR1: %d columns %s: %s", len(names), what, names)
        self._is_fitted = True
        return self

    def score(self, X: pd.DataFrame, return_per_sensor: bool = False) -> Array | tuple[Array, pd.DataFrame]:
        """Score rows by abs(residual) / scale, fused over sensors; NaN where no sensor has a value.

        With ``return_per_sensor`` also a frame of each sensor's abs(residual) / scale, with the index of ``X`` and the
        order of the fit. Columns that the fit did not see, that are not there any more, or of which more than half is
        missing here, are left out with a logged warning.
        """
        if not self._is_fitted:
            raise RuntimeError("AR1Detector is not fitted: call fit first")
        _check(X)
        if not self.phimap:
            _log.warning("AR1: there was nothing to learn from (no column with values): every row scores NaN")
        here = [name for name in self.phimap if name in X.columns]
        x = _values(X if here == list(X.columns) else X[here])
        missing = np.isnan(x).mean(axis=0) if len(x) else np.zeros(len(here))
        for names, what in (
            ([name for name in X.columns if name not in self.phimap], "were not there at fit and are left out"),
            ([name for name in self.phimap if name not in X.columns], "are not there any more and are left out"),
            ([here[int(j)] for j in np.flatnonzero(missing > 0.5)], "have more than half missing and are left out"),
        ):
            if names:
                _log.warning("AR1: %d columns %s: %s", len(names), what, names)
        kept = np.flatnonzero(missing <= 0.5)
        names = [here[int(j)] for j in kept]
        z = np.empty((len(X), len(kept)))
        if z.size:
            phi = np.array([self.phimap[name][0] for name in names])
            mu = np.array([self.phimap[name][1] for name in names])
            sd = np.array([self.sdmap.get(name, math.nan) for name in names])
            sd = np.maximum(np.where(sd > 0.0, sd, _LEAST_SHARE), self._sd_floor or 0.0)
            x = x if len(kept) == x.shape[1] else np.asfortranarray(x[:, kept])
            z = _residuals(x, phi, mu)
            np.abs(z, out=z)
            z /= sd
        del x
        fused = np.full(len(X), np.nan)
        # Some rows at a time: what NumPy takes to look for NaN would else be another table of this size or two.
        for first in range(0, len(X), _ROWS):
            part, out = z[first : first + _ROWS], fused[first : first + _ROWS]
            rows = ~np.isnan(part).all(axis=1)
            if rows.any():
                known = part[rows]
                if self._fuse == "mean":
                    out[rows] = np.nanmean(known, axis=1)
                else:
                    out[rows] = np.nanpercentile(known, 50.0 if self._fuse == "median" else 95.0, axis=1)
        if return_per_sensor:
            return fused, pd.DataFrame(z, index=X.index, columns=pd.Index(names))
        return fused

    def to_dict(self) -> dict[str, Any]:
        """Give the model as plain values."""
        plain = {"phimap": dict(self.phimap), "sdmap": dict(self.sdmap), "cfg": _plain(self.cfg)}
        return {**plain, "fitted": self._is_fitted}

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> AR1Detector:
        """Restore a model that scores as the one that ``to_dict`` was called on."""
        model = cls(payload.get("cfg"))
        model.phimap = {name: (float(pair[0]), float(pair[1])) for name, pair in payload["phimap"].items()}
        model.sdmap = {name: float(sd) for name, sd in payload["sdmap"].items()}
        model._is_fitted = bool(payload.get("fitted", True))
        return model
