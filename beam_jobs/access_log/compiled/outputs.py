"""What the compiled scanners fill in per line."""

from typing import Any, NamedTuple, Self, cast

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.memory import room

DECLINED, ACCEPTED, TOO_LONG, REWRITE, UNENDED, FRAMED = range(6)
"""The verdicts on a line.

DECLINED leaves it to the reference reader. REWRITE accepts it, but its texts are not all as they stand. UNENDED misses
the separator that should end the field of a step; the step and where in the line the field begins are in its texts.
FRAMED begins like a line of a collector.
"""

MICROSECONDS, STATUS, SIZE, NANOSECONDS, DAY, ENCODED = range(6)
"""The numbers of a line: its time since 1970 (UTC), status, byte count and duration; then, while it is scanned, the day
of a `date` field and whether a text is percent-encoded. Those below 0 are null, but for times."""
NUMBERS = 6


class Outputs(NamedTuple):
    """One entry per line that is not blank, in every array.

    Attributes:
        verdicts: What is known of the line.
        bounds: Shape (lines, 2): its first byte in the block, and the one after its last.
        texts: Shape (lines, 2 * columns): for each of the format's `text_fields` where it begins and how many bytes it
            has, -1 for null. Beginnings from the block's size on lie in the overflow.
        timestamps: Microseconds since 1970 (UTC).
        statuses: -1 for null.
        sizes: Byte counts, -1 for null.
        durations: Milliseconds, NaN for null.
        hashes: Shape (lines, 2): the two words of the line's hash.
    """

    verdicts: npt.NDArray[np.uint8]
    bounds: npt.NDArray[np.int32]
    texts: npt.NDArray[np.int32]
    timestamps: npt.NDArray[np.int64]
    statuses: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    durations: npt.NDArray[np.float64]
    hashes: npt.NDArray[np.uint64]

    @classmethod
    def empty(cls, lines: int, texts: int) -> Self:
        """Make room for `lines` lines of `texts` texts each."""
        return cls(
            room(np.uint8, lines),
            room(np.int32, lines, 2),
            room(np.int32, lines, 2 * texts),
            room(np.int64, lines),
            room(np.int64, lines),
            room(np.int64, lines),
            room(np.float64, lines),
            room(np.uint64, lines, 2),
        )

    def grown(self) -> Self:
        """Copy all lines to outputs with twice the room."""
        grown = self.empty(2 * len(self.verdicts), self.texts.shape[1] // 2)
        for old, new in zip(self, grown, strict=True):
            cast(Any, new)[: len(self.verdicts)] = old
        return grown

    def first(self, lines: int) -> Self:
        """Return the first lines, not copied."""
        return type(self)(*(cast(Any, values)[:lines] for values in self))

    def take(self, lines: npt.NDArray[np.int64]) -> Self:
        """Copy some of the lines."""
        return type(self)(*(cast(Any, values).take(lines, axis=0) for values in self))
