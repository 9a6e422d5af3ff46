"""Sensors that lean on a dead one: their healthy readings do not alarm, and faults are found all the same."""

import itertools

import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor
from acm_rs.monitor.looking import look
from acm_rs.monitor.watches import State
from acm_rs.monitor.without import Without

TRAINED, SLOW = 6000, "temperature"


def plant(seed, rows=9000):
    """Days of load and ambient temperature; the machine is warm with a delay."""
    random = np.random.default_rng(seed)
    day = np.sin(2.0 * np.pi * np.arange(rows) / 144.0)

    def wandering(span):
        return pd.Series(random.normal(size=rows)).ewm(span=span).mean().to_numpy()

    load = 0.8 + 0.1 * day + 0.12 * wandering(20)
    ambient = 15.0 + 8.0 * day + 8.0 * wandering(200)
    warm = pd.Series(40.0 * load + ambient).ewm(span=30).mean().to_numpy()
    noise = random.normal(size=(5, rows))
    columns = {
        "ambient": ambient + 0.1 * noise[0],
        "current": 40.0 * load + 0.2 * noise[1],
        "pressure": 1.2 * load + 0.01 * noise[2],
        SLOW: warm + 0.2 * noise[3],
        "vibration": 2.0 * load + 0.05 * noise[4],
    }
    return pd.DataFrame(columns, index=pd.date_range("2026-01-01", periods=rows, freq="10min"))


@pytest.fixture(scope="module")
def fitted():
    frame = plant(0)
    return Monitor().fit(frame[:TRAINED]), frame[TRAINED:]


def dead(frame, *names, rows=slice(None)):
    found = frame.copy()
    found.iloc[rows, [found.columns.get_loc(name) for name in names]] = np.nan
    return found


def before(monitor):
    """As it was written when each missing sensor was looked at by itself."""
    found = Monitor.from_bytes(monitor.to_bytes())
    watches = found._fitted()[1]
    watches.joint, watches.gaps = False, watches.gaps[: -len(watches.scale)]
    return Monitor.from_bytes(found.to_bytes())


def beside(monitor, frame):
    """The one law of a Monitor, and healthy rows beside it, in units of what is usual."""
    _, watches = monitor._fitted()
    assert len(watches.relations) == 1
    values = np.asfortranarray(frame.to_numpy())
    sensors, states = watches.split(values, State(values.shape[1], 0))
    labels, ages = np.zeros(len(values), np.int64), np.full(len(values), 10**6)
    looked = look(watches, sensors, states, labels, ages)
    return watches, looked, labels


def spread(values, memory):
    means = pd.DataFrame(values).ewm(alpha=memory, adjust=False).mean() if memory < 1.0 else pd.DataFrame(values)
    return means.iloc[200:].std().to_numpy()


GONE = [(0,), (1,), (3,), (4,), (0, 3), (1, 2), (0, 4)]


@pytest.mark.parametrize("places", GONE)
def test_healthy_rows_are_as_far_off_without_some_sensors_as_is_told(places):
    frame = plant(0, 40_000)
    monitor = Monitor().fit(frame[:20_000])
    complete, without = frame[20_000:], frame[20_000:].copy()
    without.iloc[:, list(places)] = np.nan
    watches, usual, labels = beside(monitor, complete)
    _, looked, _ = beside(monitor, without)
    gone = np.isin(np.arange(5), places)
    state = State(5, 0)
    watches.split(np.asfortranarray(without.to_numpy()), state)
    lacks, doubts = gone[None].astype(float), state.lacks[-1:, 5:]
    without = Without(watches, (0, watches.relations[0], watches.band))
    former, more = without.more(gone, gone.astype(float)), without.found(gone[None], lacks, doubts)[0]
    kept = np.append(np.tile(~gone, 3), np.ones(10, bool))
    np.testing.assert_allclose(former[:25][kept], more[:25][kept], rtol=1e-6, atol=1e-9)
    told = np.sqrt(1.0 + more[:15].reshape(3, 5)[:, ~gone])
    for number, memory in enumerate((1.0, 0.25, 0.05)):
        found = spread(np.clip(looked.residual, -50, 50), memory) / spread(usual.residual, memory)
        np.testing.assert_allclose(told[number], found[~gone], rtol=0.2, err_msg=str(memory))
    state, other = State(5, 0), State(5, 0)
    levels, usual_levels = watches.levels(looked, labels, state), watches.levels(usual, labels, other)
    for name, told_of in zip(levels, more[15:25].reshape(2, 5), strict=True):
        found = levels[name][200:].std(axis=0) / watches.unit(name)
        plain = usual_levels[name][200:].std(axis=0) / watches.unit(name)
        # Never less than it is, and no limit is wider than it must be by much.
        assert (np.sqrt(1.0 + told_of.clip(0.0)) >= 0.8 * found).all(), name
        assert (np.sqrt(1.0 + told_of.clip(0.0)) <= 1.6 * np.maximum(found, plain) + 0.5).all(), name


def test_the_example_has_a_sensor_on_which_another_leans(fitted):
    monitor, frame = fitted
    without = monitor._fitted()[1]
    law = 0, without.relations[0], without.band
    gone = np.arange(5) == 0
    assert Without(without, law).more(gone, gone.astype(float))[10 + 3] > 10.0
    assert len(frame) == 3000


def test_shares_of_one_sensor_are_told_as_each_by_itself(fitted):
    # Of former files alone.
    watches = before(fitted[0])._fitted()[1]
    without = Without(watches, (0, watches.relations[0], watches.band))
    random = np.random.default_rng(1)
    lacks, gone = np.zeros((40, 5)), np.zeros((40, 5), bool)
    which = random.integers(0, 5, 40)
    lacks[np.arange(40), which] = random.uniform(0.2, 1.0, 40)
    gone[np.arange(40), which] = random.random(40) < 0.5
    found = without.of_rows(gone, lacks)
    for row in range(40):
        expected = without.more(gone[row], lacks[row])
        np.testing.assert_allclose(found[row], expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    # Several that are not alike count each by itself, those that went together as one.
    lacks, gone = np.zeros((3, 5)), np.zeros((3, 5), bool)
    lacks[0, [0, 3]], gone[0, [0, 3]] = [0.4, 0.5], [True, False]
    lacks[1, [0, 3]], gone[1, [0, 3]] = 0.5, True
    lacks[2, [0, 3, 4]], gone[2, [0, 3]] = [1.0, 1.0, 0.3], True
    found = without.of_rows(gone, lacks)

    def only(row, *places):
        own = np.isin(np.arange(5), places)
        return without.more(gone[row] & own, np.where(own, lacks[row], 0.0))

    np.testing.assert_allclose(found[0], only(0, 0) + only(0, 3), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(found[1], only(1, 0, 3))
    assert not np.allclose(found[1], only(1, 0) + only(1, 3), rtol=0.01)
    np.testing.assert_allclose(found[2], only(2, 0, 3) + only(2, 4), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(2))
def test_no_dead_sensor_makes_healthy_rows_alarm(seed):
    frame = plant(seed)
    monitor, frame = Monitor().fit(frame[:TRAINED]), frame[TRAINED:]
    most = monitor.score(frame).alarms.mean() + 0.002
    for names in [*itertools.combinations(frame, 1), *itertools.combinations(frame, 2)]:
        assert monitor.score(dead(frame, *names)).alarms.mean() <= most, names
        assert monitor.score(frame.drop(columns=list(names))).alarms.mean() <= most, names


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 10, 20, 50, 200])
@pytest.mark.parametrize("names", [(SLOW,), ("ambient",), ("ambient", SLOW), ("current", "pressure")])
def test_gaps_bring_no_alarm(fitted, names, rows):
    monitor, frame = fitted
    most = monitor.score(frame).alarms.mean() + 0.004
    place = np.arange(len(frame))
    assert monitor.score(dead(frame, *names, rows=place % 300 < rows)).alarms.mean() <= most
    assert monitor.score(dead(frame, *names, rows=place % (3 * rows) < rows)).alarms.mean() <= most


def test_readings_that_are_missing_here_and_there_bring_no_alarm(fitted):
    monitor, frame = fitted
    random = np.random.default_rng(3)
    for share in (0.05, 0.2):
        some = frame.mask(random.random(frame.shape) < share)
        assert monitor.score(some).alarms.mean() <= monitor.score(frame).alarms.mean() + 0.004


@pytest.mark.parametrize(
    ("gone", "wrong", "size"), [("ambient", "pressure", 0.03), ("vibration", SLOW, 3.0), (SLOW, "current", 1.5)]
)
def test_faults_are_found_beside_a_dead_sensor(fitted, gone, wrong, size):
    monitor, frame = fitted
    found = dead(frame, gone)
    found.iloc[1500:1600, found.columns.get_loc(wrong)] += size
    result = monitor.score(found)
    assert result.alarms[1510:1600].mean() > 0.8
    (episode,) = [one for one in result.found if 1500 <= one.start < 1600]
    assert episode.culprits[0].name == wrong


def test_who_does_not_lean_on_it_is_judged_as_before(fitted):
    monitor, frame = fitted
    found = frame.copy()
    found.iloc[1500:1700, 1] += 1.0
    plain, without = monitor.score(found), monitor.score(dead(found, "vibration"))
    assert plain.alarms[1500:1700].mean() > 0.9
    assert abs(plain.alarms[1500:1700].sum() - without.alarms[1500:1700].sum()) <= 8


def test_row_by_row_is_judged_as_all_at_once(fitted):
    monitor, frame = fitted
    frame = frame[:2600].copy()
    frame.iloc[100:140, 3] = frame.iloc[130:200, 0] = frame.iloc[400:402, 1:4] = np.nan
    frame.iloc[600:640, [0, 3]] = frame.iloc[:30, 2] = frame.iloc[300:310] = np.nan
    # By then all that was remembered of dead sensors is forgotten.
    frame.iloc[1800:1803, 3] = frame.iloc[2500:2510, 0] = np.nan
    whole = monitor.score(frame)
    for sizes in ((1,), (7, 1, 50), (101,)):
        fresh = Monitor.from_bytes(monitor.to_bytes())
        first, scores = 0, []
        for size in itertools.cycle(sizes):
            if first >= len(frame):
                break
            scores.append(np.atleast_1d(fresh.update(frame[first : first + size]).scores))
            first += size
            if len(scores) % 20 == 5:
                fresh = Monitor.from_bytes(fresh.to_bytes())
        np.testing.assert_array_equal(np.concatenate(scores), whole.scores)
    live = Monitor.from_bytes(monitor.to_bytes())
    live.update(frame[:1500])
    assert live._state.lack is None
    assert not [name for name in live._state.charts if name.startswith(("wider", "lacking"))]


def test_people_are_told_who_leans_on_it(fitted):
    monitor, frame = fitted
    (told,) = [text for text in monitor.score(dead(frame, "ambient")).remarks if "leans" in text]
    assert told.startswith("while 'ambient' has no reading, faults of what leans on it must be larger to be found: ")
    assert SLOW in told
    assert "current" not in told
    assert not [text for text in monitor.score(dead(frame, "vibration")).remarks if "leans" in text]
    assert not [text for text in monitor.score(frame).remarks if "leans" in text]


def test_what_leans_is_saved_and_what_is_not_so_is_refused(fitted):
    monitor, frame = fitted
    rows = dead(frame, "ambient")
    again = Monitor.from_bytes(monitor.to_bytes())
    np.testing.assert_array_equal(again.score(rows).scores, monitor.score(rows).scores)
    watches = again._fitted()[1]
    kept = watches.leans
    watches.leans = kept[:, :-1]
    with pytest.raises(ValueError, match="who leans on whom"):
        Monitor.from_bytes(again.to_bytes())
    # Former files do not tell.
    watches.leans = np.zeros((0, 0, 0))
    before = Monitor.from_bytes(again.to_bytes())
    np.testing.assert_array_equal(before.score(frame).scores, monitor.score(frame).scores)
    assert before.score(rows).alarms.mean() > 0.2


def test_a_column_that_never_changes_may_stand_beside(fitted):
    _, frame = fitted
    frame = plant(0, 5000).assign(setpoint=7.0)
    monitor = Monitor().fit(frame[:4000])
    assert monitor.score(dead(frame[4000:], "ambient")).alarms.mean() < 0.02


def test_gaps_that_the_history_had_are_allowed_for_by_its_limits():
    frame = plant(3)
    gone = [(SLOW, 0), ("current", 1), ("pressure", 2)]
    for name, place in gone:
        frame.iloc[np.arange(len(frame)) % 3 == place, frame.columns.get_loc(name)] = np.nan
    monitor = Monitor().fit(frame[:TRAINED])
    rest = frame[TRAINED:].copy()
    result = monitor.score(rest)
    assert result.alarms.mean() < 0.01
    assert not [text for text in result.remarks if "leans" in text]
    watches = monitor._fitted()[1]
    assert watches.gaps.max() > 0.1
    former = Monitor.from_bytes(monitor.to_bytes())
    own = former._fitted()[1]
    own.leans, own.leant, own.gaps = np.zeros((0, 0, 0)), np.zeros(0), np.zeros(0)
    found = 0.0
    for size in (3.0, 6.0):
        wrong = rest.copy()
        wrong.iloc[1500:1600, wrong.columns.get_loc(SLOW)] += size
        # As many rows as without any of this.
        found = monitor.score(wrong).alarms[1510:1600].mean()
        assert found >= former.score(wrong).alarms[1510:1600].mean() - 0.15
    assert found > 0.3


@pytest.mark.parametrize("seed", [0, 1])
def test_limits_allow_for_as_much_as_gaps_of_the_history_moved_its_means(seed):
    frame, place = plant(seed, 15000), 3
    monitor = Monitor().fit(frame[:TRAINED].mask(np.random.default_rng(3).random((TRAINED, 5)) < 0.05))
    rest = frame[TRAINED:]
    watches, usual, _ = beside(monitor, rest)
    _, looked, _ = beside(monitor, rest.mask(np.random.default_rng(5).random(rest.shape) < 0.05))
    more = np.square(spread(looked.residual, 0.25) / spread(usual.residual, 0.25)) - 1.0
    np.testing.assert_allclose(watches.gaps[5:10][place], more[place], rtol=0.25)


def test_what_is_told_does_not_depend_on_what_was_asked_before(fitted):
    monitor, frame = fitted
    asked = Monitor.from_bytes(monitor.to_bytes())
    asked.score(dead(frame, SLOW))
    for one in (asked, monitor):
        one = Monitor.from_bytes(one.to_bytes()) if one is monitor else one
        one.accept((1000, 1100), frame.assign(current=frame["current"] + 0.9))
        one.set_budget(0.002)
        scores = one.score(dead(frame, SLOW)).scores
        if one is asked:
            expected = scores
    np.testing.assert_array_equal(scores, expected)


def test_who_is_farthest_off_is_named_where_all_together_alarm(fitted):
    monitor, frame = fitted
    random = np.random.default_rng(8)
    rows = dead(frame, "ambient") + random.normal(size=frame.shape) * [0.0, 0.9, 0.03, 0.6, 0.13]
    result = monitor.score(rows)
    assert result.found
    assert all(one.culprits for one in result.found)
    assert (result.shares[result.alarms].sum(axis=1) > 0.99).all()


def test_what_is_remembered_of_dead_sensors_is_whole_or_refused(fitted):
    monitor, frame = fitted
    live = Monitor.from_bytes(monitor.to_bytes())
    live.update(dead(frame[:300], "ambient", rows=slice(200, 260)))
    again = Monitor.from_bytes(live.to_bytes())
    np.testing.assert_array_equal(again.update(frame[300:400]).scores, live.update(frame[300:400]).scores)

    def without(what):
        one = Monitor.from_bytes(monitor.to_bytes())
        one.update(dead(frame[:300], "ambient", rows=slice(200, 260)))
        what(one._state)
        return one.to_bytes()

    def forget(name):
        return lambda state: state.charts.pop(name)

    def lack(value):
        return lambda state: setattr(state, "lack", None if value is None else np.full(state.lack.shape, value))

    def other(columns):
        return lambda state: setattr(state, "lack", state.lack[:, :columns])

    whole = forget("lacking"), forget("lacking once"), forget("wider level"), lack(None), other(5), other(-1)
    for what in (*whole, lack(-0.1), lack(1.1), lack(np.nan)):
        with pytest.raises(ValueError, match="damaged"):
            Monitor.from_bytes(without(what))
    for name, wrong in (("leans", np.nan), ("leans", np.inf), ("gaps", -1.0), ("leant", np.nan)):
        one = Monitor.from_bytes(monitor.to_bytes())
        getattr(one._fitted()[1], name)[...] = wrong
        with pytest.raises(ValueError, match="damaged"):
            Monitor.from_bytes(one.to_bytes())


def test_single_readings_that_are_missing_over_and_over_bring_no_alarm():
    # One sensor tells another to the last digits; of three, two are missing at a time.
    copies = plant(0).assign(power=lambda frame: 10.0 * frame["current"])
    few = plant(0)[["ambient", "current", SLOW]]
    for frame, names in (
        (copies, ["current"]),
        (copies, ["power"]),
        (few, ["ambient", SLOW]),
        (few, ["current", SLOW]),
    ):
        monitor, rest = Monitor().fit(frame[:TRAINED]), frame[TRAINED:]
        most = monitor.score(rest).alarms.mean() + 0.01
        for every in (3, 5, 10):
            some = dead(rest, *names, rows=np.arange(len(rest)) % every == 0)
            assert monitor.score(some).alarms.mean() <= most, (names, every)
