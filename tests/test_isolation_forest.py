"""Isolation forest: against scikit-learn on its own trees, a plain NumPy walk, and by how well it tells faults."""

from __future__ import annotations

import json
from typing import Any

import acm_rs
import numpy as np
import numpy.typing as npt
import pytest
from histories import Floats, plant
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

_TYPES = {"F64": "<f8", "U64": "<u8", "U8": "u1"}


def _fields(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a saved model."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__")
    return {
        name: np.frombuffer(data[start:][slice(*field["data_offsets"])], _TYPES[field["dtype"]]).reshape(field["shape"])
        for name, field in header.items()
    }


def _saved(fields: dict[str, npt.NDArray[Any]]) -> bytes:
    header: dict[str, Any] = {"__metadata__": {"acm_rs": "IsolationForest 1"}}
    body = b""
    names = {np.dtype(kind): name for name, kind in _TYPES.items()}
    for name, values in fields.items():
        data = values.tobytes()
        place = [len(body), len(body) + len(data)]
        header[name] = {"dtype": names[values.dtype], "shape": list(values.shape), "data_offsets": place}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body


def _average_path(n: Floats) -> Floats:
    n = np.asarray(n, float)
    longer = np.maximum(n, 3.0)
    path: Floats = 2.0 * (np.log(longer - 1.0) + np.euler_gamma) - 2.0 * (longer - 1.0) / longer
    return np.where(n < 2, 0.0, np.where(n == 2, 1.0, path))


def _walk(model: Any, x: Floats) -> tuple[Floats, Floats]:
    """Scores and contributions, one row and one node after the other."""
    fields = _fields(model.to_bytes())
    known = np.isfinite(x)
    paths, credit = np.zeros(len(x)), np.zeros(x.shape)
    begin = 0
    counts = fields["tree.nodes"].astype(int)
    for count in counts:
        part = slice(begin, begin + count)
        begin += count
        child, sizes = fields["node.child"][part].astype(int), fields["node.size"][part].astype(float)
        depth = np.zeros(count)
        for at in np.flatnonzero(child):
            depth[child[at] : child[at] + 2] = depth[at] + 1
        mean = depth + _average_path(sizes)
        for at in np.flatnonzero(child)[::-1]:
            pair = slice(child[at], child[at] + 2)
            mean[at] = sizes[pair] @ mean[pair] / sizes[at]
        for row in range(len(x)):
            at, steps = 0, []
            while child[at]:
                left, sensor = child[at], int(fields["node.feature"][part][at])
                if known[row, sensor]:
                    after = left + int(x[row, sensor] >= fields["node.threshold"][part][at])
                else:
                    after = left + int(sizes[left + 1] > sizes[left])
                steps.append((sensor, mean[at] - mean[after]))
                at = after
            paths[row] += mean[at]
            for sensor, gain in steps:
                credit[row, sensor] += gain / mean[at] / len(counts)
    unit = len(counts) * _average_path(fields["node.size"][:1].astype(float))[0]
    return 2.0 ** -(paths / unit), credit


@pytest.mark.parametrize("gaps", [0.0, 0.1])
def test_it_is_the_plain_walk(gaps: float) -> None:
    forest = acm_rs.IsolationForest(n_estimators=25).fit(plant(700, 6, gaps=gaps))
    x = plant(60, 6, seed=4, gaps=gaps)
    x[::3, 2] += 40.0
    scores, credit = _walk(forest, x)
    np.testing.assert_allclose(forest.score(x), scores, rtol=1e-14)
    np.testing.assert_allclose(forest.contributions(x), credit, rtol=1e-11, atol=1e-13)


def _as_ours(peer: Any) -> Any:
    """scikit-learn's trees in a model of ours."""
    nodes: dict[str, list[Any]] = {"threshold": [], "feature": [], "child": [], "size": []}
    counts = []
    for estimator in peer.estimators_:
        tree = estimator.tree_
        order = [0]
        for at in order:
            left = tree.children_left[at]
            nodes["child"].append(len(order) if left >= 0 else 0)
            nodes["feature"].append(tree.feature[at] if left >= 0 else 0)
            # It goes left up to the threshold, ours below it.
            nodes["threshold"].append(np.nextafter(tree.threshold[at], np.inf) if left >= 0 else 0.0)
            nodes["size"].append(tree.n_node_samples[at])
            if left >= 0:
                order += [left, tree.children_right[at]]
        counts.append(len(order))
    whole = {"n_estimators": len(counts), "extension": 0, "seed": 0, "columns": peer.n_features_in_}
    fields: dict[str, npt.NDArray[Any]] = {name: np.array(value, "<u8") for name, value in whole.items()}
    fields["samples"] = np.array(peer.max_samples_, "<u8")
    fields["max_samples.manner"] = np.frombuffer(b"auto", "u1")
    fields["max_samples.value"] = np.array(0.0)
    fields["tree.nodes"] = np.array(counts, "<u8")
    fields["node.threshold"] = np.array(nodes["threshold"])
    for name in ("feature", "child", "size"):
        fields[f"node.{name}"] = np.array(nodes[name], "<u8")
    return acm_rs.IsolationForest.from_bytes(_saved(fields))


@pytest.mark.parametrize(("rows", "columns", "samples"), [(2000, 8, 256), (300, 3, 300), (50, 1, 7), (40, 2, 2)])
def test_scikit_learns_trees_give_scikit_learns_scores(rows: int, columns: int, samples: int) -> None:
    # Values that float32 holds: there it compares as we do.
    train, x = (plant(count, columns, seed=count).astype(np.float32) for count in (rows, 500))
    peer = IsolationForest(n_estimators=40, max_samples=samples, random_state=1).fit(train)
    ours = _as_ours(peer)
    assert ours.max_samples_ == samples
    np.testing.assert_allclose(ours.score(x), -peer.score_samples(x), rtol=1e-13)
    np.testing.assert_allclose(ours.score(train), -peer.score_samples(train), rtol=1e-13)


def _sets() -> dict[str, tuple[Floats, Floats, npt.NDArray[np.bool_]]]:
    """Healthy rows, rows to judge, and which of them are abnormal."""
    random = np.random.default_rng(12)
    sets = {}
    normal = random.standard_normal((3000, 10))
    faults = random.standard_normal((300, 10)) * 1.6
    sets["wider"] = (normal[:2000], np.vstack([normal[2000:], faults]), np.arange(1300) >= 1000)
    machine, broken = plant(3000, 8, seed=7), plant(300, 8, seed=8)
    broken[np.arange(300), np.arange(300) % 8] += 6.0 * np.where(np.arange(300) % 2, 1, -1)
    sets["one sensor off"] = (machine[:2000], np.vstack([machine[2000:], broken]), np.arange(1300) >= 1000)
    tails = random.standard_t(3, (3000, 6)) * 10.0 ** np.arange(6)
    spikes = tails[:200] + random.choice([-1, 1], (200, 6)) * 4.0 * 10.0 ** np.arange(6)
    sets["heavy tails"] = (tails[:2000], np.vstack([tails[2000:], spikes]), np.arange(1200) >= 1000)
    for name, load, healthy in (("breast cancer", load_breast_cancer, 1), ("wine", load_wine, 1)):
        values, kind = load(return_X_y=True)
        sets[name] = (values[kind == healthy], values, kind != healthy)
    return sets


@pytest.mark.parametrize("name", _sets())
def test_it_tells_faults_as_well_as_scikit_learn(name: str) -> None:
    train, x, abnormal = _sets()[name]
    ours, peer = [], []
    for seed in range(8):
        ours.append(roc_auc_score(abnormal, acm_rs.IsolationForest(seed=seed).fit(train).score(x)))
        other = IsolationForest(random_state=seed, max_samples=min(256, len(train))).fit(train)
        peer.append(roc_auc_score(abnormal, -other.score_samples(x)))
    assert np.mean(ours) > np.mean(peer) - 0.01
    assert np.mean(peer) > 0.6


@pytest.mark.parametrize("gaps", [0.05, 0.3])
def test_missing_values_cost_no_more_than_filling_them(gaps: float) -> None:
    train, x, abnormal = _sets()["one sensor off"]
    hide = np.random.default_rng(3)
    train, x = (np.where(hide.random(values.shape) < gaps, np.nan, values) for values in (train, x))
    medians = np.nanmedian(train, axis=0)
    filled, x_filled = (np.where(np.isnan(values), medians, values) for values in (train, x))
    ours = [roc_auc_score(abnormal, acm_rs.IsolationForest(seed=seed).fit(train).score(x)) for seed in range(6)]
    plain = []
    for seed in range(6):
        other = IsolationForest(random_state=seed, max_samples=256).fit(filled)
        plain.append(roc_auc_score(abnormal, -other.score_samples(x_filled)))
    assert np.mean(ours) > np.mean(plain) - 0.01


def test_an_offset_does_not_hide_what_float32_would() -> None:
    random = np.random.default_rng(1)
    train = random.standard_normal((2000, 3))
    x = np.vstack([random.standard_normal((500, 3)), random.standard_normal((50, 3)) * 5.0])
    abnormal = np.arange(550) >= 500
    offset = 1e9
    peer = -IsolationForest(random_state=0).fit(train + offset).score_samples(x + offset)
    assert len(np.unique(peer)) == 1
    plain, moved = (acm_rs.IsolationForest().fit(train + by).score(x + by) for by in (0.0, offset))
    np.testing.assert_allclose(moved, plain, atol=1e-3)
    assert roc_auc_score(abnormal, moved) > 0.95


@pytest.mark.parametrize(("extension", "least"), [(0, 0.9), (1, 0.97), (3, 0.97)])
def test_contributions_name_the_sensor(extension: int, least: float) -> None:
    random = np.random.default_rng(2)
    forest = acm_rs.IsolationForest(200, extension=extension).fit(random.standard_normal((2000, 12)))
    x = random.standard_normal((240, 12))
    sensor = np.arange(240) % 12
    x[np.arange(240), sensor] += np.where(np.arange(240) % 2, 6.0, -6.0)
    credit = forest.contributions(x)
    assert np.mean(credit.argmax(axis=1) == sensor) >= least
    assert np.mean([s in row.argsort()[-3:] for s, row in zip(sensor, credit, strict=True)]) >= 0.98


def test_oblique_splits_see_between_two_clusters() -> None:
    random = np.random.default_rng(4)
    x = random.standard_normal((1000, 2)) + 10.0 * (np.arange(1000) % 2)[:, None]
    places = np.array([[0.0, 10.0], [10.0, 0.0], [0.0, 0.0], [10.0, 10.0]])
    gaps = []
    for extension in (0, 1):
        score = acm_rs.IsolationForest(extension=extension).fit(x).score(places)
        gaps.append(score[:2].min() - score[2:].max())
    assert gaps[1] > max(gaps[0], 0.1)


def test_sizes() -> None:
    x = plant(120, 3)
    for asked, got in ((256, 120), (64, 64), (0.25, 30), (1.0, 120), ("auto", 120), (2, 2), (np.int64(5), 5)):
        forest = acm_rs.IsolationForest(5, asked).fit(x)
        assert forest.max_samples_ == got
        assert forest.max_samples == asked
        assert type(forest.max_samples) in (int, float, str)
        assert 5 <= forest.n_nodes_ <= 5 * (2 * got - 1)
    # More sensors a split than there are counts as all.
    wide, all_of_them = (acm_rs.IsolationForest(5, extension=extension).fit(x) for extension in (99, 2))
    assert (wide.score(x) == all_of_them.score(x)).all()


def test_a_constant_sensor_changes_nothing() -> None:
    x = plant(500, 3)
    still = np.column_stack([x, np.full(500, 2.0), np.full(500, np.nan)])
    with pytest.warns(UserWarning, match=r"columns \[3, 4\] of `x` have no value or do not change"):
        credit = acm_rs.IsolationForest().fit(still).contributions(still)
    assert not credit[:, 3:].any()
    assert credit[:, :3].any(axis=0).all()


def test_seeds_differ_and_repeat() -> None:
    x = plant(400, 3)
    first, again, other = (acm_rs.IsolationForest(10, seed=seed).fit(x) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert abs(np.corrcoef(first.score(x), other.score(x))[0, 1]) > 0.7


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"n_estimators": 0}, ValueError, "`n_estimators` must be a whole number, at least 1, got 0"),
        ({"n_estimators": 10**7}, ValueError, "`n_estimators` must be between 1 and 1000000"),
        ({"n_estimators": 1.5}, ValueError, "`n_estimators`"),
        ({"max_samples": 0}, ValueError, "`max_samples` must be a whole number, at least 2, got 0"),
        ({"max_samples": True}, ValueError, "`max_samples`"),
        ({"max_samples": 1.5}, ValueError, "`max_samples` must be a share above 0 and up to 1.0, got 1.5"),
        ({"max_samples": float("nan")}, ValueError, "`max_samples`"),
        ({"max_samples": "all"}, ValueError, '`max_samples` must be one of "auto", got "all"'),
        ({"extension": -1}, ValueError, "`extension` must be a whole number, at least 0, got -1"),
        ({"seed": -1}, ValueError, "`seed` must be a whole number"),
        ({"seed": 2**64}, ValueError, "`seed`"),
    ],
)
def test_wrong_parameters_are_named(parameters: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        acm_rs.IsolationForest(**parameters)


def test_trees_with_circles_and_strays_are_refused() -> None:
    forest = acm_rs.IsolationForest(3, 8).fit(plant(50, 2))
    for name, value in (
        ("node.child", 0),
        ("node.child", 10**6),
        ("node.feature", 2),
        ("node.size", 2**40),
        ("node.threshold", np.nan),
        ("tree.nodes", 1),
        ("columns", 0),
        ("samples", 9),
        ("extension", 1),
    ):
        fields = _fields(forest.to_bytes())
        values = fields[name].copy()
        values.reshape(-1)[0] = value
        with pytest.raises(ValueError, match="not a saved IsolationForest"):
            acm_rs.IsolationForest.from_bytes(_saved(fields | {name: values}))
