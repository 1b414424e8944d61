"""Reading of one log from its first byte to its last, and what is counted on the way."""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from beam_jobs.access_log.arrow.arrays import number_values
from beam_jobs.access_log.block_reader import ParsedBlock
from beam_jobs.access_log.cli.inputs import STDIN
from beam_jobs.access_log.cli.progress import Progress
from beam_jobs.access_log.compiled.split_blocks import cut_lines
from beam_jobs.access_log.detection import SAMPLE_BYTES, Detection, detect
from beam_jobs.access_log.errors import AccessLogError, FormatError
from beam_jobs.access_log.formats.registry import FORMATS, LogFormat
from beam_jobs.access_log.parser import BlockParser
from beam_jobs.access_log.reading.compression import Compression
from beam_jobs.access_log.reading.content import Content
from beam_jobs.access_log.reading.content_errors import ContentError
from beam_jobs.access_log.reading.line_blocks import split_stream
from beam_jobs.access_log.reading.prefetch import ReadAhead

_BLOCK_BYTES = 8 << 20
_MAX_LINE_BYTES = 1 << 20
_PIECES_AHEAD = 8
_NEWLINE = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEPT_EXAMPLES = 1000
"""How many rejected lines are kept of each reason."""


class FileError(AccessLogError):
    """A file cannot be read, or is not an access log; the message is one line that begins with its name."""


@dataclass(frozen=True)
class Rejected:
    """A rejected line: its number in the file, its bytes and what was wrong."""

    line: int
    raw_line: bytes
    message: str


@dataclass
class LogSummary:
    """The summary of one log, whose `bytes` are decompressed; `lines == rows + rejected + blank`.

    `log_format` is None where all lines are blank, `detection` where the format was given. `reasons` and `examples`
    are of rejected lines, `first` and `last` the earliest and the latest time in the rows, `row` is the first row.
    `frames` says around how many lines a collector had put what, `formats` how many rows of a mix are of which format.
    `fingerprint` is the same for logs with the same rows. `warnings` say what is not clear about the format, see
    `Detection`, and what of the file is not read.
    """

    name: str
    log_format: LogFormat | None
    detection: Detection | None
    compression: Compression | None
    bytes: int = 0
    lines: int = 0
    rows: int = 0
    rejected: int = 0
    blank: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Rejected]] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None
    row: dict[str, Any] | None = None
    frames: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    fingerprint: int = 0
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.detection and self.detection.warning:
            self.warnings.append(self.detection.warning)

    @property
    def all_rejected(self) -> bool:
        """Whether none of its lines is a row, though it has some that are not blank."""
        return self.rejected > 0 and not self.rows

    def add(self, block: ReadBlock) -> None:
        """Count a block."""
        parsed = block.parsed
        self.bytes += len(block.data)
        self.lines += parsed.lines
        self.rows += parsed.rows.num_rows
        self.rejected += parsed.rejected.num_rows
        self.blank += parsed.blank
        self.frames += parsed.frames
        self.formats += parsed.formats
        if parsed.rows.num_rows:
            self._add_rows(parsed.rows)
        if parsed.rejected.num_rows:
            self.reasons.update(map(str, parsed.rejected.column("error_type").to_pylist()))
            lines = parsed.rejected.slice(0, KEPT_EXAMPLES).to_pylist()
            numbers = block.line_numbers([line["source_offset"] for line in lines])
            for number, line in zip(numbers, lines, strict=True):
                kept = self.examples.setdefault(line["error_type"], [])
                if len(kept) < KEPT_EXAMPLES:
                    kept.append(Rejected(number, line["raw_line"], line["error_message"]))

    def _add_rows(self, rows: Any) -> None:
        times = number_values(rows.column("timestamp"), np.int64)
        first, last = _time(times.min()), _time(times.max())
        self.first = first if self.first is None else min(first, self.first)
        self.last = last if self.last is None else max(last, self.last)
        if self.row is None:
            self.row = {"timestamp": _time(times[0])}
            self.row |= {name: rows.column(name)[0].as_py() for name in rows.schema.names if name != "timestamp"}
        hashes = np.frombuffer(rows.column("raw_line_hash").buffers()[1], np.uint64).reshape(-1, 2)
        start = rows.column("raw_line_hash").offset
        self.fingerprint = (self.fingerprint + int(hashes[start : start + rows.num_rows, 0].sum())) % (1 << 64)


class ReadBlock(NamedTuple):
    """A parsed block of a log.

    Attributes:
        name: Of the file.
        parsed: The lines.
        data: Their bytes.
        offset: Where the block begins in the file.
        lines_before: The lines of the file before it.
    """

    name: str
    parsed: ParsedBlock
    data: bytes | memoryview
    offset: int
    lines_before: int

    def line_numbers(self, offsets: Sequence[int]) -> list[int]:
        """Return the numbers in the file, from 1, of the lines of this block that begin at these offsets."""
        newlines = np.flatnonzero(np.frombuffer(self.data, np.uint8) == _NEWLINE)
        starts = np.asarray(offsets, np.int64) - self.offset
        numbers: list[int] = (np.searchsorted(newlines, starts) + self.lines_before + 1).tolist()
        return numbers


Consumer = Callable[[ReadBlock], None]
"""Takes the blocks of all logs, in their order."""


def summarise_log(
    name: str, log_format: LogFormat | None, consumers: Sequence[Consumer], progress: Progress
) -> LogSummary:
    """Read a log.

    Args:
        name: Of the file, compressed or not; `-` is standard input.
        log_format: The format; None to detect it from the first lines.
        consumers: Who takes the blocks.
        progress: How far the reading is.

    Raises:
        FileError: The file cannot be read, is damaged, or is not an access log.
    """
    shown_name = "standard input" if name == STDIN else name
    try:
        with ExitStack() as stack:
            source = sys.stdin.buffer if name == STDIN else stack.enter_context(Path(name).open("rb", buffering=0))
            size = 0 if name == STDIN else Path(name).stat().st_size
            return _read(shown_name, log_format, consumers, progress, source, size)
    except BrokenPipeError:
        raise  # of a consumer
    except OSError as error:
        raise FileError(f"{shown_name}: cannot be read: {error.strerror}") from error
    except (FormatError, ContentError) as error:
        raise FileError(f"{shown_name}: {error}") from error


def _read(
    name: str,
    log_format: LogFormat | None,
    consumers: Sequence[Consumer],
    progress: Progress,
    source: IO[bytes],
    size: int,
) -> LogSummary:
    started = time.perf_counter()
    content = Content(source)
    with ReadAhead(iter(content), _PIECES_AHEAD) as pieces:
        sample: list[bytes] = []
        while sum(map(len, sample)) < SAMPLE_BYTES and (piece := next(pieces, b"")):
            sample.append(piece)
        first = b"".join(sample)
        detection = detect(first) if log_format is None and first.strip() else None
        found = detection.log_format if detection else log_format
        summary = LogSummary(name, found, detection, content.compression)
        # Blank lines are blank in every format.
        parser = BlockParser(found or next(iter(FORMATS.values())), _MAX_LINE_BYTES)
        started += progress.warm_up(parser, first[: first.rfind(b"\n", 0, SAMPLE_BYTES) + 1])
        for offset, data in split_stream(itertools.chain([first], pieces), _BLOCK_BYTES, _MAX_LINE_BYTES):
            for part_offset, part in cut_lines(data, offset):
                parsed = parser.parse(part, part_offset)
                parser = parser.following(part)
                block = ReadBlock(name, parsed, part, part_offset, summary.lines)
                for consumer in consumers:
                    consumer(block)
                summary.add(block)
            progress.show(name, summary.lines, source.tell() / size if size else None)
    if content.warning:
        summary.warnings.append(content.warning)
    summary.seconds = time.perf_counter() - started
    return summary


def _time(microseconds: np.int64) -> datetime:
    return _EPOCH + timedelta(microseconds=int(microseconds))
