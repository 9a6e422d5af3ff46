"""Calls on one model take turns: a handler does not wait for the call that it interrupts, and no call is half done."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from calls import STREAMS, history, line, made
from histories import plant
from registry import MODELS

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer's signal")

REMEMBERING = [name for name, model in MODELS.items() if model.remembers] + ["RegimeModel", *STREAMS]


def in_use(name: str) -> tuple[Any, Callable[[Any], Any], Any]:
    """A model, its call that moves its memory on, and rows for which that takes long."""
    if name in MODELS:
        kind = MODELS[name]
        model = kind.make(**kind.variants[-1]).fit(plant(300, kind.columns))
        rows = np.tile(plant(2000, kind.columns), (50, 1))
    else:
        model, rows = made(name), line(200_000) if name == "EpisodeTracker" else history(200_000)
    return model, model.track if name == "RegimeModel" else model.update, rows


@contextmanager
def ringing(handler: Callable[[], None], first: float, every: float = 0.0) -> Iterator[None]:
    """Call the handler after some seconds of CPU, and again."""
    before = signal.signal(signal.SIGPROF, lambda *_: handler())
    signal.setitimer(signal.ITIMER_PROF, first, every)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


@pytest.mark.parametrize("name", REMEMBERING)
def test_a_handler_amid_a_call_is_told_that_the_model_is_in_use(name: str) -> None:
    model, move, rows = in_use(name)
    few, told = rows[:10], set[str]()

    def ask() -> None:
        for call in (model.to_bytes, lambda: move(few)):
            try:
                call()
            except RuntimeError as error:
                told.add(str(error))

    with ringing(ask, 0.005, 0.005):
        while not told and len(rows) < 20_000_000:
            move(rows)
            # Too short for the calling thread to look at signals, it may be.
            rows = np.concatenate([rows, rows])
    assert len(told) == 1
    assert "in use" in told.pop()
    assert model.to_bytes()


@pytest.mark.parametrize("name", REMEMBERING)
def test_an_interrupted_call_leaves_the_model_as_it_was(name: str) -> None:
    class Enough(Exception):
        """Raised by the handler."""

    def enough() -> None:
        raise Enough

    model, move, rows = in_use(name)
    move(rows[:100])
    before = model.to_bytes()
    while True:
        try:
            with ringing(enough, 0.025):
                move(rows)
        except Enough:
            if model.to_bytes() == before:
                break
        # Over before the signal, or just when it came.
        whole, moved = twin(model, before)
        moved(rows)
        assert model.to_bytes() == whole.to_bytes()
        model, move = twin(model, before)
        rows = np.concatenate([rows, rows])
        assert len(rows) < 20_000_000


def twin(model: Any, state: bytes) -> tuple[Any, Callable[[Any], Any]]:
    """The same model in a known state, and its call."""
    other = type(model).from_bytes(state)
    return other, other.track if type(model).__name__ == "RegimeModel" else other.update
