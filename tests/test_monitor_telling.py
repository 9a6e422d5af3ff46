"""What a Monitor says of the history it learnt from: what it left out, and when that was."""

from __future__ import annotations

import acm_rs
import numpy as np
import pandas as pd
import pytest
from acm_rs.monitor.result import told
from acm_rs.monitor.telling import mended
from acm_rs.monitor.words import number
from test_monitor_faults import plant


@pytest.fixture(scope="module")
def spoilt() -> acm_rs.Monitor:
    frame = plant(3000, 0, "2026-01-01")
    frame.iloc[[3, 600, 900], 1] = -999.0
    frame.iloc[1500, 3] = 5000.0
    frame.iloc[500:560, 2] = frame.iloc[500, 2]
    frame.iloc[100:110] += np.array([9.0, -9.0, 9.0, -9.0, 9.0, -9.0])
    frame["mode"] = 1.0
    frame.iloc[1000:1600, 6] = 2.0
    frame.iloc[2200:2214, 6] = 3.0
    return acm_rs.Monitor().fit(frame)


def test_codes_spikes_and_stuck_readings_are_told_with_their_times(spoilt: acm_rs.Monitor) -> None:
    told = [
        "s1: 3 error codes -999 (2026-01-01 00:30, 2026-01-05 04:00, 2026-01-07 06:00)",
        "s2: 59 readings stuck (2026-01-04 11:30 to 2026-01-04 21:10)",
        "s3: 1 spike (2026-01-11 10:00)",
    ]
    lines = spoilt.summary().splitlines()
    first = lines.index("Taken as missing:")
    assert sorted(line.strip() for line in lines[first + 1 : first + 4]) == told
    (warning,) = [said for said in spoilt.warnings_ if said.startswith("taken as missing: ")]
    assert all(part in warning for part in told)
    assert acm_rs.Monitor.from_bytes(spoilt.to_bytes()).warnings_ == spoilt.warnings_


def test_how_many_more_stretches_there_are() -> None:
    for count, more in ((3, ""), (4, " and 1 more time"), (5, " and 2 more times")):
        assert mended([("s1", "spike", np.arange(count) * 1000)], None) == [
            f"s1: {count} spikes (row 0, row 1,000, row 2,000{more})"
        ]


def test_rows_that_were_left_out_are_told_with_their_times(spoilt: acm_rs.Monitor) -> None:
    (warning,) = [said for said in spoilt.warnings_ if said.startswith("left out of the fit: ")]
    assert "rows unlike the others (2026-01-01 16:40 to 2026-01-01 " in warning
    assert 10 <= int(warning.split()[5]) <= 60


def test_large_numbers_are_told_without_powers_of_ten() -> None:
    assert told(41_234.0, 39_812.0) == ("41,200", "39,800")
    assert told(250_012.0, 249_891.0) == ("250,010", "249,890")
    found = [number(value, 3) for value in (999.7, -123_456.0, 0.00012, 12.345, 0.0, float("inf"))]
    assert found == ["1,000", "-123,000", "0.00012", "12.3", "0", "inf"]


def test_a_clean_history_has_nothing_to_tell() -> None:
    clean = acm_rs.Monitor().fit(plant(3000, 0, "2026-01-01"))
    assert not any(said.startswith(("taken as missing", "left out of the fit")) for said in clean.warnings_)
    assert "Taken as missing" not in clean.summary()
    assert clean.wandering_ == ()
    low, high = clean.expected_alarms_
    assert low <= clean.expected_false_alarms_ <= high


def test_rare_states_are_told(spoilt: acm_rs.Monitor) -> None:
    told = "mode is seldom at some of its values (3 in 14 rows): little is learnt of the others then"
    assert told in spoilt.warnings_


def test_what_wanders_stands_in_the_summary() -> None:
    noise = pd.DataFrame(np.random.default_rng(0).normal(50.0, 1.0, (600, 4)), columns=list("abcd"))
    walk = np.random.default_rng(1).normal(size=600).cumsum()
    # A load that wanders: each of them tells of the other, and neither is followed.
    noise["a"] += walk
    noise["b"] += walk
    monitor = acm_rs.Monitor().fit(noise)
    assert monitor.wandering_ == ("a", "b")
    told = [line for line in monitor.summary().splitlines() if "wander so slowly" in line]
    # In as many rows either half of the history leaves what the other one has seen.
    one, other = noise[["a", "b"]].to_numpy()[:300], noise[["a", "b"]].to_numpy()[300:]
    left = sum(
        ((own < seen.min(axis=0)) | (own > seen.max(axis=0))).any(axis=1).sum()
        for own, seen in ((one, other), (other, one))
    )
    low, high = monitor.expected_alarms_
    # A walk holds few independent readings: it may stay anywhere else.
    assert high > left / 600 > 0.2
    assert low <= monitor.expected_false_alarms_ < 0.5 * high
    assert told == [
        "  'a', 'b' wander so slowly that the history holds few of their ups and downs: they may leave what it has "
        f"seen (either half of it leaves what the other one has seen in {100 * left / 600:.0f} % of its "
        "rows), and alarm then; a longer history helps"
    ]


@pytest.mark.parametrize("rows", [400, 2000])
def test_what_wanders_is_told_and_what_comes_back_often_is_not(rows: int) -> None:
    random = np.random.default_rng(7)
    load, noise = random.normal(size=(rows, 2)), 0.2 * random.normal(size=(rows, 6))
    x = load @ random.normal(size=(2, 6)) + noise
    kicks = random.normal(size=(rows, 6))
    walks = kicks.cumsum(axis=0)
    assert acm_rs.Monitor().fit(x).wandering_ == ()
    alone = x.copy()
    alone[:, 3] += 0.2 * walks[:, 3]
    assert acm_rs.Monitor().fit(alone).wandering_ == ("x3",)
    assert len(acm_rs.Monitor().fit(x + 0.5 * walks).wandering_) >= 3
    # A memory of some rows comes back often enough.
    back = kicks.copy()
    for row in range(1, rows):
        back[row] += 0.8 * back[row - 1]
    assert acm_rs.Monitor().fit(x + 0.5 * back).wandering_ == ()


def test_nothing_stands_twice_in_the_summary(spoilt: acm_rs.Monitor) -> None:
    lines = [line.split(": ", 1)[-1].strip() for line in spoilt.summary().splitlines()]
    long = [line for line in lines if len(line) > 20]
    assert not [line for line in long if sum(line in other for other in lines) > 1]
    assert any(said.startswith("taken as missing") for said in spoilt.warnings_)


def test_rows_that_come_faster_than_each_second_are_told_apart() -> None:
    random = np.random.default_rng(5)
    load = random.normal(size=(1500, 2)) @ random.normal(size=(2, 4))
    x = pd.DataFrame(50.0 + load + 0.2 * random.normal(size=(1500, 4)), columns=list("abcd"))
    for step, text in (
        ("200ms", "2026-01-01 00:03:20.400"),
        ("1s", "2026-01-01 00:16:42"),
        ("1min", "2026-01-01 16:42"),
    ):
        x.index = pd.date_range("2026-01-01", periods=1500, freq=step)
        new = x[1000:].copy()
        new.iloc[2:60, 1] += 8.0
        result = acm_rs.Monitor().fit(x[:1000]).score(new)
        assert result.moment(2) == text
        assert result.explain()[0].startswith(f"From {result.moment(result.found[0].start)} to ")
