"""core/regime_clustering.py: its contract, and the same numbers with acm_rs and without it."""

from __future__ import annotations

import json
import pickle
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import pytest
from dropins import agree

from core import regime_clustering as regimes

BACKENDS = pytest.mark.parametrize("backend", ["rust", "numpy"])
K_MEANS: dict[str, Any] = {"regimes": {"clustering": {"method": "kmeans"}}}


def basis(seed: int = 0, rows: int = 600) -> tuple[pd.DataFrame, np.ndarray]:
    """Three regimes of a machine, one of them rare, and which each row belongs to."""
    rng = np.random.default_rng(seed)
    kind = np.where(np.arange(rows) < rows // 2, 0, np.where(np.arange(rows) < rows - rows // 10, 1, 2))
    x = np.array([[100.0, 1.0], [400.0, 1.5], [250.0, 8.0]])[kind] + rng.normal(size=(rows, 2)) * [10.0, 0.1]
    return pd.DataFrame(x, columns=["speed", "load"]), kind


def test_the_same_numbers_with_and_without_acm_rs() -> None:
    agree("""
from core import regime_clustering as regimes
rng = np.random.default_rng(0)
x = np.array([[100.0, 1.0, 5.0], [400.0, 1.5, 5.0], [250.0, 8.0, 7.0]])[rng.integers(0, 3, 700)]
x += rng.normal(size=x.shape) * [10.0, 0.1, 0.5]
x[5, 1], x[8, 2], x[9] = np.nan, np.inf, [900.0, 20.0, -9.0]
new = rng.normal(size=(50, 3)) * [200.0, 4.0, 3.0]
for method in ("hdbscan", "kmeans"):
    for more in ({}, {"hdbscan": {"max_fit_samples": 300}, "auto_k": {"max_eval_samples": 200}}):
        found = regimes.cluster_regimes(pd.DataFrame(x), {"regimes": {"clustering": {"method": method}, **more}})
        show([found.n_clusters, found.score, found.threshold], found.labels_, found.cluster_centers_)
        z = found.scaler.transform(new)
        show(found.predict(z), found.predict_proba(z), found.distances(z))
for decimals in (0, 1):
    for levels in ([0.0, 0.0], [0.0, 15.0]):
        rounded = (rng.normal(0.0, 1.5, (900, 2)) + np.array(levels)[rng.integers(0, 2, 900)][:, None]).round(decimals)
        found = regimes.cluster_regimes(rounded, {"regimes": {"clustering": {"use_gmm_fallback": False}}})
        show([found.n_clusters, found.threshold], found.labels_, found.predict(found.scaler.transform(new[:, :2])))
for sensors, rare, how in ((1, 25, 12.0), (3, 25, 9.0), (12, 25, 30.0)):
    for law in (rng.normal, rng.random):
        cloud = law(size=(900, sensors))
        cloud[400 : 400 + rare, 0] += how
        cloud[::45] = rng.uniform(-40.0, 40.0, (20, sensors))
        found = regimes.cluster_regimes(cloud, {"regimes": {"clustering": {"use_gmm_fallback": False}}})
        show([found.n_clusters, found.threshold, found.noise_ratio], found.labels_, found.cluster_centers_)
noise = rng.normal(size=(500, 4))
any_k = {"clustering": {"method": "kmeans"}, "quality": {"silhouette_min": -1}}
found = regimes.cluster_regimes(noise, {"regimes": any_k})
show(found.labels_, [s for _, s in found.sweep], found.cluster_centers_)
""")


@BACKENDS
@pytest.mark.parametrize("method", ["hdbscan", "kmeans"])
def test_regimes_are_found(backend: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if method == "hdbscan" and backend == "numpy":
        pytest.importorskip("sklearn")
    monkeypatch.setattr(regimes, "BACKEND", backend)
    x, kind = basis()
    found = regimes.cluster_regimes(x, {"regimes": {"clustering": {"method": method}}})
    assert (found.n_clusters, found.n_components, found.method, found.metric) == (3, 3, method, "silhouette")
    inside = found.labels_ >= 0
    assert inside.mean() > 0.95
    np.testing.assert_array_equal(found.labels_[inside], kind[inside])
    assert not found.low_quality
    assert found.score > 0.8
    z = found.scaler.transform(x)
    np.testing.assert_array_equal(found.predict(z), kind)
    p = found.predict_proba(z)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(p.argmax(axis=1), kind)
    assert found.predict(np.full((1, 2), np.nan)).shape == (1,)


@BACKENDS
def test_silhouettes_are_those_of_scikit_learn(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    monkeypatch.setattr(regimes, "BACKEND", backend)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 4))
    for labels in (rng.integers(0, 3, 300), np.r_[0, np.ones(299, dtype=int)], np.repeat(np.arange(150), 2)):
        assert regimes._silhouette(x, labels) == pytest.approx(metrics.silhouette_score(x, labels), abs=1e-12)
    assert np.isnan(regimes._silhouette(x, np.zeros(300, dtype=int)))


def test_k_means_reaches_scikit_learns_inertia() -> None:
    cluster = pytest.importorskip("sklearn.cluster")
    x, _ = basis()
    z = regimes.cluster_regimes(x).scaler.transform(x)
    for k in (2, 3, 5):
        labels = regimes._k_means(z, k, 10, 17)
        inertia = sum(np.sum((z[labels == j] - z[labels == j].mean(axis=0)) ** 2) for j in range(k))
        assert inertia <= 1.01 * cluster.KMeans(k, n_init=10, random_state=0).fit(z).inertia_


def test_one_regime_is_an_answer() -> None:
    x = np.random.default_rng(0).normal(size=(500, 4))
    found = regimes.cluster_regimes(
        x, K_MEANS | {"regimes": {**K_MEANS["regimes"], "quality": {"silhouette_min": 0.4}}}
    )
    assert (found.n_clusters, found.metric) == (1, "single")
    assert np.isnan(found.score)
    assert len(found.sweep) == 5
    assert set(found.labels_) == {0}


@pytest.mark.parametrize("cfg", [{}, K_MEANS])
@pytest.mark.parametrize("value", [7.0, 0.0, np.nan])
def test_nothing_to_learn(cfg: dict[str, Any], value: float, caplog: pytest.LogCaptureFixture) -> None:
    x = pd.DataFrame({"a": np.full(50, value), "b": 1e6 * (1.0 + 2.0**-52 * (np.arange(50) % 2))})
    found = regimes.cluster_regimes(x, cfg)
    assert "there is nothing to learn from (nothing moves in 50 rows): one regime" in caplog.text
    assert (found.n_clusters, found.metric, set(found.labels_)) == (1, "single", {0})
    assert np.isnan(found.score)
    moved = pd.DataFrame({"a": [1.0, 9.0], "b": [1e6, 3e6]})
    for other in (found, regimes.RegimeClusters.from_dict(json.loads(json.dumps(found.to_dict())))):
        assert other.predict(other.scaler.transform(moved)).tolist() == [0, 0]


@pytest.mark.parametrize("cfg", [{}, K_MEANS])
def test_still_and_short_bases(cfg: dict[str, Any]) -> None:
    for x in (np.ones((50, 2)), np.ones((2, 2)), np.arange(6.0)[:, None], np.full((20, 1), np.nan)):
        found = regimes.cluster_regimes(x, cfg)
        assert found.n_clusters >= 1
        assert len(found.labels_) == len(x)
        assert np.isfinite(found.predict_proba(found.scaler.transform(x))).all()


def test_without_hdbscan_k_means_serves(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(regimes, "_has_hdbscan", lambda: False)
    assert regimes.cluster_regimes(basis()[0]).method == "kmeans"
    assert "neither acm_rs nor scikit-learn has HDBSCAN" in caplog.text


@pytest.mark.parametrize("backend", ["rust", "numpy"])
@pytest.mark.parametrize("columns", [1, 2, 3])
def test_one_cloud_is_one_regime(backend: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if backend == "numpy":
        pytest.importorskip("sklearn")
    monkeypatch.setattr(regimes, "BACKEND", backend)
    for seed in range(6):
        x = np.random.default_rng(seed).normal(300.0, 2.0, (900, columns))
        for decimals in (9, 1, 0):
            found = regimes.cluster_regimes(x.round(decimals))
            assert (found.n_clusters, found.method, found.noise_ratio) == (1, "hdbscan", 0.0), (seed, decimals)
            two = x.copy()
            two[::6] += 30.0
            found = regimes.cluster_regimes(two.round(decimals))
            assert found.n_clusters == 2, (seed, decimals)
            assert (found.labels_ == (np.arange(900) % 6 > 0)).mean() > 0.97


@BACKENDS
@pytest.mark.parametrize("columns", [1, 3, 20])
def test_nothing_rare_is_counted_to_one_cloud(
    backend: str, columns: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if backend == "numpy":
        pytest.importorskip("sklearn")
    monkeypatch.setattr(regimes, "BACKEND", backend)
    rng = np.random.default_rng(columns)
    for law in (rng.standard_normal, rng.random, lambda size: rng.standard_t(5, size)):
        cloud = law((1200, columns))
        usual = regimes.cluster_regimes(cloud)
        assert (usual.n_clusters, usual.method) == (1, "hdbscan")
        assert usual.noise_ratio < 0.01
        # Fewer rows than a regime needs, which are 30, in one column; and 2.5 % of all here and there.
        state, rubbish = np.arange(500, 512), rng.choice(500, 30, replace=False)
        far = rng.uniform(12.0, 40.0, (30, columns)) * rng.choice([-1.0, 1.0], (30, columns))
        for kind in ("state", "rubbish", "state and rubbish"):
            x, odd = cloud.copy(), np.zeros(1200, dtype=bool)
            if "state" in kind:
                x[state, 0] += 14.0 * cloud[:, 0].std()
                odd[state] = True
            if "rubbish" in kind:
                x[rubbish], odd[rubbish] = far * cloud.std(axis=0), True
            caplog.clear()
            found = regimes.cluster_regimes(x)
            assert (found.n_clusters, found.method, found.low_quality) == (1, "hdbscan", False), kind
            assert (found.labels_[odd] == -1).all(), kind
            assert (found.labels_[~odd] == -1).mean() < 0.01, kind
            assert f"{(found.labels_ < 0).sum()} rows" in caplog.text
            # Neither its place nor its width is that of rows far from it.
            place = found.scaler.mean_ + found.scaler.scale_ * found.cluster_centers_[0]
            np.testing.assert_allclose(place, cloud.mean(axis=0), atol=0.1)
            others = regimes.cluster_regimes(found.scaler.transform(cloud[~odd]), pre_scaled=True)
            assert 0.8 < found.threshold / others.threshold < 1.3, kind


def test_what_is_rare_is_told_by_distances_of_any_size() -> None:
    tail = (1000.0 / (np.arange(1000) + 0.5)) ** 0.2
    for factor in (1e-300, 1.0, 1e150):
        far = tail * factor
        assert regimes._beyond(far, 1000, 50) == 0
        far[:30] = 20.0 * factor
        assert regimes._beyond(far, 1000, 50) == 30
        far[:80] = 20.0 * factor
        assert regimes._beyond(far, 1000, 50) == 0
    # Most rows hardly differ, or not at all.
    for least in (1e-100, 0.0):
        assert regimes._beyond(np.where(np.arange(1000) < 200, tail, least), 1000, 50) == 0


def test_the_hierarchy_gives_the_clusters_of_hdbscan(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = pytest.importorskip("sklearn.cluster")
    several = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(400, 1 + seed % 4)) * rng.choice([0.5, 1.0], (400, 1)) + 3.0 * rng.integers(0, 4, (400, 1))
        for method, epsilon in (("eom", 0.0), ("leaf", 0.0), ("eom", 0.4), ("leaf", 0.4)):
            settings: Any = {"cluster_selection_method": method, "cluster_selection_epsilon": epsilon}
            checks = [(4, acm_rs.HDBSCAN(12, 4, **settings).fit(x).labels_)]
            if epsilon == 0.0:
                # Core distances of one row have no ties, where scikit-learn takes one row after the other.
                model = cluster.HDBSCAN(min_cluster_size=12, min_samples=1, copy=True, **settings)
                checks.append((1, model.fit(x).labels_))
            for samples, expected in checks:
                several += expected.max() > 0
                for backend in ("rust", "numpy"):
                    monkeypatch.setattr(regimes, "BACKEND", backend)
                    found = regimes._hierarchy(x, 12, samples, 30)[0].labels(method, epsilon, single=False)
                    np.testing.assert_array_equal(found, regimes._by_first_row(expected), f"{seed} {method} {backend}")
    assert several > 45


def test_bad_density_falls_back(caplog: pytest.LogCaptureFixture) -> None:
    x = np.random.default_rng(0).uniform(size=(400, 6))
    strict: dict[str, Any] = {"regimes": {"hdbscan": {"allow_single_cluster": False, "min_cluster_size": 60}}}
    assert regimes.cluster_regimes(x, strict).method == "kmeans"
    assert "k-means is taken" in caplog.text


def test_rows_beyond_the_sample_have_labels() -> None:
    x, kind = basis(rows=1200)
    found = regimes.cluster_regimes(x, {"regimes": {"hdbscan": {"max_fit_samples": 400}}})
    assert found.method == "hdbscan"
    inside = found.labels_ >= 0
    assert inside.mean() > 0.9
    np.testing.assert_array_equal(found.labels_[inside], kind[inside])


@pytest.mark.parametrize("cfg", [{}, K_MEANS])
def test_restored_regimes_predict_as_the_first(cfg: dict[str, Any]) -> None:
    x, _ = basis()
    found = regimes.cluster_regimes(x, cfg)
    z = found.scaler.transform(x)
    for other in (regimes.RegimeClusters.from_dict(found.to_dict()), pickle.loads(pickle.dumps(found))):
        np.testing.assert_array_equal(other.predict_proba(other.scaler.transform(x)), found.predict_proba(z))
        np.testing.assert_array_equal(other.labels_, found.labels_)
        assert (other.method, other.sweep, other.threshold) == (found.method, found.sweep, found.threshold)


def test_what_acm_reads() -> None:
    """`RegimeModel` and its saved state read these names of a clustering model and its scaler."""
    x, _ = basis()
    found = regimes.cluster_regimes(x)
    np.testing.assert_allclose(found.scaler.transform(x), (x - x.mean()) / x.std(ddof=0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.scaler.mean_, x.mean(), rtol=1e-12)
    assert found.scaler.scale_.shape == (2,)
    assert found.cluster_centers_.shape == (3, 2)
    assert found.predict(found.scaler.transform(x)).dtype.kind == "i"
    scaled = regimes.cluster_regimes(found.scaler.transform(x), pre_scaled=True)
    assert scaled.scaler.mean_.tolist() == [0.0, 0.0]
    np.testing.assert_array_equal(scaled.labels_, found.labels_)


@pytest.mark.parametrize("cfg", [{}, K_MEANS])
def test_frames_are_taken_by_names(cfg: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    x, _ = basis()
    found = regimes.cluster_regimes(x, cfg)
    z = found.scaler.transform(x)
    np.testing.assert_array_equal(found.scaler.transform(x.to_numpy()), z)
    turned = x[["load", "speed"]].assign(other="text")
    scaled = pd.DataFrame(z, columns=["speed", "load"])[["load", "speed"]]
    restored = regimes.RegimeClusters.from_dict(json.loads(json.dumps(found.to_dict())))
    for other in (found, restored, pickle.loads(pickle.dumps(found))):
        np.testing.assert_array_equal(other.scaler.transform(turned), z)
        np.testing.assert_array_equal(other.predict_proba(scaled), found.predict_proba(z))
    np.testing.assert_array_equal(found.scaler.transform(x[["load"]]), found.scaler.transform(x.assign(speed=np.nan)))
    assert "['speed']" in caplog.text
    places = regimes.cluster_regimes(x.to_numpy(), cfg)
    assert places.scaler.columns is None
    np.testing.assert_array_equal(places.labels_, found.labels_)
    np.testing.assert_array_equal(places.scaler.transform(turned[["speed", "load"]]), z)
    with pytest.raises(ValueError, match="2 columns as at fit, got 3"):
        found.predict(np.ones((4, 3)))


def test_kinds_of_arrays() -> None:
    x, _ = basis()
    labels = regimes.cluster_regimes(x).labels_
    wide = x.to_numpy()
    gaps = np.ma.masked_array(np.vstack([wide, wide[:1] + 1e9]), mask=False)
    gaps[-1] = np.ma.masked
    for same in (wide.astype(object), wide.tolist(), x.astype("Float64"), gaps[:-1], np.asfortranarray(wide)):
        np.testing.assert_array_equal(regimes.cluster_regimes(same).labels_, labels)
    holed = wide.astype(object)
    holed[3, 0], holed[4, 1] = None, pd.NA
    plain = wide.copy()
    plain[3, 0], plain[4, 1] = np.inf, np.nan
    np.testing.assert_array_equal(regimes.cluster_regimes(holed).labels_, regimes.cluster_regimes(plain).labels_)
    np.testing.assert_array_equal(regimes.cluster_regimes(gaps).scaler.medians_, np.median(wide, axis=0))
    for text in (wide.astype(str), [["1", "2"], ["3", "4"]], np.array([["a", 1.0], ["b", 2.0]], dtype=object)):
        with pytest.raises(TypeError, match=r"X must hold numbers, got (<U|object)"):
            regimes.cluster_regimes(text)
    with pytest.raises(TypeError, match="X must hold numbers, got complex128"):
        regimes.cluster_regimes(wide * 1j)


def test_rounding_is_no_movement() -> None:
    """A constant whose last digit shakes says nothing of regimes."""
    x, _ = basis()
    x["still"] = 1e6 * (1.0 + 2.0**-52 * (np.arange(len(x)) % 2))
    assert x["still"].nunique() == 2
    found = regimes.cluster_regimes(x)
    assert found.scaler.scale_[2] == pytest.approx(1e6)
    assert found.n_clusters == 3


def test_bad_calls() -> None:
    with pytest.raises(ValueError, match=r"at least two rows and a column, got shape \(1, 2\)"):
        regimes.cluster_regimes(np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"two dimensions, got shape \(4,\)"):
        regimes.cluster_regimes(np.ones(4))
    with pytest.raises(ValueError, match=r"clustering\.method must be one of hdbscan, kmeans, gmm, got 'dbscan'"):
        regimes.cluster_regimes(basis()[0], {"regimes": {"clustering": {"method": "dbscan"}}})
    with pytest.raises(TypeError, match=r"\['t'\]"):
        regimes.cluster_regimes(basis()[0].assign(t="x"))
    with pytest.raises(TypeError, match=r"\['load'\]"):
        regimes.cluster_regimes(basis()[0].assign(load=1j))
    with pytest.raises(ValueError, match=r"twice there: \['load'\]"):
        regimes.cluster_regimes(basis()[0][["load", "load"]])
    with pytest.raises(ValueError, match="2 columns as at fit, got 1"):
        regimes.cluster_regimes(basis()[0]).scaler.transform([[1.0]])
    with pytest.raises(ValueError, match="ACM_BACKEND must be"):
        regimes._choose_backend("cuda")
