"""From scores to alarms: fusion, limits, charts and episodes."""

from __future__ import annotations

from registry.model import Class, Model, Stream
from registry.row import Function
from registry.values import COLUMNS, Arguments, history, labels, line, seconds

_CUSUM: Arguments = {
    "threshold": 5.0,
    "drift": 0.5,
    "target": [0.0] * COLUMNS,
    "scale": [1.0] * COLUMNS,
    "reset": True,
}
_EWMA: Arguments = {"lam": 0.2, "width": 3.0, "target": [0.0] * COLUMNS, "sigma": [1.0] * COLUMNS}
_PAGE_HINKLEY: Arguments = {"threshold": 5.0, "delta": 0.1, "min_rows": 10, "reset": True}
_TRACKER: Arguments = {"on": 2.0, "off": 1.0, "min_rows": 2, "gap_rows": 1}
_LASTING: Arguments = {**_TRACKER, "min_time": "2s", "gap_time": "3s"}

ROWS = (
    Model(
        "ScoreFusion",
        {"scale": "robust", "combine": "mean", "weights": [1.0] * COLUMNS, "min_rows": 20},
        (
            {},
            {"scale": "tail", "combine": "mean"},
            {"scale": "cube_root", "combine": "p95"},
            {"combine": "sum", "min_rows": 20},
        ),
        methods=("scaled",),
        fitting=lambda rows: {"labels": labels(rows)},
        own=lambda rows: {"labels": labels(rows)},
    ),
    Function(
        "calibrate",
        "test_decisions.py",
        {
            "": lambda rows: {
                "score": line(rows),
                "false_alarm_rate": 0.05,
                "confidence": 0.9,
                "n_boot": 50,
                "block": 4,
                "seed": 3,
                "contamination": 0.02,
            }
        },
    ),
    Class(
        "Threshold",
        {
            "threshold": 3.0,
            "low": 2.0,
            "high": 4.0,
            "extrapolated": False,
            "block": 3,
            "known": 100,
            "trimmed": 2,
            "heavy": False,
        },
    ),
    Function("cusum", "test_decisions.py", {"": lambda rows: {"x": history(rows), **_CUSUM}}),
    Stream("Cusum", _CUSUM, lambda rows: {"x": history(rows)}),
    Function("ewma_chart", "test_decisions.py", {"": lambda rows: {"x": history(rows), **_EWMA}}),
    Stream("EwmaChart", _EWMA, lambda rows: {"x": history(rows)}),
    Function("page_hinkley", "test_decisions.py", {"": lambda rows: {"x": history(rows), **_PAGE_HINKLEY}}),
    Stream("PageHinkley", _PAGE_HINKLEY, lambda rows: {"x": history(rows)}),
    Function(
        "episodes",
        "test_episodes.py",
        {
            "": lambda rows: {"score": line(rows), **_TRACKER},
            "lasting": lambda rows: {"score": line(rows), **_LASTING, "times": seconds(rows)},
        },
    ),
    Stream(
        "EpisodeTracker",
        _TRACKER,
        lambda rows: {"score": line(rows), "times": seconds(rows)},
        {"lasting": _LASTING},
    ),
    Class(
        "Episodes",
        {"start": [3, 20], "end": [9, 31], "peak": [2.0, 4.0], "area": [5.0, 9.0], "peak_row": [4, 22]},
    ),
)
