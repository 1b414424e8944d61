r"""The log formats and what their fields mean.

A format is written as its line with `{field}` in place of each value. The fields:

| field | values | becomes |
|---|---|---|
| `remote_addr` | address or host name | `remote_addr` |
| `ident` | RFC 1413 identity, not kept | |
| `remote_user` | may hold spaces, as names sent by clients do | `remote_user` |
| `time` | `17/May/2015:10:05:03 +0000`, the zone may be missing (UTC) | `timestamp`, `log_date` |
| `request` | `METHOD target[ PROTOCOL]` or anything else | `method`, `path`, `query`, `protocol` |
| `status` | 100 to 599 | `status` |
| `body_bytes_sent` | a number | `body_bytes_sent` |
| `referer`, `user_agent` | any text | `referer`, `user_agent` |

`-` in any field but the time stands for a missing value.
"""

from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import NamedTuple

from beam_jobs.access_log.errors import FormatError

MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
"""The months as servers write them."""


class FieldSlot(NamedTuple):
    """One field of a line and the separator after it.

    Attributes:
        name: What the field is; see the table above.
        quoted: Whether double quotes enclose it; then a backslash in it takes the next byte along.
        terminator: The bytes after the field up to the next one, or up to the end of the line; empty where the
            field ends the line.
    """

    name: str
    quoted: bool
    terminator: bytes


@dataclass(frozen=True)
class LogFormat:
    """A log format by name.

    Attributes:
        name: How users call it, for example `combined`.
        template: The line with `{field}` in place of each value.
    """

    name: str
    template: str

    @cached_property
    def prefix(self) -> bytes:
        """The bytes before the first field."""
        return self._pieces[0][0]

    @cached_property
    def slots(self) -> tuple[FieldSlot, ...]:
        """The fields in the order of the line."""
        pieces = self._pieces
        following = [before for before, _ in pieces[1:]]
        if pieces[-1][1] is not None:
            following.append(b"")
        return tuple(
            FieldSlot(name, before.endswith(b'"') and after.startswith(b'"'), after)
            for (before, name), after in zip(pieces, following, strict=False)
            if name is not None
        )

    @cached_property
    def _pieces(self) -> list[tuple[bytes, str | None]]:
        return [(literal.encode(), name) for literal, name, _, _ in Formatter().parse(self.template)]


_COMMON = '{remote_addr} {ident} {remote_user} [{time}] "{request}" {status} {body_bytes_sent}'

FORMATS: dict[str, LogFormat] = {
    log_format.name: log_format
    for log_format in (
        # Both servers' predefined format of this name: `LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\"
        # \"%{User-agent}i\""` in Apache's httpd.conf, `combined` in ngx_http_log_module.
        LogFormat("combined", _COMMON + ' "{referer}" "{user_agent}"'),
        # The line of the article that this project takes up: combined with the status in brackets.
        LogFormat(
            "article",
            '{remote_addr} {ident} {remote_user} [{time}] "{request}" [{status}] {body_bytes_sent} '
            '"{referer}" "{user_agent}"',
        ),
        # Apache's `LogFormat "%h %l %u %t \"%r\" %>s %b" common`, the format of the NCSA httpd.
        LogFormat("common", _COMMON),
    )
}
"""The known formats by name, the most specific first."""


def get_format(name: str) -> LogFormat:
    """Looks a format up by its name.

    Raises:
        FormatError: No format has this name; the message lists the known ones.
    """
    try:
        return FORMATS[name]
    except KeyError:
        raise FormatError(f"unknown log format {name!r}: known are {', '.join(sorted(FORMATS))}") from None
