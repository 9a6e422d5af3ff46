"""The methods of `acm`: the bytes of the functions, in every way that Polars and pandas ask for them."""

from __future__ import annotations

import ast
import doctest
import inspect
from typing import Any

import accessor_stubs
import acm_rs
import acm_rs.pandas
import acm_rs.polars
import numpy as np
import pandas as pd
import polars as pl
import pytest
from acm_rs.accessors import OF_COLUMNS, OF_FRAMES, OF_ROWS
from children import run
from hypothesis import given, settings
from hypothesis import strategies as st

CLASSES = [
    acm_rs.pandas.FrameAccessor,
    acm_rs.pandas.SeriesAccessor,
    acm_rs.polars.ExprNamespace,
    acm_rs.polars.FrameNamespace,
    acm_rs.polars.SeriesNamespace,
]
OWN: dict[str, dict[str, Any]] = {
    "rolling_quantile": {"window": 7, "q": [0.1, 0.75]},
    "rolling_lag_corr": {"window": 7, "max_lag": 2},
    "rolling_corr": {"window": 7, "y": "b"},
    "rolling_cov": {"window": 7, "y": "b"},
    "rolling_time_mean": {"window": "5h", "times": "t"},
    "ewm_mean": {"span": 5},
    "ewm_std": {"halflife": 3.0},
    "impute": {"method": "ffill"},
    "lag_matrix": {"lags": 2},
    "zscore": {},
    "correlation": {"method": "spearman"},
    "covariance": {},
    "column_moments": {},
    "column_median_mad": {},
    "column_quantiles": {"q": [0.5]},
}


def _own(name: str) -> dict[str, Any]:
    return dict(OWN.get(name, {"window": 7}))


def _table(rows: int = 60) -> pl.DataFrame:
    rng = np.random.default_rng(31)
    a, b = rng.normal(50, 3, (2, rows))
    a[rng.random(rows) < 0.2] = np.nan
    start = np.datetime64("2026-01-01", "us")
    return pl.DataFrame(
        {
            "t": start + np.cumsum(rng.integers(0, 180, rows)) * np.timedelta64(1, "m"),
            "pump": rng.choice(["x", "y", "z"], rows),
            "a": pl.Series(a, nan_to_null=True),
            "b": b,
        }
    )


def _expected(name: str, part: pl.DataFrame, column: str = "a", **more: Any) -> pl.DataFrame:
    """What the function gives for arrays, as columns."""
    own = _own(name) | more
    own |= {key: part[own[key]].to_numpy() for key in ("y", "times") if key in own}
    found = OF_ROWS[name](part[column].cast(pl.Float64).to_numpy()[:, None], **own)
    return pl.DataFrame(found.reshape(len(part), -1), orient="row").with_columns(pl.all().fill_nan(None))


def _flat(found: pl.Series) -> pl.DataFrame:
    frame = found.struct.unnest() if found.dtype == pl.Struct else found.to_frame()
    return frame.rename(dict(zip(frame.columns, [f"column_{i}" for i in range(frame.width)], strict=True)))


def _assert_same(found: pl.Series, expected: pl.DataFrame) -> None:
    mine = _flat(found)
    assert mine.width == expected.width
    assert mine.null_count().equals(expected.null_count())
    for ours, theirs in zip(mine, expected, strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.fill_null(-7.0).to_numpy().tobytes() == theirs.fill_null(-7.0).to_numpy().tobytes()


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("name", OF_COLUMNS)
def test_an_expression_gives_the_bytes_of_the_function(name: str, engine: Any) -> None:
    frame = _table()
    asked = getattr(pl.col("a").acm, name)(**_own(name))  # type: ignore[attr-defined]
    plan = frame.lazy().with_columns(got=asked)
    found = plan.collect(engine=engine)
    assert plan.collect_schema() == found.schema
    _assert_same(found["got"], _expected(name, frame))
    assert frame.select(asked).columns == ["a"]


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("name", OF_COLUMNS)
def test_groups_are_histories_of_their_own(name: str, engine: Any) -> None:
    frame = _table().with_row_index("row")
    asked = getattr(pl.col("a").acm, name)(**_own(name))  # type: ignore[attr-defined]
    found = frame.lazy().with_columns(got=asked.over("pump")).collect(engine=engine)
    for part in frame.partition_by("pump"):
        _assert_same(found.filter(pl.col("row").is_in(part["row"].implode()))["got"], _expected(name, part))


@pytest.mark.parametrize("name", [name for name in OF_COLUMNS if "by" in inspect.signature(OF_ROWS[name]).parameters])
def test_by_is_over(name: str) -> None:
    frame = _table()
    one = getattr(pl.col("a").acm, name)  # type: ignore[attr-defined]
    found = frame.select(by=one(**_own(name), by="pump"), over=one(**_own(name)).over("pump"))
    assert found["by"].equals(found["over"].alias("by"))
    # Polars asks for the type of the result with rows that are null where they should be categories.
    for kind in (pl.Categorical, pl.Enum(["x", "y", "z"])):
        of_kinds = frame.with_columns(pl.col("pump").cast(kind))
        assert of_kinds.select(by=one(**_own(name), by="pump"))["by"].equals(found["by"])


def test_columns_beside_are_refused_in_the_functions_words() -> None:
    frame = _table().with_columns(
        nobody=pl.lit(None).cast(pl.Categorical),
        pair=pl.struct("pump", "b"),
        small=pl.int_range(pl.len()).cast(pl.UInt32),
    )
    a = pl.col("a").acm  # type: ignore[attr-defined]
    for said, expression in (
        (r"`by` must have a label in every row, got 60 missing", a.rolling_mean(3, by="nobody")),
        (r"`by` must have 1 dimension", a.rolling_mean(3, by="pair")),
        (r"`times` must hold dates, or nanoseconds as Int64, got UInt32", a.rolling_mean("3s", times="small")),
        (r"`times` must be dates or nanoseconds, got Duration", a.rolling_mean("3s", times=pl.col("t") - pl.col("t"))),
    ):
        with pytest.raises(Exception, match=said):
            frame.select(expression)


@given(st.data())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_any_dtype_nulls_and_chunks(data: st.DataObject) -> None:
    kinds = (pl.Float64, pl.Float32, pl.Int64, pl.Int8, pl.UInt16, pl.Boolean, pl.Decimal(12, 3), pl.Null)
    kind = data.draw(st.sampled_from(kinds))
    numbers = st.booleans() if kind == pl.Boolean else st.integers(0, 100)
    values = data.draw(st.lists(st.none() if kind == pl.Null else st.none() | numbers, max_size=30))
    whole = pl.Series("a", values, pl.Int64 if isinstance(kind, pl.Decimal) else kind).cast(kind)
    cut = data.draw(st.integers(0, len(values)))
    column = whole[:cut].append(whole[cut:])
    name = data.draw(st.sampled_from(["rolling_mad", "rolling_slope", "rolling_mean_std", "ewm_std"]))
    own = {"alpha": 0.3} if name == "ewm_std" else {"window": data.draw(st.integers(1, 9))}
    plan = pl.LazyFrame({"a": column}).select(getattr(pl.col("a").acm, name)(**own))  # type: ignore[attr-defined]
    found = plan.collect(engine=data.draw(st.sampled_from(["in-memory", "streaming"])))
    assert plan.collect_schema() == found.schema
    float_kind = np.float32 if kind == pl.Float32 else np.float64
    array = np.array([np.nan if value is None else value for value in values], float_kind)
    expected = OF_ROWS[name](array[:, None], **own)
    table = pl.DataFrame({f"column_{i}": column for i, column in enumerate(expected.T)})
    _assert_same(found["a"], table.with_columns(pl.all().fill_nan(None)))


def test_an_aggregation_lists_each_group() -> None:
    frame = _table()
    found = frame.group_by("pump", maintain_order=True).agg(pl.col("b").acm.rolling_std(7))  # type: ignore[attr-defined]
    for pump, values in found.rows():
        _assert_same(pl.Series("b", values), _expected("rolling_std", frame.filter(pl.col("pump") == pump), "b"))


def test_literals_and_series_are_columns_too() -> None:
    frame = _table()
    expected = _expected("rolling_mad", frame, window="6h", times="t")
    found = frame.select(got=pl.lit(frame["a"]).acm.rolling_mad("6h", times=frame["t"]))  # type: ignore[attr-defined]
    _assert_same(found["got"], expected)
    twice = frame.select(pl.col("a").acm.rolling_mean(7).acm.rolling_mean(7))  # type: ignore[attr-defined]
    _assert_same(twice["a"], _expected("rolling_mean", frame.select(pl.col("a").acm.rolling_mean(7))))  # type: ignore[attr-defined]
    with pytest.raises(pl.exceptions.PolarsError):
        frame.select(pl.lit("text").acm.rolling_mean(7))  # type: ignore[attr-defined]
    with pytest.raises(Exception, match=r"`by` must have a label in every row, got 60 missing"):
        frame.with_columns(none=pl.lit(None)).select(pl.col("a").acm.rolling_mean(7, by="none"))  # type: ignore[attr-defined]


def test_several_columns_go_each_by_itself() -> None:
    frame = _table()
    found = frame.select(pl.col("a", "b").acm.rolling_mad(7))  # type: ignore[attr-defined]
    assert found.columns == ["a", "b"]
    _assert_same(found["a"], _expected("rolling_mad", frame))
    _assert_same(found["b"], _expected("rolling_mad", frame, "b"))
    timed = frame.select(pl.col("a", "b").acm.rolling_mad("6h", times="t"))  # type: ignore[attr-defined]
    _assert_same(timed["b"], _expected("rolling_mad", frame, "b", window="6h", times="t"))


def test_filters_and_slices_come_after_the_window() -> None:
    frame = _table()
    asked = pl.col("b").acm.rolling_mean(7)  # type: ignore[attr-defined]
    whole = frame.select(asked)["b"]
    found = frame.lazy().with_columns(asked).filter(pl.col("pump") == "x").collect(engine="streaming")
    assert found["b"].equals(whole.filter(frame["pump"] == "x"))
    assert frame.lazy().select(asked).slice(20, 9).collect(engine="streaming")["b"].equals(whole[20:29])


def test_what_is_wrong_is_said_where_it_is_written() -> None:
    one = pl.col("a").acm  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"`window` must be a whole number, at least 1, got 0"):
        one.rolling_mad(0)
    with pytest.raises(ValueError, match=r"`times` must be given where `window` is a duration"):
        one.rolling_mad("2h")
    with pytest.raises(TypeError, match=r"acm.rolling_mad: missing a required argument: 'window'"):
        one.rolling_mad()
    with pytest.raises(TypeError, match=r"acm.rolling_mad: got an unexpected keyword argument 'out'"):
        one.rolling_mad(3, out=np.zeros(3))
    with pytest.raises(TypeError, match=r"`times` must be an expression, the name of a col.* got ndarray"):
        one.rolling_mad("2h", times=np.arange(3))
    with pytest.raises(Exception, match=r"`x` must hold numbers, but the series holds String; convert it first"):
        _table().select(pl.col("pump").acm.rolling_mad(3))  # type: ignore[attr-defined]
    with pytest.raises(Exception, match=r"`times` must be dates or nanoseconds, got String"):
        _table().select(one.rolling_mad("2h", times="pump"))
    with pytest.raises(Exception, match=r"`times` must not go back"):
        _table().reverse().select(one.rolling_mad("2h", times="t"))


@pytest.mark.parametrize("name", OF_FRAMES)
def test_a_frame_of_polars(name: str) -> None:
    frame = _table().drop("pump")
    own = _own(name)
    if "y" in own:
        own["y"] = frame.drop("t")
    given, want = getattr(frame.acm, name)(**own), OF_FRAMES[name](frame, **own)  # type: ignore[attr-defined]
    for ours, theirs in zip(*([x] if isinstance(x, pl.DataFrame) else x for x in (given, want)), strict=True):
        assert ours.equals(theirs)


@pytest.mark.parametrize("name", OF_FRAMES)
def test_a_frame_of_pandas(name: str) -> None:
    frame = pd.DataFrame(_table().select("a", "b").to_dict(as_series=False), _table()["t"].to_list())
    own = {key: value for key, value in _own(name).items() if key != "times"}
    if "y" in own:
        own["y"] = frame
    ours, theirs = getattr(frame.acm, name)(**own), OF_FRAMES[name](frame, **own)  # type: ignore[operator]
    for one, other in zip(*([x] if isinstance(x, pd.DataFrame) else x for x in (ours, theirs)), strict=True):
        assert type(one) is type(other)
        assert one.equals(other)
    if name in OF_COLUMNS:
        own = own | ({"y": frame["b"]} if "y" in own else {})
        ours, theirs = getattr(frame["a"].acm, name)(**own), OF_FRAMES[name](frame["a"], **own)
        assert ours.equals(theirs)
        assert ours.index.equals(frame.index)


def test_groups_of_pandas() -> None:
    frame = pd.DataFrame({"pump": list("xyxyxx"), "a": [1.0, 7.0, 3.0, 9.0, np.nan, 8.0]})
    apart = frame.groupby("pump")["a"].transform(lambda part: part.acm.rolling_mean(2))
    assert frame.acm.rolling_mean(2, by="pump")["a"].equals(apart)  # type: ignore[operator]


@pytest.mark.parametrize("owner", CLASSES, ids=lambda owner: f"{owner.__module__}.{owner.__name__}")
def test_methods_say_what_they_are(owner: type) -> None:
    examples = doctest.DocTestParser().get_doctest(owner.__doc__ or "", {}, owner.__name__, None, None)
    assert examples.examples
    assert doctest.DocTestRunner(verbose=False).run(examples).failed == 0
    for name, function in (OF_COLUMNS if "Frame" not in owner.__name__ else OF_FRAMES).items():
        method = getattr(owner, name)
        parameters = list(inspect.signature(method).parameters)
        assert parameters[0] == "self"
        told = method.__doc__ or ""
        assert told.split("\n")[0] == (inspect.getdoc(function) or "").split("\n")[0]
        for parameter in ("x", "out", "first_row"):
            assert (f"\n{parameter} : " in told) == (parameter in parameters), (name, parameter)
        assert "Raises\n------" in told
        assert "Examples\n--------" in told


@pytest.mark.parametrize("module", ["pandas", "polars"])
def test_the_types_are_in_step(module: str) -> None:
    def classes(text: str) -> list[str]:
        return [ast.dump(node) for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]

    written = (accessor_stubs.PACKAGE / f"{module}.pyi").read_text(encoding="utf-8")
    assert classes(written) == classes(accessor_stubs.stub(module)), "run python tests/accessor_stubs.py"


def test_acm_rs_alone_imports_neither() -> None:
    said = run(
        "import sys, acm_rs; print([m for m in ('pandas', 'polars', 'pyarrow', 'narwhals') if m in sys.modules])"
    )
    assert said == "[]\n"


@pytest.mark.parametrize("module", ["pandas", "polars"])
def test_what_is_not_installed_is_told(module: str) -> None:
    said = run(
        f"import sys; sys.modules['{module}'] = None\n"
        f"try:\n    import acm_rs.{module}\n"
        "except ModuleNotFoundError as error:\n    print(error)"
    )
    assert said.strip().endswith(f"install it with pip install {module}")


def test_help_of_expressions_tells_of_columns() -> None:
    text = inspect.getdoc(acm_rs.polars.ExprNamespace.rolling_corr)
    assert text is not None
    for name in ("y", "times", "by"):
        assert text.count(f"\n{name} : str, polars.Expr or polars.Series") == 1
    assert "\ny : str" not in (inspect.getdoc(acm_rs.polars.SeriesNamespace.rolling_corr) or "")
