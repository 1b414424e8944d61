"""Blocks of lines in, Arrow record batches out."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyarrow import concat_batches  # type: ignore[attr-defined]

from beam_jobs.access_log.arrays import bytes_array, int64_array
from beam_jobs.access_log.columns import rows_batch
from beam_jobs.access_log.errors import BlockSizeError
from beam_jobs.access_log.log_format import LogFormat
from beam_jobs.access_log.rejects import Rejection, RejectReason
from beam_jobs.access_log.rows import Row
from beam_jobs.access_log.scanned import ScannedBlock
from beam_jobs.access_log.scanner import ACCEPTED, TOO_LONG
from beam_jobs.access_log.schema import REJECTED_SCHEMA

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
        rejects = _Rejects()
        dropped: list[int] = []
        for line in np.flatnonzero(scanned.verdicts != ACCEPTED).tolist():
            start, end = scanned.bounds[line].tolist()
            if scanned.verdicts[line] == TOO_LONG:
                end = start + self.max_line_bytes
                parsed: Row | Rejection = self._too_long
            else:
                parsed = self.log_format.parse_line(bytes(data[start:end]))
            if isinstance(parsed, Row):
                scanned.put(line, parsed)
            else:
                rejects.add(bytes(data[start:end]), parsed, base_offset + start)
                dropped.append(line)
        return ParsedBlock(
            rows=rows_batch(scanned.accepted(dropped), block, scanned.overflow(), base_offset),
            rejected=rejects.batch(),
            lines=scanned.count,
            blank=scanned.blank,
        )

    def kept_line(self, line: bytes) -> bytes:
        """What may be kept of a line that was refused after it was parsed: all of it, unless a subclass takes out."""
        return line


class _Rejects:
    """Rejected lines, moved into Arrow every so many: a block may be made of nothing else."""

    def __init__(self) -> None:
        self._batches: list[pa.RecordBatch] = []
        self._waiting: list[tuple[bytes, Rejection, int]] = []

    def add(self, raw_line: bytes, rejection: Rejection, source_offset: int) -> None:
        self._waiting.append((raw_line, rejection, source_offset))
        if len(self._waiting) == 10_000:
            self._move()

    def batch(self) -> pa.RecordBatch:
        self._move()
        batch: pa.RecordBatch = concat_batches(self._batches)
        return batch

    def _move(self) -> None:
        columns = [
            bytes_array([raw_line for raw_line, _, _ in self._waiting], pa.binary()),
            bytes_array([rejection.reason.encode() for _, rejection, _ in self._waiting], pa.string()),
            bytes_array([rejection.message.encode() for _, rejection, _ in self._waiting], pa.string()),
            int64_array(np.array([source_offset for _, _, source_offset in self._waiting], np.int64)),
        ]
        self._batches.append(pa.record_batch(columns, schema=REJECTED_SCHEMA))
        self._waiting.clear()
