"""Blocks of lines in, Arrow record batches out."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from beam_jobs.access_log.arrow.rejected import Rejects
from beam_jobs.access_log.arrow.rows import rows_batch
from beam_jobs.access_log.compiled.template_scanner import DECLINED, TOO_LONG
from beam_jobs.access_log.errors import BlockSizeError
from beam_jobs.access_log.formats.log_format import LogFormat
from beam_jobs.access_log.rejection import Rejection, RejectReason
from beam_jobs.access_log.row import Row
from beam_jobs.access_log.scanned_block import ScannedBlock

MAX_BLOCK_BYTES = 1 << 28
"""The largest block that one call parses: 256 MiB."""


@dataclass(frozen=True)
class ParsedBlock:
    """What became of the lines of one block: `lines == rows.num_rows + rejected.num_rows + blank`.

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
        max_line_bytes: A line with more bytes, its terminator aside, is rejected, and only so many of its bytes kept.
    """

    def __init__(self, log_format: LogFormat, max_line_bytes: int = 1 << 20) -> None:
        self.log_format = log_format
        self.max_line_bytes = max_line_bytes
        self._too_long = Rejection(
            RejectReason.LINE_TOO_LONG,
            f"the line has more than {max_line_bytes} bytes; only the first {max_line_bytes} are kept",
        )

    def parse(self, data: bytes | memoryview, base_offset: int = 0) -> ParsedBlock:
        """Parses whole lines; the last one may lack its newline.

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
        scanned = ScannedBlock(block, self.log_format, self.max_line_bytes)
        rejects = Rejects(scanned, self.log_format)
        for line in np.flatnonzero((scanned.verdicts == DECLINED) | (scanned.verdicts == TOO_LONG)).tolist():
            if scanned.verdicts[line] == TOO_LONG:
                rejects.add(line, self._too_long)
                continue
            start, end = scanned.bounds[line].tolist()
            parsed = self.log_format.parse_line(bytes(data[start:end]))
            if isinstance(parsed, Row):
                scanned.put(line, parsed)
            else:
                rejects.add(line, parsed)
        rejected, kept = rejects.batch(base_offset, self.max_line_bytes)
        return ParsedBlock(
            rows=rows_batch(scanned.accepted(kept), block, scanned.overflow(), base_offset),
            rejected=rejected,
            lines=scanned.count,
            blank=scanned.blank,
        )

    def kept_line(self, line: bytes) -> bytes:
        """What may be kept of a line that was refused after it was parsed: all of it, unless a subclass takes out."""
        return line
