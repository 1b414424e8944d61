"""The fields of log lines: facts that the reference readers and the compiled scanners both build on."""

from collections.abc import Iterable

TEXT_FIELDS = (
    "remote_addr",
    "remote_user",
    "method",
    "path",
    "query",
    "protocol",
    "referer",
    "user_agent",
    "host",
    "forwarded_for",
)
"""The columns whose text is taken from the line, in the order in which the parsers hand them on."""

SEQUENCE_FIELDS = ("sequence", "connection_requests", "connection", "sequence_source")
"""What numbers the lines: texts behind those of `TEXT_FIELDS`, in formats that number their lines."""

MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
"""The months as servers write them."""

TIME_FIELDS = {
    "time": "17/May/2015:10:05:03 +0000",
    "time_iso8601": "2015-05-17T10:05:03+00:00",
    "time_epoch_s": "1431857103.000",
    "time_epoch_ms": "1431857103000",
    "time_epoch_us": "1431857103000000",
}
"""The fields that hold a whole time, each with an example."""

STRFTIME = "time_strftime"
"""The field of a time in a strftime pattern of its own."""

MICROSECONDS = {"time_epoch_s": 10**6, "time_epoch_ms": 10**3, "time_epoch_us": 1}
"""Microseconds per unit of each time that is a number."""

NANOSECONDS = {
    "duration_s": 10**9,
    "duration_ms": 10**6,
    "duration_us": 10**3,
    "duration_ns": 1,
    "duration_part_s": 10**9,
    "duration_fraction_s": 10**9,
    "duration_padded_ms": 10**6,
    "duration_w3c": 10**6,
}
"""Nanoseconds per unit of each duration; of `duration_w3c` where it has no fraction."""

WITHOUT_SPACES = frozenset(
    ("remote_addr", "ident", "status", "body_bytes_sent", "number", "ratio", "word", "value", "url", "duration_w3c")
)
"""Fields that end at the next space; they may hold one only where the separator after them is longer than a space."""

WITHOUT_SPACES_EVER = frozenset(("method", "protocol"))
"""Fields in which a space means that an earlier field was cut too soon."""

MAY_BE_EMPTY = frozenset(("path", "query", "question_query", "skipped", "rest", "tail", *SEQUENCE_FIELDS))
"""Fields that may be empty without quotes around them."""

EMPTY_IS_NULL = frozenset(("remote_addr", "remote_addr_port", "client_list"))
"""Fields whose empty text in quotes is no client: nginx writes one, with `escape=json`, for what it does not know."""

TO_THE_END = frozenset(("rest", "tail"))
"""Fields that take all up to the end of the line."""


def text_fields(fields: Iterable[str]) -> tuple[str, ...]:
    """Return the texts that the lines of a format with these fields have, in the order in which they are handed on."""
    names = set(fields)
    numbers_lines = "sequence" in names or {"connection_requests", "connection"} <= names
    return TEXT_FIELDS + SEQUENCE_FIELDS if numbers_lines else TEXT_FIELDS
