"""The lines of one block while they are read: first by the scanner, then the declined ones by the reference parser."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.columns import Lines
from beam_jobs.access_log.hashing import hash_lines
from beam_jobs.access_log.log_format import LogFormat
from beam_jobs.access_log.rows import Row
from beam_jobs.access_log.scanner import NO_COMMENT, NO_PROGRAM, count_newlines, scan
from beam_jobs.access_log.schema import TEXT_FIELDS
from beam_jobs.access_log.words import PADDING

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)


class ScannedBlock:
    """The lines of a block that are not blank, with the values of those accepted so far.

    Args:
        block: The bytes, read-only.
        log_format: The format of its lines.
        max_line_bytes: A line with more bytes is too long.

    Attributes:
        block: The bytes, read-only. `PADDING` more can be read behind each of the first `padded` lines.
        padded: Of how many lines this is so; the others end within `PADDING` bytes of the end of the block.
        verdicts: Per line what is known of it: `scanner.DECLINED`, `ACCEPTED` or `TOO_LONG`.
        bounds: Shape (lines, 2): its first byte in the block, and the one after its last.
        texts, timestamps, statuses, sizes, durations, dates: The values of the accepted lines, see `columns.Lines`;
            for `durations` NaN is null.
        count: All lines, blank ones too.
        blank: The blank lines.
    """

    def __init__(self, block: npt.NDArray[np.uint8], log_format: LogFormat, max_line_bytes: int) -> None:
        capacity = count_newlines(block) + 1
        verdicts = np.empty(capacity, np.uint8)
        bounds = np.empty((capacity, 2), np.int32)
        texts = np.empty((capacity, 2 * len(TEXT_FIELDS)), np.int32)
        numbers = np.empty((3, capacity), np.int64)
        durations = np.empty(capacity, np.float64)
        dates = np.empty(capacity, np.int32)
        hashes = np.empty((capacity, 2), np.uint64)
        tally = np.zeros(2, np.int64)
        outputs: tuple[Any, ...] = (verdicts, bounds, texts, numbers, durations, dates, tally)
        program = log_format.program or NO_PROGRAM
        comment = log_format.comment[0] if log_format.comment else NO_COMMENT
        cut, found = scan(block, block.size, 0, 0, max_line_bytes, comment, *program, 0, *outputs)
        hash_lines(block, 0, bounds, 0, found, hashes)
        # The scanner reads beyond what it looks at, so it leaves the lines at the end of the block to this copy.
        tail = block[cut:].tobytes()
        ended = tail if tail.endswith(b"\n") else tail + b"\n"
        padded = np.frombuffer(ended + bytes(PADDING), np.uint8)
        self.padded = found
        _, found = scan(padded, len(tail), cut, block.size, max_line_bytes, comment, *program, found, *outputs)
        hash_lines(padded, cut, bounds, self.padded, found, hashes)
        self._overflow = bytearray(tail)
        self.block = block
        self.verdicts = verdicts[:found]
        self.bounds = bounds[:found]
        self.texts = texts[:found]
        self.timestamps, self.statuses, self.sizes = numbers[:, :found]
        self.durations = durations[:found]
        self.dates = dates[:found]
        self._hashes = hashes[:found]
        self.count, self.blank = tally.tolist()
        log_format.fill(self)

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

    def accepted(self, dropped: list[int]) -> Lines:
        """All lines but the given ones."""
        kept: npt.NDArray[np.bool_] | slice = slice(None)
        if dropped:
            kept = np.ones(len(self.verdicts), np.bool_)
            kept[dropped] = False
        return Lines(
            texts=self.texts[kept],
            timestamps=self.timestamps[kept],
            statuses=self.statuses[kept],
            sizes=self.sizes[kept],
            durations=self.durations[kept],
            dates=self.dates[kept],
            hashes=self._hashes[kept],
            starts=self.bounds[:, 0][kept],
        )
