"""A block of lines of one format: the fast way first, then the declined lines, then those inside frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log.arrow.arrays import number_values
from beam_jobs.access_log.arrow.batches import in_order, rejected_batch, rows_batch, with_offsets
from beam_jobs.access_log.compiled.outputs import DECLINED, FRAMED, TOO_LONG, UNENDED
from beam_jobs.access_log.engines import parse_line, reject_unended, scan_lines
from beam_jobs.access_log.formats.json_lines import JsonFormat
from beam_jobs.access_log.formats.template import TemplateFormat
from beam_jobs.access_log.framing import Framed, unframed, without_compose
from beam_jobs.access_log.rejection import Rejection, RejectReason
from beam_jobs.access_log.row import Row
from beam_jobs.access_log.scanned_block import ScannedBlock


@dataclass(frozen=True)
class ParsedBlock:
    """The outcome of one block: `lines == rows.num_rows + rejected.num_rows + blank`.

    Attributes:
        rows: The good lines, in `ROWS_SCHEMA`, in the order of the block.
        rejected: The others, in `REJECTED_SCHEMA`, in the order of the block.
        lines: All lines of the block.
        blank: Lines that are empty or hold only spaces and tabs, and the parts of a line that a collector has cut,
            but for its first one.
        frames: How many lines had which frame around them.
        formats: Where the lines are of several formats, how many rows are of which.
    """

    rows: pa.RecordBatch
    rejected: pa.RecordBatch
    lines: int
    blank: int
    frames: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)


_CUT = Rejection(RejectReason.NOT_MATCHING_FORMAT, "a collector has cut the line, and its last part does not follow")


class _Inner:
    """The lines inside frames, each with the numbers of the lines of the block that it is made of."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.owners: list[list[int]] = []
        self.cut: list[int] = []
        """Numbers of the lines that are parts of one whose last part does not follow."""
        self.frames: Counter[str] = Counter()

    def add(self, framed: Iterable[tuple[int, Framed]]) -> None:
        before: tuple[int, Framed] | None = None
        for number, inner in sorted(framed, key=lambda pair: pair[0]):
            self.frames.update(inner.frames)
            if before is not None and before[0] == number - 1 and before[1].goes_on_in(inner):
                self.lines[-1] += inner.content
                self.owners[-1].append(number)
            else:
                self._leave_out_cut(before)
                self.lines.append(inner.content)
                self.owners.append([number])
            before = number, inner
        self._leave_out_cut(before)

    def _leave_out_cut(self, last: tuple[int, Framed] | None) -> None:
        if last is not None and last[1].is_partial:
            self.lines.pop()
            self.cut += self.owners.pop()


def read_block(
    log_format: TemplateFormat | JsonFormat, data: bytes | memoryview, base_offset: int, max_line_bytes: int
) -> ParsedBlock:
    """Read a block of whole lines of one format; the last one may lack its newline.

    Args:
        log_format: The format.
        data: The block.
        base_offset: The offset of its first byte in the file.
        max_line_bytes: A line with more bytes is rejected.
    """
    scanned = _scanned(log_format, data, max_line_bytes)
    inner = _Inner()
    inner.add(_framed(log_format, scanned, data))
    if inner.cut:
        scanned.reject(np.array(inner.cut), _CUT)
    reject_unended(log_format, scanned)
    blank = scanned.blank
    rows = None
    if inner.lines:
        scanned.set_aside(np.array([line for owners in inner.owners for line in owners], np.int64))
        sub_rows, sub_blank = _read_inner(log_format, scanned, inner, base_offset, max_line_bytes)
        rows, blank = in_order([rows_batch(scanned, base_offset), sub_rows]), blank + sub_blank
    return ParsedBlock(
        rows=rows_batch(scanned, base_offset) if rows is None else rows,
        rejected=rejected_batch(scanned, base_offset, max_line_bytes),
        lines=scanned.count,
        blank=blank,
        frames=inner.frames,
    )


def _scanned(log_format: TemplateFormat | JsonFormat, data: bytes | memoryview, max_line_bytes: int) -> ScannedBlock:
    block = np.frombuffer(data, np.uint8)
    block.flags.writeable = False
    scanned = scan_lines(log_format, block, max_line_bytes)
    too_long = scanned.with_verdict(TOO_LONG)
    if len(too_long):
        what = f"the line has more than {max_line_bytes} bytes; only the first {max_line_bytes} are kept"
        scanned.reject(too_long, Rejection(RejectReason.LINE_TOO_LONG, what))
    return scanned


def _framed(
    log_format: TemplateFormat | JsonFormat, scanned: ScannedBlock, data: bytes | memoryview
) -> list[tuple[int, Framed]]:
    """Read the lines that the scanner has left, and return those inside frames with their numbers."""
    framed: list[tuple[int, Framed]] = []
    for number, line in _lines(scanned, data, FRAMED):
        if (inner := unframed(line)) is not None:
            framed.append((number, inner))
        else:
            framed += _read_slowly(log_format, scanned, number, line)
    for number, line in _lines(scanned, data, DECLINED):
        framed += _read_slowly(log_format, scanned, number, line)
    of_compose = [
        (number, inner)
        for number, line in _lines(scanned, data, UNENDED)
        if (inner := without_compose(line)) is not None
    ]
    scanned.lines.verdicts[[number for number, _ in of_compose]] = FRAMED
    return framed + of_compose


def _lines(scanned: ScannedBlock, data: bytes | memoryview, verdict: int) -> Iterable[tuple[int, bytes]]:
    numbers = scanned.with_verdict(verdict)
    for number, (start, end) in zip(numbers.tolist(), scanned.lines.bounds[numbers].tolist(), strict=True):
        yield number, bytes(data[start:end])


def _read_slowly(
    log_format: TemplateFormat | JsonFormat, scanned: ScannedBlock, number: int, line: bytes
) -> Sequence[tuple[int, Framed]]:
    """Read a line by the reference reader; return it if it is one of docker compose."""
    parsed = parse_line(log_format, line)
    if isinstance(parsed, Row):
        scanned.put(number, parsed)
    elif (inner := without_compose(line)) is not None:
        return [(number, inner)]
    else:
        scanned.reject(np.array([number]), parsed)
    return ()


def _read_inner(
    log_format: TemplateFormat | JsonFormat,
    scanned: ScannedBlock,
    inner: _Inner,
    base_offset: int,
    max_line_bytes: int,
) -> tuple[pa.RecordBatch, int]:
    """Read the lines inside frames; return the rows and how many lines of the block have none of their own."""
    written = [line + b"\r\n" for line in inner.lines]
    starts = np.cumsum([0, *map(len, written)])
    sub_block = b"".join(written)
    sub = _scanned(log_format, sub_block, max_line_bytes)
    for verdict in (FRAMED, DECLINED):
        for number, line in _lines(sub, sub_block, verdict):
            parsed = parse_line(log_format, line)
            if isinstance(parsed, Row):
                sub.put(number, parsed)
            else:
                sub.reject(np.array([number]), parsed)
    reject_unended(log_format, sub)
    lines, numbers, rejections = sub.rejected()
    parts = 0
    for index, rejection in zip(_index(starts, sub, lines), numbers.tolist(), strict=True):
        scanned.reject(np.array(inner.owners[index]), rejections[rejection])
        parts += len(inner.owners[index]) - 1
    rows = rows_batch(sub, 0)
    places = np.searchsorted(starts, number_values(rows.column("source_offset"), np.int64))
    firsts = np.array([owners[0] for owners in inner.owners], np.int64)[places]
    blank = sub.blank + sum(len(owners) - 1 for owners in inner.owners) - parts
    return with_offsets(rows, scanned.lines.bounds[firsts, 0].astype(np.int64) + base_offset), blank


def _index(starts: npt.NDArray[np.int64], sub: ScannedBlock, lines: npt.NDArray[np.int64]) -> list[int]:
    """Return which of the lines that begin at `starts` these are."""
    index: list[int] = np.searchsorted(starts, sub.lines.bounds[lines, 0]).tolist()
    return index
