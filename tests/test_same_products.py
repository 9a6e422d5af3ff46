"""Fitted models do not depend on the linear algebra that NumPy was built with, nor on its threads."""

from __future__ import annotations

import ast
from pathlib import Path

import acm_rs
import numpy as np
import pytest
from acm_rs.monitor.relations import axes_of, inverse_of, own_precision, products_of, slopes_on, solve_missing
from children import run

PACKAGE = Path(acm_rs.__file__).parent
OTHERS = frozenset({"dot", "vdot", "inner", "matmul", "einsum", "tensordot", "cov", "corrcoef", "polyfit"})


def _libraries(code: str) -> list[str]:
    """Where code leaves a product or a decomposition to NumPy."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult):
            found.append(f"line {node.lineno}: @")
        elif isinstance(node, ast.Attribute) and node.attr in OTHERS:
            found.append(f"line {node.lineno}: {node.attr}")
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Attribute)
            and node.value.attr == "linalg"
            and node.attr != "LinAlgError"
        ):
            found.append(f"line {node.lineno}: linalg.{node.attr}")
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_product_is_left_to_the_library_of_the_machine(path: Path) -> None:
    assert _libraries(path.read_text(encoding="utf-8")) == []


def test_such_products_are_found() -> None:
    code = "a = b @ c\na @= b\nnp.linalg.solve(a, b)\nnp.einsum('i', a)\nnp.linalg.LinAlgError\n"
    assert len(_libraries(code)) == 4


def _law(width: int, seed: int) -> np.ndarray:
    roots = np.random.default_rng(seed).standard_normal((width, 3 * width))
    return roots @ roots.T / width + np.eye(width)


@pytest.mark.parametrize("width", [1, 2, 7, 40])
def test_missing_values_are_those_of_the_conditional_law(width: int) -> None:
    random = np.random.default_rng(width)
    covariance = _law(width, 5)
    precision = np.linalg.inv(covariance)
    rows = random.standard_normal((60, width))
    missing = random.random(rows.shape) < 0.3
    missing[0], missing[1] = True, False
    found = solve_missing(rows, missing, precision)
    own = own_precision(missing, precision)
    alone = [solve_missing(rows[row : row + 1], missing[row : row + 1], precision) for row in range(len(rows))]
    assert found.tobytes() == np.concatenate(alone).tobytes()
    for row, gone, filled, tight in zip(rows, missing, found, own, strict=True):
        known = ~gone
        expected = row.copy()
        expected[gone] = covariance[np.ix_(gone, known)] @ np.linalg.solve(covariance[np.ix_(known, known)], row[known])
        np.testing.assert_allclose(filled, expected, rtol=0, atol=1e-11)
        np.testing.assert_array_equal(tight[gone], np.diag(precision)[gone])
        marginal = np.linalg.inv(covariance[np.ix_(known, known)])
        np.testing.assert_allclose(tight[known], np.diag(marginal), rtol=1e-10)


def test_products_axes_and_slopes_are_those_of_numpy() -> None:
    random = np.random.default_rng(3)
    rows = random.standard_normal((5000, 6)) * np.arange(1.0, 7.0)
    np.testing.assert_allclose(products_of(rows), rows.T @ rows, rtol=1e-12, atol=1e-9)
    values, vectors = np.linalg.eigh(rows.T @ rows)
    axes = axes_of(products_of(rows))
    np.testing.assert_allclose(np.abs(axes.T @ vectors[:, ::-1]), np.eye(6), atol=1e-10)
    assert np.diff(values).min() > 0.0
    law = _law(6, 1)
    np.testing.assert_allclose(inverse_of(law), np.linalg.inv(law), rtol=1e-11)
    design = np.hstack([np.ones((5000, 1)), rows[:, :2]])
    ridge = np.diag([0.0, 5.0, 5.0])
    expected = np.linalg.solve(design.T @ design + ridge, design.T @ rows[:, 2:])
    np.testing.assert_allclose(slopes_on(design, rows[:, 2:], 5000), expected, rtol=1e-9, atol=1e-11)
    assert products_of(np.zeros((0, 3))).tolist() == [[0.0] * 3] * 3


FIT = """
import hashlib
import acm_rs, numpy as np
random = np.random.default_rng(1)
load = random.standard_normal((6000, 3))
x = 50.0 + np.einsum("ni,ij->nj", load, random.standard_normal((3, 12))) + 0.2 * random.standard_normal((6000, 12))
x[random.random(x.shape) < 0.02] = np.nan
monitor = acm_rs.Monitor().fit(x[:5000].round(3))
scores = monitor.score(x[5000:].round(3)).scores
print(hashlib.sha256(monitor.to_bytes() + scores.tobytes()).hexdigest())
"""


def test_a_monitor_is_the_same_bytes_with_another_library_and_other_threads() -> None:
    # Kernels of OpenBLAS for another processor, which every x86 has, sum in another order; other libraries ignore it.
    others = {"OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    assert run(FIT, **others) == run(FIT, OPENBLAS_NUM_THREADS="2", OMP_NUM_THREADS="2")
