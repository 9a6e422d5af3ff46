"""Decisions: from scores to thresholds, alarms and episodes."""

from acm_rs.decisions.calibration import Threshold, calibrate
from acm_rs.decisions.charts import Cusum, EwmaChart, PageHinkley, cusum, ewma_chart, page_hinkley
from acm_rs.decisions.episodes import Episodes, EpisodeTracker, episodes
from acm_rs.decisions.fusion import ScoreFusion

__all__ = [
    "Cusum",
    "EpisodeTracker",
    "Episodes",
    "EwmaChart",
    "PageHinkley",
    "ScoreFusion",
    "Threshold",
    "calibrate",
    "cusum",
    "episodes",
    "ewma_chart",
    "page_hinkley",
]
