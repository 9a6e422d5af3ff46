"""The way of a batch: what is kept and told is what one batch of all rows gives, through restarts and failing disks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from acm_rs import Monitor
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.live.keeping import StateFile, Unavailable
from acm_rs.live.sources.file import GrowingFile
from acm_rs.monitor.saving import WATCH, pack, unpack
from live import COLUMNS, Memory, batch, bounded, later, model, text_of, watch


class Crash(BaseException):
    """The process is gone."""


def undisturbed(path: Path) -> tuple[Memory, list[dict[str, Any]]]:
    keeper, told = Memory(), []
    path.write_bytes(text_of(later()))
    watch(path, keeper, told).run()
    return keeper, told


def test_a_watched_file_has_the_scores_of_one_batch_and_tells_its_alarms(tmp_path: Path) -> None:
    keeper, told = undisturbed(tmp_path / "fan.csv")
    whole = batch()
    np.testing.assert_array_equal(keeper.scores()[:, 1], whole.scores)
    np.testing.assert_array_equal(keeper.scores()[:, 0], np.arange(len(whole.scores)))
    machine = [event for event in told if event["kind"] != "no data"]
    assert next(event["what"] for event in machine if event["alarm"] == machine[-1]["alarm"]) == "opened"
    opened = [event for event in machine if event["what"] == "opened"]
    assert [event["start"] for event in opened] == [
        str(whole.times[one.start].astype("datetime64[s]")) for one in whole.found
    ]
    assert machine[-1]["culprits"][0]["sensor"] == "Bearing Temp"
    assert "Bearing Temp reads" in machine[-1]["explanation"]
    gap = [event for event in told if event["kind"] == "no data"]
    assert [event["what"] for event in gap] == ["opened", "closed"]
    assert gap[1]["explanation"].startswith("No rows from 2026-01-13 03:30 to 2026-01-13 10:20, where one comes every")
    assert len({event["event"] for event in told}) == len(told)


@pytest.mark.parametrize("seed", range(3))
def test_the_file_grows_is_rotated_and_cut_and_the_process_dies_anywhere(tmp_path: Path, seed: int) -> None:
    """Killed before or after the state is written: every row is judged once, every event told at least once."""
    calm, told_calm = undisturbed(tmp_path / "calm.csv")
    random = np.random.default_rng(seed)
    header, _, text = text_of(later()).partition(b"\n")
    path = tmp_path / "fan.csv"
    path.write_bytes(header + b"\n")
    keeper, told = Memory(), []
    first, whole, done = 0, True, set()
    for number, place in enumerate([*np.sort(random.integers(0, len(text), 24)).tolist(), len(text)]):
        # What becomes of a file that others write happens between lines.
        what = str(random.choice(["grows", "is rotated", "is cut"])) if whole else "grows"
        if what == "is rotated":
            path.rename(tmp_path / f"fan.csv.{number}")
            path.write_bytes(header + b"\n")
        elif what == "is cut":
            path.write_bytes(header + b"\n")
        done.add(what)
        last = text.rfind(b"\n", 0, place) + 1 if random.random() < 0.5 else place
        last = max(first, last)
        with path.open("ab") as file:
            file.write(text[first:last])
        first = last
        if random.random() < 0.5:
            keeper.fails = [Crash()]
        try:
            one = watch(path, keeper, told)
            if random.random() < 0.3:
                one.announce = lambda event: (_ for _ in ()).throw(Crash())
            one.run()
            whole = not keeper.fails and text[:first].endswith(b"\n")
        except Crash:
            whole = False
        keeper.fails = []
    watch(path, keeper, told).run()
    assert len(done) > 1
    np.testing.assert_array_equal(keeper.scores(), calm.scores())
    kept = [event for one in keeper.kept for event in one.events]
    assert [json.dumps(event) for event in kept] == [json.dumps(event) for one in calm.kept for event in one.events]
    assert {event["event"] for event in told} == {event["event"] for event in told_calm}
    assert {json.dumps(event) for event in told} == {json.dumps(event) for event in told_calm}


def test_what_cannot_be_written_is_tried_again_and_told_once(tmp_path: Path) -> None:
    calm, told_calm = undisturbed(tmp_path / "calm.csv")
    keeper, told, notes = Memory(), [], []
    keeper.fails = [Unavailable("the disk is full"), Unavailable("the disk is full")]
    watch(tmp_path / "calm.csv", keeper, told, notes).run()
    np.testing.assert_array_equal(keeper.scores(), calm.scores())
    assert told == told_calm
    assert [note for note in notes if "disk" in note or "goes on" in note] == [
        "the disk is full; tried again until it can be",
        "it goes on",
    ]
    keeper = Memory()
    keeper.fails = [Unavailable("the disk is full")] * 50
    with pytest.raises(Refusal, match="disk is full; what was kept before is whole"):
        watch(tmp_path / "calm.csv", keeper, told, patience=0.0).run()


@pytest.mark.parametrize(("rows", "what"), [(20, "written"), (400, "read")])
def test_a_full_disk_leaves_the_old_state_whole(tmp_path: Path, rows: int, what: str) -> None:
    resource = pytest.importorskip("resource", reason="limits of files are of Unix")
    path, state = tmp_path / "fan.csv", StateFile(tmp_path / "state")
    path.write_bytes(text_of(later()[:100]))
    watch(path, state, []).run()
    before = state.load()
    assert before is not None
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    notes: list[str] = []
    before = state.load()
    path.write_bytes(text_of(later()[: 100 + rows]))
    one = watch(path, state, [], notes)

    def note(text: str) -> None:
        notes.append(text)
        # Notes of what was read come first; then nothing is told that is not kept.
        unpack(state.load() or b"", WATCH)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    one.note = note
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        one.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert any(f"cannot be {what}" in text for text in notes)
    assert one.counts.rows == 100 + rows
    assert sorted(found.name for found in tmp_path.iterdir()) == ["fan.csv", "state"]


def test_late_rows_wait_and_order_does_not_matter_within_the_lateness(tmp_path: Path) -> None:
    frame, calm = later()[:250], Memory()
    (tmp_path / "calm.csv").write_bytes(text_of(frame))
    watch(tmp_path / "calm.csv", calm, []).run()
    order = np.argsort(np.arange(frame.height) + np.random.default_rng(1).uniform(0, 5, frame.height), kind="stable")
    path = tmp_path / "fan.csv"
    path.write_bytes(text_of(frame[order]))
    keeper = Memory()
    one = watch(path, keeper, [], lateness=3_600 * 10**9)
    one.run()
    assert one.counts.waiting == 6
    assert (one.counts.late, one.counts.repeated) == (0, 0)
    np.testing.assert_array_equal(keeper.scores(), calm.scores()[:-6])
    with path.open("ab") as file:
        file.write(text_of(frame[:5]).partition(b"\n")[2] + text_of(frame[-1:]).partition(b"\n")[2])
    again = watch(path, keeper, [], lateness=3_600 * 10**9)
    again.run()
    assert (again.counts.late, again.counts.repeated, again.counts.waiting) == (5, 1, 6)


def test_silence_by_the_clock_is_told_and_ends_with_the_next_row(tmp_path: Path) -> None:
    path, keeper, told = tmp_path / "fan.csv", Memory(), []
    path.write_bytes(text_of(later()[:1]))
    one = watch(path, keeper, told, once=False, interval=0.01)  # a source that is read once, in a watch that is not
    one._silence.longest = 5 * 10**7

    def announce(event: dict[str, Any]) -> None:
        told.append(event)
        one.stopping = True

    one.announce = announce
    one.run()
    (opened,) = told
    assert (opened["what"], opened["kind"], opened["open"]) == ("opened", "no data", True)
    assert opened["explanation"].startswith("No rows since 2026-01-11 10:00, where one comes every 10 min")
    with path.open("ab") as file:
        file.write(text_of(later()[1:3]).partition(b"\n")[2])
    watch(path, keeper, told).run()
    assert [event["event"] for event in told] == [opened["event"], f"{opened['alarm']}-1"]
    assert told[1]["explanation"].startswith("No rows from 2026-01-11 10:00 to 2026-01-11 10:10")


def test_times_that_gain_a_zone_are_refused(tmp_path: Path) -> None:
    path, keeper = tmp_path / "fan.csv", Memory()
    path.write_bytes(text_of(later()[:50]))
    watch(path, keeper, []).run()
    zoned = later()[50:60].with_columns(TS=later()[50:60]["TS"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    with path.open("ab") as file:
        file.write(text_of(zoned).partition(b"\n")[2])
    # Beside the rows of its head they are in another spelling, and none of them can be put into its order.
    one = watch(path, keeper, [])
    one.run()
    assert (one.counts.rows, one.counts.bad) == (50, 10)
    path.write_bytes(text_of(zoned.select("TS", "Flow", "Load", "Current", "Bearing Temp")))
    with pytest.raises(Refusal, match="had times without a zone and has times in UTC now"):
        watch(path, keeper, []).run()


def test_a_source_that_may_not_be_read_is_told_and_waited_for(tmp_path: Path) -> None:
    path, keeper, notes = tmp_path / "fan.csv", Memory(), []
    path.write_bytes(text_of(later()[:50]))
    one = watch(path, keeper, [], notes)
    poll, refused = one.source.poll, [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")]

    def failing() -> Any:
        if refused:
            raise refused.pop()
        return poll()

    one.source.poll = failing  # type: ignore[method-assign]
    with pytest.raises(Refusal, match="source cannot be read: Permission denied"):
        one.run()
    assert notes == ["source cannot be read: Input/output error; tried again until it can be"]
    watch(path, keeper, [], notes).run()
    assert len(keeper.scores()) == 50


def test_another_state_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path, keeper = tmp_path / "fan.csv", Memory()
    path.write_bytes(text_of(later()[:50]))
    watch(path, keeper, []).run()
    good = keeper.state
    assert good is not None
    with pytest.raises(Refusal, match=r"memory .* state is one of the source 'source', not 'other'.*--fresh"):
        watch(path, keeper, [], called="other").run()
    other = watch(path, keeper, [])
    other._model = "0" * 64
    with pytest.raises(Refusal, match=f"model '{Monitor.from_bytes(model()).sha256_[:16]}'.*--fresh"):
        other.run()
    for broken in (b"", good[:-1], good[:200] + b"!" + good[201:]):
        keeper.state = broken
        with pytest.raises(Refusal, match=r"damaged|no state of acm-rs watch"):
            watch(path, keeper, []).run()
    settings, arrays, version, _ = unpack(good, WATCH)
    for name in ("sorter", "follower", "position", "counts", "silence"):
        forged = {**settings, name: {"offset": "x"}}
        keeper.state = pack(forged, arrays, version, WATCH)
        with pytest.raises(Refusal, match="cannot be gone on from"):
            watch(path, keeper, []).run()


@pytest.mark.parametrize("there", [False, True])
def test_a_source_from_which_no_row_ever_comes_is_told_and_is_no_data(tmp_path: Path, there: bool) -> None:
    path, keeper, told, notes = tmp_path / "fan.csv", Memory(), [], []
    header, first, *_ = text_of(later()[:2]).splitlines(keepends=True)
    if there:
        path.write_bytes(header)
    source = GrowingFile(path, ReadOptions(), COLUMNS)
    one = watch(source, keeper, told, notes, once=False, interval=0.01)
    one._silence.longest = 5 * 10**7

    def announce(event: dict[str, Any]) -> None:
        told.append(event)
        if event["what"] == "opened":
            path.write_bytes(header + b"".join([first] * 5))
        else:
            one.stopping = True

    one.announce = announce
    bounded(one).run()
    assert notes[0] == f"{path}{': its head is awaited' if there else ' is not there'}; waiting"
    assert sum("waiting" in note for note in notes) == 1
    assert [event["what"] for event in told] == ["opened", "closed"]
    assert told[0]["explanation"] == "No row has come yet, where one comes every 10 min."
    assert told[1]["explanation"] == "No row came before 2026-01-11 10:00, where one comes every 10 min."
    assert told[0]["alarm"] == told[1]["alarm"]


def test_a_state_that_may_not_be_written_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(_path: Path, _state: bytes) -> None:
        raise PermissionError(13, "Permission denied")

    path, state = tmp_path / "fan.csv", StateFile(tmp_path / "state")
    path.write_bytes(text_of(later()[:100]))
    monkeypatch.setattr("acm_rs.live.keeping.write_file", forbidden)
    notes: list[str] = []
    with pytest.raises(Refusal, match=r"state cannot be written: no permission; name another --state"):
        watch(path, state, [], notes, once=False).run()
    assert notes == []
