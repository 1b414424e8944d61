"""The ways in which servers write a time."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from beam_jobs.access_log.formats.fields import MICROSECONDS, MONTHS, TIME_FIELDS
from beam_jobs.access_log.formats.strftime import to_regex
from beam_jobs.access_log.rejection import LineError, RejectReason, shown

_CLF = re.compile(
    rb"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: ([+-])(\d\d)(\d\d))?", re.ASCII
)
_ISO = re.compile(
    rb"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?:Z|([+-])(\d\d):?(\d\d))?", re.ASCII
)
_EPOCH = re.compile(rb"(\d{1,17})(?:\.(\d{1,9}))?", re.ASCII)
_ZONE = re.compile(rb"([+-])(\d\d):?(\d\d)", re.ASCII)
_UTC_NAMES = (b"UTC", b"GMT", b"Z")
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
        raise _unreal(written, error) from error
    if local is None:
        raise LineError(RejectReason.BAD_TIMESTAMP, f"the time {shown(written)} is not like {TIME_FIELDS[field]}")
    return _in_utc(local, written)


@lru_cache
def time_pattern(strftime: str) -> re.Pattern[bytes]:
    """Return what a time of a strftime pattern looks like."""
    return re.compile(to_regex(strftime).encode(), re.ASCII)


def read_strftime(match: re.Match[bytes]) -> datetime:
    """Read a time that `time_pattern` has found; without a zone it is in UTC.

    Raises:
        LineError: It is no real time, or not from 1970 to 2199.
    """
    part = match.groupdict()
    try:
        if "epoch" not in part and part.get("zone_name") not in (None, *_UTC_NAMES):
            raise ValueError(f"the zone {shown(part['zone_name'])} is not known, only UTC and GMT are")
        fraction = part.get("fraction") or b""
        if "epoch" in part:
            local = _1970 + timedelta(seconds=int(part["epoch"]), microseconds=_microseconds(fraction))
        else:
            zone = _ZONE.fullmatch(part.get("zone") or b"")
            local = _moment(
                int(part["year"]) if "year" in part else _full_year(int(part["short_year"])),
                _month(part["month_name"]) if "month_name" in part else int(part["month"]),
                int(part["day"]),
                (_hour(part), part["minute"], part.get("second") or b"0"),
                fraction,
                list(zone.groups()) if zone else [None] * 3,
            )
    except (ValueError, OverflowError) as error:
        raise _unreal(match[0], error) from error
    return _in_utc(local, match[0])


def shifted(time: datetime, zone: bytes | None) -> datetime:
    """Return a time that was read as UTC, as the zone of another field says.

    Raises:
        LineError: The zone cannot be read, or the time is then not from 1970 to 2199.
    """
    written = zone or b"-"
    match = _ZONE.fullmatch(written)
    if match is None and written not in _UTC_NAMES:
        raise LineError(RejectReason.BAD_TIMESTAMP, f"the zone {shown(written)} is not like +0000")
    try:
        offset = UTC if match is None else _zone(match[1], int(match[2]), int(match[3]))
    except ValueError as error:
        raise _unreal(written, error) from error
    return _in_utc(time.replace(tzinfo=offset), written)


def _unreal(written: bytes, error: Exception) -> LineError:
    return LineError(RejectReason.BAD_TIMESTAMP, f"the time {shown(written)} is not a real one: {error}")


def _in_utc(local: datetime, written: bytes) -> datetime:
    if 1969 <= local.year <= 2200:
        moment = local.astimezone(UTC)
        if 1970 <= moment.year <= 2199:
            return moment
    raise LineError(RejectReason.BAD_TIMESTAMP, f"the year of {shown(written)} is not from 1970 to 2199")


def _clf(value: bytes) -> datetime | None:
    match = _CLF.fullmatch(value)
    if match is None:
        return None
    day, month, year, hour, minute, second, fraction, *zone = match.groups()
    return _moment(int(year), _month(month), int(day), (hour, minute, second), fraction or b"", zone)


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


def _month(name: bytes) -> int:
    if name not in MONTHS:
        raise ValueError(f"there is no month {shown(name)}")
    return MONTHS.index(name) + 1


def _full_year(year: int) -> int:
    # POSIX strptime(): 69 to 99 are of the twentieth century.
    return year + (1900 if year >= 69 else 2000)


def _hour(part: dict[str, bytes]) -> bytes:
    if "half" not in part:
        return part["hour"]
    hour = int(part["hour"])
    if not 1 <= hour <= 12:
        raise ValueError("its hour is not from 1 to 12")
    return b"%d" % (hour % 12 + (12 if part["half"] in (b"PM", b"pm") else 0))


def _moment(
    year: int, month: int, day: int, clock: tuple[bytes, bytes, bytes], fraction: bytes, zone: list[bytes | None]
) -> datetime:
    hour, minute, second = clock
    # A leap second, 23:59:60, has no place in BigQuery's time scale: it counts as the second before it.
    seconds = 59 if second == b"60" else int(second)
    sign, zone_hours, zone_minutes = zone
    offset = UTC if sign is None else _zone(sign, int(zone_hours or b""), int(zone_minutes or b""))
    return datetime(year, month, day, int(hour), int(minute), seconds, _microseconds(fraction), tzinfo=offset)


def _microseconds(fraction: bytes) -> int:
    return int(fraction[:6].ljust(6, b"0")) if fraction else 0


def _zone(sign: bytes, hours: int, minutes: int) -> timezone:
    if hours > 23 or minutes > 59:
        raise ValueError("its zone is not from -2359 to +2359")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if sign == b"-" else offset)
