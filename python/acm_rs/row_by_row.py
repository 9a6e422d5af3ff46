"""Rolling statistics, exponential weights and the feature matrix of rows as they come."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from acm_rs import _native
from acm_rs.features import ALL_FEATURES, energy_count, feature_names
from acm_rs.frames import Closed, Duration, Numbers, Sheet, Table, Times, Window, opened
from acm_rs.kernels import beside, unlabelled
from acm_rs.model import Saved, difference
from acm_rs.order import levels
from acm_rs.pairs import lag_names
from acm_rs.spectra import energies
from acm_rs.stamps import stamps

__all__ = ["RollingState"]

Kind: TypeAlias = Literal[
    "sum",
    "mean",
    "var",
    "std",
    "mean_std",
    "min",
    "max",
    "range",
    "skew",
    "kurt",
    "median",
    "mad",
    "quantile",
    "slope",
    "cov",
    "corr",
    "lag_corr",
    "band_energy",
    "feature_matrix",
    "time_mean",
    "ewm_mean",
    "ewm_std",
]

_NEEDED = object()
_FADING = {"alpha": None, "span": None, "halflife": None, "adjust": True, "ignore_na": False}
_OWN: Mapping[str, Mapping[str, Any]] = {
    **{kind: {} for kind in ("sum", "mean", "min", "max", "range", "skew", "kurt", "median", "slope", "corr")},
    **{kind: {"ddof": 1} for kind in ("var", "std", "mean_std", "cov")},
    "mad": {"scale": 1.0},
    "quantile": {"q": _NEEDED},
    "lag_corr": {"max_lag": _NEEDED, "pairs": None},
    "band_energy": {"bands": None, "fs": 1.0},
    "feature_matrix": {"features": ALL_FEATURES, "bands": None, "fs": 1.0, "fill": None},
    "time_mean": {"hold": None},
    "ewm_mean": _FADING,
    "ewm_std": {**_FADING, "bias": False},
}
"""The kernels, and what each of them has of its own."""


def _own(kind: object, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the kernel has of its own, as given or by default."""
    if not isinstance(kind, str):
        raise TypeError(f"`kind` must be the name of a kernel, got {type(kind).__name__}")
    known = _OWN.get(kind)
    if known is None:
        raise ValueError(f"`kind` must be one of {', '.join(_OWN)}, got {reprlib.repr(kind)}")
    strange = [name for name, value in given.items() if value is not None and name not in known]
    if strange:
        has = ", ".join(known) or "none"
        raise TypeError(f'`{strange[0]}` must be left out: "{kind}" has no such keyword; of its own it has {has}')
    own = {name: default if given[name] is None else given[name] for name, default in known.items()}
    lacking = [name for name, value in own.items() if value is _NEEDED]
    if lacking:
        raise TypeError(f'`{lacking[0]}` must be given where `kind` is "{kind}"')
    return own


def _one(time: Any) -> npt.NDArray[np.datetime64]:
    """The time of a row that comes alone, of a period that of its start; in UTC where it has a zone."""
    time = getattr(time, "start_time", time)
    zone = getattr(time, "tzinfo", None)
    # pandas' own times have nanoseconds, which those of Python have not.
    plain = time if zone is None else time.astimezone(UTC).replace(tzinfo=None)
    return np.array([plain.to_datetime64() if hasattr(plain, "to_datetime64") else np.datetime64(plain)])


class RollingState(Saved):
    """A rolling kernel, exponential weights or the feature matrix, row by row: the batch's results to the last bit.

    Parameters
    ----------
    kind : str
        What to compute: the name of its function without ``rolling_``: "sum", "mean", "var", "std", "mean_std", "min",
        "max", "range", "skew", "kurt", "median", "mad", "quantile", "slope", "cov", "corr", "lag_corr", "band_energy",
        "time_mean", or "feature_matrix", "ewm_mean", "ewm_std".
    window : int, duration or None
        Rows of the trailing window, or how long it lasts: ``"2h"``, a `numpy.timedelta64` or `datetime.timedelta`; each
        update then needs times. None for the exponential weights.
    d : int
        Columns of the history.
    min_periods : int or None, default 1
        Non-missing values a result needs. None: the window, or 1 for a duration.
    center : bool, default False
        True is refused: a centred window needs rows that have not come yet.
    closed : {"right", "left", "both", "neither"}, optional
        Which of its two ends a window holds, as in the function; "right" by default.
    step : int, default 1
        More is refused: every row that comes has its results.
    ddof : int, optional
        Of "var", "std", "mean_std" and "cov"; 1 by default.
    scale : float, optional
        Of "mad"; 1.0 by default.
    q : float or sequence of float, optional
        Of "quantile", which needs it.
    max_lag : int, optional
        Of "lag_corr", which needs it.
    pairs : sequence of (int, int), optional
        Of "lag_corr", as numbers of columns; by default all ordered pairs.
    features : sequence of str, optional
        Of "feature_matrix"; by default `ALL_FEATURES`.
    bands : sequence of (low, high), optional
        Of "band_energy" and "feature_matrix"; three by default.
    fs : float, optional
        Of "band_energy" and "feature_matrix"; 1.0 by default.
    fill : float or sequence of float, optional
        Of "feature_matrix": what missing values become. "median" is refused: that of rows to come is not known.
    hold : duration, optional
        Of "time_mean": how long a reading holds at most; by default until the next one.
    alpha, span : float, optional
        Of "ewm_mean" and "ewm_std", which need one of these or ``halflife``.
    halflife : float or duration, optional
        Likewise; as a duration each update needs times.
    adjust, ignore_na : bool, optional
        Of "ewm_mean" and "ewm_std"; True and False by default.
    bias : bool, optional
        Of "ewm_std"; False by default.

    Raises
    ------
    TypeError
        A parameter is of another type, or of another kernel.
    ValueError
        A parameter is outside what it may be.

    See Also
    --------
    feature_matrix, rolling_mean, rolling_quantile, ewm_mean : the functions of a whole history.

    Notes
    -----
    However a history is cut into updates, and wherever its state goes through bytes, results are the bytes that the
    function gives for these rows of the whole: they depend on a window's values and a row's absolute index alone. The
    state holds the rows that windows still see. float32 comes in and goes out as float32. NaN and infinity are missing,
    as in the function.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> state = acm_rs.RollingState("mean", 3, 2)
    >>> state.update(np.array([1.0, 10.0]))
    array([ 1., 10.])
    >>> state = acm_rs.RollingState.from_bytes(state.to_bytes())
    >>> state.update(np.array([[3.0, np.nan], [8.0, 40.0]]))
    array([[ 2., 10.],
           [ 4., 25.]])
    >>> state.rows_seen
    3
    """

    _Engine = _native.RollingState
    __slots__ = ()

    def __init__(
        self,
        kind: Kind,
        window: Window | None,
        d: int,
        *,
        min_periods: int | None = 1,
        center: bool = False,
        closed: Closed | None = None,
        step: int = 1,
        ddof: int | None = None,
        scale: float | None = None,
        q: Numbers | None = None,
        max_lag: int | None = None,
        pairs: Sequence[tuple[int, int]] | None = None,
        features: Sequence[str] | None = None,
        bands: Sequence[tuple[float, float]] | None = None,
        fs: float | None = None,
        fill: Numbers | None = None,
        hold: Duration | None = None,
        alpha: float | None = None,
        span: float | None = None,
        halflife: float | Duration | None = None,
        adjust: bool | None = None,
        ignore_na: bool | None = None,
        bias: bool | None = None,
    ) -> None:
        given = {
            "ddof": ddof,
            "scale": scale,
            "q": q,
            "max_lag": max_lag,
            "pairs": pairs,
            "features": features,
            "bands": bands,
            "fs": fs,
            "fill": unlabelled(fill, "fill"),
            "hold": hold,
            "alpha": alpha,
            "span": span,
            "halflife": halflife,
            "adjust": adjust,
            "ignore_na": ignore_na,
            "bias": bias,
        }
        own = _own(kind, given)
        if not isinstance(center, bool | np.bool_):
            raise TypeError(f"`center` must be True or False, got {type(center).__name__}")
        if center:
            raise ValueError("`center` must be False: a centred window needs rows yet to come, got True")
        if isinstance(step, bool | np.bool_) or not isinstance(step, int | np.integer) or step != 1:
            # Python writes no more than some thousand digits.
            huge = isinstance(step, int) and step.bit_length() > 64
            got = "a number beyond 64 bits" if huge else reprlib.repr(step)
            raise ValueError(f"`step` must be 1: every row that comes has its results, got {got}")
        # Before it is compared: an array has no truth of its own.
        if closed is not None and not isinstance(closed, str):
            kinds = '"right", "left", "both", "neither"'
            raise TypeError(f"`closed` must be one of {kinds}, got {type(closed).__name__}")
        if closed not in (None, "right") and kind in ("ewm_mean", "ewm_std"):
            raise TypeError(f'`closed` must be left out: "{kind}" has no window')
        if closed not in (None, "both") and kind == "time_mean":
            raise TypeError('`closed` must be left out: windows of "time_mean" hold both of their ends')
        ends = "right" if closed is None else closed
        self._engine = self._Engine(kind, window, d, min_periods, ends, own)

    @property
    def kind(self) -> str:
        """What is computed: the name of its function without ``rolling_``."""
        return self._engine.kind

    @property
    def window(self) -> int | str | None:
        """Rows of the window, or how long it lasts; None for exponential weights."""
        return self._engine.window

    @property
    def d(self) -> int:
        """Columns of the history."""
        return self._engine.d

    @property
    def min_periods(self) -> int:
        """Non-missing values that a result needs."""
        return self._engine.min_periods

    @property
    def closed(self) -> Closed:
        """Which of its two ends a window holds."""
        return self._engine.closed

    @property
    def own(self) -> dict[str, Any]:
        """The kernel's own keywords: a copy."""
        return self._engine.own

    @property
    def rows_seen(self) -> int:
        """Rows given to ``update`` since the beginning or the last ``reset``."""
        return self._engine.rows_seen

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of the sensors, those of the first frame that had some; None before."""
        return self._engine.names

    def reset(self) -> None:
        """Forget the rows so far; the sensors keep their names."""
        self._engine.reset()

    def update(self, x: Table, y: Table | None = None, *, times: Times | np.datetime64 | datetime | None = None) -> Any:
        """The results of the rows that come next.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (m, d) or (d,)
            The next rows, any number; of one dimension one row, or m rows where ``d`` is 1. Always of one dtype.
        y : array of float64 or float32, frame or series, shape (m, d), (m, 1) or (d,), optional
            The same rows of what ``x`` is compared with, for "cov" and "corr".
        times : array of datetime64 or int64, shape (m,), series, str, or one time for one row, optional
            When each row was taken, as in the function: with every update or with none. A duration needs them, of a
            frame its own serve by themselves.

        Returns
        -------
        array, frame or series
            What the function gives for these rows of the whole history: shape (m, k); (k,) for a row of one dimension.
            Columns of frames are called as the function calls them, but for a list of one quantile: as its sensor.

        Raises
        ------
        TypeError
            ``x`` or ``y`` is neither a float array nor a frame of numbers, or of another dtype than before; ``y`` is
            missing, or is there and not looked at.
        ValueError
            Other columns than before, a series where there are several sensors, times that go back, or that are there
            where there were none; nothing is remembered then.
        RuntimeError
            In a child that was forked while another thread was within this very state.
        """
        if isinstance(times, np.datetime64 | datetime) or type(times).__name__ == "Period":
            times = _one(times)
        if isinstance(x, np.ndarray) and y is None and (times is None or isinstance(times, np.ndarray)):
            return self._engine.update(x, None, times)
        sheet = opened(x, "x", times)
        other = None if y is None else beside(sheet, y)
        if sheet is None:
            return self._engine.update(x, other, stamps(times))
        if sheet.is_series and self.d != 1:
            raise ValueError(
                f"`x` must have {self.d} columns, and a series is one sensor: hand over one row as an array"
                " (x.to_numpy()) or as a frame of one row"
            )
        names, known = sheet.names, self._engine.names
        if known is not None and names is not None and names != known:
            raise ValueError(difference("the RollingState", known, names, "has had before"))
        found = self._engine.update(sheet.values, other, sheet.times(times, self.own.get("halflife", self.window)))
        if known is None and names is not None:
            self._engine.call(names)
        labels = self._labels(sheet)
        return sheet.like(found, labels and labels())

    def _labels(self, sheet: Sheet) -> Callable[[], Sequence[Hashable]] | None:
        """What the results of a frame are called, where they are not called as its columns."""
        own = self._engine.own
        match self.kind:
            case "mean_std":
                return lambda: sheet.each(("mean", "std"))
            case "quantile" if len(own["q"]) > 1:
                return lambda: sheet.each(levels(None, own["q"]) or ())
            case "lag_corr":
                return lambda: lag_names(sheet.texts(), own["pairs"], own["max_lag"])
            case "band_energy":
                return lambda: sheet.each(energies(energy_count(own["bands"])))
            case "feature_matrix":
                return lambda: feature_names(sheet.texts(), own["features"], own["bands"])
        return None
