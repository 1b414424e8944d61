"""The columns a parsed block has."""

from typing import Any, TypeAlias

import pyarrow as pa

Column: TypeAlias = "pa.Array[Any]"

ENCODED = pa.dictionary(pa.int32(), pa.string())
"""The type of text columns of which the parser knows the distinct values."""

_ROWS: list[tuple[str, pa.DataType]] = [
    ("log_date", pa.date32()),
    ("timestamp", pa.timestamp("us", tz="UTC")),
    ("remote_addr", pa.string()),
    ("remote_user", pa.string()),
    ("method", pa.string()),
    ("path", pa.string()),
    ("query", pa.string()),
    ("protocol", pa.string()),
    ("status", pa.int64()),
    ("body_bytes_sent", pa.int64()),
    ("referer", pa.string()),
    ("user_agent", ENCODED),
    ("browser", ENCODED),
    ("os", ENCODED),
    ("device", ENCODED),
    ("is_bot", pa.bool_()),
    ("host", pa.string()),
    ("request_duration_ms", pa.float64()),
    ("forwarded_for", pa.string()),
    ("raw_line_hash", pa.binary(16)),
    ("source_offset", pa.int64()),
    ("agent_kind", ENCODED),
    ("agent_name", ENCODED),
    ("agent_operator", ENCODED),
    ("agent_verified", pa.bool_()),
    ("country", ENCODED),
    ("asn", pa.int64()),
    ("network", ENCODED),
    ("sequence", pa.int64()),
    ("sequence_source", pa.string()),
    ("connection", pa.int64()),
]

ROWS_SCHEMA = pa.schema(_ROWS)
"""A good line. `raw_line_hash` is the MurmurHash3 x64 128 (seed 0) of the line without its terminator;
`source_offset` counts the bytes before the line's first one."""

PLAIN_ROWS_SCHEMA = pa.schema(
    [field.with_type(pa.string()) if field.type == ENCODED else field for field in ROWS_SCHEMA]
)
"""The same columns without dictionaries."""

_REJECTED: list[tuple[str, pa.DataType]] = [
    ("raw_line", pa.binary()),
    ("error_type", pa.string()),
    ("error_message", pa.string()),
    ("source_offset", pa.int64()),
]

REJECTED_SCHEMA = pa.schema(_REJECTED)
"""A line that is not a row: its bytes without terminator, a `RejectReason` and what was wrong, where it began."""
