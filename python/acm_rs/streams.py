"""Features and scores of histories that are larger than memory, some rows at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from acm_rs.features import feature_names
from acm_rs.frames import Closed, Numbers, Sheet, Window, type_name
from acm_rs.groups import Groups
from acm_rs.model import difference
from acm_rs.row_by_row import RollingState

if TYPE_CHECKING:
    import polars as pl

__all__ = ["stream_features", "stream_scores", "write_features"]

_MOST_CELLS = 4_000_000
"""Results that are made at once: 32 MB."""


def stream_features(
    source: Any,
    window: Window,
    *,
    features: Sequence[str] | None = None,
    bands: Sequence[tuple[float, float]] | None = None,
    fs: float = 1.0,
    fill: Numbers | None = None,
    min_periods: int | None = 1,
    closed: Closed | None = None,
    times: str | None = None,
    by: str | None = None,
) -> Iterator[Any]:
    """The feature matrix of a history that comes in pieces: the bytes of the whole.

    Parameters
    ----------
    source : LazyFrame, Arrow stream, iterable of frames or frame
        The rows, oldest first: a Polars `LazyFrame` (``scan_parquet(...)``), a `pyarrow.RecordBatchReader` or whatever
        has ``__arrow_c_stream__`` (DuckDB's results), an iterable of frames, record batches or arrays
        (``pandas.read_csv(..., chunksize=...)``), or one frame.
    window : int or duration
        Rows of the window, or how long it lasts, as in `feature_matrix`.
    features : sequence of str, optional
        Which features, in which order; by default `ALL_FEATURES`.
    bands : sequence of (low, high), optional
        Frequency bands of the energies, as in `rolling_band_energy`.
    fs : float, default 1.0
        Rows per unit of time, the scale of the bands.
    fill : float or sequence of float, optional
        What missing values become before anything is computed. "median" is refused: that of rows to come is not known.
    min_periods : int or None, default 1
        Non-missing values a result needs. None: the window, or 1 for a duration.
    closed : {"right", "left", "both", "neither"}, optional
        Which of its two ends a window holds; "right" by default.
    times : str, optional
        The column of dates, or ``"index"``; where the window is a duration, the index of dates or the only column of
        dates serves by itself.
    by : str, optional
        The column of the groups: the rows of each label, in their order, are a history of their own.

    Yields
    ------
    array or frame
        The features of the next rows, of the kind of the pieces (of a `LazyFrame` those of Polars, of Arrow tables):
        one below the other they are `feature_matrix` of all rows, to the last bit.

    Raises
    ------
    TypeError
        ``source`` is nothing of the kind, or columns hold text.
    ValueError
        A parameter is out of range; a piece has other columns than the first, or times that go back.
    ModuleNotFoundError
        An Arrow stream where PyArrow is not installed.

    See Also
    --------
    feature_matrix : of a history in memory.
    write_features : straight into a file.
    RollingState : what carries windows from piece to piece; it goes through a restart.

    Notes
    -----
    In memory are the piece, its features and the rows that windows still see, those of each group. Pieces of many rows
    are computed in parts of 32 MB. A `LazyFrame` runs once, in the streaming engine, and waits for who takes the
    features; sorting it or joining to it may take memory of its own.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.random.default_rng(0).normal(60.0, 2.0, (1000, 3))
    >>> pieces = acm_rs.stream_features((x[i : i + 300] for i in range(0, 1000, 300)), 64)
    >>> np.vstack(list(pieces)).tobytes() == acm_rs.feature_matrix(x, 64).tobytes()
    True
    """
    own: dict[str, Any] = {"features": features, "bands": bands, "fs": fs, "min_periods": min_periods, "closed": closed}
    for name, value in (("times", times), ("by", by)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"`{name}` must be the name of a column of each piece, got {type_name(value)}")
    # What is wrong with a parameter is said before anything is read. A number for each sensor waits for them.
    many = isinstance(fill, Sequence | np.ndarray) and not isinstance(fill, str)
    RollingState("feature_matrix", window, 1, fill=None if many else fill, **own)
    made = _Features(window, times, by, own | {"fill": fill})
    return (made.of(part) for piece in _pieces(source) for part in made.parts(piece))


class _Features:
    """The windows of each group, and what they have seen."""

    def __init__(self, window: Window, times: str | None, by: str | None, own: dict[str, Any]) -> None:
        self._window, self._times, self._by, self._own = window, times, by, own
        self._states: dict[Any, RollingState] = {}
        self._names: tuple[str, ...] | None = None

    def parts(self, piece: Any) -> Iterator[Any]:
        """The piece, cut where its features would be too many at once."""
        sensors = piece.shape[1] if isinstance(piece, np.ndarray) and piece.ndim == 2 else 1
        if not isinstance(piece, np.ndarray):
            sensors = len(Sheet(_cut(piece, 0, 0), "source", self._times, self._by).labels)
        of_one = len(feature_names(["x"], self._own["features"], self._own["bands"]))
        rows = max(1, _MOST_CELLS // max(1, of_one * sensors))
        if len(piece) <= rows:
            yield piece
            return
        for start in range(0, len(piece), rows):
            yield _cut(piece, start, rows)

    def of(self, x: Any) -> Any:
        """The features of the rows that come next."""
        if isinstance(x, np.ndarray):
            if self._by is not None:
                raise TypeError("`by` must be left out where pieces are arrays: only frames have columns by name")
            return self._state(None, 1 if x.ndim < 2 else x.shape[1]).update(x)
        sheet: Any = Sheet(x, "source", self._times, self._by)
        names = sheet.names
        if self._names is not None and names is not None and names != self._names:
            raise ValueError(difference("the stream", self._names, names, "has had before"))
        self._names = self._names or names
        if self._by is None:
            return self._state(None, len(sheet.labels)).update(sheet, times=self._times)
        return self._by_group(sheet)

    def _by_group(self, sheet: Sheet) -> Any:
        rows, sensors = len(sheet.values[0]), len(sheet.labels)
        groups = Groups(self._by, sheet, rows)
        table = groups.gathered(sheet.values)
        moments = sheet.times(self._times, self._window)
        if moments is not None:
            moments = groups.in_time(moments)
        parts = [
            self._state(label, sensors)._engine.update(
                table[start:end], None, None if moments is None else moments[start:end]
            )
            for label, (start, end) in zip(groups.labels, groups.bounds, strict=True)
        ]
        names = feature_names(sheet.texts(), self._own["features"], self._own["bands"])
        found = np.concatenate(parts) if parts else np.empty((0, len(names)), table.dtype)
        _, place = groups.kept(1)
        return sheet.like(found if place is None else found.take(place, axis=0), names)

    def _state(self, label: Any, sensors: int) -> RollingState:
        if label not in self._states:
            self._states[label] = RollingState("feature_matrix", self._window, sensors, **self._own)
        return self._states[label]


def stream_scores(model: Any, source: Any) -> Iterator[Any]:
    """What a model's ``update`` gives for a history that comes in pieces: the scores of the whole.

    Parameters
    ----------
    model : detector or Monitor
        Fitted; its ``update`` goes on from the rows that it has been given before.
    source : LazyFrame, Arrow stream, iterable of frames or frame
        The rows, oldest first, as in `stream_features`.

    Yields
    ------
    array, series or Result
        What ``model.update`` gives for the rows of each piece.

    Raises
    ------
    TypeError
        ``model`` has no ``update``, or ``source`` is nothing of the kind.
    ModuleNotFoundError
        An Arrow stream where PyArrow is not installed.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.random.default_rng(0).normal(60.0, 2.0, (1000, 3))
    >>> model = acm_rs.MahalanobisDetector().fit(x)
    >>> pieces = (x[i : i + 300] for i in range(0, 1000, 300))
    >>> scores = np.concatenate(list(acm_rs.stream_scores(model, pieces)))
    >>> scores.tobytes() == model.score(x).tobytes()
    True
    """
    update = getattr(model, "update", None)
    if not callable(update) or isinstance(model, type | dict):
        raise TypeError(f"`model` must be a fitted model with `update`, got {type_name(model)}")
    return (update(piece) for piece in _pieces(source))


def write_features(
    source: Any,
    output: str | PathLike[str],
    window: Window,
    *,
    features: Sequence[str] | None = None,
    bands: Sequence[tuple[float, float]] | None = None,
    fs: float = 1.0,
    fill: Numbers | None = None,
    min_periods: int | None = 1,
    closed: Closed | None = None,
    times: str | None = None,
    by: str | None = None,
) -> int:
    """The feature matrix of a history that comes in pieces, into a Parquet file as it is made.

    Parameters
    ----------
    source : LazyFrame, Arrow stream, iterable of frames or frame
        The rows, oldest first, as in `stream_features`.
    output : path
        The file, ``.parquet`` or ``.pq``; it appears whole or not at all, and takes the place of another.
    window : int or duration
        Rows of the window, or how long it lasts, as in `feature_matrix`.
    features : sequence of str, optional
        Which features, in which order; by default `ALL_FEATURES`.
    bands : sequence of (low, high), optional
        Frequency bands of the energies, as in `rolling_band_energy`.
    fs : float, default 1.0
        Rows per unit of time, the scale of the bands.
    fill : float or sequence of float, optional
        What missing values become before anything is computed.
    min_periods : int or None, default 1
        Non-missing values a result needs. None: the window, or 1 for a duration.
    closed : {"right", "left", "both", "neither"}, optional
        Which of its two ends a window holds; "right" by default.
    times : str, optional
        The column of dates, or ``"index"``, as in `stream_features`.
    by : str, optional
        The column of the groups.

    Returns
    -------
    int
        The size of the file in bytes.

    Raises
    ------
    TypeError
        ``source`` is nothing of the kind or has arrays, which have no names, or columns hold text.
    ValueError
        As `stream_features`; ``source`` has no rows at all, or the file cannot be written. Nothing is left behind then.
    ModuleNotFoundError
        Polars is not installed, or PyArrow for what comes from pandas or Arrow.

    Examples
    --------
    >>> import tempfile, pathlib, numpy as np, polars as pl, acm_rs
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> x = np.random.default_rng(0).normal(60.0, 2.0, (1000, 2))
    >>> pl.DataFrame(x, ["heat", "flow"]).write_parquet(folder / "plant.parquet")
    >>> size = acm_rs.write_features(pl.scan_parquet(folder / "plant.parquet"), folder / "features.parquet", 64)
    >>> pl.read_parquet(folder / "features.parquet").shape
    (1000, 22)
    """
    pieces = stream_features(
        source,
        window,
        features=features,
        bands=bands,
        fs=fs,
        fill=fill,
        min_periods=min_periods,
        closed=closed,
        times=times,
        by=by,
    )
    try:
        import polars as pl

        from acm_rs.files.pieces import write_pieces
        from acm_rs.files.writing import check_output
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"write_features needs Polars: install it with pip install polars ({error})", name=error.name
        ) from error
    path = Path(output)
    check_output(path, endings=(".parquet", ".pq"))
    tables = map(_polars_of, pieces)
    first = next(tables, None)
    if first is None:
        raise ValueError("`source` must have a piece at least, of which columns could be known, got none")
    return write_pieces(path, pl.DataFrame(), first.schema, itertools.chain([first], tables))


def _cut(piece: Any, start: int, rows: int) -> Any:
    if hasattr(piece, "iloc") or isinstance(piece, np.ndarray):
        return getattr(piece, "iloc", piece)[start : start + rows]
    return piece.slice(start, rows)


def _polars_of(piece: Any) -> pl.DataFrame:
    import polars as pl

    if isinstance(piece, pl.DataFrame):
        return piece
    if isinstance(piece, np.ndarray):
        raise TypeError("`source` must have frames, whose columns have names, got arrays; use stream_features")
    if not hasattr(piece, "index"):
        return pl.DataFrame(pl.from_arrow(piece))
    index = piece.index
    counted = type_name(index) == "RangeIndex"
    if not counted and index.name is None:
        piece = piece.rename_axis("index")
    return pl.from_pandas(piece, include_index=not counted)


def _pieces(source: Any) -> Iterable[Any]:
    """The frames or arrays that a source has, one after the other."""
    import narwhals as nw

    if isinstance(source, np.ndarray):
        return [source]
    native = nw.to_native(source, pass_through=True)
    if nw.dependencies.is_polars_lazyframe(native):
        # In order, and as fast as they are taken.
        return native.collect_batches(maintain_order=True, engine="streaming")
    if isinstance(nw.from_native(native, eager_only=True, pass_through=True), nw.DataFrame):
        return [native]
    if hasattr(native, "__arrow_c_stream__"):
        return _batches(native)
    if isinstance(native, str | bytes | PathLike | dict) or not isinstance(native, Iterable):
        hint = "; scan it first, with polars.scan_parquet for example" if isinstance(native, str | PathLike) else ""
        raise TypeError(
            "`source` must be a LazyFrame, a stream of Arrow (`__arrow_c_stream__`), a frame or an iterable of frames, "
            f"got {type_name(native)}{hint}"
        )
    return (_frame_of(nw.to_native(piece, pass_through=True)) for piece in native)


def _batches(stream: Any) -> Iterator[Any]:
    try:
        import pyarrow as pa
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "a stream of Arrow needs PyArrow: install it with pip install pyarrow", name=error.name
        ) from error
    reader = stream if isinstance(stream, pa.RecordBatchReader) else pa.RecordBatchReader.from_stream(stream)
    return (pa.Table.from_batches([batch]) for batch in reader)


def _frame_of(piece: Any) -> Any:
    """A record batch as a table, which other frames are like."""
    import narwhals as nw

    arrow = nw.dependencies.get_pyarrow()
    return arrow.Table.from_batches([piece]) if arrow is not None and isinstance(piece, arrow.RecordBatch) else piece
