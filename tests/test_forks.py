"""Forks: a child works with all that its parent's other threads had in hand, and models stay whole."""

from __future__ import annotations

import os

import pytest
from calls import STREAMS
from children import run
from registry import MODELS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

FORKS = """
import os, signal, sys, threading
import numpy as np
from registry import KERNELS

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


# Newer Pythons warn of forks beside threads; that they work is the point here.
def test_two_hundred_forks_after_use_all_finish() -> None:
    assert run(FORKS, "200", "idle", PYTHONWARNINGS="ignore").strip() == "all finished"


def test_forks_while_a_call_is_running_all_finish() -> None:
    assert run(FORKS, "40", "busy", PYTHONWARNINGS="ignore").strip() == "all finished"


def test_a_fork_of_a_fork_finishes() -> None:
    script = """
import os, signal
import numpy as np, acm_rs
acm_rs.set_num_threads(2)
x = np.random.default_rng(0).standard_normal((200_000, 2))
want = acm_rs.rolling_mean(x, 30).tobytes()
model = acm_rs.PCADetector(1).fit(x[:1000])
def descend(depth):
    assert acm_rs.rolling_mean(x, 30).tobytes() == want
    model.update(x[:10])
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


# Each thread takes its models round and round through fits, updates, scores, saves and comparisons. A cycle is always
# the same, so the states that a finished call can leave are known, and what each of them gives for the next rows.
MODELS_IN_USE = """
import copy, os, signal, sys, threading, time
import numpy as np
from histories import plant
from registry import MODELS

import acm_rs

forks, threads, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
acm_rs.set_num_threads(2)

def bytes_of(result):
    parts = result if isinstance(result, tuple) else (result,)
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)

class Used:
    '''A model in use: how a cycle begins, and the rows that it is fed.'''

    def __init__(self, begin, blocks, rows):
        self.begin, self.blocks, self.rows = begin, blocks, rows
        self.model = begin(None)
        # State -> what the next rows give.
        self.allowed = {}
        twin = begin(None)
        for block in [*blocks, None]:
            follower = type(twin).from_bytes(twin.to_bytes())
            self.allowed[twin.to_bytes()] = bytes_of(self.followed(follower))
            if block is not None:
                twin.update(block)

    def followed(self, model):
        result = model.update(self.rows)
        if isinstance(result, acm_rs.Episodes):
            return tuple(result)
        return result

    def cycle(self, path):
        self.model = model = self.begin(self.model)
        for number, block in enumerate(self.blocks):
            model.update(block)
            if number == 1:
                model.save(path)
                assert model == model
                if hasattr(model, "score"):
                    model.score(block)
                    model.contributions(block)

    def check(self, path, anew):
        model, follower = self.model, copy.deepcopy(self.model)
        state = model.to_bytes()
        if state not in self.allowed:
            return "a state that no finished call has left"
        if bytes_of(self.followed(model)) != self.allowed[state]:
            return "the next rows give something else"
        follower.save(path)
        if type(model).load(path) != follower or model != type(model).from_bytes(model.to_bytes()):
            return "saving or comparing went wrong"
        if anew and bytes_of(self.followed(self.begin(model))) not in self.allowed.values():
            return "a new fit does not work"
        return None

def lasting(model, x):
    # An update takes long enough that forks fall into it.
    block = x
    while len(block) < 400_000:
        before = time.process_time()
        model.update(block)
        if time.process_time() - before > 0.004:
            break
        block = np.concatenate([block, block])
    return [block + shift for shift in (0.0, 0.1, 0.2, 0.3)]

def fitted(kind):
    train, later = plant(300, kind.columns), plant(2000, kind.columns, seed=1)
    make = lambda: kind.make(**kind.variants[-1])
    return Used(lambda model: (model or make()).fit(train), lasting(make().fit(train), later), later[:50])

def streaming(make):
    x = np.random.default_rng(1).standard_normal(2000).cumsum() / 100
    return Used(lambda model: make(), lasting(make(), x), x[:50])

used = {name: fitted(kind) for name, kind in MODELS.items()}
used["Cusum"] = streaming(lambda: acm_rs.Cusum(threshold=4.0, drift=0.5))
used["EwmaChart"] = streaming(lambda: acm_rs.EwmaChart(lam=0.2, width=3.0))
used["PageHinkley"] = streaming(lambda: acm_rs.PageHinkley(threshold=9.0, delta=0.1))
used["RollingState"] = streaming(lambda: acm_rs.RollingState("mean", 50, 1))
used["EpisodeTracker"] = streaming(lambda: acm_rs.EpisodeTracker(on=0.5, off=0.2, min_rows=3))
assert all(len(one.allowed) > 1 for one in used.values() if type(one.model).__name__ in %REMEMBER%)

stop = threading.Event()
def keep_busy(share, number):
    while not stop.is_set():
        for one in share:
            one.cycle(f"{folder}/thread-{number}")

workers = [threading.Thread(target=keep_busy, args=(list(used.values())[i::threads], i)) for i in range(threads)]
for worker in workers:
    worker.start()
ended = {}
for i in range(forks):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(60)
            third = list(used.items())[i % 3 :: 3]
            wrong = {name: told for name, one in third if (told := one.check(f"{folder}/child", i % 5 == 0))}
            if wrong:
                print(wrong, file=sys.stderr, flush=True)
            code = 2 if wrong else 0
        finally:
            os._exit(code)
    status = os.waitpid(pid, 0)[1]
    ended[status] = ended.get(status, 0) + 1
stop.set()
for worker in workers:
    worker.join()
print(ended)
"""


def test_forks_amid_calls_of_every_model_all_finish(tmp_path: object) -> None:
    remember = [name for name, model in MODELS.items() if model.remembers]
    script = MODELS_IN_USE.replace("%REMEMBER%", repr([*remember, *STREAMS]))
    # Each third of the models is looked at by thirty children.
    told = run(script, "90", "4", str(tmp_path), timeout=600.0, PYTHONWARNINGS="ignore")
    assert told.strip() == "{0: 90}"
