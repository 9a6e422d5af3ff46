"""Times as historians, control systems and spreadsheets write them, a whole column decided together."""

from acm_rs.files.times.dates import DateOrder
from acm_rs.files.times.numbers import times_from_numbers
from acm_rs.files.times.plausible import implausible
from acm_rs.files.times.repeated import without_repeats
from acm_rs.files.times.result import Times
from acm_rs.files.times.text import (
    has_time_of_day,
    has_zone,
    is_date,
    is_zone,
    looks_like_clock,
    looks_like_time,
    time_share,
    times_from_text,
)
from acm_rs.files.times.zones import to_utc, zone_given

__all__ = [
    "DateOrder",
    "Times",
    "has_time_of_day",
    "has_zone",
    "implausible",
    "is_date",
    "is_zone",
    "looks_like_clock",
    "looks_like_time",
    "time_share",
    "times_from_numbers",
    "times_from_text",
    "to_utc",
    "without_repeats",
    "zone_given",
]
