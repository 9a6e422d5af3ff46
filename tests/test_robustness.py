"""Leaks and threads: what a long-running service meets."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

import acm_rs
import numpy as np
import pytest
from children import run
from registry import KERNELS, MATRICES

PROC = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")


def test_an_exception_of_a_signal_handler_ends_a_call() -> None:
    if not hasattr(signal, "setitimer"):
        pytest.skip("needs interval timers")

    class Enough(Exception):
        """Raised by the handler below."""

    def handler(*_: object) -> None:
        raise Enough

    x = np.resize(np.random.default_rng(0).standard_normal(10_000), 3_000_000)

    def call_on_and_on() -> None:
        while True:
            acm_rs.rolling_kurt(x, 1000)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(Enough):
            call_on_and_on()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


LEAK = """
import json, sys
import numpy as np
from registry import KERNELS, MATRICES, WINDOWED

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

x = np.random.default_rng(0).standard_normal((24, 2))
line = np.ascontiguousarray(x[:, 0])
times = 1_000_000_000 * np.arange(24)
dates = times.view("datetime64[ns]")
grown = {}
for name, kernel in KERNELS.items():
    out = np.empty((24, kernel.width(2))) if kernel.takes_out else None
    def calls(count):
        for i in range(count):
            kernel(x, 5)
            if i % 10 == 0:
                kernel(line, 3)
                try:
                    kernel(x, 0)
                except ValueError:
                    pass
                if out is not None:
                    kernel(x, 4, out=out)
                if kernel in WINDOWED:
                    kernel(x, "4s", times=times, center=True)
                    kernel(x, 4, times=dates, step=3)
    calls(500)
    before = resident()
    calls(2000)
    grown[name] = resident() - before
for name, function in MATRICES.items():
    def calls(count):
        for i in range(count):
            function(x)
            if i % 10 == 0:
                function(line)
                try:
                    function(x, nonsense=1)
                except TypeError:
                    pass
    calls(300)
    before = resident()
    calls(1500)
    grown[name] = resident() - before
print(json.dumps(grown))
"""


@PROC
def test_thousands_of_calls_do_not_grow_the_memory() -> None:
    grown = json.loads(run(LEAK))
    assert set(grown) == set(KERNELS) | set(MATRICES)
    too_much = {name: size for name, size in grown.items() if size >= 400_000}
    assert not too_much


@PROC
def test_parallel_calls_do_not_grow_the_memory() -> None:
    script = """
import numpy as np, acm_rs
acm_rs.set_num_threads(3)
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
x = np.random.default_rng(0).standard_normal((100_000, 2))
out = np.empty_like(x)
for _ in range(30):
    acm_rs.rolling_mean(x, 20, out=out)
    acm_rs.rolling_median(x[:20_000], 20, out=out[:20_000])
before = resident()
for _ in range(200):
    acm_rs.rolling_mean(x, 20, out=out)
for _ in range(50):
    acm_rs.rolling_median(x[:20_000], 20, out=out[:20_000])
print(resident() - before)
"""
    assert int(run(script)) < 1_000_000


@pytest.mark.parametrize("count", [1, 3])
def test_the_environment_sets_the_number_of_threads(count: int) -> None:
    script = "import acm_rs; print(acm_rs.get_num_threads())"
    assert run(script, ACM_NUM_THREADS=str(count)).strip() == str(count)


@pytest.mark.parametrize("value", ["", "0", "-2", "many", "1.5", "99999999999999999999"])
def test_a_senseless_environment_does_no_harm(value: str) -> None:
    script = """
import numpy as np, acm_rs
assert acm_rs.get_num_threads() >= 1
assert acm_rs.rolling_mean(np.arange(300_000.0), 2)[-1] == 299_998.5
acm_rs.set_num_threads(2)
assert acm_rs.get_num_threads() == 2
"""
    run(script, ACM_NUM_THREADS=value)


@PROC
def test_nothing_starts_at_import() -> None:
    script = """
import os, sys
import numpy
before = len(os.listdir("/proc/self/task"))
import acm_rs
assert len(os.listdir("/proc/self/task")) == before
assert "pandas" not in sys.modules and "polars" not in sys.modules
"""
    run(script)


@pytest.mark.usefixtures("threads")
def test_the_number_of_threads_can_change_between_calls() -> None:
    x = np.random.default_rng(2).standard_normal((100_000, 2))
    want = acm_rs.rolling_mean(x, 9).tobytes()
    for count in (1, 4, 2, 3, 1, 2):
        acm_rs.set_num_threads(count)
        assert acm_rs.get_num_threads() == count
        assert acm_rs.rolling_mean(x, 9).tobytes() == want


def test_a_short_call_does_not_wait_for_a_long_one() -> None:
    # Long enough for several threads, and far longer than the short one.
    long, short = np.random.default_rng(3).normal(size=(200_000, 8)), np.ones((20_000, 8))
    started = threading.Event()

    def occupy() -> None:
        started.set()
        acm_rs.rolling_band_energy(long, 500)

    thread = threading.Thread(target=occupy)
    thread.start()
    started.wait()
    for _ in range(20):
        acm_rs.rolling_mean(short, 16)
    busy = thread.is_alive()
    thread.join()
    assert busy


@pytest.mark.parametrize("rows", [1, 255, 256, 600])
@pytest.mark.parametrize("window", [257, 1000, 2**40, 2**62])
def test_a_piece_shorter_than_its_window_is_no_danger(rows: int, window: int) -> None:
    x = np.random.default_rng(4).normal(size=(rows, 2))
    for first_row in (1, rows, window - 1, 2**40, 2**62):
        mean = acm_rs.rolling_mean(x, window, first_row=first_row)
        np.testing.assert_allclose(mean[-1], x[-window:].mean(axis=0), rtol=1e-12, atol=1e-15)
        assert np.isfinite(acm_rs.rolling_mad(x, window, first_row=first_row)).all()
