"""Why a line is not a row."""

from enum import StrEnum
from typing import NamedTuple


class RejectReason(StrEnum):
    """The closed list of reasons; `rejected_lines.error_type` holds one of these values.

    A line is rejected for the first reason that applies, in this order.
    """

    LINE_TOO_LONG = "line_too_long"
    """More bytes than `max_line_bytes`; of such a line only the first `max_line_bytes` bytes are kept."""

    NOT_MATCHING_FORMAT = "not_matching_format"
    """The fields and the separators between them are not those of the format."""

    BAD_TIMESTAMP = "bad_timestamp"
    """The time is not `day/Month/year:hour:minute:second`, with or without a zone, of a real date from 1970 to 2199."""

    BAD_STATUS = "bad_status"
    """The status is neither `-` nor three digits from 100 to 599."""

    BAD_SIZE = "bad_size"
    """The byte count is neither `-` nor a number that fits a signed 64-bit integer."""


class Rejection(NamedTuple):
    """A reason from the closed list and one line that says what was wrong in this line."""

    reason: RejectReason
    message: str
