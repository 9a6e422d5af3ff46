"""Times of any kind of index, series and array as the engine reads them, and their zones."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np

from acm_rs.zones import zone_name

__all__ = ["stamps", "zone_of", "zoned"]


def stamps(times: Any) -> Any:
    """Times as the engine reads them: series and indices as datetime64, in UTC where they have a zone."""
    if times is None or isinstance(times, np.ndarray):
        return times
    if isinstance(times, str):
        raise TypeError(
            f"`times` must be times where `x` is an array, got {reprlib.repr(times)}, which only frames have"
        )
    if _is_plain_index(times):
        return times.to_numpy()
    import narwhals as nw

    times = _without_periods(times)
    zone, native = _zone_of_pandas(times)
    if zone is not None:
        # Some of its zones narwhals does not know.
        return (native if hasattr(native, "get_level_values") else native.dt).tz_convert(None).to_numpy()
    if hasattr(times, "get_level_values"):
        times = times.to_series()
    column = times if isinstance(times, nw.Series) else nw.from_native(times, series_only=True, pass_through=True)
    if not isinstance(column, nw.Series):
        return times
    if isinstance(column.dtype, nw.Datetime):
        if column.dtype.time_zone is not None:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    elif column.dtype != nw.Date and not column.dtype.is_integer():
        raise TypeError(f"`times` must be dates or nanoseconds, got {column.dtype}")
    if column.dtype == nw.Date:
        column = column.cast(nw.Datetime("ms"))
    return column.to_numpy()


def _is_plain_index(times: Any) -> bool:
    """Whether it is an index of pandas whose dates have no zone: live rows should not pay for more."""
    kind = getattr(times, "dtype", None)
    return isinstance(kind, np.dtype) and kind.kind == "M" and hasattr(times, "get_level_values")


def zoned(times: Any) -> bool:
    """Whether times have a zone: then `stamps` gives them in UTC."""
    return zone_of(times) is not None


def zone_of(times: Any) -> str | None:
    """The zone of times, None where they have none."""
    if times is None or isinstance(times, str | np.ndarray) or _is_plain_index(times):
        return None
    import narwhals as nw

    zone, _ = _zone_of_pandas(times)
    if zone is not None:
        return zone_name(zone)
    if hasattr(times, "get_level_values"):
        return None
    column = times if isinstance(times, nw.Series) else nw.from_native(times, series_only=True, pass_through=True)
    return getattr(column.dtype, "time_zone", None) if isinstance(column, nw.Series) else None


def _zone_of_pandas(times: Any) -> tuple[Any, Any]:
    """The zone of times of pandas with one, and themselves."""
    import narwhals as nw

    native = nw.to_native(times, pass_through=True)
    return getattr(getattr(native, "dtype", None), "tz", None), native


def _without_periods(times: Any) -> Any:
    """Times; those of pandas' periods are their starts, which no other kind of frame knows."""
    kind = type(getattr(times, "dtype", None)).__name__
    if kind != "PeriodDtype":
        return times
    return (times if hasattr(times, "get_level_values") else times.dt).to_timestamp()
