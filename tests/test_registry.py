"""The registry is complete, and its references agree with exact arithmetic where peers are good."""

from __future__ import annotations

import re
from pathlib import Path

import acm_rs
import numpy as np
import pytest
from families import WINDOWS, family
from registry import FEATURE_MATRIX, FEATURES, ROLLING, ROWS, Fact, Function, Job, Kernel
from registry.features import feature_reference


def test_every_public_name_has_a_row() -> None:
    unknown = set(acm_rs.__all__) - set(ROWS)
    assert not unknown, f"add a row in tests/registry for {sorted(unknown)}"


def test_every_row_is_of_a_public_name() -> None:
    assert set(acm_rs.__all__) >= set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_public_names_exist_and_are_documented(name: str) -> None:
    thing = getattr(acm_rs, name)
    assert callable(thing) or isinstance(ROWS[name], Fact)
    if callable(thing):
        assert thing.__doc__
        assert len(thing.__doc__.splitlines()) >= (1 if isinstance(thing, type) else 3)


def test_names_have_the_tests_that_their_rows_name() -> None:
    here = Path(__file__).parent
    for row in ROWS.values():
        if isinstance(row, Function | Job):
            text = (here / row.tests).read_text(encoding="utf-8")
            assert re.search(rf"\b{row.name}\b", text), (row.name, row.tests)


def test_features_are_the_registered_ones() -> None:
    assert tuple(acm_rs.ALL_FEATURES) == FEATURES


def test_plain_facts() -> None:
    assert issubclass(acm_rs.InternalError, RuntimeError)
    assert acm_rs.__version__.count(".") >= 2
    assert all(isinstance(f, str) for f in acm_rs.cpu_features())
    assert acm_rs.get_num_threads() >= 1


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("kernel", ROLLING, ids=lambda k: k.name)
def test_references_agree_with_exact_arithmetic(kernel: Kernel, window: int, missing: bool) -> None:
    x = family("F-normal", missing, 1200)
    few = window >= 100 and kernel.heavy
    rows = [5, 98, 1100] if few else sorted({*range(25), *range(90, 102), *range(300, 1200, 53)})
    for keywords in ({}, *kernel.variants):
        for min_periods in {0, 1, window}:
            got = kernel.columns(x[:, None], window, min_periods, **keywords)
            assert got.shape == (1200, kernel.width(1, **keywords))
            want = kernel.exactly(x, window, rows, min_periods=min_periods, **keywords)
            error = want.scaled_error(got[rows])
            # pandas itself is off here: 4e-12 (kurtosis of four values) in pandas 3, 4e-11 (skewness of three) in 2.2.
            assert error.max() <= 1e-10, (rows[int(error.max(axis=1).argmax())], keywords, min_periods)


def test_the_feature_reference_has_every_column() -> None:
    x = np.random.default_rng(5).standard_normal((40, 3))
    x[3, 1] = np.nan
    x[:, 2] = np.nan
    found = feature_reference(x, 8, fill="median")
    assert found.shape == (40, FEATURE_MATRIX.width(3))
    assert np.isfinite(found).all()
    assert not found[:, 2::3][:, :7].any()
    kept = feature_reference(x, 8)
    assert kept.shape == found.shape
    assert np.isnan(kept[:, 2::3][10:, :7]).all()
    assert np.isnan(kept[3, -2])
    assert np.isfinite(kept[10:, :21][:, [j for j in range(21) if j % 3 < 2]]).all()
