"""Stored objects, and the errors of reading and writing them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

WILDCARDS = frozenset("*?[")


class InputErrorType(StrEnum):
    """Why an input could not be read: the values of `error_type` in a manifest's `errors` and in the ledger."""

    NO_MATCH = "no_match"
    MISSING_BUCKET = "missing_bucket"
    UNKNOWN_FORMAT = "unknown_format"
    TRUNCATED_GZIP = "truncated_gzip"
    CORRUPT_GZIP = "corrupt_gzip"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    UNSUPPORTED = "unsupported"
    CHANGED = "changed_while_read"
    UNREADABLE = "unreadable"


class InputError(ValueError):
    """An input cannot be read; the message is one line.

    Args:
        source_uri: the object or pattern.
        error_type: why.
        message: what is wrong and what to do, without the uri.
    """

    def __init__(self, source_uri: str, error_type: InputErrorType, message: str) -> None:
        self.source_uri = source_uri
        self.error_type = error_type
        self.message = " ".join(message.split())
        super().__init__(source_uri, error_type, self.message)

    def __str__(self) -> str:
        return f"{self.source_uri}: {self.message}"


class OutputError(ValueError):
    """The output folder cannot be written; the message is one line."""


class ListingError(ValueError):
    """The objects to read cannot be listed; the message is one line."""


class TableReadError(ValueError):
    """A table cannot be read; the message is one line."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object or local file, pinned to the generation that was listed.

    Attributes:
        uri: `gs://bucket/name` or an absolute local path.
        generation: the object's generation; of a local file, its modification time in ns.
        size: bytes as stored.
    """

    uri: str
    generation: int
    size: int


def changed(stored: StoredObject) -> InputError:
    """Make the error of an object whose listed generation can no longer be read."""
    return InputError(
        stored.uri, InputErrorType.CHANGED, "was replaced or deleted after it was listed; run the backfill again"
    )
