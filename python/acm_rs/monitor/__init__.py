"""The job of the whole: healthy history in, alarms with their causes out."""

from acm_rs.monitor.episode import Culprit, Episode
from acm_rs.monitor.monitor import Monitor
from acm_rs.monitor.result import Result

__all__ = ["Culprit", "Episode", "Monitor", "Result"]
