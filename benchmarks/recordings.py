"""Recorded histories other than the Tennessee Eastman process: how their files are read, and what is known of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ATTACKS = (
    ("2016-09-13T23", "2016-09-16T00"),
    ("2016-09-26T11", "2016-09-27T10"),
    ("2016-10-09T09", "2016-10-11T20"),
    ("2016-10-29T19", "2016-11-02T16"),
    ("2016-11-26T17", "2016-11-29T04"),
    ("2016-12-06T07", "2016-12-10T04"),
    ("2016-12-14T15", "2016-12-19T04"),
)
"""First and last hours of the seven attacks in BATADAL's dataset 4."""
FIRST = 400
"""Rows of a SKAB run that train."""


def skab_runs(folder: Path) -> list[tuple[Any, NDArray[np.bool_]]]:
    """Each run's sensors as a frame of pandas, and its rows with a fault."""
    import pandas as pd

    runs = []
    for path in sorted(folder.glob("*/*.csv")):
        run = pd.read_csv(path, sep=";", index_col=0, parse_dates=True)
        runs.append((run.drop(columns=["anomaly", "changepoint"]), run["anomaly"].to_numpy() > 0.5))
    return runs


def water_network(path: Path) -> Any:
    """Read one of BATADAL's files as a frame of pandas."""
    import pandas as pd

    frame = pd.read_csv(path, skipinitialspace=True)
    frame.columns = frame.columns.str.strip()
    frame.index = pd.DatetimeIndex(pd.to_datetime(frame.pop("DATETIME").str.strip(), format="%d/%m/%y %H"))
    return frame.drop(columns="ATT_FLAG")


def attacked_at(times: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    """Tell which of these times lie in an attack."""
    attacked = np.zeros(len(times), bool)
    for first, last in ATTACKS:
        attacked |= (times >= np.datetime64(first)) & (times <= np.datetime64(last))
    return attacked


def fan_history(path: Path) -> Any:
    """Read one of the fan's files as a frame of pandas, in the order of time."""
    import pandas as pd

    frame = pd.read_csv(path, encoding="utf-8-sig")
    frame.index = pd.DatetimeIndex(pd.to_datetime(frame.pop("TS"), format="mixed"))
    return frame.sort_index()
