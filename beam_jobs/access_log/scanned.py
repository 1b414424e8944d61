"""The lines of one block while they are read: first by the scanner, then the declined ones by the reference parser."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.columns import Lines
from beam_jobs.access_log.hashing import hash_lines
from beam_jobs.access_log.reference import Row
from beam_jobs.access_log.scanner import Program, count_newlines, scan
from beam_jobs.access_log.schema import TEXT_FIELDS
from beam_jobs.access_log.words import PADDING

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)


class ScannedBlock:
    """The lines of a block that are not blank, with the values of those accepted so far.

    Args:
        block: The bytes, read-only.
        program: The format, from `scanner.program`.
        max_line_bytes: A line with more bytes is too long.

    Attributes:
        verdicts: Per line what the scanner says of it.
        bounds: Shape (lines, 2): its first byte in the block, and the one after its last.
        count: All lines, blank ones too.
        blank: The blank lines.
    """

    def __init__(self, block: npt.NDArray[np.uint8], program: Program, max_line_bytes: int) -> None:
        capacity = count_newlines(block) + 1
        verdicts = np.empty(capacity, np.uint8)
        bounds = np.empty((capacity, 2), np.int32)
        self._texts = np.empty((capacity, 2 * len(TEXT_FIELDS)), np.int32)
        self._numbers = np.empty((3, capacity), np.int64)
        self._dates = np.empty(capacity, np.int32)
        self._hashes = np.empty((capacity, 2), np.uint64)
        self._block_bytes = block.size
        tally = np.zeros(2, np.int64)
        outputs: tuple[Any, ...] = (verdicts, bounds, self._texts, self._numbers, self._dates, tally)
        cut, found = scan(block, block.size, 0, 0, max_line_bytes, *program, 0, *outputs)
        hash_lines(block, 0, bounds, 0, found, self._hashes)
        # The scanner reads beyond what it looks at, so it leaves the lines at the end of the block to this copy.
        tail = block[cut:].tobytes()
        ended = tail if tail.endswith(b"\n") else tail + b"\n"
        padded = np.frombuffer(ended + bytes(PADDING), np.uint8)
        scanned_before = found
        _, found = scan(padded, len(tail), cut, block.size, max_line_bytes, *program, found, *outputs)
        hash_lines(padded, cut, bounds, scanned_before, found, self._hashes)
        self._overflow = bytearray(tail)
        self._found = found
        self.verdicts = verdicts[:found]
        self.bounds = bounds[:found]
        self.count, self.blank = tally.tolist()

    def put(self, line: int, row: Row) -> None:
        """Fills in the values that the reference parser read in a line."""
        places: list[int] = []
        for name in TEXT_FIELDS:
            text: str | None = getattr(row, name)
            if text is None:
                places += (0, -1)
            else:
                encoded = text.encode()
                places += (self._block_bytes + len(self._overflow), len(encoded))
                self._overflow += encoded
        self._texts[line] = places
        self._numbers[:, line] = (
            (row.timestamp - _EPOCH) // _MICROSECOND,
            -1 if row.status is None else row.status,
            -1 if row.body_bytes_sent is None else row.body_bytes_sent,
        )
        self._dates[line] = row.timestamp.toordinal() - _EPOCH_DAY

    def overflow(self) -> npt.NDArray[np.uint8]:
        """The texts that do not stand in the block as they are; in `Lines.texts` they begin at the block's size."""
        return np.frombuffer(bytes(self._overflow) + bytes(PADDING), np.uint8)

    def accepted(self, dropped: list[int]) -> Lines:
        """All lines but the given ones."""
        kept: npt.NDArray[np.bool_] | slice = slice(self._found)
        if dropped:
            kept = np.ones(self._found, np.bool_)
            kept[dropped] = False
        found = slice(self._found)
        return Lines(
            texts=self._texts[found][kept],
            timestamps=self._numbers[0, found][kept],
            statuses=self._numbers[1, found][kept],
            sizes=self._numbers[2, found][kept],
            dates=self._dates[found][kept],
            hashes=self._hashes[found][kept],
            starts=self.bounds[:, 0][kept],
        )
