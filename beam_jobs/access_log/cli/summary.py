"""Reading of one log from its first byte to its last, and what is counted on the way."""

from __future__ import annotations

import functools
import itertools
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import pyarrow.compute as pc

from beam_jobs.access_log.arrow.parquet import RowsFile
from beam_jobs.access_log.compiled.split_blocks import cut_lines
from beam_jobs.access_log.detection import SAMPLE_BYTES, Detection, detect
from beam_jobs.access_log.errors import AccessLogError, FormatError
from beam_jobs.access_log.formats.registry import FORMATS, LogFormat
from beam_jobs.access_log.parser import BlockParser, ParsedBlock
from beam_jobs.access_log.reading.line_blocks import (
    GZIP_MAGIC,
    CorruptGzipError,
    TruncatedGzipError,
    gunzip,
    split_stream,
)
from beam_jobs.access_log.reading.prefetch import ReadAhead

STDIN = "-"
_BLOCK_BYTES = 8 << 20
_MAX_LINE_BYTES = 1 << 20
_READ_BYTES = 1 << 20
_PIECES_AHEAD = 8
_KEPT_EXAMPLES = 1000
_PROGRESS_SECONDS = 0.5


class FileError(AccessLogError):
    """A file cannot be read, or is not an access log; the message is one line that begins with its name."""


@dataclass(frozen=True)
class Rejected:
    """A rejected line: where it began, its bytes and what was wrong."""

    source_offset: int
    raw_line: bytes
    message: str


@dataclass
class LogSummary:
    """The summary of one log, whose `bytes` are decompressed; `lines == rows + rejected + blank`.

    `log_format` is None where all lines are blank, `detection` where the format was given. `reasons` and `examples`
    are of rejected lines, `first` and `last` the earliest and the latest time in the rows, `row` is the first row.
    """

    name: str
    log_format: LogFormat | None
    detection: Detection | None
    is_gzip: bool
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
    seconds: float = 0.0

    @property
    def warning(self) -> str | None:
        """What is not clear about the format, see `Detection`."""
        return self.detection.warning if self.detection else None

    def add(self, parsed: ParsedBlock, block_bytes: int) -> None:
        """Count a block."""
        self.bytes += block_bytes
        self.lines += parsed.lines
        self.rows += parsed.rows.num_rows
        self.rejected += parsed.rejected.num_rows
        self.blank += parsed.blank
        if parsed.rows.num_rows:
            times: Any = pc.min_max(parsed.rows.column("timestamp"))
            first, last = (times[name].as_py() for name in ("min", "max"))
            self.first = first if self.first is None else min(first, self.first)
            self.last = last if self.last is None else max(last, self.last)
            self.row = self.row or parsed.rows.slice(0, 1).to_pylist()[0]
        if parsed.rejected.num_rows:
            self.reasons.update(map(str, parsed.rejected.column("error_type").to_pylist()))
            for line in parsed.rejected.slice(0, _KEPT_EXAMPLES).to_pylist():
                kept = self.examples.setdefault(line["error_type"], [])
                if len(kept) < _KEPT_EXAMPLES:
                    kept.append(Rejected(line["source_offset"], line["raw_line"], line["error_message"]))


class Progress:
    """One line on a terminal that says how far a large file is read; nothing where the output is not a terminal."""

    def __init__(self, output: TextIO) -> None:
        self._output = output if output.isatty() else None
        self._shown = time.monotonic()
        self._width = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._show("")

    def warm_up(self, parser: BlockParser, sample: bytes) -> float:
        """Compile a parser by its first lines, tell the user if that takes long, and return the seconds it took."""
        started = time.perf_counter()
        note = threading.Timer(1.0, self._show, ["compiling the parser, this once ..."])
        note.start()
        parser.parse(sample)
        note.cancel()
        note.join()
        return time.perf_counter() - started

    def show(self, summary: LogSummary, share: float | None) -> None:
        """Show how far the file is read, at most twice a second."""
        if self._output is not None and time.monotonic() - self._shown >= _PROGRESS_SECONDS:
            percent = "" if share is None else f"{share:4.0%}, "
            self._show(f"{summary.name}: {percent}{summary.lines / 1e6:.1f} million lines")
            self._shown = time.monotonic()

    def _show(self, text: str) -> None:
        if self._output is not None and (text or self._width):
            self._output.write("\r" + text.ljust(self._width) + ("" if text else "\r"))
            self._output.flush()
            self._width = len(text)


def summarise_log(name: str, log_format: LogFormat | None, rows_file: RowsFile, progress: Progress) -> LogSummary:
    """Read a log, plain or gzip, `-` for standard input; without a format it is told from the first lines.

    Raises:
        FileError: The file cannot be read, is damaged, or is not an access log.
    """
    shown_name = "standard input" if name == STDIN else name
    try:
        with ExitStack() as stack:
            source = sys.stdin.buffer if name == STDIN else stack.enter_context(Path(name).open("rb"))
            size = 0 if name == STDIN else Path(name).stat().st_size
            return _summary(shown_name, log_format, rows_file, progress, source, size)
    except OSError as error:
        raise FileError(f"{shown_name}: cannot be read: {error.strerror}") from error
    except FormatError as error:
        raise FileError(f"{shown_name}: {error}") from error
    except (TruncatedGzipError, CorruptGzipError) as error:
        raise FileError(f"{shown_name}: {str(error).removesuffix('; upload it again')}") from error


def _summary(
    name: str, log_format: LogFormat | None, rows_file: RowsFile, progress: Progress, source: BinaryIO, size: int
) -> LogSummary:
    started = time.perf_counter()
    read = iter(functools.partial(source.read, _READ_BYTES), b"")
    head = next(read, b"")
    is_gzip = head.startswith(GZIP_MAGIC)
    pieces = itertools.chain([head], read)
    with ReadAhead(gunzip(pieces) if is_gzip else pieces, _PIECES_AHEAD) as content:
        sample: list[bytes] = []
        while sum(map(len, sample)) < SAMPLE_BYTES and (piece := next(content, b"")):
            sample.append(piece)
        first = b"".join(sample)
        detection = detect(first) if log_format is None and first.strip() else None
        found = detection.log_format if detection else log_format
        summary = LogSummary(name, found, detection, is_gzip)
        # Blank lines are blank in every format.
        parser = BlockParser(found or next(iter(FORMATS.values())), _MAX_LINE_BYTES)
        started += progress.warm_up(parser, first[: first.rfind(b"\n", 0, SAMPLE_BYTES) + 1])
        for offset, data in split_stream(itertools.chain([first], content), _BLOCK_BYTES, _MAX_LINE_BYTES):
            for part_offset, part in cut_lines(data, offset):
                parsed = parser.parse(part, part_offset)
                summary.add(parsed, len(part))
                rows_file.write(parsed.rows, name)
            progress.show(summary, source.tell() / size if size else None)
    summary.seconds = time.perf_counter() - started
    return summary
