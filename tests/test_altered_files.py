"""Files altered on purpose and sealed anew; ``just fuzz`` goes on from there."""

from __future__ import annotations

import acm_rs
import numpy as np
import pytest
from altered_files import FAULTS, run
from damaged_files import arrays_of, header_of, sealed
from histories import plant


def _with(data: bytes, name: str, count: int) -> bytes:
    """The same file with another number in one place."""
    arrays = arrays_of(data)
    assert arrays[name][0] == "U64"
    return sealed(header_of(data)["__metadata__"]["acm_rs"], {**arrays, name: ("U64", [], count.to_bytes(8, "little"))})


def test_no_altered_file_does_harm() -> None:
    counts, wrong = run(0, 600, None)
    assert not any(counts[fault] for fault in FAULTS), wrong
    # Alterations that are all refused would not reach what scores, those that none refuses would alter nothing.
    assert counts["refused"] > 200
    assert counts["taken"] > 50


def test_a_fused_detector_is_judged_by_none_but_its_members() -> None:
    x = plant(420, 4).round(3)
    data = acm_rs.FusedDetector().fit(x).to_bytes()
    model = acm_rs.FusedDetector.from_bytes(data)
    model.update(x[:40])
    data = model.to_bytes()
    members = arrays_of(data)["member.steps"][1][0]
    assert members >= 1
    for judge in range(members + 1):
        acm_rs.FusedDetector.from_bytes(_with(data, "live.judge", judge)).update(x)
    for judge in (members + 1, 3 * members, 2**63):
        with pytest.raises(ValueError, match="judge"):
            acm_rs.FusedDetector.from_bytes(_with(data, "live.judge", judge))


def test_more_iterations_than_can_be_counted_stay_as_many() -> None:
    x = np.nan_to_num(plant(60, 3))
    data = acm_rs.KMeans(2, seed=0).fit(x).to_bytes()
    model = acm_rs.KMeans.from_bytes(_with(data, "n_iter", 2**64 - 1)).partial_fit(x)
    assert model.n_iter_ == 2**64 - 1
