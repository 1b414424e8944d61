"""Blocks of lines in, Arrow record batches out."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from beam_jobs.access_log.arrow.batches import rejected_batch, rows_batch
from beam_jobs.access_log.compiled.outputs import DECLINED, TOO_LONG
from beam_jobs.access_log.engines import parse_line, scan_lines
from beam_jobs.access_log.errors import BlockSizeError
from beam_jobs.access_log.formats.registry import LogFormat
from beam_jobs.access_log.rejection import Rejection, RejectReason
from beam_jobs.access_log.row import Row

MAX_BLOCK_BYTES = 1 << 28
"""The largest block that one call parses: 256 MiB."""


@dataclass(frozen=True)
class ParsedBlock:
    """The outcome of one block: `lines == rows.num_rows + rejected.num_rows + blank`.

    Attributes:
        rows: The good lines, in `ROWS_SCHEMA`, in the order of the block.
        rejected: The others, in `REJECTED_SCHEMA`, in the order of the block.
        lines: All lines of the block.
        blank: Lines that are empty or hold only spaces and tabs.
    """

    rows: pa.RecordBatch
    rejected: pa.RecordBatch
    lines: int
    blank: int


class BlockParser:
    """Parses blocks of lines of one format; one instance may serve several threads.

    Args:
        log_format: The format of the lines.
        max_line_bytes: A line with more bytes, its terminator aside, is rejected, and only these first bytes are kept.
    """

    def __init__(self, log_format: LogFormat, max_line_bytes: int = 1 << 20) -> None:
        self.log_format = log_format
        self.max_line_bytes = max_line_bytes
        self._too_long = Rejection(
            RejectReason.LINE_TOO_LONG,
            f"the line has more than {max_line_bytes} bytes; only the first {max_line_bytes} are kept",
        )

    def parse(self, data: bytes | memoryview, base_offset: int = 0) -> ParsedBlock:
        """Parse whole lines; the last one may lack its newline.

        Any bytes give rows, rejected lines and blanks that add up.

        Args:
            data: The block.
            base_offset: The offset of its first byte in the file, added to every `source_offset`.

        Raises:
            BlockSizeError: `data` is larger than `MAX_BLOCK_BYTES`.
        """
        if len(data) > MAX_BLOCK_BYTES:
            raise BlockSizeError(f"a block of {len(data)} bytes is too large: pass at most {MAX_BLOCK_BYTES} bytes")
        block = np.frombuffer(data, np.uint8)
        block.flags.writeable = False
        scanned = scan_lines(self.log_format, block, self.max_line_bytes)
        too_long = scanned.with_verdict(TOO_LONG)
        if len(too_long):
            scanned.reject(too_long, self._too_long)
        for line in scanned.with_verdict(DECLINED):
            start, end = scanned.lines.bounds[line].tolist()
            parsed = parse_line(self.log_format, bytes(data[start:end]))
            if isinstance(parsed, Row):
                scanned.put(line, parsed)
            else:
                scanned.reject(np.array([line]), parsed)
        return ParsedBlock(
            rows=rows_batch(scanned, base_offset),
            rejected=rejected_batch(scanned, base_offset, self.max_line_bytes),
            lines=scanned.count,
            blank=scanned.blank,
        )

    def kept_line(self, line: bytes) -> bytes:
        """Return the line as it may be stored; subclasses redact it."""
        return line
