"""The functions as methods of pandas' frames and series: `import acm_rs.pandas`, then `frame.acm.rolling_mad(16)`."""

from __future__ import annotations

from typing import Any

from acm_rs.accessors import OF_COLUMNS, OF_FRAMES, applied, furnish

try:
    import pandas as pd
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "acm_rs.pandas needs pandas: install it with pip install pandas", name="pandas"
    ) from error

__all__ = ["FrameAccessor", "SeriesAccessor"]


@pd.api.extensions.register_dataframe_accessor("acm")
class FrameAccessor:
    """What `frame.acm` is: every function of a frame, which keeps its index and names.

    Parameters
    ----------
    x : pandas.DataFrame
        Rows = time, oldest first; columns = sensors.

    Examples
    --------
    >>> import pandas as pd, acm_rs.pandas
    >>> pd.DataFrame({"heat": [1.0, 3.0, 8.0]}).acm.rolling_mean(2)["heat"].tolist()
    [1.0, 2.0, 5.5]
    """

    def __init__(self, x: pd.DataFrame) -> None:
        self._x: Any = x


@pd.api.extensions.register_series_accessor("acm")
class SeriesAccessor:
    """What `series.acm` is: every function of one sensor; several results a row come as a frame.

    Parameters
    ----------
    x : pandas.Series
        The sensor, oldest reading first.

    Examples
    --------
    >>> import pandas as pd, acm_rs.pandas
    >>> pd.Series([1.0, 3.0, 8.0], name="heat").acm.rolling_mad(3).tolist()
    [0.0, 1.0, 2.0]
    """

    def __init__(self, x: pd.Series) -> None:
        self._x: Any = x


furnish(FrameAccessor, OF_FRAMES, (), applied)
furnish(SeriesAccessor, OF_COLUMNS, (), applied)
