"""The whole job, which Python does with the engine's parts."""

from __future__ import annotations

from registry.row import Job

ROWS = (
    Job("Monitor", "test_monitor.py"),
    Job("Result", "test_monitor_result.py"),
    Job("backtest", "test_backtest.py"),
    Job("compare", "test_backtest.py"),
    Job("RunningMoments", "test_running_moments.py"),
    Job("score_batch", "test_hooks.py"),
    Job("train_pca", "test_hooks.py"),
    Job("iforest_scores", "test_hooks.py"),
)
