"""Records of a source object that a backfill's steps emit, keyed by its uri, and their sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from beam_jobs.storage.objects import InputError, StoredObject


@dataclass(frozen=True)
class SourceFound:
    """A source object was listed and its format is known (None where it is empty)."""

    generation: int
    size: int
    log_format: str | None


@dataclass(frozen=True)
class BlockParsed:
    """A block of a source object was parsed and its files were written, which may hold lines of other objects too."""

    lines: int
    blank: int
    rows_by_date: dict[str, int]
    rejected_by_reason: dict[str, int]
    rows_files: tuple[str, ...]
    rejected_files: tuple[str, ...]
    frames: dict[str, int] = field(default_factory=dict)
    formats: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Lines that became rows."""
        return sum(self.rows_by_date.values())

    @property
    def rejected(self) -> int:
        """Lines that were rejected."""
        return sum(self.rejected_by_reason.values())


@dataclass(frozen=True)
class SourceFailed:
    """A source object cannot be read, wholly or from some byte on."""

    generation: int
    size: int
    error_type: str
    error_message: str

    @classmethod
    def of(cls, stored: StoredObject, error: InputError) -> SourceFailed:
        """Record why an object could not be read."""
        return cls(stored.generation, stored.size, str(error.error_type), error.message)


@dataclass(frozen=True)
class SourceWarning:
    """A source object was read, but not all of its bytes."""

    message: str


SourceRecord = SourceFound | BlockParsed | SourceFailed | SourceWarning


@dataclass
class SourceSummary:
    """Sums of one source object.

    Attributes:
        source_uri: the object.
        found: what was found out about it; None where that was not possible.
        failures: why it could not be read, empty where it could.
        warnings: what of it was not read.
    """

    source_uri: str
    found: SourceFound | None = None
    failures: list[SourceFailed] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lines: int = 0
    blank: int = 0
    rows_by_date: Counter[str] = field(default_factory=Counter)
    rejected_by_reason: Counter[str] = field(default_factory=Counter)
    frames: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    rows_files: list[str] = field(default_factory=list)
    rejected_files: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, source_uri: str, records: Iterable[SourceRecord]) -> SourceSummary:
        """Sum an object's records, in any order."""
        summary = cls(source_uri)
        for record in records:
            match record:
                case SourceFound():
                    summary.found = record
                case SourceFailed():
                    summary.failures.append(record)
                case SourceWarning():
                    summary.warnings.append(record.message)
                case BlockParsed():
                    summary.lines += record.lines
                    summary.blank += record.blank
                    summary.rows_by_date.update(record.rows_by_date)
                    summary.rejected_by_reason.update(record.rejected_by_reason)
                    summary.frames.update(record.frames)
                    summary.formats.update(record.formats)
                    summary.rows_files.extend(record.rows_files)
                    summary.rejected_files.extend(record.rejected_files)
        return summary

    @property
    def rows(self) -> int:
        """Lines that became rows."""
        return self.rows_by_date.total()

    @property
    def rejected(self) -> int:
        """Lines that were rejected."""
        return self.rejected_by_reason.total()
