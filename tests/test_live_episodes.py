"""Alarms from batch to batch are those of one batch, and told at the same rows however the rows were cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from acm_rs import Monitor
from acm_rs.live.episodes import CLOSED, GREW, NO_DATA, OPENED, Alarm, Event, Follower
from acm_rs.live.rows import Rows
from acm_rs.live.silence import Silence
from acm_rs.monitor.alarms import found_episodes
from acm_rs.monitor.parts import CAUSES
from acm_rs.monitor.result import Result
from hypothesis import given
from hypothesis import strategies as st
from live import batch, later, model

NAMES = ["a", "b", "c"]
SECONDS = (np.arange(1_000) * 10**9).astype("datetime64[ns]")


def made(seed: int, n: int = 260) -> Result:
    """A result with alarms of all sorts: long and short, bridged and not, with gaps, from the first row on."""
    random = np.random.default_rng(seed)
    level = np.repeat(random.choice([0.3, 0.95, 1.2, 3.0, 9.0], n // 4 + 1), random.integers(1, 14, n // 4 + 1))[:n]
    scores = level * random.uniform(0.9, 1.1, n)
    scores[random.random(n) < 0.1] = np.nan
    alarms = (scores > 1.0) & (random.random(n) < 0.9)
    shares = random.random((n, 3))
    values, expected = random.normal(size=(2, n, 3))
    values[random.random((n, 3)) < 0.1] = np.nan
    regimes, causes = random.integers(0, 3, n), random.integers(0, len(CAUSES), n)
    about: dict[str, Any] = {"names": NAMES, "band": np.array([1.0, 0.5, 0.0]), "regime_names": ["r", "s", "t"]}
    limits = np.ones(n)
    found = found_episodes(
        alarms, scores, limits, shares, values, expected, about["band"], NAMES, regimes, about["regime_names"],
        causes, CAUSES,
    )  # fmt: skip
    result = Result(
        values=values, expected_values=expected, scores=scores, limits=limits, alarms=alarms, regimes=regimes,
        confidences=np.ones(n), shares=shares, found=found, times=SECONDS[:n], **about,
    )  # fmt: skip
    result._causes = causes
    return result


def piece(whole: Result, rows: slice) -> Result:
    """Some of its rows."""
    names = ("values", "expected_values", "scores", "limits", "alarms", "regimes", "confidences", "shares", "times")
    part = Result(
        names=NAMES, band=whole.band, regime_names=whole.regime_names, found=(),
        **{name: getattr(whole, name)[rows] for name in names},
    )  # fmt: skip
    part._causes = whole._causes[rows]
    return part


def followed(whole: Result, pieces: list[int], restarts: bool) -> tuple[list[Event], Follower, Alarm | None]:
    follower = Follower("model", "watch")
    events = []
    first, current = 0, None
    for size in [*pieces, len(whole.scores)]:
        if restarts:
            kept = follower.put()
            follower = Follower("model", "watch")
            follower.go_on(*kept)
        part = piece(whole, slice(first, first + size))
        events += follower.take(part)
        if len(part.scores):
            current = follower.current(part)
        first += size
    return events, follower, current


def same_alarm(alarm: Alarm, episode: Any) -> None:
    assert (alarm.start[0], alarm.end[0] + 1, alarm.first_sign[0]) == (episode.start, episode.end, episode.first_sign)
    assert (alarm.peak, alarm.peak_at[0]) == (episode.peak, episode.peak_row)
    assert (alarm.regime, alarm.kind) == (episode.regime, episode.kind)
    assert alarm.start[1] == alarm.start[0] * 10**9
    assert [(who.name, who.share, who.direction) for who in alarm.culprits] == [
        (who.name, who.share, who.direction) for who in episode.culprits
    ]
    for who, other in zip(alarm.culprits, episode.culprits, strict=True):
        assert (who.reads, who.expects) == pytest.approx((other.reads, other.expects), rel=1e-12, nan_ok=True)
        assert who.residual_sigmas == pytest.approx(other.residual_sigmas, rel=1e-9, abs=1e-9)


@given(st.integers(0, 30), st.lists(st.integers(0, 25), max_size=30), st.booleans())
def test_alarms_are_those_of_one_batch(seed: int, pieces: list[int], restarts: bool) -> None:
    whole = made(seed)
    events, follower, current = followed(whole, pieces, restarts)
    last = {event.alarm.id: event.alarm for event in events}
    if current is not None:
        last[current.id] = current
    assert len(last) == len(whole.found)
    for alarm, episode in zip(last.values(), whole.found, strict=True):
        same_alarm(alarm, episode)
    assert follower.row == len(whole.scores)
    at_once, _, _ = followed(whole, [], False)
    assert [(event.id, event.what, event.at, str(event.alarm)) for event in events] == [
        (event.id, event.what, event.at, str(event.alarm)) for event in at_once
    ]


def test_each_alarm_opens_grows_and_closes_once() -> None:
    told = [event for seed in range(20) for event in followed(made(seed), [], False)[0]]
    assert {event.what for event in told} == {OPENED, GREW, CLOSED}
    for event in told:
        assert event.id == f"{event.alarm.id}-{event.id.rpartition('-')[2]}"
        assert event.alarm.open is (event.what != CLOSED)
        assert (event.what == OPENED) is event.id.endswith("-0")


def test_a_monitor_in_pieces_has_the_alarms_of_its_batch() -> None:
    whole, frame = batch(), later()
    monitor, follower, events = Monitor.from_bytes(model()), Follower("m", "w"), []
    for first in range(0, frame.height, 37):
        result = monitor.update(frame[first : first + 37])
        events += follower.take(result)
    found = {event.alarm.id: event.alarm for event in events}
    current = follower.current(result)
    assert current is not None
    found[current.id] = current
    assert [(one.start[0], one.end[0] + 1, one.peak) for one in found.values()] == [
        (one.start, one.end, one.peak) for one in whole.found
    ]


# ---- no data --------------------------------------------------------------------------------------------------------


def rows(*seconds: int) -> Rows:
    return Rows(np.zeros((len(seconds), 1)), np.array(seconds, np.int64) * 10**9)


@given(st.lists(st.integers(1, 3), max_size=8))
def test_gaps_in_the_times_are_told_in_whatever_pieces_rows_come(pieces: list[int]) -> None:
    seconds = [0, 10, 20, 200, 210, 900, 910]
    silence, events, first = Silence(100 * 10**9, "m", "w"), [], 0
    for size in [*pieces, len(seconds)]:
        events += silence.take(rows(*seconds[first : first + size]), first)
        first = min(first + size, len(seconds))
        kept = silence.put()
        silence = Silence(100 * 10**9, "m", "w")
        silence.go_on(kept)
    assert [(event.what, event.alarm.start[0], event.alarm.end[0], event.at[1]) for event in events] == [
        (OPENED, 2, 3, 20 * 10**9),
        (CLOSED, 2, 3, 200 * 10**9),
        (OPENED, 4, 5, 210 * 10**9),
        (CLOSED, 4, 5, 900 * 10**9),
    ]
    assert {event.alarm.kind for event in events} == {NO_DATA}


def test_the_clock_tells_of_silence_once_and_the_next_row_ends_it() -> None:
    silence = Silence(100 * 10**9, "m", "w")
    assert silence.look(99.0, 0) == []
    silence.take(rows(0, 10), 0)
    assert silence.look(99.0, 2) == []
    (opened,) = silence.look(101.0, 2)
    assert (opened.what, opened.alarm.start) == (OPENED, (1, 10 * 10**9))
    assert silence.look(500.0, 2) == []
    (closed,) = silence.take(rows(700), 2)
    assert (closed.what, closed.alarm.end, closed.alarm.id) == (CLOSED, (2, 700 * 10**9), opened.alarm.id)
    assert Silence(None, "m", "w").take(rows(0, 10**6), 0) == []
    (never,) = Silence(100 * 10**9, "m", "w").look(101.0, 0)
    assert (never.what, never.alarm.start) == (OPENED, (-1, None))
