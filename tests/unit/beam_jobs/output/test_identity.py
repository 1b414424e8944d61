"""Identity columns of lines, whatever objects and offsets they are of."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from beam_jobs.output.identity import REJECTED_SCHEMA, LineOrigins, identified_in_objects, object_hash
from beam_jobs.output.manifest import RunInfo
from beam_jobs.storage.objects import StoredObject

RUN = RunInfo("run", "job", None, "gs://b/*", "gs://b/out", "1", datetime(2026, 11, 1, tzinfo=UTC))
COLUMNS = ("source", "source_uri", "source_offset", "event_id", "parser_version", "ingested_at")
SCHEMA = pa.schema([REJECTED_SCHEMA.field(name) for name in COLUMNS])


@given(st.lists(st.lists(st.integers(0, 10**15 - 1), unique=True).map(sorted), min_size=1, max_size=4))
def test_an_event_id_is_of_its_object_and_of_the_offset_there(offsets_by_object: list[list[int]]) -> None:
    objects = [StoredObject(f"gs://b/{number}.log", number, 10**15) for number in range(len(offsets_by_object))]
    starts = np.arange(len(objects), dtype=np.int64) * 10**15
    in_block = np.concatenate(
        [np.array(offsets, np.int64) + start for offsets, start in zip(offsets_by_object, starts, strict=True)]
    )
    batch = pa.record_batch({"source_offset": pa.array(in_block)})
    rows = identified_in_objects(batch, SCHEMA, LineOrigins(objects, starts), RUN).to_pylist()
    assert [(row["source_uri"], row["source_offset"], row["event_id"]) for row in rows] == [
        (stored.uri, offset, f"{object_hash(stored)}:{offset:015d}")
        for stored, offsets in zip(objects, offsets_by_object, strict=True)
        for offset in offsets
    ]
