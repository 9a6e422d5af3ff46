"""The job of the whole: healthy history in, alarms with their causes out."""

from acm_rs.monitor.comparison import Comparison, compare
from acm_rs.monitor.episode import Culprit, Episode
from acm_rs.monitor.events import Event
from acm_rs.monitor.moment import Moment
from acm_rs.monitor.monitor import Monitor
from acm_rs.monitor.outcomes import Backtest, Outcome, Trial
from acm_rs.monitor.result import Result
from acm_rs.monitor.trials import backtest

__all__ = [
    "Backtest",
    "Comparison",
    "Culprit",
    "Episode",
    "Event",
    "Moment",
    "Monitor",
    "Outcome",
    "Result",
    "Trial",
    "backtest",
    "compare",
]
