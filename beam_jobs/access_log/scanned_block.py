"""The lines of one block while they are read: first by the scanner, then the declined ones by the reference parser."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, Self, TypeVar, cast

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.arrow.rows import Lines
from beam_jobs.access_log.arrow.schema import TEXT_FIELDS
from beam_jobs.access_log.compiled.simd import PADDING
from beam_jobs.access_log.compiled.template_program import NO_PROGRAM, Program
from beam_jobs.access_log.compiled.template_scanner import ACCEPTED, NO_COMMENT, REWRITE, scan
from beam_jobs.access_log.compiled.unescape import WORST_GROWTH, rewrite
from beam_jobs.access_log.formats.log_format import LogFormat
from beam_jobs.access_log.row import Row

_Values = TypeVar("_Values", bound=np.ndarray[Any, Any])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)
_SAMPLE_BYTES = 1 << 14


class _Outputs(NamedTuple):
    """What the scanner fills in; one entry per line that is not blank."""

    verdicts: npt.NDArray[np.uint8]
    bounds: npt.NDArray[np.int32]
    texts: npt.NDArray[np.int32]
    timestamps: npt.NDArray[np.int64]
    statuses: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    durations: npt.NDArray[np.float64]
    dates: npt.NDArray[np.int32]
    hashes: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, lines: int) -> Self:
        """Room for so many lines."""
        return cls(
            np.empty(lines, np.uint8),
            np.empty((lines, 2), np.int32),
            np.empty((lines, 2 * len(TEXT_FIELDS)), np.int32),
            np.empty(lines, np.int64),
            np.empty(lines, np.int64),
            np.empty(lines, np.int64),
            np.empty(lines, np.float64),
            np.empty(lines, np.int32),
            np.empty((lines, 2), np.uint64),
        )

    def grown(self) -> Self:
        """The same, filled as far as this, with twice the room."""
        grown = self.of(2 * len(self.verdicts))
        for old, new in zip(self, grown, strict=True):
            cast(Any, new)[: len(self.verdicts)] = old
        return grown


def _likely_lines(block: npt.NDArray[np.uint8]) -> int:
    """Room for somewhat more lines than the beginning of the block lets expect."""
    sample = block[:_SAMPLE_BYTES].tobytes()
    likely = (sample.count(b"\n") + 8) * block.size // max(len(sample), 1)
    # A line that is not blank has a byte beside its newline.
    return min(likely + likely // 16, block.size // 2) + 2


class ScannedBlock:
    """The lines of a block that are not blank, with the values of those accepted so far.

    Args:
        block: The bytes, read-only.
        log_format: The format of its lines.
        max_line_bytes: A line with more bytes is too long.

    Attributes:
        block: The bytes, read-only. `PADDING` more can be read behind each of the first `padded` lines.
        padded: Of how many lines this is so; the others end within `PADDING` bytes of the end of the block.
        verdicts: Per line what is known of it: `scanner.DECLINED`, `ACCEPTED`, `TOO_LONG` or `UNENDED`.
        bounds: Shape (lines, 2): its first byte in the block, and the one after its last.
        texts, timestamps, statuses, sizes, durations, dates: The values of the accepted lines, see `columns.Lines`;
            for `durations` NaN is null.
        count: All lines, blank ones too.
        blank: The blank lines.
    """

    def __init__(self, block: npt.NDArray[np.uint8], log_format: LogFormat, max_line_bytes: int) -> None:
        program = log_format.program or NO_PROGRAM
        comment = log_format.comment[0] if log_format.comment else NO_COMMENT
        outputs = _Outputs.of(_likely_lines(block))
        cut = found = lines = blank = 0
        while True:
            rest = block[cut:]
            stop, found, more, more_blank = scan(
                rest, rest.size, cut, cut, max_line_bytes, comment, program.steps, program.separators, found, *outputs
            )
            cut, lines, blank = cut + stop, lines + more, blank + more_blank
            if found < len(outputs.verdicts):
                break
            outputs = outputs.grown()
        self.padded = found
        # The scanner reads beyond what it looks at, so it leaves the lines at the end of the block to this copy.
        tail = block[cut:].tobytes()
        ended = tail if tail.endswith(b"\n") else tail + b"\n"
        padded = np.frombuffer(ended + bytes(PADDING), np.uint8)
        _, found, more, more_blank = scan(
            padded, len(tail), cut, block.size, max_line_bytes, comment, program.steps, program.separators, found,
            *outputs,
        )  # fmt: skip
        self.block = block
        self.count, self.blank = lines + more, blank + more_blank
        self.verdicts, self.bounds, self.texts = outputs.verdicts[:found], outputs.bounds[:found], outputs.texts[:found]
        self.timestamps, self.dates = outputs.timestamps[:found], outputs.dates[:found]
        self.statuses, self.sizes = outputs.statuses[:found], outputs.sizes[:found]
        self.durations, self._hashes = outputs.durations[:found], outputs.hashes[:found]
        self._tail_start = cut
        self._overflow = bytearray(tail)
        self._rewrite(np.flatnonzero(self.verdicts == REWRITE), padded, program)
        log_format.fill(self)

    def _rewrite(self, lines: npt.NDArray[np.int64], tail: npt.NDArray[np.uint8], program: Program) -> None:
        if len(lines):
            room = WORST_GROWTH * int(np.maximum(self.texts[lines, 1::2], 0).sum(dtype=np.int64))
            output = np.empty(room + PADDING, np.uint8)
            begin = self.block.size + len(self._overflow)
            used = rewrite(self.block, tail, lines, self.texts, program.rewritten, begin, output)
            self._overflow += output[:used].tobytes()
            self.verdicts[lines] = ACCEPTED

    def places(self, lines: npt.NDArray[np.int64], max_bytes: int) -> npt.NDArray[np.int32]:
        """Where whole lines begin and their lengths, as texts have it, of at most so many bytes each."""
        begins, ends = self.bounds[lines].T
        lengths = np.minimum(ends - begins, max_bytes)
        in_tail = lines >= self.padded
        return np.stack((begins + in_tail * np.int32(self.block.size - self._tail_start), lengths), axis=1)

    def put(self, line: int, row: Row) -> None:
        """Fills in the values that were read in a line one by one."""
        places: list[int] = []
        for name in TEXT_FIELDS:
            text: str | None = getattr(row, name)
            if text is None:
                places += (0, -1)
            else:
                places += self.add_text(text.encode())
        self.texts[line] = places
        self.timestamps[line] = (row.timestamp - _EPOCH) // _MICROSECOND
        self.statuses[line] = -1 if row.status is None else row.status
        self.sizes[line] = -1 if row.body_bytes_sent is None else row.body_bytes_sent
        self.durations[line] = np.nan if row.request_duration_ms is None else row.request_duration_ms
        self.dates[line] = row.timestamp.toordinal() - _EPOCH_DAY

    def add_text(self, text: bytes) -> tuple[int, int]:
        """Keeps texts that do not stand in the block as they are, and returns where they begin and their length."""
        begin = self.block.size + len(self._overflow)
        self._overflow += text
        return begin, len(text)

    def overflow(self) -> npt.NDArray[np.uint8]:
        """The texts that do not stand in the block as they are; in `Lines.texts` they begin at the block's size."""
        return np.frombuffer(bytes(self._overflow) + bytes(PADDING), np.uint8)

    def accepted(self, kept: npt.NDArray[np.bool_] | None) -> Lines:
        """The lines that are kept; all where nothing is said."""
        lines = None if kept is None else np.flatnonzero(kept)

        def of_lines(values: _Values) -> _Values:
            return values if lines is None else cast(_Values, values.take(lines, axis=0))

        return Lines(
            texts=of_lines(self.texts),
            timestamps=of_lines(self.timestamps),
            statuses=of_lines(self.statuses),
            sizes=of_lines(self.sizes),
            durations=of_lines(self.durations),
            dates=of_lines(self.dates),
            hashes=of_lines(self._hashes),
            starts=of_lines(self.bounds[:, 0]),
        )
