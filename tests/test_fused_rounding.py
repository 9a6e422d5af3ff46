"""The fused detector on readings in steps: rows that are rounded coarser than the training rows were."""

from __future__ import annotations

import acm_rs
import numpy as np
import pytest
from fused_form import Reference, close, faulty
from histories import Floats, plant, same_bytes


def test_rounded_rows_are_judged_by_a_model_of_rounded_rows() -> None:
    x, fresh = plant(503, 6), faulty(300, 6).round()
    detector = acm_rs.FusedDetector(whole=False).fit(x)
    assert 1.0 in detector.steps_
    assert (detector.resolution(fresh) == 1.0).all()
    reference = Reference(noise=1.0 / 12.0).fit(x.round())
    parts, shares = reference.follow(fresh)
    close(detector.parts(fresh), parts)
    close(detector.contributions(fresh), shares)


def _fine(rows: int, seed: int) -> Floats:
    return 0.2 * plant(rows, 8, seed=seed) / 3.0 - 0.2 * 10.0 ** np.linspace(0, 4, 8) / 3.0 + 40.0


@pytest.mark.parametrize("decimals", [1, 2, 3, 9])
def test_coarser_readings_neither_alarm_nor_blind(decimals: int) -> None:
    healthy, found = [], []
    for seed in range(4):
        x = _fine(3000, seed)
        detector = acm_rs.FusedDetector().fit(x[:1500].round(9))
        fault = x[1500:].copy()
        fault[300:, seed] += 3.0 * max(0.02, 10.0**-decimals / 12.0**0.5)
        fault = fault.round(decimals)
        told = detector.resolution(fault)
        assert (told == (10.0**-decimals if decimals < 3 else 0.0)).mean() > 0.999
        healthy.append(float((detector.score(x[1500:].round(decimals)) > 1.0).mean()))
        found.append(float((detector.score(fault)[300:] > 1.0).mean()))
    assert np.mean(healthy) < 0.02
    assert np.mean(found) > 0.8


def test_a_change_of_resolution_is_told_where_it_happens() -> None:
    x = _fine(3000, 9)
    detector = acm_rs.FusedDetector().fit(x[:1500])
    fresh = x[1500:].copy()
    fresh[500:1000] = fresh[500:1000].round(1)
    told = detector.resolution(fresh)
    assert (told[500:1000] == 0.1).all()
    assert not told[:500].any()
    assert not told[1000:].any()
    assert (detector.score(fresh) > 1.0).mean() < 0.02
    # What was as coarse when it was fitted is nothing new.
    coarse = acm_rs.FusedDetector().fit(x[:1500].round(1))
    assert not coarse.resolution(x[1500:].round(1)).any()
    assert (coarse.score(x[1500:].round(1)) > 1.0).mean() < 0.02


def test_a_plant_of_one_sensor_needs_several_readings_to_tell_its_step() -> None:
    x = 20.0 + plant(2000, 1, seed=2)
    detector = acm_rs.FusedDetector().fit(x[:1500].round(2))
    told = detector.resolution(x[1500:].round(0))
    assert told[0] == 0.0
    assert (told[10:] == 1.0).all()
    assert (detector.resolution(x[1500:].round(2)) > 0.0).mean() < 0.01


@pytest.mark.parametrize("unit", [2.0**-60, 2.0**60])
def test_sensors_in_small_or_large_units_do_not_seem_rounded(unit: float) -> None:
    x = _fine(1500, 5)
    mixed = x.copy()
    mixed[:, ::2] *= unit
    detector = acm_rs.FusedDetector().fit(mixed[:800])
    assert not detector.resolution(mixed[800:]).any()
    np.testing.assert_allclose(
        detector.score(mixed[800:]), acm_rs.FusedDetector().fit(x[:800]).score(x[800:]), rtol=1e-6, atol=1e-9
    )
    tiny = acm_rs.FusedDetector().fit(x[:800] * 2.0**-60)
    assert not tiny.resolution(x[800:] * 2.0**-60).any()


def test_one_sensor_that_is_rounded_alone_neither_alarms_nor_blinds() -> None:
    healthy, found = [], []
    for seed in range(4):
        x = _fine(3000, seed)
        detector = acm_rs.FusedDetector().fit(x[:1500])
        fresh = x[1500:].copy()
        fresh[:, seed] = fresh[:, seed].round(1)
        told = detector.resolution(fresh)
        assert not told[:5].any()
        assert (told[10:] == 0.1).mean() > 0.99
        assert not detector.resolution(x[1500:]).any()
        healthy.append(float((detector.score(fresh) > 1.0).mean()))
        fresh[300:, (seed + 4) % 8] += 0.1
        found.append(float((detector.score(fresh)[300:] > 1.0).mean()))
    assert np.mean(healthy) < 0.02
    assert np.mean(found) > 0.9


@pytest.mark.parametrize("step", [0.02, 0.05])
def test_steps_of_a_fifth_and_a_half_are_judged_by_the_next_power_of_ten(step: float) -> None:
    healthy, found = [], []
    for seed in range(3):
        x = _fine(3000, seed)
        detector = acm_rs.FusedDetector().fit(x[:1500])
        fresh = (x[1500:] / step).round() * step
        told = detector.resolution(fresh)
        assert (told[20:] == 0.1).mean() > 0.98
        healthy.append(float((detector.score(fresh)[20:] > 1.0).mean()))
        fresh[300:, seed] += 2.0 * step
        found.append(float((detector.score(fresh)[300:] > 1.0).mean()))
    assert np.mean(healthy) < 0.02
    assert np.mean(found) > 0.8


@pytest.mark.parametrize("all_directions", [False, True])
def test_rounded_stretches_in_pieces_and_threads_give_the_same_bytes(all_directions: bool) -> None:
    x = _fine(1500, 3)
    detector = acm_rs.FusedDetector(whole=all_directions).fit(x[:700])
    fresh = x[700:].copy()
    for first in (0, 200, 402, 500):
        fresh[first : first + 90] = fresh[first : first + 90].round(1 + first // 402)
    fresh[np.random.default_rng(0).random(fresh.shape) < 0.03] = np.nan
    assert set(detector.resolution(fresh)) == {0.0, 0.01, 0.1}
    whole = detector.score(fresh)
    before = acm_rs.get_num_threads()
    try:
        for threads in (1, 3):
            acm_rs.set_num_threads(threads)
            assert acm_rs.FusedDetector(whole=all_directions).fit(x[:700]) == detector
            same_bytes(detector.score(np.asfortranarray(fresh)), whole)
    finally:
        acm_rs.set_num_threads(before)
    live, pieces, first = acm_rs.FusedDetector.from_bytes(detector.to_bytes()), [], 0
    for size in [1] * 100 + [150, 1, 60, 489]:
        pieces.append(live.update(fresh[first : first + size]))
        if size < 10:
            live = acm_rs.FusedDetector.from_bytes(live.to_bytes())
        first += size
    same_bytes(np.concatenate(pieces), whole)


def test_rounding_may_be_ignored() -> None:
    x = _fine(2000, 4)
    x[np.random.default_rng(1).random(x.shape) < 0.01] = np.nan
    watching = acm_rs.FusedDetector().fit(x[:1500])
    ignoring = acm_rs.FusedDetector(rounding="ignore").fit(x[:1500])
    fresh = x[1500:]
    assert (watching.rounding, ignoring.rounding) == ("watch", "ignore")
    assert len(watching.steps_)
    assert not len(ignoring.steps_)
    # Rows as fine as the training rows are judged as by the other; of rounded ones it knows nothing.
    same_bytes(ignoring.score(fresh), watching.score(fresh))
    assert not ignoring.resolution(fresh.round(1)).any()
    assert (ignoring.score(fresh.round(1)) > 1.0).mean() > 0.9
    again = acm_rs.FusedDetector.from_bytes(ignoring.to_bytes())
    assert again == ignoring
    assert again.rounding == "ignore"
    assert len(ignoring.to_bytes()) < len(watching.to_bytes())
    with pytest.raises(ValueError, match='`rounding` must be one of "watch", "ignore", got "never"'):
        acm_rs.FusedDetector(rounding="never")  # type: ignore[arg-type]
