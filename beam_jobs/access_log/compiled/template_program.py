"""A template format in numbers, as the compiled scanner reads it."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.compiled import scan_claims
from beam_jobs.access_log.formats.fields import MICROSECONDS, NANOSECONDS, SEQUENCE_FIELDS, STRFTIME, WITHOUT_SPACES
from beam_jobs.access_log.formats.template import TemplateFormat

(
    TEXT, SKIPPED, TIME, REQUEST, STATUS, SIZE, ISO_TIME, EPOCH, DATE, CLOCK, DURATION, BEFORE_PORT, TARGET,
    QUESTION_QUERY, PREFIX, UPSTREAM, REST, CLIENT_LIST, CHECKED, WHOLE_URL, PADDED,
) = range(21)  # fmt: skip
"""What a step of a program reads."""

MAY_BE_EMPTY, EMPTY_IS_NULL, ENCODED, SPACES, URL, PART, NO_SPACE_EVER, ADDRESS, USER, HOST, ADDRESSES, PLUS = (
    1 << bit for bit in range(12)
)
"""Flags of a step: an empty value is one, or null; percent-encoded; spaces may stand in it; a request whose target is a
URL; a duration to be added to others; a space in it is a mistake, whatever ends it; what a text must be: an address, a
user, a host, addresses; blanks in it are written as `+`."""

FRACTION, WHOLE, EITHER, NO_BLANK, PROTOCOL, NAME = (1 << bit for bit in range(12, 18))
"""Flags of a duration: it must have a fraction, or none; with one, it is of seconds. No step may hold a blank. A text
must be a protocol, or a name of a host and no address."""

UNQUOTED, QUOTED, QUOTED_WITH_ESCAPES = range(3)
"""Whether quotes enclose a field, and how its end is found."""

VERBATIM, BACKSLASHES, PERCENT_SIGNS, PLUS_SIGNS = range(4)
"""What is read back in the texts of a column."""

_TEXT_FLAGS = {
    "remote_addr": ADDRESS | EMPTY_IS_NULL,
    "remote_user": SPACES | USER,
    "method": NO_SPACE_EVER,
    "path": SPACES | MAY_BE_EMPTY,
    "query": SPACES | MAY_BE_EMPTY | EMPTY_IS_NULL,
    "protocol": NO_SPACE_EVER | PROTOCOL,
    "referer": SPACES,
    "user_agent": SPACES,
    "host": SPACES | HOST,
    "forwarded_for": SPACES | ADDRESSES,
    **dict.fromkeys(SEQUENCE_FIELDS, SPACES | MAY_BE_EMPTY),
}
_KINDS = {
    "remote_addr_port": (BEFORE_PORT, "remote_addr", 0),
    "host_port": (BEFORE_PORT, "host", 0),
    "virtual_host": (TEXT, "host", ADDRESS),
    "host_name": (TEXT, "host", NAME),
    "client_list": (CLIENT_LIST, None, SPACES),
    "referer_encoded": (TEXT, "referer", SPACES | ENCODED),
    "user_agent_encoded": (TEXT, "user_agent", SPACES | ENCODED),
    "user_agent_plus": (TEXT, "user_agent", SPACES | PLUS),
    "ident": (CHECKED, None, 0),
    "skipped": (SKIPPED, None, SPACES | MAY_BE_EMPTY),
    "value": (SKIPPED, None, 0),
    "number": (CHECKED, None, 0),
    "ratio": (CHECKED, None, 0),
    "word": (CHECKED, None, 0),
    "tail": (CHECKED, None, 0),
    "upstream": (UPSTREAM, None, 0),
    "upstream_times": (CHECKED, None, 0),
    "rest": (REST, None, 0),
    "time": (TIME, None, 0),
    "time_iso8601": (ISO_TIME, None, 0),
    "time_epoch_s": (EPOCH, None, 0),
    "time_epoch_ms": (EPOCH, None, 0),
    "time_epoch_us": (EPOCH, None, 0),
    "date": (DATE, None, 0),
    "clock": (CLOCK, None, 0),
    "request": (REQUEST, None, 0),
    "request_url": (REQUEST, None, URL),
    "target": (TARGET, None, 0),
    "question_query": (QUESTION_QUERY, None, 0),
    "url": (WHOLE_URL, None, 0),
    "status": (STATUS, None, 0),
    "body_bytes_sent": (SIZE, None, 0),
    "duration_s": (DURATION, None, 0),
    "duration_ms": (DURATION, None, 0),
    "duration_us": (DURATION, None, WHOLE),
    "duration_fraction_s": (DURATION, None, FRACTION),
    "duration_w3c": (DURATION, None, EITHER),
    "duration_padded_ms": (PADDED, None, 0),
    "duration_part_s": (DURATION, None, PART),
}
_UNITS = {
    **NANOSECONDS,
    **MICROSECONDS,
    "ident": scan_claims.IDENT,
    "number": scan_claims.NUMBER,
    "ratio": scan_claims.RATIO,
    "word": scan_claims.WORD,
    "tail": scan_claims.TAIL,
    "upstream_times": scan_claims.TIMES,
}
_READ_BY_REFERENCE_ALONE = frozenset((STRFTIME, "zone"))
_FILLED = {
    "request": ("method", "path", "query", "protocol"),
    "request_url": ("method", "path", "query", "protocol", "host"),
    "target": ("path", "query"),
    "url": ("path", "query", "host"),
    "client_list": ("remote_addr", "forwarded_for"),
    "question_query": ("query",),
}


class Program(NamedTuple):
    """The steps in which a line of a format is read.

    Attributes:
        steps: Shape (steps, 7): kind, where in a line's places (in bytes) that of its text lies, the length of the
            separator after it, how quotes enclose it, flags, the unit of a number (nanoseconds of a duration,
            microseconds of a time) or what is checked, and the first of the separator's words.
        separators: Shape (words, 2): eight bytes of a separator beside the mask of those that count.
        rewritten: Per text what is read back in it.
        absent: The texts that the format does not have.
    """

    steps: npt.NDArray[np.int64]
    separators: npt.NDArray[np.uint64]
    rewritten: npt.NDArray[np.int64]
    absent: npt.NDArray[np.int64]


NO_PROGRAM = Program(
    np.empty((0, 7), np.int64), np.empty((0, 2), np.uint64), np.empty(0, np.int64), np.empty(0, np.int64)
)
"""Lines are found, and all are declined."""


@lru_cache
def template_program(log_format: TemplateFormat) -> Program:
    """Put a format into numbers for the scanner; its first step is the prefix, if it has one."""
    if any(slot.name in _READ_BY_REFERENCE_ALONE for slot in log_format.slots):
        return NO_PROGRAM
    steps: list[tuple[int, ...]] = []
    words: list[tuple[int, int]] = []
    filled: set[str] = set()
    columns = log_format.text_fields
    rewritten = [BACKSLASHES if log_format.escapes else VERBATIM] * len(columns)

    def add(kind: int, column: str | None, separator: bytes, quoted: int, flags: int, unit: int = 0) -> None:
        place = 8 * columns.index(column) if column else 0
        steps.append((kind, place, len(separator), quoted, flags, unit, len(words)))
        for start in range(0, max(len(separator), 1), 8):
            word = separator[start : start + 8]
            words.append((int.from_bytes(word, "little"), (1 << 8 * len(word)) - 1))

    if log_format.prefix:
        add(PREFIX, None, log_format.prefix, UNQUOTED, 0)
    for name, quoted, terminator in log_format.slots:
        kind, column, flags = _KINDS.get(name) or (TEXT, name, _TEXT_FLAGS[name])
        if column and column not in columns:
            kind, column = SKIPPED, None
        if name in WITHOUT_SPACES:
            flags &= ~SPACES
        if not log_format.holds_blanks:
            flags |= NO_BLANK
        if column:
            filled.add(column)
            if flags & ENCODED:
                rewritten[columns.index(column)] = PERCENT_SIGNS
            elif flags & PLUS:
                rewritten[columns.index(column)] = PLUS_SIGNS
        filled.update(_FILLED.get(name, ()))
        enclosed = UNQUOTED if not quoted else QUOTED_WITH_ESCAPES if log_format.escapes else QUOTED
        add(kind, column, terminator, enclosed, flags, _UNITS.get(name, 0))
    absent = [place for place, column in enumerate(columns) if column not in filled]
    return Program(
        np.array(steps, np.int64), np.array(words, np.uint64), np.array(rewritten, np.int64), np.array(absent, np.int64)
    )
