"""The formats of generated lines, and how a line is spoilt."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from beam_jobs.access_log.formats.fields import MONTHS

_COMMON = '{addr} - {user} [{day}:{time} +0000] "{method} {target} {protocol}" {status} {size}'
_COMBINED = _COMMON + ' "{referer}" "{agent}"'
TEMPLATES = {
    "article": '{addr} - {user} [{day}:{time}] "{method} {target} {protocol}" [{status}] {size} "{referer}" "{agent}"',
    "common": _COMMON,
    "combined": _COMBINED,
    "nginx_main": _COMBINED + ' "{forwarded_for}"',
    "nginx_amplify": _COMBINED
    + ' "{forwarded_for}" "{host}" sn="{host}" rt={seconds} ua="-" us="-" ut="-" ul="-" cs=-',
    "vhost_combined": "{host}:443 " + _COMBINED,
}
"""By the names that the parser has for them."""
FORMATS = ("article", "common", "combined")
"""Those whose lines need no site."""
_FIELD = re.compile(r"\{(\w+)\}")


def fields_of(log_format: str) -> tuple[str, ...]:
    """Return the fields of a line in their order, each as often as the line has it."""
    return tuple(_FIELD.findall(TEMPLATES[log_format]))


def positional(log_format: str) -> str:
    """Return the line with a `%s` for each of `fields_of`."""
    return _FIELD.sub("%s", TEMPLATES[log_format])


def logged_day(day: date) -> bytes:
    """Write a day as servers do."""
    return b"%02d/%b/%d" % (day.day, MONTHS[day.month - 1], day.year)


BAD_LINES = 9
"""In how many ways a line is spoilt."""


def bad_line(log_format: str, fields: dict[str, bytes], way: int, noise: Callable[[], bytes]) -> tuple[bytes, str]:
    """Spoil a line.

    Args:
        log_format: Key of `TEMPLATES`.
        fields: What a good line would have.
        way: Below `BAD_LINES`.
        noise: Draws some bytes.

    Returns:
        A line that a parser must reject, and the reason.
    """
    year = fields["day"][-4:]
    match way:
        case 0:  # cut within the request, as by a full disk
            line = _line(log_format, fields)
            return line[: line.index(b'"') + 4], "not_matching_format"
        case 1:  # the request's closing quote is missing
            protocol = fields["protocol"]
            return _line(log_format, fields).replace(protocol + b'"', protocol, 1), "not_matching_format"
        case 2:  # bytes of another protocol
            return b"\x16\x03\x01\x02" + noise().translate(None, b"\r\n"), "not_matching_format"
        case 3:
            return _line(log_format, fields | {"day": b"31/Feb/" + year}), "bad_timestamp"
        case 4:
            return _line(log_format, fields | {"day": b"01/Foo/" + year}), "bad_timestamp"
        case 5:
            return _line(log_format, fields | {"time": b"24:00:00"}), "bad_timestamp"
        case 6:
            return _line(log_format, fields | {"status": b"099"}), "bad_status"
        case 7:
            return _line(log_format, fields | {"status": b"OK"}), "bad_status"
        case _:  # more than fits 64 bits
            return _line(log_format, fields | {"size": b"1" + b"0" * 22}), "bad_size"


def _line(log_format: str, fields: dict[str, bytes]) -> bytes:
    return positional(log_format).encode().replace(b"%s", b"%b") % tuple(fields[name] for name in fields_of(log_format))
