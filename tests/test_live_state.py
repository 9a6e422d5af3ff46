"""What `update` remembers goes through bytes: in pieces of any size, with restarts between, the rows get the batch's
bytes."""

from __future__ import annotations

import numpy as np
import pytest
from acm_rs import Monitor
from acm_rs.monitor.beside import added_to
from acm_rs.monitor.saving import MEMORY, pack, unpack
from hypothesis import given, settings
from hypothesis import strategies as st
from test_monitor import fitted, history, same
from test_monitor_one_row import batch


def rows() -> tuple[np.ndarray, np.ndarray]:
    """Later rows with faults, gaps, codes, outages and a standstill, as an array, and their times."""
    frame = batch()
    return frame[list(fitted().feature_names_in_)].to_numpy(), frame.index.to_numpy()


@settings(max_examples=12)
@given(st.lists(st.tuples(st.integers(0, 90), st.booleans()), max_size=30))
def test_pieces_and_restarts_give_the_bytes_of_the_batch(pieces: list[tuple[int, bool]]) -> None:
    values, times = rows()
    whole = fitted().score(values, times=times)
    model = fitted().to_bytes(history=False)
    live = Monitor.from_bytes(model)
    first = 0
    for size, restarted in [*pieces, (len(values), True)]:
        last = min(first + size, len(values))
        if restarted:
            state = live.state_to_bytes()
            live = Monitor.from_bytes(model)
            live.state_from_bytes(state)
            assert live.state_to_bytes() == state
        same(live.update(values[first:last], times=times[first:last]), whole, slice(first, last))
        first = last
    assert whole.alarms.any()


def test_a_state_of_another_model_is_refused_and_both_are_named() -> None:
    other = Monitor().fit(history()[:1200])
    live = Monitor.from_bytes(fitted().to_bytes(history=False))
    before = live.state_to_bytes()
    both = f"{other.sha256_[:16]}.*{live.sha256_[:16]}"
    with pytest.raises(ValueError, match=both):
        live.state_from_bytes(other.state_to_bytes())
    assert live.state_to_bytes() == before


def test_a_damaged_or_foreign_state_is_refused() -> None:
    live = Monitor.from_bytes(fitted().to_bytes(history=False))
    live.update(rows()[0][:40], times=rows()[1][:40])
    state = live.state_to_bytes()
    random = np.random.default_rng(5)
    for place in random.integers(0, len(state), 40).tolist():
        broken = bytearray(state)
        broken[place] ^= 1 << int(random.integers(8))
        with pytest.raises(ValueError, match=r"the state is damaged|no state of a Monitor"):
            live.state_from_bytes(bytes(broken))
    for data in (b"", b"state", state[:-5]):
        with pytest.raises(ValueError, match=r"damaged|no state of a Monitor"):
            live.state_from_bytes(data)
    with pytest.raises(ValueError, match=r"no state of a Monitor, but one of 'acm_rs\.Monitor'"):
        live.state_from_bytes(live.to_bytes(history=False))
    with pytest.raises(ValueError, match="no file of a Monitor"):
        Monitor.from_bytes(state)
    kept, arrays, version, _ = unpack(state, MEMORY)
    forged = {name: values for name, values in arrays.items() if name != "state.last"}
    with pytest.raises(ValueError, match="damaged or of another version"):
        live.state_from_bytes(pack(kept, forged, version, MEMORY))
    assert live.state_to_bytes() == state
    with pytest.raises(RuntimeError, match="fit"):
        Monitor().state_to_bytes()


def test_a_state_is_small_beside_its_model() -> None:
    live = Monitor.from_bytes(fitted().to_bytes(history=False))
    live.update(rows()[0][:60], times=rows()[1][:60])
    fused = live._fitted()[1].fused
    assert fused is not None
    kept, arrays, version, _ = unpack(live.state_to_bytes(), MEMORY)
    assert arrays["state.fused"].nbytes < len(fused.to_bytes())
    assert live._state.fused is not None
    assert added_to(fused.to_bytes(), arrays["state.fused"].tobytes()) == live._state.fused.to_bytes()
    for cut in (0, 5, 100, -7):
        short = {**arrays, "state.fused": arrays["state.fused"][:cut]}
        with pytest.raises(ValueError, match="damaged or of another version"):
            live.state_from_bytes(pack(kept, short, version, MEMORY))
