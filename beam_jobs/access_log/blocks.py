"""Blocks of lines in, Arrow record batches out."""

from dataclasses import dataclass

import mmh3
import pyarrow as pa

from beam_jobs.access_log.errors import BlockSizeError
from beam_jobs.access_log.formats import LogFormat
from beam_jobs.access_log.lines import is_blank, split_lines
from beam_jobs.access_log.reference import Row, parse_line
from beam_jobs.access_log.rejects import Rejection, RejectReason
from beam_jobs.access_log.schema import REJECTED_SCHEMA, ROWS_SCHEMA, TEXT_FIELDS
from beam_jobs.access_log.user_agents import classify_column

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

    def parse(self, data: bytes | memoryview, base_offset: int = 0) -> ParsedBlock:
        """Parses whole lines; the last one may lack its newline.

        Any bytes give rows, rejected lines and blanks that add up.

        Args:
            data: The block.
            base_offset: The offset of its first byte in the file, added to every `source_offset`.

        Raises:
            BlockSizeError: `data` is larger than `MAX_BLOCK_BYTES`.
        """
        data = bytes(data)
        if len(data) > MAX_BLOCK_BYTES:
            raise BlockSizeError(f"a block of {len(data)} bytes is too large: pass at most {MAX_BLOCK_BYTES} bytes")
        good: list[tuple[int, bytes, Row]] = []
        rejected: list[tuple[bytes, str, str, int]] = []
        lines = blank = 0
        for start, line in split_lines(data):
            lines += 1
            if len(line) > self.max_line_bytes:
                n = self.max_line_bytes
                rejected.append(
                    (
                        line[:n],
                        RejectReason.LINE_TOO_LONG.value,
                        f"the line is longer than {n} bytes; only its first {n} are kept",
                        base_offset + start,
                    )
                )
                continue
            if is_blank(line):
                blank += 1
                continue
            parsed = parse_line(self.log_format, line)
            if isinstance(parsed, Rejection):
                rejected.append((line, parsed.reason.value, parsed.message, base_offset + start))
            else:
                good.append((base_offset + start, line, parsed))
        columns = {
            name: pa.array([getattr(row, name) for _, _, row in good], ROWS_SCHEMA.field(name).type)
            for name in (*TEXT_FIELDS, "timestamp", "status", "body_bytes_sent")
        }
        columns["log_date"] = pa.array([row.timestamp.date() for _, _, row in good], pa.date32())
        columns["browser"], columns["os"], columns["device"], columns["is_bot"] = classify_column(columns["user_agent"])
        columns["host"] = pa.nulls(len(good), pa.string())
        columns["request_duration_ms"] = pa.nulls(len(good), pa.float64())
        columns["raw_line_hash"] = pa.array([mmh3.hash_bytes(line) for _, line, _ in good], pa.binary(16))
        columns["source_offset"] = pa.array([offset for offset, _, _ in good], pa.int64())
        rows = pa.record_batch([columns[name] for name in ROWS_SCHEMA.names], schema=ROWS_SCHEMA)
        rejects = pa.record_batch(
            [pa.array([r[i] for r in rejected], REJECTED_SCHEMA.field(i).type) for i in range(4)],
            schema=REJECTED_SCHEMA,
        )
        return ParsedBlock(rows, rejects, lines, blank)
