"""Data quality: what is wrong with a history, sensor by sensor and row by row, and the history without it."""

from acm_rs.quality.assess import clean, quality
from acm_rs.quality.report import Quality

__all__ = ["Quality", "clean", "quality"]
