"""What a server's format string is made of."""

from typing import NamedTuple

from beam_jobs.access_log.errors import FormatError

SKIPPED = "skipped"
"""The field of a directive that no column takes."""


class Piece(NamedTuple):
    """A literal, or a directive with the field it stands for.

    Attributes:
        text: As written in the string.
        field: What the directive's values are; None for a literal.
        rank: Of several directives for one column, the one with the lowest rank is kept.
        strftime: The pattern of a time, if it is without a zone, of its own kind, or holds blanks.
    """

    text: str
    field: str | None = None
    rank: int = 0
    strftime: str = ""


def shown(text: str) -> str:
    """Return a format string as messages show it."""
    one_line = " ".join(text.split())
    return repr(one_line if len(one_line) <= 60 else f"{one_line[:60]}...")


def unusable(text: str, why: str) -> FormatError:
    """Make the error of a format string."""
    return FormatError(f"log format {shown(text)} cannot be used: {why}")
