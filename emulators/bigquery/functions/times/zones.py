"""Time zones: names of the tz database, and differences from UTC."""

from __future__ import annotations

import re
import zoneinfo
from functools import cache

_OFFSET = re.compile(r"(?:UTC)?([+-])(\d\d?)(?::(\d\d?)|(\d\d))?")
#: Micros of the largest difference from UTC that GoogleSQL takes.
_LARGEST = 14 * 3600 * 10**6


def zone_offset(zone: str) -> int | None:
    """Return the micros that a zone is east of UTC; None for a name of the tz database.

    Raises:
        ValueError: There is no such zone.
    """
    found = _OFFSET.fullmatch(zone)
    if found is None:
        if zone in ("UTC", "Etc/UTC"):
            return 0
        if zone in _names():
            return None
    else:
        minutes = int(found[3] or found[4] or 0)
        micros = (int(found[2]) * 60 + minutes) * 60 * 10**6
        if minutes < 60 and micros <= _LARGEST:
            return -micros if found[1] == "-" else micros
    raise ValueError(f"Invalid time zone: {zone}")


def is_zone(zone: str) -> bool:
    """Tell whether there is such a zone."""
    try:
        zone_offset(zone)
    except ValueError:
        return False
    return True


@cache
def _names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
