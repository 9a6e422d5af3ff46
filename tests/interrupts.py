"""Interrupts every call amid its work and measures how long it goes on, in CPU time: a shared machine's clock lies.

A timer of CPU time sends the signal, so the place within the call is the same whatever else the machine does.

    python interrupts.py [--full] [--part I/N] [LABEL ...]

prints a JSON object: for each call its rows, and either the delay after the signal, the time it took without noticing,
or that it is over too soon to matter at the most rows that are tried.
"""

from __future__ import annotations

import argparse
import gc
import json
import pickle
import signal
import sys
import threading
import time
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

import acm_rs
import calls
import numpy as np
from calls import CALLS, Call
from registry import KERNELS

ALLOWED = 0.2
"""Seconds of CPU that a call may go on after the signal."""

AFTER = 0.06
"""Seconds of CPU after which the signal comes."""

LASTING = 0.3
"""Seconds of CPU that a call must last to be interrupted: well beyond the signal and what is allowed after it."""

FORESEEABLE, HOPELESS = 30_000, 4.0
"""A call of more rows than that is over too soon at the most rows where even so many times its time would not last."""

MOST_ROWS = 500_000
MOST_ROWS_FULL = 20_000_000
MOST_ROWS_OF = {
    # Its result has the square of the rows.
    "pairwise_distances to itself": 12_000,
    # It lasts from some 2,500 rows on; the copies of more take as long as is allowed where memory is slow.
    "cholesky_solve": 3000,
    # What is promised.
    "seasonality": 500_000,
    # Those that last on any machine, and must.
    **dict.fromkeys(
        (
            "IsolationForest large.__eq__",
            "IsolationForest large.from_bytes",
            "align_labels many",
            "correlation kendall",
            "correlation wide",
            "lagged_correlation wide",
            "minimum_dwell restless",
            "smooth_labels ties",
            "svd square",
            "svd tall",
        ),
        2_000_000,
    ),
    # These are quick, but used on long histories.
    **dict.fromkeys(("column_quantiles", "column_moments", "impute interpolate", "ewm_std alpha"), 4_000_000),
}
WINDOWS: tuple[tuple[str, int | str], ...] = (
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
)
"""Windows that take other ways than the registry's short ones; of one long column each."""
MOST_ROWS_OF |= {f"{name} window {window}": 20_000_000 for name, window in WINDOWS}


# ---- calls whose time is not in their rows --------------------------------------------------------------------------


# Calls do not change their arguments, and making them takes longer than many a call.
for _name in ("history", "complete", "line", "labels", "seconds"):
    setattr(calls, _name, lru_cache(2)(getattr(calls, _name)))
history, complete, line, labels = calls.history, calls.complete, calls.line, calls.labels


def _call(label: str, arguments: Any) -> Call:
    name = label.split(" ")[0]
    return Call(label, name, lambda rows: (getattr(acm_rs, name), arguments(rows)))


def _method(label: str, make: Any, method: str, arguments: Any = lambda rows: {}) -> Call:
    return Call(label, label, lambda rows: (getattr(make(rows), method), arguments(rows)))


def _windowed(name: str, window: int | str) -> Call:
    kernel = KERNELS[name]
    lasting = isinstance(window, str)

    def arguments(rows: int) -> dict[str, Any]:
        times = {"times": calls.seconds(rows)} if lasting else {}
        return {"x": line(rows), "window": window, **times}

    return Call(f"{name} window {window}", name, lambda rows: (kernel, arguments(rows)))


@lru_cache(4)
def _wide(rows: int, columns: int) -> Any:
    return np.random.default_rng(3).standard_normal((rows, columns))


@lru_cache(2)
def _random_labels(rows: int) -> Any:
    return np.random.default_rng(4).integers(0, 900, rows)


@cache
def _forest(trees: int) -> Any:
    return acm_rs.IsolationForest(trees).fit(history(5000))


def _trees(rows: int) -> int:
    return max(10, min(rows // 25, 20_000))


@cache
def _clusters(rows: int) -> Any:
    return acm_rs.KMeans(2, n_init=1, max_iter=1).fit(complete(rows))


@cache
def _tracked(smoothing: int) -> Any:
    return acm_rs.RegimeModel(8, smoothing=smoothing).fit(np.random.default_rng(5).standard_normal((4000, 2)))


def _same(thing: Any) -> bool:
    return bool(thing == thing)


def _pickled(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


def _side(rows: int) -> int:
    """Of a square matrix with so many rows' worth of work."""
    return max(8, min(int(rows**0.5), 1500))


def _large() -> Iterator[Call]:
    yield _call("svd square", lambda rows: {"x": _wide(_side(rows), _side(rows))})
    yield _call("svd tall", lambda rows: {"x": _wide(max(rows // 4, 16), 16)})
    yield _call("pca wide", lambda rows: {"x": _wide(_side(rows), 2 * _side(rows)), "k": 3})
    yield _call("pca square", lambda rows: {"x": _wide(2 * _side(rows), _side(rows)), "k": 3})
    yield _call("pca nearly dependent", lambda rows: {"x": _dependent(_side(rows)), "k": max(_side(rows) - 1, 1)})
    yield _call("ledoit_wolf wide", lambda rows: {"x": _wide(_side(rows), 2 * _side(rows))})
    yield _call(
        "cholesky_solve many", lambda rows: {"a": np.eye(_side(rows)) * 3 + 1, "b": _wide(_side(rows), _side(rows))}
    )
    yield _call("smooth_labels ties", lambda rows: {"labels": _random_labels(rows), "window": 100_001, "causal": False})
    yield _call("minimum_dwell restless", lambda rows: {"labels": _random_labels(rows), "rows": 50})
    yield _call(
        "align_labels many",
        lambda rows: {"reference": _random_labels(rows), "labels": _random_labels(rows)[::-1].copy()},
    )
    yield _call("transients restless", lambda rows: {"labels": _random_labels(rows), "before": 3, "after": 3})
    for spectrum in ("band_energy", "power_spectrum"):
        yield _call(f"{spectrum} prime", lambda rows: {"x": complete(_prime(rows), 2)})
    yield _call("power_spectrum whole", lambda rows: {"x": complete(rows, 2), "segment": max(rows, 8)})
    yield _call("calibrate rare", lambda rows: {"score": line(rows), "false_alarm_rate": 1e-7})
    yield _call("lag_matrix many", lambda rows: {"x": complete(max(rows // 50, 8), 2), "lags": range(100)})
    yield _call("correlation wide", lambda rows: {"x": _wide(4 * _side(rows), _side(rows))})
    yield _call("lagged_correlation wide", lambda rows: {"x": _wide(8000, _side(rows // 8)), "max_lag": 20})
    for name, window in WINDOWS:
        yield _windowed(name, window)
    for name in (
        "MahalanobisDetector",
        "OMRDetector",
        "FusedDetector",
        "PCADetector",
        "RegimeModel",
        "SimilarityDetector",
    ):
        yield _method(
            f"{name}.fit wide",
            lambda rows, name=name: getattr(acm_rs, name)(),
            "fit",
            lambda rows: {"x": _wide(max(3 * _side(rows // 4), 100), _side(rows // 4))},
        )
    for model in ("ridge", "pca"):
        yield _method(
            f"OMRDetector.fit {model} wide",
            lambda rows, model=model: acm_rs.OMRDetector(model=model),
            "fit",
            lambda rows: {"x": _wide(max(3 * _side(rows // 4), 100), _side(rows // 4))},
        )
    for things, make in {
        "IsolationForest large": lambda rows: _forest(_trees(rows)),
        "KMeans long": lambda rows: _clusters(max(rows, 16)),
    }.items():
        cls = things.split(" ")[0]
        yield _method(f"{things}.to_bytes", make, "to_bytes")
        yield Call(
            f"{things}.from_bytes",
            cls,
            lambda rows, make=make, cls=cls: (getattr(acm_rs, cls).from_bytes, {"data": make(rows).to_bytes()}),
        )
        yield Call(f"{things}.__eq__", cls, lambda rows, make=make: (_same, {"thing": make(rows)}))
        yield Call(f"{things} pickled", cls, lambda rows, make=make: (_pickled, {"thing": make(rows)}))
    yield _method("IsolationForest.fit many", lambda rows: acm_rs.IsolationForest(_trees(rows)), "fit", _history)
    for method in ("score", "contributions"):
        yield _method(f"IsolationForest.{method} many", lambda rows: _forest(2000), method, _history)
    yield _method(
        "RegimeModel.track ties", lambda rows: _tracked(100_001), "track", lambda rows: {"x": complete(rows, 2)}
    )
    yield Call("AR1Detector.update waiting", "AR1Detector", _waiting)


def _history(rows: int) -> dict[str, Any]:
    return {"x": history(max(rows // 50, 16))}


def _dependent(side: int) -> Any:
    x = _wide(3 * side, side).copy()
    x[:, -1] = x[:, 0] + 1e-9 * x[:, 1]
    return x


def _prime(rows: int) -> int:
    while any(rows % divisor == 0 for divisor in range(2, int(rows**0.5) + 1)):
        rows += 1
    return rows


def _waiting(rows: int) -> Any:
    """An update that waits for another thread's update of the same model."""
    model, long = acm_rs.AR1Detector().fit(history(400, 8)), history(max(rows, 16), 8)

    def wait(x: Any) -> None:
        other = threading.Thread(target=model.update, args=(long,))
        other.start()
        try:
            while other.is_alive():
                model.update(x)
        finally:
            waiting.append(other)

    return wait, {"x": history(10, 8)}


waiting: list[threading.Thread] = []
LARGE: tuple[Call, ...] = tuple(_large())


# ---- measuring ------------------------------------------------------------------------------------------------------


class Interrupted(BaseException):
    """Raised by the handler: as KeyboardInterrupt, no ``except Exception`` catches it."""


def _raise(*_: object) -> None:
    raise Interrupted


def settle() -> None:
    """Wait for what goes on in the background."""
    while waiting:
        waiting.pop().join()
    before = time.process_time()
    for _ in range(600):
        time.sleep(0.01)
        now = time.process_time()
        if now - before < 0.003:
            return
        before = now


def once(call: Call, rows: int, after: float | None, threads: int = 1) -> tuple[bool, float]:
    """Call with that many rows; whether the signal ended it, and a thread's CPU time since then or for all of it."""
    function, arguments = call.prepare(rows)
    gc.collect()
    before = time.process_time()
    try:
        if after is not None:
            signal.setitimer(signal.ITIMER_PROF, after)
        result = function(**arguments)
        took = time.process_time() - before
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        del result
    except Interrupted:
        return True, (time.process_time() - before - (after or 0.0)) / threads
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
    return False, took


def stopped_after(call: Call, rows: int, after: float, threads: int) -> tuple[bool, float]:
    """The same; where the signal ended it late, the soonest of three: other processes' work is not the call's."""
    stopped, took = once(call, rows, after, threads)
    for _ in range(2):
        if stopped and took >= ALLOWED:
            settle()
            again, soon = once(call, rows, after, threads)
            took = min(took, soon) if again else took
    return stopped, took


def measure(call: Call, most: int, at: tuple[float, ...], threads: int) -> dict[str, Any]:
    """Grow the call until it lasts, interrupt it."""
    rows = 2000
    while (took := once(call, rows, None)[1]) < 0.03 and rows < most:
        if rows > FORESEEABLE and HOPELESS * took * most / rows < LASTING:
            return {"rows": rows, "over after": round(took, 3)}
        rows = min(most, rows * 4)
    longest = 0.0
    stopped = False
    while not stopped:
        if took < LASTING:
            if rows == most:
                return {"rows": rows, "over after": round(took, 3)}
            rows = min(most, max(rows + 1, int(rows * min(1.3 * LASTING / took, 4.0))))
        stopped, took = stopped_after(call, rows, AFTER, threads)
        if not stopped and took > AFTER + ALLOWED:
            return {"rows": rows, "never": round(took - AFTER, 3)}
    longest = took
    for after in at:
        settle()
        stopped, took = stopped_after(call, rows, after, threads)
        if stopped:
            longest = max(longest, took)
        elif took > after + ALLOWED:
            return {"rows": rows, "never": round(took - after, 3)}
    settle()
    return {"rows": rows, "delay": round(longest, 3)}


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--part", default="0/1")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("label", nargs="*")
    given = parser.parse_args()
    part, parts = map(int, given.part.split("/"))
    acm_rs.set_num_threads(given.threads)
    signal.signal(signal.SIGPROF, _raise)
    at = (0.05, 0.25, 0.5, 1.0) if given.full else ()
    # What is imported stays: to look through all of it before each call takes longer than most calls.
    gc.freeze()
    found = {}
    for number, call in enumerate((*CALLS, *LARGE)):
        if (given.label and call.label not in given.label) or number % parts != part:
            continue
        try:
            most = MOST_ROWS_OF.get(call.label, MOST_ROWS_FULL if given.full else MOST_ROWS)
            found[call.label] = measure(call, most, at, given.threads)
        except Exception as error:
            found[call.label] = {"error": f"{type(error).__name__}: {error}"}
        print(call.label, found[call.label], file=sys.stderr, flush=True)
    print(json.dumps(found))
    late = [label for label, one in found.items() if one.get("delay", 0.0) >= ALLOWED]
    late += [label for label, one in found.items() if one.keys() & {"never", "error"}]
    if given.full and late:
        raise SystemExit(f"not in time: {late}")


if __name__ == "__main__":
    main()
