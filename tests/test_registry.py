"""The registry is complete, and its references agree with exact arithmetic where peers are good."""

from __future__ import annotations

import re
from pathlib import Path

import acm_rs
import numpy as np
import pytest
from exact import KERNELS as EXACT
from exact import Column, evaluate
from families import WINDOWS, family
from matrices import MATRICES
from models import FUNCTIONS
from models import REGISTERED as MODELS_REGISTERED
from oracles import FEATURE_MATRIX, FEATURES, KERNELS, NOT_KERNELS, ROLLING, Kernel, feature_reference

REGISTERED = set(KERNELS) | {m.name for m in MATRICES.values()} | NOT_KERNELS | MODELS_REGISTERED


def test_every_public_name_is_registered() -> None:
    unknown = set(acm_rs.__all__) - REGISTERED
    assert not unknown, f"add an entry in tests/oracles.py, tests/matrices.py or tests/models.py for {sorted(unknown)}"


def test_every_registered_name_is_public() -> None:
    assert set(acm_rs.__all__) >= REGISTERED


@pytest.mark.parametrize("name", sorted(REGISTERED))
def test_public_names_exist_and_are_documented(name: str) -> None:
    thing = getattr(acm_rs, name)
    if callable(thing):
        assert thing.__doc__
        assert len(thing.__doc__.splitlines()) >= (1 if isinstance(thing, type) else 3)


def test_functions_of_models_have_the_tests_named() -> None:
    here = Path(__file__).parent
    for name, file in FUNCTIONS.items():
        assert re.search(rf"\b{name}\b", (here / file).read_text(encoding="utf-8")), (name, file)


def test_features_are_the_registered_ones() -> None:
    assert tuple(acm_rs.ALL_FEATURES) == FEATURES


def test_plain_facts() -> None:
    assert issubclass(acm_rs.InternalError, RuntimeError)
    assert acm_rs.__version__.count(".") >= 2
    assert all(isinstance(f, str) for f in acm_rs.cpu_features())
    assert acm_rs.get_num_threads() >= 1


def test_every_exact_form_is_used() -> None:
    assert {k.exact for k in ROLLING} == set(EXACT)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("kernel", ROLLING, ids=lambda k: k.name)
def test_references_agree_with_exact_arithmetic(kernel: Kernel, window: int, missing: bool) -> None:
    x = family("F-normal", missing, 1200)
    column = Column.of(x.tolist())
    few = window >= 100 and kernel.exact == "band_energy"
    rows = [5, 98, 1100] if few else sorted({*range(25), *range(90, 102), *range(300, 1200, 53)})
    for keywords in ({}, *kernel.variants):
        arguments = {**kernel.keywords, **keywords}
        for min_periods in {0, 1, window}:
            got = kernel.columns(x[:, None], window, min_periods, **keywords)
            assert got.shape == (1200, kernel.width(1, **keywords))
            want = evaluate(
                kernel.exact,
                column,
                window,
                rows,
                min_periods=min_periods,
                own_minimum=kernel.minimum(arguments),
                **arguments,
            )
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
