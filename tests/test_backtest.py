"""What a Monitor would have found of known events, counted by hand, and two Monitors beside each other."""

from __future__ import annotations

import datetime
from functools import cache
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import polars as pl
import pytest
from acm_rs.monitor import Event, Monitor
from acm_rs.monitor.events import events_of, lasting

BEGIN = np.datetime64("2026-01-01T00:00", "ns")
STEP = np.timedelta64(10, "m")
ROWS = 3_000
BUDGETS = (0.001, 0.01, 0.2)
# Two faults, one event that nothing shows, one in the first part, one while the machine stands still.
FAULTS = ((1_500, 1_600, "flow"), (2_600, 2_700, "heat"))
EVENTS = (
    (100, 120, "early"),
    (1_520, 1_600, "blade"),
    (1_805, 1_835, "strike"),
    (2_200, 2_230, ""),
    (2_590, 2_700, "heat"),
)


@cache
def plant() -> pd.DataFrame:
    random = np.random.default_rng(4)
    load = 60 + 8 * np.sin(np.arange(ROWS) / 25) + random.standard_normal(ROWS)
    load[400:450] = load[1_800:1_840] = 0.0
    noise = random.standard_normal((ROWS, 4)) * np.where(load > 0, 1.0, 0.1)[:, None]
    table = pd.DataFrame(
        {
            "load": load + 0.2 * noise[:, 0],
            "flow": 2 * load + 0.5 * noise[:, 1],
            "heat": 30 + 0.4 * load + 0.3 * noise[:, 2],
            "current": 0.3 * load + 0.1 * noise[:, 3],
        },
        index=pd.DatetimeIndex(BEGIN + np.arange(ROWS) * STEP),
    )
    for first, end, name in FAULTS:
        table.iloc[first:end, table.columns.get_loc(name)] += 3.0
    return table


def times(events: Any = EVENTS) -> list[tuple[Any, Any, str]]:
    when = plant().index
    return [(when[first], when[last], name) for first, last, name in events]


@cache
def fitted() -> bytes:
    return Monitor().fit(plant()[:1_400]).to_bytes()


def counted(events: Any, ahead: int, first: int, results: dict[float, list[acm_rs.Result]]) -> dict[float, Any]:
    """The same counts, row by row."""
    found = {}
    for rate, parts in results.items():
        alarms = np.concatenate([part.alarms for part in parts]).tolist()
        known = (~np.isnan(np.concatenate([part.scores for part in parts]))).tolist()
        begins, quiet = [], 13
        for row, (alarm, judged) in enumerate(zip(alarms, known, strict=True)):
            if alarm and quiet > 12:
                begins.append(first + row)
            quiet = 0 if alarm else quiet + judged
        windows = [(start - ahead, last) for start, last, _ in events]
        inside = {row for start, last in windows for row in range(start, last + 1)}
        outcomes: list[Any] = []
        for (start, _, _), (begin, last) in zip(events, windows, strict=True):
            judged = [row for row in range(max(begin, first), last + 1) if known[row - first]]
            hits = [row for row in begins if begin <= row <= last]
            outcomes.append(None if not judged else start - hits[0] if hits else False)
        healthy = [row for row in range(first, ROWS) if known[row - first] and row not in inside]
        found[rate] = (
            outcomes,
            sum(row not in inside for row in begins),
            len(healthy),
            float(np.mean([alarms[row - first] for row in healthy])),
        )
    return found


def check(tried: acm_rs.monitor.Backtest, wanted: dict[float, Any], unit: float) -> None:
    assert [one.budget for one in tried.budgets] == list(wanted)
    for trial, (outcomes, false, healthy, share) in zip(tried.budgets, wanted.values(), strict=True):
        got = [
            None if one.found is None else False if not one.found else round(one.lead / unit) for one in trial.outcomes
        ]
        assert got == outcomes
        assert trial.false_alarms == false
        assert tried.healthy_rows == healthy
        assert trial.healthy_in_alarm == pytest.approx(share, abs=1e-12)
        assert trial.found == sum(one is not None and one is not False for one in outcomes)
        assert (trial.missed, trial.not_judged) == (outcomes.count(False), outcomes.count(None))
        leads = [one for one in outcomes if one is not None and one is not False]
        assert (trial.lead is None) == (not leads)
        if leads:
            assert trial.lead == pytest.approx(float(np.median(leads)) * unit)
        in_unit = 1000 if unit == 1.0 else 30.4375 * 24 * 6
        assert trial.false_per_month == pytest.approx(false / healthy * in_unit)


TEN_MINUTES = 600e9


@pytest.mark.parametrize("before", [None, "5h"])
def test_a_model_is_judged_after_its_training(before: str | None) -> None:
    data = fitted()
    monitor = Monitor.from_bytes(data)
    results = {}
    for rate in BUDGETS:
        own = Monitor.from_bytes(data)
        own.set_budget(rate)
        results[rate] = [own.score(plant()[1_400:])]
    tried = acm_rs.backtest(plant(), times(), monitor, budgets=BUDGETS, before=before)
    check(tried, counted(EVENTS, 30 if before else 0, 1_400, results), TEN_MINUTES)
    assert monitor.to_bytes() == data
    assert tried.remarks == ["1,400 rows up to the end of the training are not judged"]
    # The alarm that began before its event is no use, unless it counts as a warning.
    blade = tried.budgets[1].outcomes[1]
    assert (blade.found, blade.running, blade.culprit) == ((True, False, "flow") if before else (False, True, ""))
    assert tried.budgets[1].outcomes[4].culprit == "heat"
    strike = False if before else None
    assert [one.found for one in tried.budgets[1].outcomes][::2] == [None, strike, True]


def test_each_part_is_judged_by_what_lies_before_it() -> None:
    parts = 3
    when = plant().index
    results = {rate: [] for rate in BUDGETS}
    for cut, end in ((1_000, 2_000), (2_000, 3_000)):
        healthy = np.ones(cut, bool)
        for first, last, _ in EVENTS:
            if first < cut:
                healthy[max(0, first - 12) : last + 1] = False
        monitor = Monitor(drivers=["load"]).fit(plant()[:cut], healthy=healthy)
        for rate in BUDGETS:
            monitor.set_budget(rate)
            results[rate].append(monitor.score(plant()[cut:end]))
    tried = acm_rs.backtest(
        plant(), times(), Monitor(drivers=["load"]), budgets=BUDGETS, before=datetime.timedelta(hours=2), parts=parts
    )
    check(tried, counted(EVENTS, 12, 1_000, results), TEN_MINUTES)
    assert tried.trained_on == [
        f"2026-01-01 00:00 to 2026-01-07 22:30 (1,000 rows, less 33 of known events), for the rows "
        f"2026-01-07 22:40 to {when[1_999]:%Y-%m-%d %H:%M}",
        "2026-01-01 00:00 to 2026-01-14 21:10 (2,000 rows, less 169 of known events), for the rows "
        "2026-01-14 21:20 to 2026-01-21 19:50",
    ]


def test_rows_without_times() -> None:
    monitor = Monitor.from_bytes(fitted())
    values = plant().to_numpy()[1_400:]
    events = [(first - 1_400, last - 1_400, name) for first, last, name in EVENTS[1:]]
    tried = acm_rs.backtest(values, events, monitor, budgets=[0.01], before=30)
    own = {0.01: [Monitor.from_bytes(fitted()).score(values)]}
    wanted = counted([(first + 1_400, last + 1_400, name) for first, last, name in events], 30, 1_400, own)
    check(tried, wanted, 1.0)
    assert "cannot be told without times" in tried.remarks[0]
    assert tried.cells()[0][5] == "in 1,000 rows"
    assert "false alarms in 1,000 rows" in tried.advice
    assert tried.outcomes["lead"].dtype == np.float64


def test_budgets_in_any_order_and_rows_beyond_all_training_are_those_of_score() -> None:
    frame = plant()[1_400:].copy()
    frame.iloc[300:330] *= 3.0
    monitor = Monitor.from_bytes(fitted())
    results = {}
    for rate in BUDGETS:
        own = Monitor.from_bytes(fitted())
        own.set_budget(rate)
        results[rate] = [own.score(frame)]
        assert results[rate][0].alarms[305:330].all()
    tried = acm_rs.backtest(frame, times(EVENTS[4:]), monitor, budgets=[0.2, 0.001, 0.01, 0.01])
    check(tried, counted(EVENTS[4:], 0, 1_400, results), TEN_MINUTES)


def test_what_it_says() -> None:
    tried = acm_rs.backtest(plant(), times(), Monitor.from_bytes(fitted()), before="5h")
    text = str(tried)
    lines = text.splitlines()
    assert lines[0].split("  ")[0] == "budget"
    assert "5 events in the history, 1 of them where nothing was judged" in text
    assert tried.advice in text
    assert tried.advice.startswith("0.1 % finds 2 of 4 events with ")
    assert tried.advice.endswith("; a larger budget finds no more.")
    assert lines[1].split()[:6] == ["0.1", "%", "2", "of", "4", "2"]
    assert len(lines[1:6]) == len(tried.table) == 5
    none = acm_rs.backtest(plant(), [], Monitor.from_bytes(fitted()), budgets=[0.01])
    assert none.advice == "No event lies in rows that were judged: this tells of false alarms alone."
    assert none.outcomes["event"].tolist() == []
    nothing = acm_rs.backtest(plant(), times(EVENTS[3:4]), Monitor.from_bytes(fitted()), budgets=[0.001])
    assert nothing.advice.startswith("None of 1 event was found at any budget")
    off = plant().copy()
    off.iloc[1_450:, 1] += 3.0
    changed = acm_rs.backtest(off, times(EVENTS[3:4]), Monitor.from_bytes(fitted()), budgets=[0.01])
    assert any("of the rows outside all events were in alarm" in doubt for doubt in changed.doubts)
    assert "events that count as missed because an alarm was running already: up to 1" in changed.doubts


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_frames_come_in_the_kind_that_went_in(kind: str) -> None:
    frame: Any = plant()
    events: Any = pd.DataFrame(times(), columns=["Start", "end", "Name"])
    if kind == "polars":
        frame = pl.from_pandas(plant().rename_axis("when").reset_index())
        events = pl.from_pandas(events)
    tried = acm_rs.backtest(frame, events, Monitor.from_bytes(fitted()), budgets=BUDGETS, before="5h")
    wanted = acm_rs.backtest(plant(), times(), Monitor.from_bytes(fitted()), budgets=BUDGETS, before="5h")
    assert type(tried.table) is type(tried.outcomes) is type(frame)
    assert list(tried.table["found"]) == [one.found for one in wanted.budgets]
    assert list(tried.outcomes["outcome"])[:5] == ["not judged", "found", "missed", "missed", "found"]
    assert list(tried.outcomes["event"])[:5] == ["early", "blade", "strike", "", "heat"]
    leads = tried.outcomes["lead"].to_numpy().astype("timedelta64[ns]")
    assert np.isnat(leads[0])
    assert leads[1] == np.timedelta64(round(wanted.budgets[0].outcomes[1].lead), "ns")


def test_events_in_many_spellings() -> None:
    when = BEGIN + np.arange(10) * np.timedelta64(1, "D")
    day = np.timedelta64(1, "D") - np.timedelta64(1, "ns")
    given: list[Any] = [
        ("2026-01-02", "2026-01-03", "days"),
        (datetime.date(2026, 1, 2), None),
        ("2026-01-02 06:00", None, None),
        (pd.Timestamp("2026-01-02T06:00"), pd.NaT),
        (datetime.datetime(2026, 1, 2, 7, tzinfo=datetime.timezone(datetime.timedelta(hours=1))), ""),
        (1, 3, "rows"),
        Event(when[1], when[2]),
    ]
    second = np.datetime64("2026-01-02", "ns")
    six = second + np.timedelta64(6, "h")
    found = [events_of([one], when, "UTC")[0] for one in given]
    assert [(one.start, one.end) for one in found] == [
        (second, np.datetime64("2026-01-03", "ns") + day),
        (second, second + day),
        *[(six, six)] * 3,
        (when[1], when[3]),
        (when[1], when[2]),
    ]
    assert [one.name for one in found[:3]] == ["days", "", ""]
    assert events_of([(5, 7), (1, None, "x")], None)[0].name == "x"
    assert lasting("1h30min", True, "before") == 5_400 * 10**9
    assert lasting(np.timedelta64(2, "D"), True, "before") == 2 * 86_400 * 10**9


@pytest.mark.parametrize(
    ("keywords", "error", "says"),
    [
        ({"events": "2026-01-01"}, TypeError, "`events` must be a list of"),
        ({"events": [("2026-01-05",)]}, ValueError, r"must hold \(start, end\)"),
        ({"events": [("2026-01-05", "2026-01-04")]}, ValueError, "must not end before they start"),
        ({"events": [("soon", None)]}, ValueError, "`events` must be times such as"),
        ({"events": [(5, 9_999)]}, ValueError, "must lie within the 3,000 rows"),
        ({"events": pd.DataFrame({"from": [1]})}, ValueError, "must have a column 'start'"),
        ({"before": 5}, ValueError, "must be a duration such as '7d' where the history has times"),
        ({"before": "5 M"}, ValueError, "must be a duration such as '12h'"),
        ({"before": datetime.timedelta(-1)}, ValueError, "at least 0"),
        ({"before": 1.5}, TypeError, "`before` must be a duration"),
        ({"budgets": []}, ValueError, "at least one"),
        ({"budgets": 0.1}, TypeError, "`budgets` must be a list"),
        ({"budgets": [0.6]}, ValueError, "above 0 and below 0.5"),
        ({"parts": 1}, ValueError, "`parts` must be at least 2"),
        ({"parts": 2.0}, TypeError, "`parts` must be a whole number"),
        ({"parts": 100}, ValueError, r"in the first 30 rows; fewer `parts` leave more"),
        ({"monitor": "fan.acm"}, TypeError, "`monitor` must be a Monitor, got str"),
    ],
)
def test_what_cannot_be_done_is_said(keywords: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        acm_rs.backtest(plant(), **{"events": [], **keywords})


def test_a_history_before_the_end_of_the_training_is_refused() -> None:
    with pytest.raises(ValueError, match="must have rows after the training of the Monitor, which ends at 2026-01-10"):
        acm_rs.backtest(plant()[:1_000], [], Monitor.from_bytes(fitted()))
    with pytest.raises(ValueError, match="must be row numbers where the history has no times"):
        acm_rs.backtest(plant().to_numpy(), [("2026-01-05", None)])
    with pytest.raises(ValueError, match="must be a number of rows where the history has no times"):
        acm_rs.backtest(plant().to_numpy(), [], before="5h")


# ---- two Monitors ---------------------------------------------------------------------------------------------------


def test_alarms_that_come_go_and_stay() -> None:
    frame = plant().copy()
    frame.iloc[1_000:, 3] += 2.0
    old, new = Monitor().fit(frame[:1_000]), Monitor().fit(frame[1_000:1_450])
    later = frame[1_450:]
    found = acm_rs.compare(old, new, later)
    results = old.score(later), new.score(later)
    for one, two in zip((found.old, found.new), results, strict=True):
        assert np.array_equal(one.alarms, two.alarms)
    both = results[0].alarms, results[1].alarms
    assert found.rows == {
        "both": int((both[0] & both[1]).sum()),
        "old": int((both[0] & ~both[1]).sum()),
        "new": int((~both[0] & both[1]).sum()),
    }
    # The old one alarms throughout, and so every alarm of the new one stays.
    assert found.count("comes") == 0
    assert sum(len(one.new) for one in found.changes) == len(results[1].found) > 0
    assert sum(len(one.old) for one in found.changes) == len(results[0].found)
    turned = acm_rs.compare(new, old, later)
    assert turned.count("comes") == found.count("goes")
    assert turned.count("stays") == found.count("stays")
    assert [(one.start, one.end) for one in turned.changes] == [(one.start, one.end) for one in found.changes]
    assert list(found.table["change"]) == [one.what for one in found.changes]
    assert found.verdict in str(found)
    same = acm_rs.compare(old, old, later)
    assert {one.what for one in same.changes} == {"stays"}
    assert same.rows["old"] == same.rows["new"] == 0


def test_groups_of_alarms() -> None:
    from acm_rs.monitor import Episode
    from acm_rs.monitor.comparison import _changes

    def episode(start: int, end: int) -> Episode:
        return Episode(start, end, start, 1.5, start, "running", False, [])

    old = [episode(0, 5), episode(10, 20), episode(40, 60), episode(80, 81)]
    new = [episode(5, 8), episode(15, 25), episode(38, 42), episode(55, 70), episode(100, 110)]
    got = [(one.what, one.start, one.end, len(one.old), len(one.new)) for one in _changes(old, new)]
    assert got == [
        ("goes", 0, 5, 1, 0),
        ("comes", 5, 8, 0, 1),
        ("stays", 10, 25, 1, 1),
        ("stays", 38, 70, 1, 2),
        ("goes", 80, 81, 1, 0),
        ("comes", 100, 110, 0, 1),
    ]


def test_what_both_and_one_of_them_should_know() -> None:
    old = Monitor.from_bytes(fitted())
    new = Monitor().fit(plant()[:1_400].drop(columns="flow"))
    found = acm_rs.compare(old, new, plant()[1_300:1_500])
    assert "watched by only the old Monitor: 'flow'" in found.remarks
    assert any(text.startswith("100 of 200 rows lie within the training") for text in found.remarks)
    assert any(text.startswith("new Monitor: 1 column was not known at the fit") for text in found.remarks)
    with pytest.raises(TypeError, match="`new` must be a Monitor"):
        acm_rs.compare(old, "new.acm", plant())  # type: ignore[arg-type]
    assert acm_rs.compare(old, old, plant()[:0]).verdict == "There are no rows to compare on."
