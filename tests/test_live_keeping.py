"""A state in a file is one watch's: whoever comes second ends, and tells nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from acm_rs.files.errors import Refusal
from acm_rs.live.keeping import StateFile
from live import Memory, later, text_of, watch

AT_WORK = "another acm-rs watch is at work with it; end it, or give this one another --state"


def test_the_second_watch_on_a_state_ends_and_tells_nothing(tmp_path: Path) -> None:
    path, state = tmp_path / "fan.csv", tmp_path / "state"
    path.write_bytes(text_of(later()[:300]))
    watch(path, StateFile(state), []).run()
    told: dict[str, list[dict[str, Any]]] = {"first": [], "second": []}
    first, second = (watch(path, StateFile(state), told[name]) for name in told)
    for one in (first, second):
        one._go_on()
        one._watch()
    # Both have gone on from there, and the same rows come to both.
    path.write_bytes(text_of(later()))
    first._watch()
    with pytest.raises(Refusal, match=AT_WORK):
        second._watch()
    assert told["second"] == []
    whole: list[dict[str, Any]] = []
    watch(path, Memory(), whole).run()
    assert told["first"]
    assert told["first"] == whole[-len(told["first"]) :]
    # The first is not disturbed, and the next one goes on from what it has left.
    first._watch()
    kept = state.read_bytes()
    watch(path, StateFile(state), told["second"]).run()
    assert told["second"] == []
    assert state.read_bytes() == kept
    for one in (first, second):
        one.source.close()


def test_a_state_is_the_one_that_was_written_last(tmp_path: Path) -> None:
    state = tmp_path / "state"
    one, other = StateFile(state), StateFile(state)
    assert one.load() is other.load() is None
    one.keep(b"one" * 20, None)
    one.keep(b"two" * 20, None)
    with pytest.raises(Refusal, match=AT_WORK):
        other.keep(b"other" * 20, None)
    assert state.read_bytes() == b"two" * 20
    # What someone has taken away disturbs nobody's work.
    state.unlink()
    one.keep(b"three" * 20, None)
    later = StateFile(state)
    assert later.load() == b"three" * 20
    later.keep(b"four" * 20, None)
    with pytest.raises(Refusal, match=AT_WORK):
        one.keep(b"five" * 20, None)
