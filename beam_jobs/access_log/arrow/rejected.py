"""From the rejected lines of a block to a record batch."""

import numpy as np
import pyarrow as pa

from beam_jobs.access_log.arrow.arrays import int64_array
from beam_jobs.access_log.arrow.schema import REJECTED_SCHEMA
from beam_jobs.access_log.arrow.strings import text_columns
from beam_jobs.access_log.scanned_block import ScannedBlock


def rejected_batch(scanned: ScannedBlock, base_offset: int, max_line_bytes: int) -> pa.RecordBatch:
    """Build the record batch, in `REJECTED_SCHEMA`, of the rejected lines of a block.

    Args:
        scanned: The lines of the block.
        base_offset: The offset of the block's first byte in its file.
        max_line_bytes: The most bytes that are kept of a line.
    """
    lines, numbers, rejections = scanned.rejected()
    # A block may be made of nothing else, but it has few different messages.
    reasons_and_messages = np.array(
        [(*scanned.add_text(one.reason.encode()), *scanned.add_text(one.message.encode())) for one in rejections],
        np.int32,
    ).reshape(-1, 4)
    places = np.concatenate((scanned.places(lines, max_line_bytes), reasons_and_messages[numbers]), axis=1)
    raw_line, reason, message = text_columns(places, scanned.block, scanned.overflow_bytes())
    raw_line = pa.Array.from_buffers(pa.binary(), len(lines), raw_line.buffers())
    source_offset = int64_array(scanned.lines.bounds[lines, 0].astype(np.int64) + base_offset)
    return pa.record_batch([raw_line, reason, message, source_offset], schema=REJECTED_SCHEMA)
