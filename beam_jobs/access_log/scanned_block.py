"""The lines of one block while they are read: first by the scanner, then the declined ones by the reference reader."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.compiled.outputs import ACCEPTED, REWRITE, UNENDED, Outputs
from beam_jobs.access_log.compiled.simd import PADDING
from beam_jobs.access_log.compiled.template_program import Program
from beam_jobs.access_log.compiled.template_scanner import NO_COMMENT, scan
from beam_jobs.access_log.compiled.unescape import WORST_GROWTH, rewrite
from beam_jobs.access_log.rejection import Rejection
from beam_jobs.access_log.row import Row

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SAMPLE_BYTES = 1 << 14


@dataclass
class ScannedBlock:
    """The lines of a block that are not blank, with the values of those accepted so far and the rejections.

    Attributes:
        block: The bytes, read-only.
        lines: Per line its verdict, its bounds and, if accepted, its values.
        padded: The number of lines behind which `PADDING` bytes of the block can be read; the others, the last ones,
            end too close to the end of the block.
        count: All lines, blank ones too.
        blank: The blank lines.
        overflow: The texts that do not stand in the block as they are: a copy of the block from `tail_start` on, then
            texts that were unescaped or added. In `lines.texts` they begin at the block's size.
        tail_start: Where in the block the lines after the `padded` ones begin.
        text_fields: What the texts of a line are.
    """

    block: npt.NDArray[np.uint8]
    lines: Outputs
    padded: int
    count: int
    blank: int
    overflow: bytearray
    tail_start: int
    text_fields: Sequence[str]
    _rejected: list[npt.NDArray[np.int64]] = field(default_factory=list)
    _numbers: list[int] = field(default_factory=list)
    _rejections: dict[Rejection, int] = field(default_factory=dict)
    _aside: list[npt.NDArray[np.int64]] = field(default_factory=list)

    def with_verdict(self, verdict: int) -> npt.NDArray[np.int64]:
        """Return the lines of a verdict."""
        return np.flatnonzero(self.lines.verdicts == verdict)

    def unended(self) -> Iterator[tuple[int, int, npt.NDArray[np.int64]]]:
        """Yield each step whose separator is missing and the position of its field in the line, and the lines."""
        lines = self.with_verdict(UNENDED)
        if not len(lines):
            return
        # Few of the pairs are different, though a block may be made of nothing else.
        pairs, pair_of_line, counts = np.unique(
            self.lines.texts[lines, :2].astype(np.int64) @ np.array([1 << 32, 1]),
            return_inverse=True,
            return_counts=True,
        )
        by_pair = np.split(lines[np.argsort(pair_of_line, kind="stable")], np.cumsum(counts)[:-1])
        for pair, lines_of_pair in zip(pairs.tolist(), by_pair, strict=False):
            yield pair >> 32, pair & 0xFFFFFFFF, lines_of_pair

    def put(self, line: int, row: Row) -> None:
        """Accept a line with the values that the reference reader found in it."""
        places: list[int] = []
        for name in self.text_fields:
            text: str | None = getattr(row, name)
            if text is None:
                places += (0, -1)
            else:
                places += self.add_text(text.encode())
        values = self.lines
        values.texts[line] = places
        values.timestamps[line] = (row.timestamp - _EPOCH) // _MICROSECOND
        values.statuses[line] = -1 if row.status is None else row.status
        values.sizes[line] = -1 if row.body_bytes_sent is None else row.body_bytes_sent
        values.durations[line] = np.nan if row.request_duration_ms is None else row.request_duration_ms

    def add_text(self, text: bytes) -> tuple[int, int]:
        """Keep a text that does not stand in the block, and return where it begins and its length."""
        begin = self.block.size + len(self.overflow)
        self.overflow += text
        return begin, len(text)

    def overflow_bytes(self) -> npt.NDArray[np.uint8]:
        """Copy the overflow, and `PADDING` bytes behind it."""
        return np.frombuffer(bytes(self.overflow) + bytes(PADDING), np.uint8)

    def places(self, lines: npt.NDArray[np.int64], max_bytes: int) -> npt.NDArray[np.int32]:
        """Return where whole lines begin and their lengths, as texts have them, cut to `max_bytes` each."""
        begins, ends = self.lines.bounds[lines].T
        lengths = np.minimum(ends - begins, max_bytes)
        in_tail = lines >= self.padded
        return np.stack((begins + in_tail * np.int32(self.block.size - self.tail_start), lengths), axis=1)

    def reject(self, lines: npt.NDArray[np.int64], rejection: Rejection) -> None:
        """Reject lines, all for the same reason."""
        self._rejected.append(lines)
        self._numbers.append(self._rejections.setdefault(rejection, len(self._rejections)))

    def rejected(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], list[Rejection]]:
        """Return the rejected lines in their order, and per line the index of its rejection in the list."""
        lines = np.concatenate(self._rejected or [np.empty(0, np.int64)])
        numbers = np.repeat(np.array(self._numbers, np.int64), [len(rejected) for rejected in self._rejected])
        order = np.argsort(lines, kind="stable")
        return lines[order], numbers[order], list(self._rejections)

    def set_aside(self, lines: npt.NDArray[np.int64]) -> None:
        """Leave lines out: they are read in another way."""
        self._aside.append(lines)

    def accepted(self) -> Outputs:
        """Return the lines that are neither rejected nor set aside."""
        others = self._rejected + self._aside
        if not others:
            return self.lines
        kept = np.ones(len(self.lines.verdicts), np.bool_)
        kept[np.concatenate(others)] = False
        return self.lines.take(np.flatnonzero(kept))


def scan_block(
    block: npt.NDArray[np.uint8],
    program: Program,
    text_fields: Sequence[str],
    comment: bytes,
    max_line_bytes: int,
) -> ScannedBlock:
    """Find and hash the lines of a block, and read those that a program can read."""
    first_byte = comment[0] if comment else NO_COMMENT
    outputs = Outputs.empty(_likely_lines(block), len(text_fields))
    cut = found = lines = blank = 0
    while True:
        rest = block[cut:]
        stop, found, more, more_blank = scan(
            rest, rest.size, cut, cut, max_line_bytes, first_byte, program, found, outputs
        )
        cut, lines, blank = cut + stop, lines + more, blank + more_blank
        if found < len(outputs.verdicts):
            break
        outputs = outputs.grown()
    padded = found
    # The scanner reads beyond what it looks at, so it leaves the lines at the end of the block to this copy.
    tail = block[cut:].tobytes()
    ended = tail if tail.endswith(b"\n") else tail + b"\n"
    padded_tail = np.frombuffer(ended + bytes(PADDING), np.uint8)
    _, found, more, more_blank = scan(
        padded_tail, len(tail), cut, block.size, max_line_bytes, first_byte, program, found, outputs
    )
    overflow = bytearray(tail)
    outputs = outputs.first(found)
    overflow += _unescaped(block, padded_tail, len(tail), program, outputs)
    return ScannedBlock(block, outputs, padded, lines + more, blank + more_blank, overflow, cut, text_fields)


def _likely_lines(block: npt.NDArray[np.uint8]) -> int:
    """Return somewhat more lines than the beginning of the block lets expect."""
    sample = block[:_SAMPLE_BYTES].tobytes()
    likely = (sample.count(b"\n") + 8) * block.size // max(len(sample), 1)
    # A line that is not blank has a byte beside its newline.
    return min(likely + likely // 16, block.size // 2) + 2


def _unescaped(
    block: npt.NDArray[np.uint8], tail: npt.NDArray[np.uint8], tail_bytes: int, program: Program, outputs: Outputs
) -> bytes:
    """Return the texts that are not as they stand in the block, and have the outputs point behind the tail to them."""
    lines = np.flatnonzero(outputs.verdicts == REWRITE)
    if not len(lines):
        return b""
    room = WORST_GROWTH * int(np.maximum(outputs.texts[lines, 1::2], 0).sum(dtype=np.int64))
    output = np.empty(room + PADDING, np.uint8)
    used = rewrite(block, tail, lines, outputs.texts, program.rewritten, block.size + tail_bytes, output)
    outputs.verdicts[lines] = ACCEPTED
    return output[:used].tobytes()
