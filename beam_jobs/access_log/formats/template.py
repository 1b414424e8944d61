r"""Formats whose lines are the same fields in the same order, with fixed bytes between them.

A format is written as its line with `{field}` in place of each value. The fields:

| field | values | becomes |
|---|---|---|
| `remote_addr` | address or host name | `remote_addr` |
| `remote_addr_port` | the same, a colon and a port | `remote_addr` |
| `client_list` | such a list as proxies write: the client, then proxies | `remote_addr`, `forwarded_for` |
| `forwarded_for` | a list of addresses | `forwarded_for` |
| `remote_user` | may hold spaces, as names sent by clients do, but no lone dash | `remote_user` |
| `time` | `17/May/2015:10:05:03 +0000`, fraction and zone may be missing (UTC) | `timestamp`, `log_date` |
| `time_iso8601` | `2015-05-17T10:05:03+00:00`, or a space for the `T`; fraction and zone may be missing | the same |
| `time_epoch_s`, `_ms`, `_us` | seconds (a fraction may follow), milli- or microseconds since 1970 | the same |
| `time_strftime` | as the format's own strftime pattern has it | the same |
| `date`, `clock` | `2015-05-17` and `10:05:03` (UTC) | the same |
| `zone` | `+0200`, of a time in another field | the same |
| `request` | `METHOD target[ PROTOCOL]` or anything else | `method`, `path`, `query`, `protocol` |
| `request_url` | the same with a whole URL as its target | these and `host` |
| `method`, `path` | any text | `method`, `path` |
| `protocol` | a name and a version | `protocol` |
| `target` | `path[?query]` | `path`, `query` |
| `url` | a whole URL, or a target | these and `host` |
| `query` | without its question mark, or empty | `query` |
| `question_query` | with its question mark, or empty | `query` |
| `status` | 100 to 999 | `status` |
| `body_bytes_sent` | a number | `body_bytes_sent` |
| `referer`, `user_agent` | any text | `referer`, `user_agent` |
| `referer_encoded`, `user_agent_encoded` | the same, percent-encoded by the server | the same, decoded |
| `user_agent_plus` | the same, `+` for each blank | the same, with blanks |
| `host` | no blank, quote or bracket but those of an IPv6 address | `host` |
| `host_port` | a host, a colon and a port | `host` |
| `virtual_host` | a host name or address | `host` |
| `host_name` | a host name, and no address | `host` |
| `duration_s`, `_ms` | a number, which may have a fraction | `request_duration_ms` |
| `duration_us` | a whole number | `request_duration_ms` |
| `duration_fraction_s` | a number with a fraction | `request_duration_ms` |
| `duration_padded_ms` | a number behind any blanks | `request_duration_ms` |
| `duration_w3c` | milliseconds, or seconds with a fraction | `request_duration_ms` |
| `duration_part_s` | one of several such numbers, or `-1` | `request_duration_ms`, their sum |
| `sequence` | the number of the line | `sequence` |
| `connection`, `connection_requests` | a connection, and the number of its request | `connection`, `sequence` |
| `sequence_source` | who counts | `sequence_source` |
| `ident`, `skipped` | any text | |
| `value` | any text without blanks | |
| `number`, `ratio`, `word` | a whole number, one with a fraction, a word without quotes or brackets | |
| `upstream` | values of servers behind the server, which commas or colons may part | |
| `upstream_times` | the same of seconds with a fraction | |
| `rest`, `tail` | all up to the end of the line; `tail` begins with no quote, and no number before one | |

`-` in any field but the time stands for a missing value.
"""

from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import NamedTuple

from beam_jobs.access_log.formats.fields import text_fields


class FieldSlot(NamedTuple):
    """One field of a line and the separator after it.

    Attributes:
        name: What the field is; see the table above.
        quoted: Whether double quotes enclose it; then a backslash in it takes the next byte along, if the server
            writes escapes.
        terminator: The bytes after the field up to the next one, or up to the end of the line; empty where the
            field ends the line.
    """

    name: str
    quoted: bool
    terminator: bytes


@dataclass(frozen=True)
class TemplateFormat:
    """A format by its line.

    Attributes:
        name: How users call it, for example `combined`; a format made from a server's format string has that string.
        template: The line with `{field}` in place of each value; braces of the line itself are doubled.
        comment: The byte that starts lines which are not requests, or none. Such lines count as blank.
        escapes: Whether the server writes a backslash before a quote or backslash in a field, or in place of it.
        strftime: What the field `time_strftime` is written like.
        is_detected: Whether its lines are looked for; not where they cannot be told from those of another format.
        holds_blanks: Whether a field may hold a blank; if not, the last one may not either.
    """

    name: str
    template: str
    comment: bytes = b""
    escapes: bool = True
    strftime: str = ""
    is_detected: bool = True
    holds_blanks: bool = True

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
        slots = []
        quotes = 0
        for (before, name), after in zip(pieces, following, strict=False):
            quotes += before.count(b'"')
            if name is not None:
                slots.append(FieldSlot(name, quotes % 2 == 1 and after.startswith(b'"'), after))
        return tuple(slots)

    @cached_property
    def text_fields(self) -> tuple[str, ...]:
        """The texts of its lines, in the order in which they are handed on."""
        return text_fields(slot.name for slot in self.slots)

    @cached_property
    def _pieces(self) -> list[tuple[bytes, str | None]]:
        # A doubled brace ends a literal of the formatter, so those without a field between them are one here.
        pieces: list[tuple[bytes, str | None]] = []
        before = b""
        for literal, name, _, _ in Formatter().parse(self.template):
            before += literal.encode()
            if name is not None:
                pieces.append((before, name))
                before = b""
        return [*pieces, (before, None)] if before else pieces
