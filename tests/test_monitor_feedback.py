"""What a Monitor is told after its fit: accept, exclude, rebase, budgets; the log of it, and the way back."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor, Result
from acm_rs.monitor.history import Chunk, History, _packed, _unpacked
from acm_rs.monitor.saving import pack, unpack
from test_monitor_faults import plant

HISTORY, BATCH = plant(2000, 0, "2026-01-01"), plant(600, 1, "2026-03-01")
SHIFTED = BATCH.copy()
SHIFTED.iloc[300:360, 4] += 0.8
KEPT = ("scores", "limits", "alarms", "regimes", "confidences", "shares", "expected_values", "values")


@cache
def saved() -> bytes:
    return Monitor().fit(HISTORY).to_bytes()


def fresh(history: bool = True) -> Monitor:
    monitor = Monitor.from_bytes(saved())
    return monitor if history else Monitor.from_bytes(monitor.to_bytes(history=False))


def same(one: Result, other: Result, rows: slice = slice(None)) -> None:
    for name in KEPT:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name)[rows], err_msg=name)


def without_log(monitor: Monitor) -> bytes:
    """Everything but the log, as bytes."""
    settings, arrays, version, _ = unpack(monitor.to_bytes())
    del settings["log"], settings["arrays"]
    return pack(settings, {name: one for name, one in arrays.items() if not name.startswith("undo.")}, version)


# ---- accept ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [True, False], ids=["history", "no history"])
@pytest.mark.parametrize("by", ["times", "episode", "frame"])
def test_what_was_accepted_alarms_no_more(by: str, kept: bool) -> None:
    monitor = fresh(kept)
    result = monitor.score(SHIFTED)
    assert result.alarms[305:360].all()
    span: Any = ("2026-03-03 02:00", "2026-03-03 11:50")
    if by == "frame":
        monitor.accept(span, SHIFTED)
    else:
        monitor.accept(result.found[-1] if by == "episode" else span, result)
    assert not monitor.score(SHIFTED).alarms.any()
    # Of that sensor more is still found, and of the others as much as before.
    for sensor, size in ((4, 2.0), (2, 0.8), (0, -0.8)):
        faulty = BATCH.copy()
        faulty.iloc[300:, sensor] += size
        last = monitor.score(faulty).found[-1]
        assert 300 <= last.start < 320
        assert last.open
        assert last.culprits[0].name == f"s{sensor}"


def test_a_lasting_state_is_learnt_and_its_rows_join_the_history() -> None:
    later = plant(2000, 2, "2026-03-01")
    later["s4"] += 0.8
    monitor = fresh()
    monitor.accept(("2026-03-01", "2026-04-01"), later)
    joined = Monitor().fit(pd.concat([HISTORY, later]))
    assert all(factor.max() < 1.3 for name, factor in monitor._fitted()[1].wide.items() if name != "calm")
    ours, theirs = monitor._fitted()[1], joined._fitted()[1]
    np.testing.assert_array_equal(ours.relations[0].precision, theirs.relations[0].precision)
    np.testing.assert_array_equal(ours.spreads["shift 0.05"], theirs.spreads["shift 0.05"])


def test_rows_of_the_history_are_accepted_where_they_are() -> None:
    spoilt = HISTORY.copy()
    spoilt.iloc[1200:1215, 3] += 1.2
    monitor = Monitor().fit(spoilt)
    # A sensor that was off once is taken for a fault that was repaired.
    assert any("20 rows unlike the others (2026-01-09 08:00 to" in said for said in monitor.warnings_)
    assert monitor.score(spoilt).alarms[1206:1215].all()
    monitor.accept(("2026-01-09 08:00", "2026-01-09 12:30"))
    assert not any("2026-01-09" in said for said in monitor.warnings_)
    assert not monitor.score(spoilt).alarms[1200:1218].any()


def test_rows_left_out_at_the_fit_may_be_accepted_later() -> None:
    monitor = Monitor().fit(HISTORY, healthy=(0, 1499))
    monitor.accept((1500, 1999))
    ours, theirs = monitor._fitted()[1], Monitor().fit(HISTORY)._fitted()[1]
    np.testing.assert_array_equal(ours.relations[0].precision, theirs.relations[0].precision)


def test_what_is_accepted_beyond_the_trained_range_is_no_unknown_state() -> None:
    hot = BATCH.copy()
    hot.iloc[300:400] += 30.0
    monitor = fresh(history=False)
    assert monitor.score(hot).scores[350] >= 4.0
    monitor.accept((300, 399), hot)
    result = monitor.score(hot)
    assert not result.alarms[:400].any()
    assert set(result.score["regime"]) == {"running"}


def test_accepted_rows_stay_quiet_under_another_budget() -> None:
    monitor = fresh()
    monitor.accept((300, 359), SHIFTED)
    for rate in (0.05, 0.2, 0.001):
        monitor.set_budget(rate)
        assert not monitor.score(SHIFTED).alarms[300:362].any()


# ---- exclude --------------------------------------------------------------------------------------------------------


def test_what_is_excluded_was_never_learnt() -> None:
    spoilt = HISTORY.copy()
    spoilt.iloc[800:1000, 2] += 1.0
    monitor = Monitor().fit(spoilt)
    monitor.exclude(("2026-01-06 13:20", "2026-01-07 22:30"))
    healthy = np.ones(2000, bool)
    healthy[800:1000] = False
    wanted = Monitor().fit(spoilt, healthy=healthy)
    assert monitor.sha256_ == wanted.sha256_ != Monitor().fit(spoilt).sha256_
    same(monitor.score(SHIFTED), wanted.score(SHIFTED))
    assert monitor.summary().startswith(wanted.summary().partition("\n")[0])


def test_exclude_and_accept_are_each_others_way_back() -> None:
    monitor = fresh()
    monitor.exclude((100, 300))
    monitor.accept((100, 300))
    ours, theirs = monitor._fitted()[1], fresh()._fitted()[1]
    np.testing.assert_array_equal(ours.relations[0].precision, theirs.relations[0].precision)


# ---- rebase ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["result", "frame"])
def test_a_sensor_that_was_calibrated_anew_is_no_fault(given: str) -> None:
    moved = BATCH.copy()
    moved.iloc[200:, 3] += 2.5
    monitor = fresh()
    before = monitor.score(moved)
    assert before.alarms[210:].all()
    monitor.rebase("s3", "2026-03-02 09:20", before if given == "result" else moved)
    (one,) = monitor._fitted()[0].rebased
    assert one.offset == pytest.approx(2.5, abs=0.05)
    after, healthy = monitor.score(moved), fresh().score(BATCH)
    assert not after.alarms.any()
    # People read what the instrument shows, and what it should show.
    np.testing.assert_array_equal(after.values, moved.to_numpy())
    shown = after.expected_values[250:, 3] - healthy.expected_values[250:, 3]
    np.testing.assert_allclose(shown, one.offset, atol=0.1)
    np.testing.assert_array_equal(after.scores[:200], before.scores[:200])
    # A fault of that sensor is found from its new level on.
    moved.iloc[400:, 3] -= 1.0
    assert monitor.score(moved).found[-1].culprits[0].name == "s3"


def test_the_latest_calibration_counts() -> None:
    moved = BATCH.copy()
    moved.iloc[200:400, 3] += 2.5
    moved.iloc[400:, 3] -= 4.0
    monitor = fresh()
    monitor.rebase("s3", moved.index[200], moved[:400])
    monitor.rebase("s3", moved.index[400], moved)
    assert [round(one.offset, 1) for one in monitor._fitted()[0].rebased] == [2.5, -4.0]
    assert not monitor.score(moved).alarms.any()


def test_a_calibration_within_the_history_is_learnt_again() -> None:
    moved = HISTORY.copy()
    moved.iloc[1000:, 3] += 2.5
    monitor = Monitor().fit(moved, healthy=(0, 999))
    monitor.rebase("s3", moved.index[1000])
    monitor.accept((1000, 1999))
    after = plant(600, 1, "2026-03-01")
    after["s3"] += 2.5
    assert monitor.score(after).alarms.mean() < 0.05


# ---- live, files, and the log ---------------------------------------------------------------------------------------


def told_all() -> Monitor:
    monitor = fresh()
    moved = SHIFTED.copy()
    moved.iloc[450:, 1] += 3.0
    monitor.accept((300, 359), SHIFTED, by="Huber", when="2026-03-09 07:30", why="new bearing")
    monitor.exclude((0, 49))
    monitor.rebase("s1", moved.index[450], moved)
    monitor.set_budget(0.02, by="Maier")
    return monitor


def test_update_and_files_agree_with_score_after_all_of_it() -> None:
    monitor = told_all()
    whole = monitor.score(SHIFTED)
    live = Monitor.from_bytes(monitor.to_bytes())
    assert live.to_bytes() == monitor.to_bytes()
    assert live.log_ == monitor.log_
    assert live.summary() == monitor.summary()
    for first, last in ((0, 1), (1, 310), (310, 455), (455, 600)):
        same(live.update(SHIFTED.iloc[first:last]), whole, slice(first, last))
        live = Monitor.from_bytes(live.to_bytes())


def test_the_log_tells_what_was_done_by_whom_and_why() -> None:
    monitor = told_all()
    assert [line["what"] for line in monitor.log_] == ["fit", "accept", "exclude", "rebase", "budget"]
    accept = monitor.log_[1]
    assert (accept["by"], accept["when"], accept["why"]) == ("Huber", "2026-03-09 07:30", "new bearing")
    assert accept["told"].startswith(
        "60 rows were healthy (2026-03-03 02:00 to 2026-03-03 11:50); limits are wider now"
    )
    assert "s4" in accept["told"]
    said = monitor.summary()
    assert "1: 60 rows were healthy" in said
    assert "[Huber, 2026-03-09 07:30, new bearing]" in said
    assert "50 rows were taken out of the history" in said
    assert re.search(
        r"s1 reads (2\.9|3|3\.0)\d* more than before since 2026-03-04 03:00 "
        r"\([-\d.]+ where [-\d.]+ would be expected\), learnt from 150 rows",
        said,
    )
    assert "4: the budget is 2 % of healthy rows [Maier]" in said
    monitor.log_.clear()
    assert len(monitor.log_) == 5


def test_a_rollback_gives_every_state_before_to_the_byte() -> None:
    monitor = fresh()
    monitor.update(BATCH[:100])
    states = [without_log(monitor)]
    shas = [monitor.sha256_]
    moved = SHIFTED.copy()
    moved.iloc[450:, 1] += 3.0
    for number, change in enumerate(
        (
            lambda: monitor.accept((300, 359), SHIFTED),
            lambda: monitor.exclude((0, 49)),
            lambda: monitor.rebase("s1", moved.index[450], moved),
            lambda: monitor.set_budget(0.02),
        )
    ):
        change()
        monitor.update(BATCH[100 * number : 100 * number + 50])
        states.append(without_log(monitor))
        shas.append(monitor.sha256_)
    assert len(set(shas)) == 4
    restart = Monitor.from_bytes(monitor.to_bytes())
    for one in (monitor, restart):
        one.rollback()
        assert one.sha256_ == shas[3]
        assert without_log(one) == states[3]
    one = Monitor.from_bytes(restart.to_bytes())
    one.rollback(2, by="Maier", why="too soon")
    assert without_log(one) == states[1]
    one.rollback()
    assert without_log(one) == states[0]
    assert [line["undone"] for line in one.log_] == [None, 7, 6, 6, 5, None, None, None]
    assert one.log_[6]["told"] == "undone: 2 (exclude), 3 (rebase)"
    with pytest.raises(ValueError, match="got 1; no change is in force"):
        one.rollback()


def test_a_fit_begins_another_log() -> None:
    monitor = told_all()
    monitor.fit(HISTORY)
    assert [line["what"] for line in monitor.log_] == ["fit"]
    assert monitor.log_[0]["told"] == "trained on 2,000 rows, 2026-01-01 00:00 to 2026-01-14 21:10, every 10 min"


@pytest.mark.parametrize(
    ("error", "says", "call"),
    [
        (RuntimeError, "call fit", lambda m: Monitor().accept((0, 1), BATCH)),
        (RuntimeError, "call fit", lambda m: Monitor().log_),
        (
            ValueError,
            r"got none from .*2030.* reaches from 2026-01-01 00:00 to 2026-01-14",
            lambda m: m.accept(("2030", "2031")),
        ),
        (ValueError, "`frame` has 600 rows|`frame` reaches", lambda m: m.accept((700, 800), BATCH)),
        (TypeError, r"must be \(from, to\), or an Episode, got 5", lambda m: m.accept(5, BATCH)),
        (TypeError, "give its Result", lambda m: m.accept(m.score(SHIFTED).found[0])),
        (ValueError, "must be times, for example", lambda m: m.accept(("now", "then"), BATCH)),
        (TypeError, "got list", lambda m: m.accept((0, 1), [[1.0]])),
        (ValueError, "must have times where the history", lambda m: m.accept((0, 9), BATCH.to_numpy())),
        (ValueError, "left out already", lambda m: [m.exclude((0, 9)), m.exclude((0, 9))]),
        (ValueError, "at least 80 healthy rows", lambda m: m.exclude((0, 1950))),
        (ValueError, "got 'gremlin'; watched: s0, s1", lambda m: m.rebase("gremlin", 0, BATCH)),
        (ValueError, "at least 20 rows .* got 5", lambda m: m.rebase("s1", BATCH.index[595], BATCH)),
        (ValueError, "`since` must hold rows", lambda m: m.rebase("s1", "2030", BATCH)),
        (TypeError, "`n` must be an integer, got float", lambda m: m.rollback(1.0)),
        (ValueError, "got 0; no change is in force", lambda m: m.rollback(0)),
        (TypeError, "`by` must be a text, got int", lambda m: m.set_budget(0.1, by=7)),
        (ValueError, "`when` must be a time", lambda m: m.set_budget(0.1, when="yesterday")),
        (TypeError, "`when` must be a time", lambda m: m.set_budget(0.1, when=7)),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(error: type[Exception], says: str, call: Any) -> None:
    monitor = fresh()
    before = without_log(monitor)
    with pytest.raises(error, match=says):
        call(monitor)
    if "left out already" not in says:
        assert without_log(monitor) == before
        assert len(monitor.log_) == 1


def test_without_its_history_a_monitor_says_what_it_cannot_do() -> None:
    monitor = fresh(history=False)
    assert len(monitor.to_bytes()) < len(saved()) / 2
    same(monitor.score(SHIFTED), fresh().score(SHIFTED))
    for call in (lambda: monitor.exclude((0, 10)), lambda: monitor.accept((0, 10)), lambda: monitor.rebase("s1", 0)):
        with pytest.raises(ValueError, match="was saved without its history"):
            call()


# ---- the kept history -----------------------------------------------------------------------------------------------


def test_readings_are_kept_to_the_last_bit_in_few_bytes() -> None:
    random = np.random.default_rng(0)
    plain = random.normal(50.0, 5.0, 3000)
    columns = {
        "noise": (plain, 8.1),
        "two digits": (np.round(plain, 2), 2.1),
        "state": (random.integers(0, 2, 3000).astype(float), 0.5),
        "empty": (np.full(3000, np.nan), 0.1),
        "gaps": (np.where(random.random(3000) < 0.1, np.nan, np.round(1e4 * plain, 3)), 4.1),
        "single": (plain.astype(np.float32).astype(float), 8.1),
        "negative zero": (np.where(plain > 50, 0.0, -0.0), 1.0),
        "huge": (plain * 1e300, 8.1),
    }
    values = np.asfortranarray(np.column_stack([column for column, _ in columns.values()]))
    body, how = _packed(values)
    found = _unpacked(body, how, 3000)
    for place, (name, (_, most)) in enumerate(columns.items()):
        np.testing.assert_array_equal(found[:, place].view(np.int64), values[:, place].view(np.int64), err_msg=name)
        assert sum(size for size, _ in how[place][2]) < most * 3000, name


def test_pieces_of_a_history_are_in_the_order_of_their_times() -> None:
    def piece(times: list[int]) -> Chunk:
        values = np.array(times, float)[:, None]
        return Chunk.of(values, np.array(times, "datetime64[ns]"), np.ones(len(times), bool))

    history = History(["a"], {}, False, [piece([10, 20, 50]), piece([30, 60]), piece([5])])
    assert history.values[:, 0].tolist() == [5, 10, 20, 30, 50, 60]
    rows = np.array([True, False, False, True, True, False])
    out = history.marked(rows, 0)
    assert out.values[~out.chosen][:, 0].tolist() == [5, 30, 50]
    back = out.marked(np.array([False, False, False, True, False, True]), 3)
    assert back.values[back.chosen][:, 0].tolist() == [10, 20, 30, 60]
    assert back.accepted.tolist() == [0, 0, 0, 3, 0, 3]
    assert history.chosen.all()


def test_a_result_tells_its_model() -> None:
    monitor = fresh()
    one = monitor.score(BATCH)
    assert one.model["sha256"] == monitor.sha256_ == one.monitor_card["SHA-256 of what was learnt"]
    assert one.model["acm_rs"] == acm_rs.__version__
    assert one.model["settings"]["false_alarm_rate"] == 0.01
    assert one.model["settings"]["limit"] == one.limits[0]
    assert one.model["changes"] == 0
    monitor.set_budget(0.05)
    other = monitor.update(BATCH[:1])
    assert other.model["sha256"] == one.model["sha256"]
    assert other.model["settings"]["false_alarm_rate"] == 0.05
    assert other.model["changes"] == 1
    assert "the budget is 5 %" in other.monitor_card["changes since the fit"]


def test_an_end_of_a_span_may_be_left_open() -> None:
    frame = pd.DataFrame(np.random.default_rng(3).normal(size=(600, 4)), index=pd.date_range("2026-01-01", periods=600))
    last = frame.index[-1]
    for open_, closed in {
        (None, 99): (0, 99),
        (500, None): (500, 599),
        ("2027-06-01", None): ("2027-06-01", last),
        (None, "2026-05-01"): ("2026-01-01", "2026-05-01"),
    }.items():
        models = [Monitor().fit(frame.add_prefix("s")) for _ in range(4)]
        for monitor, span in zip(models[:2], (open_, closed), strict=True):
            monitor.exclude(span)
        for monitor, span in zip(models[2:], (open_, closed), strict=True):
            monitor.accept(span, frame.add_prefix("s"))
        scores = [monitor.score(frame.add_prefix("s")).scores.tobytes() for monitor in models]
        assert scores[0] == scores[1] != scores[2] == scores[3]
        fits = [Monitor().fit(frame.add_prefix("s"), healthy=span).to_bytes() for span in (open_, closed)]
        assert fits[0] == fits[1]


@pytest.mark.parametrize("left", [0, 1, 30, 100])
def test_all_of_the_history_may_be_accepted(left: int) -> None:
    index = pd.date_range("2026-01-01", periods=600, freq="10min")
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=(600, 4)) + 50.0, index=index).add_prefix("s")
    monitor = Monitor().fit(frame)
    before, later = monitor.score(frame).limits[0], frame.copy()
    monitor.accept((left, 599), frame)
    result = monitor.score(frame)
    assert not result.alarms[left:].any()
    assert 0.6 * before < result.limits[0] < 1.7 * before
    later.iloc[300:, 2] += 6.0
    assert monitor.score(later).alarms[320:].mean() > 0.9


@pytest.mark.parametrize("rows", [150, 300])
def test_a_few_accepted_rows_hide_no_fault_of_other_sensors(rows: int) -> None:
    """One sensor was off by four times its noise for a while: the others' relations are as they were."""
    shares = []
    for seed in (1, 2, 3):
        random = np.random.default_rng(seed)
        ways = random.normal(size=(2, 8))

        def healthy(n: int, random: np.random.Generator = random, ways: np.ndarray = ways) -> np.ndarray:
            return 50.0 + random.normal(size=(n, 2)) @ ways + 0.3 * random.normal(size=(n, 8))

        monitor = acm_rs.Monitor().fit(healthy(3000))
        new, later = healthy(rows + 400), healthy(600)
        new[300 : 300 + rows, 3] += 1.2
        found = []
        for accepted in (False, True):
            if accepted:
                monitor.accept((300, 299 + rows), new)
                assert monitor.score(new).alarms[300 : 300 + rows].mean() < 0.02
            assert monitor.score(later).alarms.mean() < 0.02
            for sensor in (0, 1, 2, 4, 5, 6, 7):
                fault = later.copy()
                fault[300:, sensor] += 0.6
                found.append(monitor.score(fault).alarms[300:].mean())
        shares.append([np.mean(found[:7]), np.mean(found[7:])])
    before, after = np.mean(shares, axis=0)
    assert before > 0.95
    assert after > 0.92


def test_accepted_rows_that_are_many_or_a_regime_of_their_own_are_learnt_from() -> None:
    random = np.random.default_rng(4)
    ways = random.normal(size=(2, 6))
    x, other = (50.0 + random.normal(size=(n, 2)) @ ways + 0.3 * random.normal(size=(n, 6)) for n in (3000, 900))
    monitor = acm_rs.Monitor().fit(x)
    monitor.accept((0, 899), other)
    many = acm_rs.Monitor().fit(np.vstack([x, other]))
    np.testing.assert_array_equal(monitor._learned[1].band, many._learned[1].band)
    far = other.copy()
    far[300:500] += 40.0
    monitor = acm_rs.Monitor().fit(x)
    monitor.accept((300, 499), far)
    assert len(monitor._learned[1].regimes.centres) == 2
    assert not monitor.score(far).alarms[310:500].any()
