"""Lengths of time as people write and read them: 30m, 8h, 7d, 2w."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=366)


def parse(text: str) -> timedelta:
    """The length that `text` names. Raises ValueError with the reason in plain words."""
    match = re.fullmatch(r"([0-9]{1,6})([mhdw])", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a length of time: write a whole number and m, h, d or w, such as 8h or 7d")
    length = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if not timedelta() < length <= _LONGEST:
        raise ValueError(f"{text!r} is not between 1m and {_LONGEST.days}d")
    return length


def words(length: timedelta) -> str:
    """Rounded, in the largest unit of which there is at least one whole: 3 days, 1 hour, 12 minutes."""
    minutes = max(0, round(length.total_seconds() / 60))
    unit, size = next((found for found in (("day", 1440), ("hour", 60)) if minutes >= found[1]), ("minute", 1))
    count = round(minutes / size)
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
