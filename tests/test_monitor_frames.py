"""Frames as people have them, given to a Monitor: labels that are no texts, several dates, odd types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from acm_rs import Monitor
from acm_rs.files.scores import json_time

X = np.random.default_rng(0).normal(size=(400, 4))
TIMES = pd.date_range("2026-01-01", periods=400, freq="10min")


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], ["a", 7, "b", "c"]], ids=["all", "one"])
def test_labels_may_be_integers(labels: list[Any]) -> None:
    frame = pd.DataFrame(X, columns=labels)
    monitor = Monitor().fit(frame)
    result = Monitor.from_bytes(monitor.to_bytes()).score(frame)
    plain = Monitor().fit(X).score(X)
    np.testing.assert_array_equal(result.scores, plain.scores)
    assert result.names == tuple(str(label) for label in labels)
    assert list(result.expected.columns) == list(result.contributions.columns) == labels
    assert list(monitor.score(frame[labels[1:]]).expected.columns) == [str(labels[0]), *labels[1:]]


@pytest.mark.parametrize("kind", ["pandas", "pyarrow", "as texts"])
def test_one_name_for_two_columns_is_refused(kind: str) -> None:
    made = {
        "pandas": lambda: pd.DataFrame(X[:, :2], columns=["a", "a"]),
        "pyarrow": lambda: pa.Table.from_arrays([pa.array(X[:, 0]), pa.array(X[:, 1])], names=["a", "a"]),
        "as texts": lambda: pd.DataFrame(X[:, :2], columns=[1, "1"]),
    }[kind]()
    with pytest.raises(ValueError, match=r"`frame` must have columns of different names, got '[a1]' twice"):
        Monitor().fit(made)


def test_several_columns_of_dates_are_refused_until_one_is_named() -> None:
    frame = pl.DataFrame({"index": TIMES.to_numpy(), "w": TIMES.to_numpy(), "a": X[:, 0], "b": X[:, 1]})
    for made in (frame, frame.to_pandas()):
        with pytest.raises(TypeError, match=r"several \('index', 'w'\); name one with `times`"):
            Monitor().fit(made)
        monitor = Monitor().fit(made, times="w")
        assert monitor.left_out_ == {"index": "holds dates"}
        assert monitor.score(made, times="w").times is not None


def test_numbers_of_another_type_are_said_to_be_so() -> None:
    frame = pd.DataFrame(X, columns=list("abcd")).assign(
        odd=pd.Series(X[:, 0], dtype=object), kind=pd.Series(np.arange(400) % 3).astype("category"), word="good"
    )
    left_out = Monitor().fit(frame).left_out_
    assert left_out["odd"] == "is of type object; convert it with .astype(float)"
    assert left_out["kind"] == "is of type category; convert it with .astype(float)"
    assert left_out["word"] == "holds no numbers"
    with pytest.raises(ValueError, match=r"'odd' is of type object; convert it with \.astype\(float\)"):
        Monitor().fit(frame[["odd"]])


@pytest.mark.parametrize("zone", ["Europe/Vienna", None], ids=["zoned", "naive"])
def test_utc_is_said_where_times_have_a_zone(zone: str | None) -> None:
    frame = pd.DataFrame(X, columns=list("abcd"), index=TIMES.tz_localize(zone))
    utc, z = (" UTC", "Z") if zone else ("", "")
    begin = "2025-12-31 23:00" if zone else "2026-01-01 00:00"
    monitor = Monitor().fit(frame)
    by_argument = monitor.score(X, times=frame.index)
    by_column = monitor.score(pl.from_pandas(frame.reset_index(names="t")))
    for result in (monitor.score(frame), by_argument, by_column):
        assert result.moment(0) == begin + utc
        assert json_time(result, 0) == begin.replace(" ", "T") + ":00" + z
    assert begin in monitor.summary()
    assert (" UTC, every" in monitor.summary()) == bool(zone)
