"""What many columns have in common is told once; rows without times follow at the usual step."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor
from test_monitor_outages import plant


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("every", [1, 3, 10])
def test_rows_without_times_between_rows_with_them(seed: int, every: int) -> None:
    frame = plant(seed, 2600).set_axis(pd.date_range("2026-01-05", periods=2600, freq="10min"))
    monitor, later = Monitor().fit(frame[:2000]), frame[2000:2300]
    whole = monitor.score(later).scores
    found = []
    for number, first in enumerate(range(0, len(later), every)):
        some = later[first : first + every]
        found.append(monitor.update(some if number % 2 else some.to_numpy()).scores)
    scores = np.concatenate(found)
    assert np.array_equal(scores, whole, equal_nan=True)
    monitor.update(later[-1:])
    with pytest.raises(ValueError, match="must not lie before those of the rows before"):
        monitor.update(later[:10])


def test_many_columns_with_the_same_trouble_have_one_remark() -> None:
    random = np.random.default_rng(3)
    walks = pd.DataFrame(random.normal(size=(600, 12)).cumsum(axis=0), columns=[f"t{place}" for place in range(12)])
    monitor = Monitor().fit(walks[:400])
    far = walks[400:] + 60.0
    told = [remark for remark in monitor.score(far).remarks if "beyond all that training has seen" in remark]
    told = [remark for remark in told if "level follows" in remark]
    assert len(told) == 1


def test_a_calibration_is_told_in_words() -> None:
    frame = plant(2, 3000)
    monitor = Monitor().fit(frame[:2400])
    later = frame[2400:].copy()
    later["oil"] -= 6.0
    monitor.rebase("oil", later.index[0], later)
    told = monitor.log_[-1]["told"]
    assert told.startswith(("oil reads 6", "oil reads 5.9"))
    assert " less than before since " in told
    assert " would be expected), learnt from " in told


def test_rows_without_times_do_not_open_the_way_back() -> None:
    dated = plant(1, 2400).set_axis(pd.date_range("2026-01-05", periods=2400, freq="10min"))
    monitor = Monitor().fit(dated[:2000])
    monitor.update(dated[2000:2100])
    monitor.update(dated[2100:2101].to_numpy())
    for same in (monitor, Monitor.from_bytes(monitor.to_bytes())):
        with pytest.raises(ValueError, match=r"must not lie before those of the rows before \(2026-01-19 13:50"):
            same.update(dated[2000:2005])
        assert same.update(dated[2101:2102]).times[0] == dated.index[2101]
        with pytest.raises(ValueError, match="must not lie before"):
            same.update(dated[2100:2101])
