"""Histories in pieces give the bytes of the whole, from whatever they come, in little memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from acm_rs import streams
from children import run
from hypothesis import given, settings
from hypothesis import strategies as st


def _table(rows: int, seed: int = 5) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    heat, flow = rng.normal(50, 3, (2, rows))
    heat[rng.random(rows) < 0.2] = np.nan
    return pl.DataFrame(
        {
            "time": np.datetime64("2026-01-01", "us") + np.cumsum(rng.integers(0, 90, rows)) * np.timedelta64(1, "m"),
            "pump": rng.choice(["north", "south", "west"], rows),
            "heat": pl.Series(heat, nan_to_null=True),
            "flow": flow,
            "runs": rng.integers(0, 2, rows).astype(bool),
        }
    )


def _cut(frame: Any, places: list[int]) -> list[Any]:
    return [frame.slice(a, b - a) if hasattr(frame, "slice") else frame.iloc[a:b] for a, b in pairwise(places)]


def _as(kind: str, frame: pl.DataFrame) -> Any:
    if kind == "polars":
        return frame
    if kind == "pyarrow":
        return frame.to_arrow()
    columns = {name: frame[name].to_list() for name in frame.columns}
    return pd.DataFrame(columns).astype({"heat": float}) if len(frame) else frame.to_pandas()


def _joined(kind: str, pieces: list[Any]) -> pl.DataFrame:
    if kind == "pyarrow":
        return pl.DataFrame(pl.from_arrow(pa.concat_tables(pieces)))
    return pl.concat(pieces) if kind == "polars" else pl.from_pandas(pd.concat(pieces))


def _assert_same(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    assert found.columns == expected.columns
    assert found.null_count().equals(expected.null_count())
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == theirs.dtype
        if ours.dtype.is_float():
            assert ours.fill_null(-7.0).to_numpy().tobytes() == theirs.fill_null(-7.0).to_numpy().tobytes()
        else:
            assert ours.equals(theirs)


@pytest.mark.parametrize("kind", ["polars", "pandas", "pyarrow"])
@given(st.data())
@settings(max_examples=20, deadline=None, derandomize=True)
def test_stream_features_gives_the_bytes_of_the_whole_wherever_it_is_cut(kind: str, data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 60))
    places = [0, *sorted(data.draw(st.lists(st.integers(0, rows), max_size=6))), rows]
    frame = _table(rows, data.draw(st.integers(0, 50)))
    if data.draw(st.booleans()):
        frame = frame.with_columns(pl.col("heat", "flow").cast(pl.Float32)).drop("runs")
    by = data.draw(st.sampled_from([None, "pump"]))
    own = {
        "features": data.draw(st.sampled_from([None, ["mad", "slope", "energy"]])),
        "min_periods": data.draw(st.sampled_from([1, 3])),
        "closed": data.draw(st.sampled_from([None, "left", "both"])),
        "fill": data.draw(st.sampled_from([None, 1.5])),
        "times": data.draw(st.sampled_from([None, "time"])),
    }
    window = data.draw(st.sampled_from([3, 7, 100, "4h"]))
    whole = _as(kind, frame if by else frame.drop("pump"))
    pieces = list(acm_rs.stream_features(iter(_cut(whole, places)), window, by=by, **own))
    assert all(type(piece) is type(whole) for piece in pieces)
    expected = acm_rs.feature_matrix(whole, window, by=by, **own)
    _assert_same(_joined(kind, pieces), _joined(kind, [expected]))


def test_arrays_and_large_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(2).normal(size=(500, 3))
    expected = acm_rs.feature_matrix(x, 16).tobytes()
    assert np.vstack(list(acm_rs.stream_features([x[:100], x[100:101], x[101:]], 16))).tobytes() == expected
    monkeypatch.setattr(streams, "_MOST_CELLS", 33 * 70)
    pieces = list(acm_rs.stream_features(x, 16))
    assert [len(piece) for piece in pieces] == [70] * 7 + [10]
    assert np.vstack(pieces).tobytes() == expected
    frame = _table(300).drop("time")
    monkeypatch.setattr(streams, "_MOST_CELLS", 33 * 64)
    for kind in ("polars", "pandas", "pyarrow"):
        cut = list(acm_rs.stream_features(_as(kind, frame), 16, by="pump"))
        assert [len(piece) for piece in cut] == [64, 64, 64, 64, 44]
        _assert_same(_joined(kind, cut), _joined(kind, [acm_rs.feature_matrix(_as(kind, frame), 16, by="pump")]))


class Exporter:
    """What has a stream of Arrow and nothing else, as results of databases have."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def _sources(frame: pl.DataFrame, path: Path) -> Iterator[tuple[str, Any]]:
    frame.write_parquet(path, row_group_size=64)
    table = frame.to_arrow()
    yield "scan", pl.scan_parquet(path)
    yield "lazy", frame.lazy().filter(pl.col("flow") > 0)
    yield "reader", table.to_reader(max_chunksize=50)
    yield "batches", table.to_batches(max_chunksize=50)
    yield "file", pq.ParquetFile(path).iter_batches(70)
    yield "exporter", Exporter(table)
    yield "frame", frame
    yield "table", table


def test_whatever_has_rows_is_a_source(tmp_path: Path) -> None:
    frame = _table(400)
    expected = acm_rs.feature_matrix(frame, "6h", by="pump")
    for name, source in _sources(frame, tmp_path / "plant.parquet"):
        pieces = list(acm_rs.stream_features(source, "6h", by="pump"))
        kind = "polars" if isinstance(pieces[0], pl.DataFrame) else "pyarrow"
        assert (kind == "polars") == (name in ("scan", "lazy", "frame")), name
        _assert_same(_joined(kind, pieces).with_columns(pl.col("time").cast(pl.Datetime("us"))), expected)


def test_write_features(tmp_path: Path) -> None:
    frame = _table(400)
    expected = acm_rs.feature_matrix(frame, 16, by="pump", features=["mad", "mean"])
    for name, source in _sources(frame, tmp_path / "plant.parquet"):
        output = tmp_path / f"{name}.parquet"
        size = acm_rs.write_features(source, output, 16, by="pump", features=["mad", "mean"])
        assert size == output.stat().st_size
        _assert_same(pl.read_parquet(output).with_columns(pl.col("time").cast(pl.Datetime("us"))), expected)
    indexed = pd.DataFrame({"heat": frame["flow"].to_list()}, pd.DatetimeIndex(frame["time"].to_list()))
    acm_rs.write_features([indexed[:90], indexed[90:]], str(tmp_path / "indexed.parquet"), "6h")
    written = pl.read_parquet(tmp_path / "indexed.parquet")
    assert written.columns == ["index", *acm_rs.feature_names(["heat"])]
    assert (
        written["heat_med"].to_numpy().tobytes()
        == acm_rs.feature_matrix(indexed, "6h")["heat_med"].to_numpy().tobytes()
    )


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    frame = _table(100)

    def pieces() -> Iterator[pl.DataFrame]:
        yield frame[:50]
        yield frame[50:].rename({"flow": "flux"})

    with pytest.raises(ValueError, match=r"must have the columns that the stream has had before; missing: 'flow'"):
        acm_rs.write_features(pieces(), tmp_path / "out.parquet", 16, by="pump")
    with pytest.raises(ValueError, match=r"the output must end in \.parquet"):
        acm_rs.write_features([frame], tmp_path / "out.csv", 16, by="pump")
    with pytest.raises(ValueError, match=r"`source` must have a piece at least"):
        acm_rs.write_features([], tmp_path / "out.parquet", 16)
    with pytest.raises(TypeError, match=r"`source` must have frames, whose columns have names, got arrays"):
        acm_rs.write_features([np.zeros((3, 2))], tmp_path / "out.parquet", 16)
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_is_said_before_anything_is_read() -> None:
    def never() -> Iterator[pl.DataFrame]:
        raise AssertionError
        yield

    with pytest.raises(ValueError, match="`window` must be a whole number, at least 1, got 0"):
        acm_rs.stream_features(never(), 0)
    with pytest.raises(ValueError, match="`features` must be names among"):
        acm_rs.stream_features(never(), 5, features=["mood"])
    with pytest.raises((TypeError, ValueError), match="`fill`"):
        acm_rs.stream_features(never(), 5, fill="median")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`by` must be the name of a column of each piece, got list"):
        acm_rs.stream_features(never(), 5, by=["a"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"got str; scan it first, with polars.scan_parquet for example"):
        acm_rs.stream_features("plant.parquet", 5)
    with pytest.raises(TypeError, match=r"`source` must be a LazyFrame, .* got int"):
        acm_rs.stream_features(5, 5)
    with pytest.raises(TypeError, match=r"`model` must be a fitted model with `update`, got int"):
        acm_rs.stream_scores(5, never())


def test_times_that_go_back_between_pieces_are_refused() -> None:
    frame = _table(60).drop("pump")
    with pytest.raises(ValueError, match="`times` must not go back"):
        list(acm_rs.stream_features([frame[30:], frame[:30]], "4h"))


def test_stream_scores() -> None:
    frame = _table(300).select("heat", "flow")
    for model in (acm_rs.MahalanobisDetector(), acm_rs.PCADetector(1, lags=2), acm_rs.AR1Detector()):
        model.fit(frame)
        found = list(acm_rs.stream_scores(model, frame.lazy()))
        assert pl.concat(found).equals(model.score(frame))
        model = type(model)().fit(frame)
        cut = list(acm_rs.stream_scores(model, _cut(frame, [0, 1, 90, 300])))
        assert [len(piece) for piece in cut] == [1, 89, 210]
        assert pl.concat(cut).to_numpy().tobytes() == model.score(frame).to_numpy().tobytes()


MEMORY = """
import sys
import acm_rs, polars as pl

def held():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon")) / 1024

before = most = held()
rows = 0
for piece in acm_rs.stream_features(pl.scan_parquet(sys.argv[1]), 64, features=sys.argv[2:]):
    rows += len(piece)
    most = max(most, held())
print(rows, most - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for its memory")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "plant.parquet"
    names = [f"s{i}" for i in range(20)]
    schema = pa.schema([(name, pa.float64()) for name in names])
    rng = np.random.default_rng(4)
    with pq.ParquetWriter(path, schema, use_dictionary=False, compression="none") as writer:
        for _ in range(30):
            writer.write_table(pa.table({name: rng.normal(size=50_000) for name in names}))
    rows, held = run(MEMORY, str(path), "mean", "std", "slope", "skew", "kurt", timeout=300).split()
    assert int(rows) == 1_500_000
    # The file has 240 MB of numbers, and its features 1,200; how much of it waits in Polars depends on its threads.
    assert float(held) < 700


def test_an_arrow_stream_without_pyarrow_is_told() -> None:
    said = run(
        "import sys; sys.modules['pyarrow'] = None\n"
        "import acm_rs\n"
        "class Exporter:\n    def __arrow_c_stream__(self, requested_schema=None): ...\n"
        "try:\n    acm_rs.stream_features(Exporter(), 3)\n"
        "except ModuleNotFoundError as error:\n    print(error)"
    )
    assert said == "a stream of Arrow needs PyArrow: install it with pip install pyarrow\n"
