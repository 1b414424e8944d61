"""Parse rejected lines again; rows keep the identity that the lines were rejected with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from beam_jobs.access_log import PARSER_VERSION, BlockParser, FormatError, ParsedBlock
from beam_jobs.access_log.places.columns import Places
from beam_jobs.access_log.privacy.anonymiser import Anonymiser
from beam_jobs.options.anonymisation import make_parser
from beam_jobs.output.identity import ROWS_SCHEMA, identified
from beam_jobs.sequences import bisect, chunks_of

IDENTITY = ("event_id", "source", "source_uri", "source_offset")
"""Columns that a row takes over from its rejected line."""
COLUMNS = ("raw_line", "log_format", *IDENTITY)
"""Columns that a table of rejected lines must have; `log_format` is the one to read the line as."""

PARSER_FAILED = "parser_failed"
"""A line stays rejected: the parser itself failed at it. Beside the reasons of `access_log.RejectReason`."""
UNKNOWN_FORMAT = "unknown_format"
"""A line stays rejected: this release does not know its `log_format`."""
SEVERAL_LINES = "several_lines"
"""A line stays rejected: it holds line ends, and would be several rows."""

MAX_LINE_BYTES = 1 << 20
_BLOCK_BYTES = 16 << 20
# The parser strips one carriage return and one newline; what the line itself ends with stays.
_END = b"\r\n"


@dataclass(frozen=True)
class ReplayedLines:
    """Outcome of some rejected lines; what is not a row stays rejected: `lines == rows.num_rows + rejected + blank`."""

    rows: pa.Table
    lines: int
    blank: int
    rejected_by_reason: Counter[str]


class LineReplayer:
    """Parses rejected lines again, with the anonymiser and the places of the jobs which read them."""

    def __init__(
        self, ingested_at: datetime, anonymiser: Anonymiser | None = None, places: Places | None = None
    ) -> None:
        self._ingested_at = ingested_at
        self._anonymiser = anonymiser
        self._places = places
        self._parsers: dict[str | None, BlockParser | None] = {None: None}

    def replay(self, batch: pa.RecordBatch) -> ReplayedLines:
        """Parse lines with `COLUMNS`, of any formats, again; any bytes give a row or a reason."""
        lines, formats = _values(batch, "raw_line"), _values(batch, "log_format")
        reasons: Counter[str] = Counter()
        of_format: dict[str | None, list[int]] = {}
        for index, (line, log_format) in enumerate(zip(lines, formats, strict=True)):
            if b"\n" in line:
                reasons[SEVERAL_LINES] += 1
            else:
                of_format.setdefault(log_format, []).append(index)
        tables = [ROWS_SCHEMA.empty_table()]
        blank = 0
        for log_format, indices in of_format.items():
            parser = self._parser(log_format)
            if parser is None:
                reasons[UNKNOWN_FORMAT] += len(indices)
                continue
            for block in chunks_of(indices, lambda index: len(lines[index]) + len(_END), most_bytes=_BLOCK_BYTES):
                for parsed_indices, parsed in _parse(parser, lines, block, reasons):
                    blank += parsed.blank
                    reasons.update(_values(parsed.rejected, "error_type"))
                    tables.append(self._identified(batch, lines, parsed_indices, parsed))
        return ReplayedLines(pa.concat_tables(tables), len(lines), blank, reasons)

    def _parser(self, log_format: str | None) -> BlockParser | None:
        if log_format is not None and log_format not in self._parsers:
            try:
                self._parsers[log_format] = make_parser(log_format, MAX_LINE_BYTES, self._anonymiser, self._places)
            except FormatError:
                self._parsers[log_format] = None
        return self._parsers[log_format]

    def _identified(
        self, batch: pa.RecordBatch, lines: Sequence[bytes], indices: Sequence[int], parsed: ParsedBlock
    ) -> pa.Table:
        """Give a block's rows the identities of their lines."""
        lengths = np.fromiter((len(lines[index]) + len(_END) for index in indices), np.int64, len(indices))
        starts = np.cumsum(lengths) - lengths
        offsets = parsed.rows.column("source_offset").to_numpy(zero_copy_only=False)
        taken = pa.array(np.asarray(indices, np.int64)[np.searchsorted(starts, offsets)], pa.int64())
        identity: dict[str, Any] = {name: batch.column(name).take(taken) for name in IDENTITY}
        identity |= {"parser_version": PARSER_VERSION, "ingested_at": self._ingested_at}
        return pa.Table.from_batches([identified(parsed.rows, ROWS_SCHEMA, identity)])


def _values(batch: pa.RecordBatch, name: str) -> list[Any]:
    return batch.column(name).to_pylist()


def _parse(
    parser: BlockParser, lines: Sequence[bytes], indices: list[int], reasons: Counter[str]
) -> Iterator[tuple[Sequence[int], ParsedBlock]]:
    """Parse lines; one at which the parser itself fails is left, and the others go on."""

    def work(some: Sequence[int]) -> tuple[Sequence[int], ParsedBlock] | None:
        return some, parser.parse(b"".join(lines[index] + _END for index in some))

    def leave(_index: int, _error: Exception) -> None:
        reasons[PARSER_FAILED] += 1

    # Any error, for lines are here because a parser failed at them.
    return (parsed for parsed in bisect(indices, work, Exception, leave) if parsed is not None)
