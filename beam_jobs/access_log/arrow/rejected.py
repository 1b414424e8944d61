"""The rejected lines of a block, and how they become a record batch."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log.arrow.arrays import int64_array
from beam_jobs.access_log.arrow.schema import REJECTED_SCHEMA
from beam_jobs.access_log.arrow.strings import text_columns
from beam_jobs.access_log.compiled.template_scanner import UNENDED
from beam_jobs.access_log.formats.log_format import LogFormat
from beam_jobs.access_log.rejection import Rejection
from beam_jobs.access_log.scanned_block import ScannedBlock


class Rejects:
    """Collects rejected lines; those of the scanner are many at once, for a block may be made of nothing else.

    Args:
        scanned: The lines of the block; all that are UNENDED are rejected.
        log_format: Their format.
    """

    def __init__(self, scanned: ScannedBlock, log_format: LogFormat) -> None:
        self._scanned = scanned
        self._lines: list[int] = []
        self._numbers: list[int] = []
        self._rejections: dict[Rejection, int] = {}
        self._unended = np.flatnonzero(scanned.verdicts == UNENDED)
        # The scanner leaves the step and where in the line its field begins; few of these pairs are different.
        steps_and_positions = scanned.texts[self._unended, :2].astype(np.int64) @ np.array([1 << 32, 1])
        pairs, self._pair_of_line = np.unique(steps_and_positions, return_inverse=True)
        self._number_of_pair = np.array(
            [self._number(log_format.unended(pair >> 32, pair & 0xFFFFFFFF)) for pair in pairs.tolist()], np.int64
        )

    def add(self, line: int, rejection: Rejection) -> None:
        """Takes one more line."""
        self._lines.append(line)
        self._numbers.append(self._number(rejection))

    def batch(self, base_offset: int, max_line_bytes: int) -> tuple[pa.RecordBatch, npt.NDArray[np.bool_] | None]:
        """The lines in their order, and which lines of the block are left; None for all.

        Args:
            base_offset: Added to every `source_offset`.
            max_line_bytes: So many bytes of a line are kept.
        """
        lines = np.concatenate((self._unended, np.array(self._lines, np.int64)))
        numbers = np.concatenate((self._number_of_pair[self._pair_of_line], np.array(self._numbers, np.int64)))
        order = np.argsort(lines, kind="stable")
        lines = lines[order]
        reasons_and_messages = np.array(
            [
                (*self._scanned.add_text(reason.encode()), *self._scanned.add_text(message.encode()))
                for reason, message in self._rejections
            ],
            np.int32,
        ).reshape(-1, 4)
        places = np.empty((len(lines), 6), np.int32)
        places[:, :2] = self._scanned.places(lines, max_line_bytes)
        places[:, 2:] = reasons_and_messages[numbers[order]]
        raw_line, reason, message = text_columns(places, self._scanned.block, self._scanned.overflow())
        raw_line = pa.Array.from_buffers(pa.binary(), len(lines), raw_line.buffers())
        source_offset = int64_array(self._scanned.bounds[lines, 0].astype(np.int64) + base_offset)
        batch = pa.record_batch([raw_line, reason, message, source_offset], schema=REJECTED_SCHEMA)
        if not len(lines):
            return batch, None
        kept = np.ones(len(self._scanned.verdicts), np.bool_)
        kept[lines] = False
        return batch, kept

    def _number(self, rejection: Rejection) -> int:
        return self._rejections.setdefault(rejection, len(self._rejections))
