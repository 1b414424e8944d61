"""Blocks of lines in, Arrow record batches out."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log.arrow.arrays import int64_array, number_values
from beam_jobs.access_log.arrow.batches import in_order, with_offsets
from beam_jobs.access_log.block_reader import ParsedBlock, read_block
from beam_jobs.access_log.errors import BlockSizeError
from beam_jobs.access_log.formats.json_lines import JsonFormat
from beam_jobs.access_log.formats.mixed import MixedFormat
from beam_jobs.access_log.formats.registry import LogFormat
from beam_jobs.access_log.formats.template import TemplateFormat
from beam_jobs.access_log.formats.w3c import HEADER, header_of, is_w3c
from beam_jobs.access_log.places.columns import Places, with_places
from beam_jobs.access_log.rejection import RejectReason

MAX_BLOCK_BYTES = 1 << 28
"""The largest block that one call parses: 256 MiB."""

__all__ = ["MAX_BLOCK_BYTES", "BlockParser", "ParsedBlock"]

_HEADER = HEADER.encode()
_END = b"\r\n"  # so that a carriage return of a line stays


class BlockParser:
    """Parses blocks of lines of one format; one instance may serve several threads.

    Args:
        log_format: The format of the lines.
        max_line_bytes: A line with more bytes, its terminator aside, is rejected, and only these first bytes are kept.
        places: Finds where the clients are; the columns stay empty without.
    """

    def __init__(self, log_format: LogFormat, max_line_bytes: int = 1 << 20, places: Places | None = None) -> None:
        self.log_format = log_format
        self.max_line_bytes = max_line_bytes
        self._places = places

    def parse(self, data: bytes | memoryview, base_offset: int = 0) -> ParsedBlock:
        """Parse whole lines; the last one may lack its newline.

        Any bytes give rows, rejected lines and blanks that add up. `#Fields` lines of a W3C format count from where
        they stand to the block's end; `following` takes the last one along.

        Args:
            data: The block.
            base_offset: The offset of its first byte in the file, added to every `source_offset`.

        Raises:
            BlockSizeError: `data` is larger than `MAX_BLOCK_BYTES`.
        """
        if len(data) > MAX_BLOCK_BYTES:
            raise BlockSizeError(f"a block of {len(data)} bytes is too large: pass at most {MAX_BLOCK_BYTES} bytes")
        parsed = self._parsed(data, base_offset)
        if self._places is None:
            return parsed
        return replace(parsed, rows=with_places(parsed.rows, self._places))

    def following(self, data: bytes | memoryview) -> Self:
        """Return the parser of the block behind one: another one where a `#Fields` line says other fields."""
        if not is_w3c(self.log_format) or isinstance(self.log_format, MixedFormat):
            return self
        *_, (log_format, _, _) = _parts(self.log_format, data)
        if log_format == self.log_format:
            return self
        following = copy.copy(self)
        following.log_format = log_format
        return following

    def kept_line(self, line: bytes) -> bytes:
        """Return the line as it may be stored; subclasses redact it."""
        return line

    def _parsed(self, data: bytes | memoryview, base_offset: int) -> ParsedBlock:
        if isinstance(self.log_format, MixedFormat):
            return self._mixed(self.log_format.formats, data, base_offset)
        parts = [
            read_block(log_format, part, base_offset + start, self.max_line_bytes)
            for log_format, start, part in _parts(self.log_format, data)
        ]
        return parts[0] if len(parts) == 1 else _joined(parts)

    def _mixed(
        self, formats: Sequence[TemplateFormat | JsonFormat], data: bytes | memoryview, base_offset: int
    ) -> ParsedBlock:
        """Read each line by the first format that fits it; what is said of a line that none fits is the first one's."""
        first, *others = formats
        parsed = read_block(first, data, base_offset, self.max_line_bytes)
        rows_by_format = Counter({first.name: parsed.rows.num_rows})
        for log_format in others:
            is_whole = np.array(
                [str(reason) != RejectReason.LINE_TOO_LONG for reason in _texts(parsed.rejected, "error_type")]
            )
            tried = np.flatnonzero(is_whole)
            if not len(tried):
                break
            raw_lines = _texts(parsed.rejected, "raw_line")
            written = [raw_lines[line] + _END for line in tried]
            starts = np.cumsum([0, *map(len, written)])
            again = read_block(log_format, b"".join(written), 0, self.max_line_bytes)
            rows_by_format[log_format.name] = again.rows.num_rows
            offsets = _offsets(parsed.rejected)
            found = tried[np.searchsorted(starts, _offsets(again.rows))]
            kept = tried[np.searchsorted(starts, _offsets(again.rejected))]
            left = np.sort(np.concatenate((kept, np.flatnonzero(~is_whole))))
            parsed = ParsedBlock(
                in_order([parsed.rows, with_offsets(again.rows, offsets[found])]),
                cast(Any, parsed.rejected).take(int64_array(left)),
                parsed.lines,
                parsed.blank + again.blank,
                parsed.frames,
            )
        return replace(parsed, formats=+rows_by_format)


def _parts(
    log_format: TemplateFormat | JsonFormat, data: bytes | memoryview
) -> Iterator[tuple[TemplateFormat | JsonFormat, int, bytes | memoryview]]:
    """Yield a block as it is; of a W3C format in parts, each with the format that the line at its beginning says."""
    if not is_w3c(log_format):
        yield log_format, 0, data
        return
    whole = bytes(data)
    separator = "\t" if "\t" in log_format.name else " "
    start = 0
    while True:
        if whole.startswith(_HEADER, start):
            line_end = whole.find(b"\n", start)
            log_format = header_of(whole[start : line_end if line_end >= 0 else len(whole)].rstrip(b"\r"), separator)
        following = whole.find(b"\n" + _HEADER, start)
        end = len(whole) if following < 0 else following + 1
        yield log_format, start, whole[start:end]
        if following < 0:
            return
        start = end


def _joined(parts: Sequence[ParsedBlock]) -> ParsedBlock:
    return ParsedBlock(
        in_order([part.rows for part in parts]),
        in_order([part.rejected for part in parts]),
        sum(part.lines for part in parts),
        sum(part.blank for part in parts),
        sum((part.frames for part in parts), Counter()),
    )


def _offsets(batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
    return number_values(batch.column("source_offset"), np.int64)


def _texts(batch: pa.RecordBatch, name: str) -> list[Any]:
    texts: list[Any] = cast(Any, batch.column(name)).to_pylist()
    return texts
