"""HDBSCAN against exact arithmetic and scikit-learn, and at its edges."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import partial
from typing import Any

import acm_rs
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from damaged_files import as_first_format
from histories import layouts
from registry import CLUSTERINGS
from sklearn.cluster import HDBSCAN
from sklearn.metrics import adjusted_rand_score

Floats = npt.NDArray[np.float64]
SETS = 200
peer = partial(HDBSCAN, copy=True)


def sample(number: int) -> tuple[Floats, int, int]:
    """A set of rows with the least size of its clusters and the rows of a core distance.

    By turns clouds, stretched clouds, one cloud, noise alone, rounded readings, rows that stand twice, offsets of 1e9.
    """
    random = np.random.default_rng(number)
    rows, columns = int(random.integers(30, 90)), (1, 2, 3, 5, 10, 20, 50)[number % 7]
    kind = number % 8
    clouds = 1 if kind == 2 else 3
    middles = 14.0 * random.random((clouds, columns))
    x = middles[np.arange(rows) % clouds] + random.standard_normal((rows, columns))
    if kind == 1:
        x = x @ np.diag(np.linspace(0.05, 6.0, columns)) + 0.3 * x[:, ::-1]
    if kind == 3:
        x = random.random((rows, columns))
    if kind == 4:
        x = np.round(x, 1)
    if kind == 5:
        x[: rows // 3] = x[rows // 3 : 2 * (rows // 3)]
    if kind == 6:
        x[::10] = 30.0 * random.random((len(x[::10]), columns))
    if kind == 7:
        x = np.round(1000.0 * x) / 1024.0 + 1e9
    return x, 4 + number % 3, (1, 2, 2, 5)[number % 4]


def whole_numbers(x: Floats) -> tuple[npt.NDArray[Any], int]:
    """The values times a power of two that makes all of them whole, and that power."""
    fractions = [[Fraction(value) for value in row] for row in x.tolist()]
    unit = max(value.denominator for row in fractions for value in row)
    return np.array([[int(value * unit) for value in row] for row in fractions], dtype=object), unit


def exact_reach(x: Floats, min_samples: int) -> tuple[npt.NDArray[Any], int]:
    """Squared mutual reachability of all pairs in whole numbers, and the unit of its root."""
    values, unit = whole_numbers(x)
    differences = values[:, None, :] - values[None, :, :]
    squares = (differences * differences).sum(axis=2)
    cores = np.sort(squares, axis=1)[:, min_samples - 1]
    return np.maximum(np.maximum(squares, cores[:, None]), cores[None, :]), unit


def grown_tree(reach: npt.NDArray[Any]) -> list[tuple[Any, int, int]]:
    """Edges of a minimum spanning tree that grows from the first row: squared length and two rows."""
    rows = len(reach)
    nearest, whose, inside = reach[0].copy(), np.zeros(rows, dtype=int), np.zeros(rows, dtype=bool)
    inside[0] = True
    edges = []
    for _ in range(rows - 1):
        outside = np.flatnonzero(~inside)
        row = outside[np.argmin(nearest[outside])]
        edges.append((nearest[row], int(whose[row]), int(row)))
        inside[row] = True
        closer = reach[row] < nearest
        nearest[closer], whose[closer] = reach[row][closer], row
    return sorted(edges)


def falls(edges: list[tuple[int, int, int]]) -> Iterator[list[int]]:
    """For each set of rows that edges of one length join: the sizes of what they join."""
    above: dict[int, int] = {}
    sizes: Counter[int] = Counter()

    def root(row: int) -> int:
        while above.setdefault(row, row) != row:
            row = above[row]
        return row

    for length in sorted({edge[0] for edge in edges}):
        joined: dict[int, set[int]] = {}
        for _, a, b in (edge for edge in edges if edge[0] == length):
            one, other = root(a), root(b)
            parts = joined.pop(one, {one}) | joined.pop(other, {other})
            above[other] = one
            joined[one] = parts
        for one, parts in joined.items():
            yield [sizes[part] or 1 for part in parts]
            sizes[one] = sum(sizes[part] or 1 for part in parts)


def is_decided(edges: list[tuple[int, int, int]], least: int) -> bool:
    """Whether clusters are the same in whatever order edges of equal length are taken."""
    for sizes in falls(edges):
        large, small = sum(size >= least for size in sizes), sum(size for size in sizes if size < least)
        if len(sizes) > 2 and not (large == 1 and small < least) and not (large == 0 and small < 2 * least):
            return False
    return True


@pytest.mark.parametrize("first", range(0, SETS, 20))
def test_the_spanning_tree_is_that_of_exact_arithmetic(first: int) -> None:
    for number in range(first, first + 20):
        x, size, min_samples = sample(number)
        reach, unit = exact_reach(x, min_samples)
        found = acm_rs.HDBSCAN(size, min_samples).fit(x)
        with localcontext() as context:
            context.prec = 60
            exact = [Decimal(square).sqrt() / unit for square, _, _ in grown_tree(reach)]
            weight = float(sum(exact))
        # A sum of d squares is rounded by d / 2 units at most, its root by half as much and half a unit.
        units = x.shape[1] / 4 + 1.5
        np.testing.assert_allclose(found.tree_lengths_, [float(one) for one in exact], rtol=units * 2.0**-52, atol=0.0)
        assert abs(math.fsum(found.tree_lengths_) - weight) <= 2.0**-51 * weight, number


@pytest.mark.parametrize("method", ["eom", "leaf"])
def test_clusters_are_those_of_scikit_learn_where_they_are_decided(method: Any) -> None:
    decided = clusters = 0
    for number in range(SETS):
        x, size, min_samples = sample(number)
        if not is_decided(grown_tree(exact_reach(x, min_samples)[0]), size):
            continue
        decided += 1
        # With "leaf" all rows are never one cluster there, whatever is allowed.
        for allow in (False, True) if method == "eom" else (False,):
            theirs = peer(size, min_samples=min_samples, cluster_selection_method=method, allow_single_cluster=allow)
            theirs.fit(x)
            ours = acm_rs.HDBSCAN(size, min_samples, cluster_selection_method=method, allow_single_cluster=allow).fit(x)
            assert adjusted_rand_score(theirs.labels_, ours.labels_) == 1.0, (number, allow)
            assert ((theirs.labels_ < 0) == (ours.labels_ < 0)).all(), (number, allow)
            np.testing.assert_allclose(ours.probabilities_, theirs.probabilities_, rtol=1e-9)
            clusters += ours.n_clusters_
    assert decided > 120
    assert clusters > 300


def test_the_largest_size_is_that_of_scikit_learn() -> None:
    found = set()
    for number in range(0, SETS, 2):
        x, size, min_samples = sample(number)
        if not is_decided(grown_tree(exact_reach(x, min_samples)[0]), size):
            continue
        for most in (12, 20, 40):
            theirs = peer(size, min_samples=min_samples, max_cluster_size=most).fit(x)
            ours = acm_rs.HDBSCAN(size, min_samples, max_cluster_size=most).fit(x)
            assert adjusted_rand_score(theirs.labels_, ours.labels_) == 1.0, (number, most)
            found.add((most, ours.n_clusters_))
    assert len(found) > 8


def rows_of(tree: Any, cluster: int) -> frozenset[int]:
    """All rows of a cluster of the condensed tree."""
    rows = tree.child_size[: tree.parent.min()].sum()
    found: set[int] = set()
    for child in tree.child[tree.parent == cluster].tolist():
        found |= {child} if child < rows else rows_of(tree, child)
    return frozenset(found)


@pytest.mark.parametrize("method", ["eom", "leaf"])
def test_clusters_do_not_part_below_the_least_distance(method: Any) -> None:
    """Of the clusters around a chosen one that are born above it, the innermost; or the outermost of all."""
    changed = 0
    for number in range(0, SETS, 3):
        x, size, min_samples = sample(number)
        plain = acm_rs.HDBSCAN(size, min_samples, cluster_selection_method=method).fit(x)
        tree, rows = plain.condensed_tree_, len(x)
        clusters = {int(c): rows_of(tree, c) for c in tree.child[tree.child > rows]}
        births = dict(zip(tree.child.tolist(), (1.0 / tree.lambda_val).tolist(), strict=True))
        for epsilon in np.quantile(plain.tree_lengths_, [0.5, 0.9, 0.98]):
            wanted = set()
            for label in range(plain.n_clusters_):
                mine = frozenset(np.flatnonzero(plain.labels_ == label).tolist())
                around = sorted((len(inside), cluster) for cluster, inside in clusters.items() if mine <= inside)
                above = [
                    c for n, (_, c) in enumerate(around) if births[c] >= epsilon and (n == 0 or births[c] > epsilon)
                ]
                wanted.add(clusters[(above or [around[-1][1]])[0]])
            how = acm_rs.HDBSCAN(
                size, min_samples, cluster_selection_method=method, cluster_selection_epsilon=float(epsilon)
            ).fit(x)
            # Where two are born just at it, one may climb beyond the other.
            wanted = {one for one in wanted if not any(one < other for other in wanted)}
            labels = range(how.n_clusters_)
            assert {frozenset(np.flatnonzero(how.labels_ == label).tolist()) for label in labels} == wanted, number
            changed += how.n_clusters_ < plain.n_clusters_
    assert changed > 20


def test_the_order_of_rows_and_columns_does_not_matter() -> None:
    random = np.random.default_rng(1)
    for number in range(0, SETS, 5):
        x, size, min_samples = sample(number)
        ours = acm_rs.HDBSCAN(size, min_samples).fit(x)
        order = random.permutation(len(x))
        other = acm_rs.HDBSCAN(size, min_samples).fit(x[order])
        assert adjusted_rand_score(ours.labels_[order], other.labels_) == 1.0
        assert (ours.probabilities_[order] == other.probabilities_).all()
        assert (ours.outlier_scores_[order] == other.outlier_scores_).all()


def test_clusters_are_numbered_by_their_first_rows() -> None:
    for number in range(0, SETS, 7):
        x, size, min_samples = sample(number)
        labels = acm_rs.HDBSCAN(size, min_samples).fit(x).labels_
        _, first = np.unique(labels[labels >= 0], return_index=True)
        assert (np.diff(first) > 0).all()


@pytest.mark.parametrize("parameters", CLUSTERINGS["HDBSCAN"].variants, ids=str)
def test_what_is_said_of_rows_agrees(parameters: dict[str, Any]) -> None:
    x = np.vstack([sample(16)[0][:, :2], sample(23)[0][:, :2] - 1e9])
    model = acm_rs.HDBSCAN(**parameters).fit(x)
    tree, rows = model.condensed_tree_, len(x)
    assert sorted(tree.child[: len(x)]) == list(range(rows))
    assert tree.parent.min() == rows
    # What leaves a cluster are all its rows.
    for cluster in np.unique(tree.parent):
        leaving = tree.child_size[tree.parent == cluster].sum()
        assert leaving == (rows if cluster == rows else tree.child_size[tree.child == cluster].sum())
    assert model.n_clusters_ == model.labels_.max() + 1 == len(model.counts_) == len(model.cluster_persistence_)
    assert (np.bincount(model.labels_[model.labels_ >= 0], minlength=model.n_clusters_) == model.counts_).all()
    assert ((model.probabilities_ > 0) == (model.labels_ >= 0)).all()
    assert ((model.outlier_scores_ >= 0) & (model.outlier_scores_ <= 1)).all()
    assert ((model.cluster_persistence_ > 0) & (model.cluster_persistence_ <= 1)).all()
    assert (np.diff(model.tree_lengths_) >= 0).all()
    distances = np.sort(acm_rs.pairwise_distances(x), axis=1)
    count = min(parameters.get("min_samples") or parameters["min_cluster_size"], rows)
    np.testing.assert_allclose(model.core_distances_, distances[:, count - 1], rtol=1e-15)


def test_outlier_scores_are_one_less_the_share_of_the_greatest_density() -> None:
    x, _, _ = sample(6)
    model = acm_rs.HDBSCAN(5, 2).fit(x)
    tree = model.condensed_tree_
    rows = len(x)
    inner: dict[int, float] = {}
    entries = list(zip(tree.parent.tolist(), tree.child.tolist(), tree.lambda_val.tolist(), strict=True))
    for parent, child, density in (*entries[:rows], *entries[: rows - 1 : -1]):
        inner[parent] = max(inner.get(parent, 0.0), density, inner.get(child, 0.0))
    wanted = 1.0 - tree.lambda_val[:rows] / np.array([inner[parent] for parent in tree.parent[:rows]])
    np.testing.assert_allclose(model.outlier_scores_, wanted, atol=1e-15)
    assert model.outlier_scores_[::10].mean() > 2 * model.outlier_scores_[1::10].mean()


def test_other_rows_join_the_clusters() -> None:
    random = np.random.default_rng(3)
    x = np.vstack([random.normal(0.0, 1.0, (200, 3)), random.normal(9.0, 1.0, (200, 3))])
    model = acm_rs.HDBSCAN(20, 5).fit(x)
    near = np.array([[0.1, 0.0, 0.2], [9.0, 9.1, 8.9], [30.0, -20.0, 4.5], [60.0, -50.0, 0.0]])
    labels, probabilities = model.approximate_predict(near)
    assert labels.tolist() == [0, 1, -1, -1]
    members = model.membership(near)
    assert members.shape == (4, 2)
    assert (members[[0, 1], [0, 1]] == probabilities[:2]).all()
    assert members[0, 0] > 3 * members[0, 1]
    assert members[3].max() < 0.1
    scores = model.score(near)
    assert scores[3] > 0.95
    assert scores[:2].max() < 0.6
    # Rows of the fit count twice, so their places are at least as dense.
    again, _ = model.approximate_predict(x)
    assert (again == model.labels_)[model.labels_ >= 0].all()


def test_pieces_and_single_rows_give_the_bytes_of_the_whole() -> None:
    x, size, min_samples = sample(12)
    model = acm_rs.HDBSCAN(size, min_samples).fit(x)
    rows = np.repeat(x, 3, axis=0) + np.random.default_rng(0).integers(-2, 3, (3 * len(x), x.shape[1])) / 10
    for method in ("approximate_predict", "membership", "score"):
        ask = getattr(model, method)
        whole = ask(rows)
        parts = [ask(part) for part in np.split(rows, [1, 2, 10, 64, 65])]
        if method == "approximate_predict":
            for number in range(2):
                assert np.concatenate([part[number] for part in parts]).tobytes() == whole[number].tobytes()
        else:
            assert np.concatenate(parts).tobytes() == whole.tobytes()


@pytest.mark.usefixtures("threads")
def test_threads_and_layouts_give_the_same_bytes() -> None:
    random = np.random.default_rng(2)
    x = 5.0 * random.random((6, 4))[np.arange(4000) % 6] + random.standard_normal((4000, 4))
    x[::3] = np.round(x[::3], 1)
    found = set()
    for threads in (1, 2, 5):
        acm_rs.set_num_threads(threads)
        found |= {acm_rs.HDBSCAN(15, 4).fit(form).to_bytes() for form in layouts(x).values()}
    assert len(found) == 1


@pytest.mark.parametrize("parameters", CLUSTERINGS["HDBSCAN"].variants, ids=str)
def test_damage_that_no_checksum_tells_of_never_crashes(parameters: dict[str, Any]) -> None:
    x = sample(16)[0][:, :2]
    model = acm_rs.HDBSCAN(**parameters).fit(x)
    data = bytearray(as_first_format(model.to_bytes()))
    assert acm_rs.HDBSCAN.from_bytes(bytes(data)) == model
    header = 8 + int.from_bytes(data[:8], "little")
    told, taken = [], 0
    for place in sorted({*range(0, header, 3), *range(header, len(data), max(1, (len(data) - header) // 300))}):
        for bit in (1, 6, 7):
            data[place] ^= 1 << bit
            try:
                other = acm_rs.HDBSCAN.from_bytes(bytes(data))
                for ask in (other.approximate_predict, other.membership, other.score):
                    ask(x)
                taken += len(other.condensed_tree_.child) + len(other.labels_) > 0
            except ValueError as error:
                told.append(str(error))
            data[place] ^= 1 << bit
    assert all("not a saved" in error or "`x`" in error for error in told)
    assert len(told) > 100
    assert taken > 100


def test_too_few_rows_are_noise_and_told() -> None:
    x = np.random.default_rng(0).random((8, 2))
    with pytest.warns(UserWarning, match="`x` has 8 rows, fewer than `min_cluster_size` = 9: all of them are noise"):
        model = acm_rs.HDBSCAN(9).fit(x)
    assert (model.labels_ == -1).all()
    assert model.n_clusters_ == len(model.tree_lengths_) == 0
    assert model.approximate_predict(x)[0].tolist() == [-1] * 8
    assert model.membership(x).shape == (8, 0)
    assert acm_rs.HDBSCAN.from_bytes(model.to_bytes()) == model
    with pytest.warns(UserWarning, match="fewer than `min_samples` = 12: all of them are noise"):
        acm_rs.HDBSCAN(3, 12).fit(x)


def test_missing_values_are_refused_with_a_remedy() -> None:
    x = np.random.default_rng(0).random((50, 3))
    model = acm_rs.HDBSCAN(5).fit(x)
    x[17, 2] = np.nan
    x[30, 0] = np.inf
    for ask in (acm_rs.HDBSCAN(5).fit, model.approximate_predict, model.membership, model.score):
        with pytest.raises(ValueError, match=r"got one in row 17, column 2: fill it, for instance by `impute`"):
            ask(x)


def test_rows_that_are_all_the_same() -> None:
    x = np.full((60, 3), 7.5)
    model = acm_rs.HDBSCAN(5).fit(x)
    assert (model.labels_ == -1).all()
    assert not model.tree_lengths_.any()
    model = acm_rs.HDBSCAN(5, allow_single_cluster=True).fit(x)
    assert (model.labels_ == 0).all()
    assert (model.probabilities_ == 1.0).all()


def test_groups_of_equal_rows_are_clusters() -> None:
    x = np.repeat(np.arange(5.0), 20)[:, None]
    model = acm_rs.HDBSCAN(10, 3).fit(x)
    assert (model.labels_ == np.repeat(np.arange(5), 20)).all()
    assert (model.probabilities_ == 1.0).all()
    assert not model.outlier_scores_.any()
    assert np.isinf(model.condensed_tree_.lambda_val[:100]).all()


def test_frames_come_back_as_frames() -> None:
    x, size, min_samples = sample(0)
    frame = pd.DataFrame(np.column_stack([x[:, 0], x[:, 0] ** 2]), columns=["speed", "flow"])
    frame.index = pd.date_range("2024-01-01", periods=len(x), freq="min")
    model = acm_rs.HDBSCAN(size, min_samples).fit(frame)
    labels, probabilities = model.approximate_predict(frame)
    for found, name in ((labels, "cluster"), (probabilities, "probability")):
        assert found.index.equals(frame.index)
        assert found.name == name
    assert list(model.membership(frame).columns) == [f"cluster_{k}" for k in range(model.n_clusters_)]
    with pytest.raises(ValueError, match="must have the columns that the HDBSCAN was fitted on"):
        model.score(frame[["flow", "speed"]])


def _validity(x: Floats, labels: npt.NDArray[Any]) -> float:
    """The index as its paper has it."""
    kinds = [np.flatnonzero(labels == kind) for kind in np.unique(labels[labels >= 0])]
    distances = np.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=2))
    cores = np.zeros(len(x))
    for rows in kinds:
        for row in rows:
            others = distances[row, rows[rows != row]]
            cores[row] = np.mean(others ** -float(x.shape[1])) ** (-1.0 / x.shape[1])
    reach = np.maximum(distances, np.maximum(cores[:, None], cores[None]))
    inner, sparse = [], []
    for rows in kinds:
        edges = grown_tree(reach[np.ix_(rows, rows)])
        degrees = np.bincount([end for edge in edges for end in edge[1:]], minlength=len(rows))
        inner.append(rows[degrees > 1])
        sparse.append(max(length for length, a, b in edges if degrees[a] > 1 and degrees[b] > 1))
    total = 0.0
    for number, rows in enumerate(kinds):
        apart = min(reach[np.ix_(inner[number], other)].min() for k, other in enumerate(inner) if k != number)
        total += len(rows) * (apart - sparse[number]) / max(apart, sparse[number])
    return total / len(x)


def test_the_validity_index_is_that_of_its_definition() -> None:
    for number in (0, 1, 2, 3, 6, 8, 9, 10, 11, 14):
        x = sample(number)[0][:, :5]
        labels = np.arange(len(x)) % 3
        labels[::10] = -1
        assert acm_rs.validity_index(x, labels) == pytest.approx(_validity(x, labels), rel=1e-9, abs=1e-12), number
    x = np.vstack([x, x + 1000.0])
    halves = np.repeat([0, 1], len(x) // 2)
    assert acm_rs.validity_index(x, halves) > 0.9 > acm_rs.validity_index(x, np.arange(len(x)) % 2)
    with pytest.raises(ValueError, match="`labels` must be of kinds with at least 2 rows each, -1 left out, got 1"):
        acm_rs.validity_index(x, np.where(np.arange(len(x)) == 3, 1, 0))
