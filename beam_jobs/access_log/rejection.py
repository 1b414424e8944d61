"""Why a line is not a row."""

from enum import StrEnum
from typing import NamedTuple

_SHOWN_BYTES = 40


class RejectReason(StrEnum):
    """The closed list of reasons; `rejected_lines.error_type` holds one of these values.

    A line is rejected for the first reason that applies, in this order.
    """

    LINE_TOO_LONG = "line_too_long"
    """More bytes than `max_line_bytes`; of such a line only the first `max_line_bytes` bytes are kept."""

    NOT_MATCHING_FORMAT = "not_matching_format"
    """The fields and the separators between them are not those of the format."""

    BAD_TIMESTAMP = "bad_timestamp"
    """The time is not written as the format has it, or no real date and time from 1970 to 2199."""

    BAD_STATUS = "bad_status"
    """The status is neither `-` nor three digits from 100 to 999."""

    BAD_SIZE = "bad_size"
    """The byte count is neither `-` nor a number that fits a signed 64-bit integer."""

    BAD_DURATION = "bad_duration"
    """The duration is neither `-` nor a number below 2**53 nanoseconds (104 days)."""


class Rejection(NamedTuple):
    """A reason from the closed list and one line that says what was wrong in this line.

    Attributes:
        reason: Why.
        message: What was wrong.
        position: The byte at which the line stops to be of the format; 0 where that is not known.
    """

    reason: RejectReason
    message: str
    position: int = 0


class LineError(Exception):
    """What is wrong in a line, on its way from the reading of a field to whoever asked for the line."""

    def __init__(self, reason: RejectReason, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.rejection = Rejection(reason, message, position)


def shown(value: bytes) -> str:
    """Return the beginning of a value as messages show it."""
    text = ascii(value[:_SHOWN_BYTES].decode("latin-1"))
    return text if len(value) <= _SHOWN_BYTES else f"{text}..."
