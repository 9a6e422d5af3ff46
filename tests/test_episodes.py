"""Episodes against the plain rule: stretches of high scores, their gaps and their lengths."""

from __future__ import annotations

import pickle
from typing import Any

import acm_rs
import numpy as np
import numpy.typing as npt
import pytest
from odd_values import NO_TIME
from test_decisions import Floats, same, scores

Found = list[tuple[int, int, float, int]]


def _episodes(
    score: Floats,
    on: float,
    off: float,
    min_rows: int,
    gap_rows: int,
    times: npt.NDArray[np.int64] | None = None,
    min_time: int = 0,
    gap_time: int = -1,
) -> Found:
    """Runs of rows that are high, known low rows between them; then the gaps; then the lengths."""
    times = np.arange(len(score)) if times is None else times
    runs: list[list[int]] = []
    state = False
    for row in np.flatnonzero(~np.isnan(score)).tolist():
        before, state = state, score[row] > (off if state else on)
        if state and before:
            runs[-1].append(row)
        elif state:
            runs.append([row])
    joined: list[list[int]] = []
    for run in runs:
        last = joined[-1][-1] if joined else 0
        if joined and (run[0] - last - 1 <= gap_rows or times[run[0]] - times[last] <= gap_time):
            joined[-1] += run
        else:
            joined.append(run)
    found = []
    for rows in joined:
        first, last = rows[0], rows[-1]
        known = [row for row in range(first, last + 1) if not np.isnan(score[row])]
        lasted = sum(int(times[row] - times[row - 1]) for row in known[1:])
        if len(known) >= min_rows and lasted >= min_time:
            peak = max(rows, key=lambda row: score[row])
            found.append((first, last + 1, float(score[peak]), peak))
    return found


def _told(found: Any) -> Found:
    parts = (found.start, found.end, found.peak, found.peak_row)
    return list(zip(*(part.tolist() for part in parts), strict=True))


@pytest.mark.parametrize(("min_rows", "gap_rows"), [(1, 0), (3, 0), (1, 4), (5, 10)])
def test_episodes_are_the_plain_rule(min_rows: int, gap_rows: int) -> None:
    score = scores(600, 1, seed=3)[:, 0]
    score[[20, 21, 400]] = np.inf
    found = acm_rs.episodes(score, 1.5, 0.5, min_rows, gap_rows)
    wanted = _episodes(score, 1.5, 0.5, min_rows, gap_rows)
    assert _told(found) == wanted
    assert len(wanted) > 5
    start, end, peak, area = found
    assert same((start, end, peak), (found.start, found.end, found.peak))
    assert (start.dtype, area.dtype) == (np.int64, np.float64)
    assert (area >= 0).all()
    tracker = acm_rs.EpisodeTracker(1.5, 0.5, min_rows, gap_rows)
    pieces = []
    for piece in np.split(score, [1, 2, 100, 100, 350]):
        pieces.append(tracker.update(piece))
        tracker = pickle.loads(pickle.dumps(tracker))
    pieces.append(tracker.open_)
    assert same(*([np.concatenate(part) for part in zip(*all_, strict=True)] for all_ in (pieces, [found])))
    assert tracker.rows_ == 600


@pytest.mark.parametrize("seed", range(6))
def test_durations_are_the_plain_rule_for_any_pieces(seed: int) -> None:
    random = np.random.default_rng(seed)
    score = np.round(scores(500, 1, seed=seed)[:, 0], 1)
    score[score == 0.3] = np.inf
    steps = random.integers(0, 8, 500) * 60_000_000_000
    times = np.datetime64("2026-03-29", "ns") + np.cumsum(steps).astype("timedelta64[ns]")
    stamps = times.astype(np.int64)
    counts = set()
    for min_rows, gap_rows, min_time, gap_time in [(1, 0, "9min", "6min"), (2, 3, "1h", None), (1, 0, None, "4min")]:
        lengths = [
            -1 if text is None else np.timedelta64(*_length(text)).astype("timedelta64[ns]").astype(int)
            for text in (min_time, gap_time)
        ]
        wanted = _episodes(score, 1.5, 0.5, min_rows, gap_rows, stamps, *lengths)
        found = acm_rs.episodes(score, 1.5, 0.5, min_rows, gap_rows, times, min_time, gap_time)
        assert _told(found) == wanted
        counts.add(len(wanted))
        tracker = acm_rs.EpisodeTracker(1.5, 0.5, min_rows, gap_rows, min_time, gap_time)
        assert eval(repr(tracker), vars(acm_rs)) == tracker
        pieces = []
        cuts = np.sort(random.integers(0, 500, 12))
        for number, (piece, when) in enumerate(zip(np.split(score, cuts), np.split(stamps, cuts), strict=True)):
            pieces.append(tracker.update(piece, when if number % 2 else when.astype("datetime64[ns]")))
            tracker = acm_rs.EpisodeTracker.from_bytes(tracker.to_bytes())
        pieces.append(tracker.open_)
        joined = [np.concatenate(part) for part in zip(*pieces, strict=True)]
        assert same(joined, list(found))
    assert len(counts) == 3


def _length(text: str) -> tuple[int, Any]:
    return int(text.rstrip("hmin")), "h" if text.endswith("h") else "m"


def test_missing_scores_count_for_nothing() -> None:
    nan = np.nan
    score = np.r_[np.zeros(50), 1.2, np.full(500, nan), np.zeros(50)]
    assert len(acm_rs.episodes(score, on=1.0, off=0.5, min_rows=10).start) == 0
    assert _told(acm_rs.episodes(score, on=1.0, off=0.5)) == [(50, 51, 1.2, 50)]
    times = np.arange(len(score)) * 60_000_000_000
    assert len(acm_rs.episodes(score, 1.0, 0.5, times=times, min_time="1min").start) == 0
    # With a high score after the gap it is an episode of two rows, and lasts for one step.
    score[551] = 2.0
    assert _told(acm_rs.episodes(score, 1.0, 0.5, min_rows=2, times=times, min_time="1min")) == [(50, 552, 2.0, 551)]
    assert len(acm_rs.episodes(score, 1.0, 0.5, min_rows=3).start) == 0
    assert len(acm_rs.episodes(score, 1.0, 0.5, times=times, min_time="61s").start) == 0
    # Without the missing rows nothing is otherwise, but where gaps are bridged.
    random = np.random.default_rng(1)
    for _ in range(50):
        score = random.choice([0.0, 0.7, 1.2, nan], 40)
        known = np.flatnonzero(~np.isnan(score))
        whole, rest = acm_rs.episodes(score, 1.0, 0.5, 2), acm_rs.episodes(score[known], 1.0, 0.5, 2)
        assert whole.start.tolist() == known[rest.start].tolist()
        assert whole.end.tolist() == (known[rest.end - 1] + 1).tolist()
        assert whole.area.tolist() == rest.area.tolist()


@pytest.mark.parametrize(
    ("keywords", "kind", "message"),
    [
        (
            {"min_time": "1h"},
            ValueError,
            "`times` must have a stamp for each score where `min_time` or `gap_time` is given",
        ),
        ({"gap_time": "1h"}, ValueError, "`times` must have a stamp for each score"),
        ({"times": np.arange(4)}, ValueError, "`times` must have length 5, got 4"),
        ({"times": np.array([0, 1, 3, 2, 4])}, ValueError, "`times` must not go back, but row 3 is earlier than row 2"),
        ({"times": [0, 1, 2, 3, 4]}, TypeError, "`times` must be a NumPy array of datetime64"),
        ({"times": np.arange(5.0)}, TypeError, "`times` must be a NumPy array of datetime64"),
        ({"min_time": 5}, TypeError, "`min_time` must be a duration such as '10min'.*got int"),
        ({"gap_time": 5.0}, TypeError, "`gap_time` must be a duration such as '10min'.*got float"),
        ({"min_time": "1 month"}, ValueError, "`min_time` must be a duration"),
        ({"gap_time": np.timedelta64(-5, "m")}, ValueError, "`gap_time` must be a duration"),
        ({"gap_time": NO_TIME}, ValueError, "`gap_time` must be a duration"),
    ],
)
def test_bad_times_are_told(keywords: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        acm_rs.episodes(np.zeros(5), 1.0, **keywords)


def test_durations_come_in_every_form() -> None:
    from datetime import timedelta

    for form in ("90s", "90000ms", np.timedelta64(90, "s"), timedelta(minutes=1.5)):
        tracker = acm_rs.EpisodeTracker(1.0, min_time=form, gap_time=form)
        assert (tracker.min_time, tracker.gap_time) == ("90s", "90s")
    for text in ("2days", "5h", "10min", "7s", "30ms", "9us", "11ns"):
        assert acm_rs.EpisodeTracker(1.0, min_time=text).min_time == text
    assert acm_rs.EpisodeTracker(1.0).gap_time is None
    tracker = acm_rs.EpisodeTracker(1.0, gap_time="1h")
    tracker.update(np.array([2.0, 2.0]), np.array([5, 9]))
    before = tracker.to_bytes()
    with pytest.raises(ValueError, match="`times` must not go back, but row 2 is earlier than row 1"):
        tracker.update(np.array([0.0]), np.array([8]))
    assert tracker.to_bytes() == before


def test_episodes_are_values() -> None:
    found = acm_rs.episodes(np.array([0.0, 3.0, 0.0, 4.0]), 2.0, 1.0)
    assert found == pickle.loads(pickle.dumps(found))
    assert found == eval(repr(found), vars(acm_rs))
    assert found != acm_rs.episodes(np.array([3.0]), 2.0)
    assert isinstance(found, acm_rs.Episodes)
    assert found.area.tolist() == [2.0, 3.0]
    with pytest.raises(ValueError, match="length 1"):
        acm_rs.Episodes([1], [2, 3], [1.0], [1.0], [1])
    tracker = acm_rs.EpisodeTracker(2.0, 1.0)
    assert eval(repr(tracker), vars(acm_rs)) == tracker
    assert not tracker.running_
    tracker.update(np.array([2.5]))
    assert tracker.running_
    assert tracker.open_.end.tolist() == [1]
