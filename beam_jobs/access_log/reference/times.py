"""The ways in which servers write a time."""

import re
from datetime import UTC, datetime, timedelta, timezone

from beam_jobs.access_log.formats.fields import MICROSECONDS, MONTHS, TIME_FIELDS
from beam_jobs.access_log.rejection import LineError, RejectReason, shown

_CLF = re.compile(rb"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d)(?: ([+-])(\d\d)(\d\d))?", re.ASCII)
_ISO = re.compile(
    rb"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?:Z|([+-])(\d\d):?(\d\d))?", re.ASCII
)
_EPOCH = re.compile(rb"(\d{1,17})(?:\.(\d{1,9}))?", re.ASCII)
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_AFTER_2199 = (datetime(2200, 1, 1, tzinfo=UTC) - _1970) // timedelta(microseconds=1)


def read_time(field: str, value: bytes | None) -> datetime:
    """Read the value of one of `TIME_FIELDS`; without a zone it is in UTC.

    Raises:
        LineError: It is not written so, no real time, or not from 1970 to 2199.
    """
    written = value or b"-"
    try:
        if field == "time":
            local = _clf(written)
        elif field == "time_iso8601":
            local = _iso(written)
        else:
            local = _epoch(field, written)
    except ValueError as error:
        raise LineError(RejectReason.BAD_TIMESTAMP, f"the time {shown(written)} is not a real one: {error}") from error
    if local is None:
        raise LineError(RejectReason.BAD_TIMESTAMP, f"the time {shown(written)} is not like {TIME_FIELDS[field]}")
    if not 1970 <= local.year <= 2199:
        raise LineError(RejectReason.BAD_TIMESTAMP, f"the year of {shown(written)} is not from 1970 to 2199")
    return local.astimezone(UTC)


def _clf(value: bytes) -> datetime | None:
    match = _CLF.fullmatch(value)
    if match is None:
        return None
    day, month, year, hour, minute, second, *zone = match.groups()
    if month not in MONTHS:
        raise ValueError(f"there is no month {shown(month)}")
    return _moment(int(year), MONTHS.index(month) + 1, int(day), (hour, minute, second), b"", zone)


def _iso(value: bytes) -> datetime | None:
    match = _ISO.fullmatch(value)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, *zone = match.groups()
    return _moment(int(year), int(month), int(day), (hour, minute, second), fraction or b"", zone)


def _epoch(field: str, value: bytes) -> datetime | None:
    match = _EPOCH.fullmatch(value)
    if match is None:
        return None
    whole, fraction = match[1], match[2] or b""
    microseconds = int(whole + fraction) * MICROSECONDS[field] // 10 ** len(fraction)
    return _1970 + timedelta(microseconds=min(microseconds, _AFTER_2199))


def _moment(
    year: int, month: int, day: int, clock: tuple[bytes, bytes, bytes], fraction: bytes, zone: list[bytes | None]
) -> datetime:
    hour, minute, second = clock
    # A leap second, 23:59:60, has no place in BigQuery's time scale: it counts as the second before it.
    seconds = 59 if second == b"60" else int(second)
    microseconds = int(fraction[:6].ljust(6, b"0")) if fraction else 0
    sign, zone_hours, zone_minutes = zone
    offset = UTC if sign is None else _zone(sign, int(zone_hours or b""), int(zone_minutes or b""))
    return datetime(year, month, day, int(hour), int(minute), seconds, microseconds, tzinfo=offset)


def _zone(sign: bytes, hours: int, minutes: int) -> timezone:
    if hours > 23 or minutes > 59:
        raise ValueError("its zone is not from -2359 to +2359")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if sign == b"-" else offset)
