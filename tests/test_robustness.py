"""Forks, interrupts, leaks and threads: what a long-running service meets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import acm_rs
import numpy as np
import pytest
from conftest import HERE
from matrices import MATRICES
from oracles import KERNELS

POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
SIGNALS = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
PROC = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")


def run(script: str, *arguments: str, timeout: float = 120.0, **environment: str) -> str:
    """Run a script in a fresh interpreter that finds the test helpers, and give what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=HERE,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


FORKS = """
import os, signal, sys, threading
import numpy as np
from oracles import KERNELS

import acm_rs

acm_rs.set_num_threads(4)
busy = sys.argv[2] == "busy"
x = np.random.default_rng(0).standard_normal((40_000, 4))
names = ["rolling_mean", "rolling_kurt", "rolling_median", "rolling_corr", "feature_matrix"]
calls = [(KERNELS[n], x if n != "feature_matrix" else x[:4000]) for n in names]
want = [k(v, 20).tobytes() for k, v in calls]

stop = threading.Event()
def keep_busy():
    while not stop.is_set():
        for k, v in calls:
            k(v, 20)
if busy:
    other = threading.Thread(target=keep_busy)
    other.start()

def wait_for(pids):
    for pid in pids:
        _, status = os.waitpid(pid, 0)
        if status:
            raise SystemExit(f"child ended with {status}")

running = []
for i in range(int(sys.argv[1])):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(20)
            k, v = calls[i % len(calls)]
            code = 0 if k(v, 20).tobytes() == want[i % len(calls)] and acm_rs.get_num_threads() == 4 else 2
        finally:
            os._exit(code)
    running.append(pid)
    if len(running) == 4:
        wait_for(running)
        running = []
wait_for(running)
stop.set()
if busy:
    other.join()
assert [k(v, 20).tobytes() for k, v in calls] == want
print("all finished")
"""


@POSIX
def test_two_hundred_forks_after_use_all_finish() -> None:
    # Newer Pythons warn of forks beside threads; that they work is the point here.
    assert run(FORKS, "200", "idle", PYTHONWARNINGS="ignore").strip() == "all finished"


@POSIX
def test_forks_while_a_call_is_running_all_finish() -> None:
    assert run(FORKS, "40", "busy", PYTHONWARNINGS="ignore").strip() == "all finished"


@POSIX
def test_a_fork_of_a_fork_finishes() -> None:
    script = """
import os, signal
import numpy as np, acm_rs
acm_rs.set_num_threads(2)
x = np.random.default_rng(0).standard_normal((200_000, 2))
want = acm_rs.rolling_mean(x, 30).tobytes()
def descend(depth):
    assert acm_rs.rolling_mean(x, 30).tobytes() == want
    if depth:
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
            try:
                descend(depth - 1)
                code = 0
            except BaseException:
                code = 1
            os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0
descend(4)
print("deep")
"""
    assert run(script, PYTHONWARNINGS="ignore").strip() == "deep"


INTERRUPT = """
import sys, time
import numpy as np
from oracles import KERNELS

import acm_rs

kernel, lasting = KERNELS[sys.argv[1]], sys.argv[2].endswith("s")
window = sys.argv[2] if lasting else int(sys.argv[2])
acm_rs.set_num_threads(int(sys.argv[3]))
width = kernel.width(1)
small = np.random.default_rng(0).standard_normal(50_000)
own = {"times": 1_000_000_000 * np.arange(50_000)} if lasting else {}
start = time.perf_counter()
kernel(small, window, **own)
cost = (time.perf_counter() - start) / 50_000
n = int(min(40_000_000 // (1 + width + lasting), 2.5 / cost))
x = np.resize(small, n)
all_of = {"times": 1_000_000_000 * np.arange(n)} if lasting else {}
print("ready", flush=True)
start = time.monotonic()
try:
    while time.monotonic() < start + 8.0:
        kernel(x, window, **all_of)
except KeyboardInterrupt:
    print(time.monotonic(), time.monotonic() - start, flush=True)
    want = kernel(small, window, **own)
    assert want.tobytes() == kernel(small.copy(), window, **own).tobytes()
    print("fine", flush=True)
"""

INTERRUPT_OF_A_MATRIX = """
import sys, time
import numpy as np
from matrices import MATRICES

function, n, d = MATRICES[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])
x = np.resize(np.random.default_rng(0).standard_normal(200_003), (n, d))
x[::17, : d // 2] = np.nan
small = x[:200].copy()
print("ready", flush=True)
start = time.monotonic()
try:
    while time.monotonic() < start + 8.0:
        function(x)
except KeyboardInterrupt:
    print(time.monotonic(), time.monotonic() - start, flush=True)
    for one, other in zip(function(small), function(small.copy())):
        assert one.tobytes() == other.tobytes()
    print("fine", flush=True)
"""


def interrupted(script: str, *arguments: str) -> float:
    """Run a script that calls on and on, interrupt it, and give the seconds until it noticed."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=HERE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        # Into the middle of the call, past its set-up.
        time.sleep(0.25)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        printed, complaint = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, complaint[-2000:]
    lines = printed.splitlines()
    assert lines, "the call was over before the interrupt, or did not see it"
    assert lines[1] == "fine"
    return float(lines[0].split()[0]) - sent


@SIGNALS
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("name", "window"),
    [
        ("rolling_median", 1001),
        ("rolling_mad", 1001),
        ("rolling_quantile", 51),
        ("rolling_kurt", 1000),
        ("rolling_kurt", 20_000_000),
        ("rolling_slope", 300),
        ("rolling_max", 100_000),
        ("rolling_band_energy", 2048),
        ("rolling_lag_corr", 1000),
        ("rolling_median", "901s"),
        ("rolling_skew", "5000s"),
        ("rolling_slope", "10000000s"),
        ("feature_matrix", 64),
    ],
)
def test_an_interrupt_ends_a_long_call_within_200_ms(name: str, window: int | str, threads: int) -> None:
    assert interrupted(INTERRUPT, name, str(window), str(threads)) < 0.2


@SIGNALS
@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("correlation pearson", 12_000, 1200),
        ("correlation spearman", 8000, 200),
        ("correlation kendall", 20_000, 40),
        ("lagged_correlation", 8000, 600),
        ("column_quantiles", 3_000_000, 2),
        ("column_moments", 6_000_000, 2),
        ("impute interpolate", 6_000_000, 2),
        ("ewm_std", 6_000_000, 1),
        ("seasonality", 200_000, 4),
        ("power_spectrum", 4_000_000, 2),
    ],
)
def test_an_interrupt_ends_a_long_call_on_a_matrix_within_200_ms(name: str, rows: int, columns: int) -> None:
    assert interrupted(INTERRUPT_OF_A_MATRIX, name, str(rows), str(columns)) < 0.2


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
from matrices import MATRICES
from oracles import KERNELS, WINDOWED

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
    calls(2000)
    before = resident()
    calls(10_000)
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
    calls(1000)
    before = resident()
    calls(4000)
    grown[name] = resident() - before
print(json.dumps(grown))
"""


@PROC
def test_ten_thousand_calls_do_not_grow_the_memory() -> None:
    grown = json.loads(run(LEAK))
    assert set(grown) == set(KERNELS) | set(MATRICES)
    too_much = {name: size for name, size in grown.items() if size >= 1_000_000}
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
