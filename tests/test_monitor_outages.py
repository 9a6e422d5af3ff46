"""Where nothing is read for a while the machine goes on: what it has done of late is not what it did before."""

import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor
from acm_rs.monitor.counters import Counters

STEP = pd.Timedelta("10min")


def plant(seed, rows=4000):
    """Days of load and ambient temperature; oil and winding are warm with a delay; energy counts."""
    rng = np.random.default_rng(seed)
    hours = np.arange(rows) / 6.0
    load = 70.0 + 20.0 * np.sin(2.0 * np.pi * hours / 24.0) + rng.normal(size=rows)
    ambient = 12.0 + 6.0 * np.sin(2.0 * np.pi * (hours - 3.0) / 24.0) + 0.3 * rng.normal(size=rows)
    heat = np.empty(rows)
    warm = load[0]
    for row in range(rows):
        warm += 0.1 * (load[row] - warm)
        heat[row] = warm
    columns = {
        "load": load,
        "ambient": ambient,
        "oil": 30.0 + 0.4 * heat + 0.7 * ambient + 0.3 * rng.normal(size=rows),
        "winding": 50.0 + 0.6 * heat + 0.5 * ambient + 0.3 * rng.normal(size=rows),
        "current": 1.5 * load + 0.7 * rng.normal(size=rows),
        "energy": np.cumsum(load / 6.0).round(2),
    }
    return pd.DataFrame(columns, index=pd.date_range("2026-01-01", periods=rows, freq=STEP))


@pytest.fixture(scope="module")
def fitted():
    frame = plant(1)
    return Monitor().fit(frame[:2500]), frame[2500:]


# Half a day later the load is at the other end of its range.
OUTAGES = [(start, start + rows) for start in (300, 340, 380) for rows in (60, 72, 216)]


def alarms_after(monitor, frame):
    """Alarms within two hundred rows after each outage."""
    count = 0
    for start, end in OUTAGES:
        silent = frame.copy()
        silent.iloc[start:end] = np.nan
        absent = frame.drop(frame.index[start:end])
        count += int(monitor.score(silent).alarms[end : end + 200].sum())
        count += int(monitor.score(absent).alarms[start : start + 200].sum())
    return count


def test_outages_alarm_far_less_than_where_the_machine_is_thought_to_have_stood(fitted):
    monitor, frame = fitted
    assert monitor.score(frame).alarms.sum() == 0
    before = Monitor.from_bytes(monitor.to_bytes())
    rules, watches = before._fitted()
    watches.bridges = False
    rules.counters.most = [np.inf]
    assert 4 * alarms_after(monitor, frame) < alarms_after(before, frame)


def test_faults_after_an_outage_are_found(fitted):
    monitor, frame = fitted
    for start, end in OUTAGES:
        wrong = frame.drop(frame.index[start:end])
        wrong.iloc[start:, wrong.columns.get_loc("oil")] += 3.0
        result = monitor.score(wrong)
        assert result.alarms[start + 10 : start + 200].mean() > 0.95
        assert result.found[-1].culprits[0].name == "oil"


def test_pieces_are_the_whole_across_outages(fitted):
    monitor, frame = fitted
    broken = frame.iloc[:700].drop(frame.index[300:372]).copy()
    broken.iloc[100:160] = np.nan
    broken.iloc[161:180] = np.nan
    broken.iloc[400:402, :3] = np.nan
    whole = monitor.score(broken)
    for sizes in ([1], [7, 1, 64], [100, 60, 1, 19, 120, 5]):
        live = Monitor.from_bytes(monitor.to_bytes())
        parts, at, number = [], 0, 0
        while at < len(broken):
            size = sizes[number % len(sizes)]
            parts.append(live.update(broken.iloc[at : at + size]))
            at, number = at + size, number + 1
            if number % 37 == 5:
                live = Monitor.from_bytes(live.to_bytes())
        scores = np.concatenate([part.scores for part in parts])
        assert scores.tobytes() == whole.scores.tobytes()
        expected = np.concatenate([part.expected_values for part in parts])
        assert expected.tobytes() == whole.expected_values.tobytes()


def test_a_counter_that_was_not_read_for_long_tells_nothing_of_the_present(fitted):
    monitor, frame = fitted
    # The load tells each rise of the energy to the last digit: no mean does.
    for missing in (3, 40):
        gap = frame.iloc[:600].copy()
        gap.iloc[300 : 300 + missing, gap.columns.get_loc("energy")] = np.nan
        result = monitor.score(gap)
        place = result.names.index("energy")
        assert np.isnan(result.values[300 + missing, place])
        assert np.isfinite(result.values[301 + missing, place])


def test_counters_that_are_read_seldom_are_taken_as_they_come():
    when = pd.date_range("2026-01-01", periods=400, freq="1h").to_numpy().astype("datetime64[ns]")
    values = np.cumsum(np.random.default_rng(3).uniform(1.0, 2.0, 400)).round(2)[:, None]
    values[np.arange(400) % 12 != 0] = np.nan
    hour = float(pd.Timedelta("1h").value)
    seldom = Counters.of(["energy"], values, {}, {}, hour, when)
    assert seldom.most == [24.0]
    assert Counters.of(["energy"], values, {}, {}, None).most == [24.0]
    rises, _ = seldom.risen(values, ["energy"], when)
    assert np.isfinite(rises[12:, 0]).sum() == 33
    values[100:130] = np.nan
    rises, _ = seldom.risen(values, ["energy"], when)
    assert np.isnan(rises[132, 0])
    assert np.isfinite(rises[144, 0])
    again = Counters.take(seldom.put())
    assert again.most == seldom.most
    former = Counters.take(seldom.put()[:4])
    assert former.most == [np.inf]
    assert np.isfinite(former.risen(values, ["energy"], when)[0][132, 0])


def test_a_counter_that_is_read_now_and_then_alarms_no_more_than_one_that_always_is(fitted):
    monitor, frame = fitted
    most = monitor.score(frame).alarms.mean() + 0.004
    place = np.arange(len(frame))
    random = np.random.default_rng(1)
    for gone in (place % 2 == 0, place % 10 == 0, random.random(len(frame)) < 0.1):
        rare = frame.copy()
        rare.loc[gone, "energy"] = np.nan
        assert monitor.score(rare).alarms.mean() <= most
    # Nor where whole rows are not there.
    assert monitor.score(frame[place % 10 != 0]).alarms.mean() <= most
    some = frame.mask(random.random(frame.shape) < 0.1)
    assert monitor.score(some).alarms.mean() <= most


def test_a_mean_rise_counts_where_it_tells_of_the_present():
    random = np.random.default_rng(2)
    slow = np.cumsum(random.normal(size=3000)) / 30.0
    for noise, rows in ((100.0, np.inf), (1e-3, 1.5)):
        counters = Counters(["energy"], [-np.inf], [np.inf], None)
        counters.trust("energy", slow + 40.0, noise)
        assert abs(counters.most[0]) == rows
    # Readings of every sixth row are a mean of six throughout, and what is learnt is of such.
    rare = np.full(3000, np.nan)
    rare[::6] = slow[::6]
    counters.most = [np.inf]
    counters.trust("energy", rare, 1e-3)
    assert counters.most == [-9.0]
    # A mean of three is off by the step between, and what the others leave is half of that.
    steps = np.repeat([0.0, 1.0], 1500)
    counters.most = [np.inf]
    counters.trust("energy", np.tile([0.0, 0.0, 0.0, 1.0], 750), float(np.std(steps)) * 0.28)
    assert counters.most[0] < 0.0
    kept = Counters.take(counters.put())
    assert kept.most == counters.most
    # However far apart the readings before were.
    values = np.array([[0.0], [np.nan], [4.0], [np.nan], [8.0], [9.0]])
    counters.most = [-1.5]
    found, _ = counters.risen(values, ["energy"], None)
    np.testing.assert_array_equal(found[:, 0], [np.nan] * 5 + [1.0])
    counters.most = [5.0]
    found, _ = counters.risen(values, ["energy"], None)
    np.testing.assert_array_equal(found[:, 0], [np.nan, np.nan, 2.0, np.nan, 2.0, 1.0])


@pytest.mark.parametrize("every", [2, 3, 5, 10])
@pytest.mark.parametrize("share", [1.0, 0.6])
@pytest.mark.parametrize("drivers", [[], ["ambient"]])
def test_rows_in_which_too_little_is_read_leave_those_between_them_as_they_are(every, share, drivers):
    frame = plant(5, 5000)
    monitor, frame = Monitor(drivers=drivers).fit(frame[:3500]), frame[3500:]
    most = monitor.score(frame).alarms.mean() + 0.025
    gone = frame.columns[: round(share * frame.shape[1])]
    rare = frame.copy()
    rare.loc[np.arange(len(frame)) % every == 0, gone] = np.nan
    assert monitor.score(rare).alarms.mean() <= most
    # What is wrong in the others is found, and rows that come one by one are judged alike.
    rare.iloc[700:1000, rare.columns.get_loc("winding")] += 3.0
    result = monitor.score(rare)
    judged = np.isfinite(result.scores)
    assert result.alarms[720:1000][judged[720:1000]].mean() > 0.9
    live = Monitor.from_bytes(monitor.to_bytes())
    scores = np.concatenate([live.update(rare[row : row + 1]).scores for row in range(120)])
    np.testing.assert_array_equal(scores, result.scores[:120])


def test_a_history_of_which_rows_lack_most_readings_has_no_wider_limits():
    frame = plant(5, 5000)
    frame.iloc[::3] = np.nan
    monitor = Monitor().fit(frame[:3500])
    assert monitor.score(frame[3500:]).alarms.mean() < 0.01
    whole = Monitor().fit(plant(5, 5000)[:3500])
    limits = [one._fitted()[1].reach[0] for one in (monitor, whole)]
    assert limits[0] < 1.3 * limits[1]
