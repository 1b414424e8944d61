"""What every format reads a line into."""

from datetime import datetime
from typing import NamedTuple


class Row(NamedTuple):
    """The values of one good line, in the names of the columns; `None` where the log has none.

    `timestamp` is in UTC; `request_duration_ms` is not negative. What numbers the line is as logged.
    """

    timestamp: datetime
    status: int | None = None
    body_bytes_sent: int | None = None
    request_duration_ms: float | None = None
    remote_addr: str | None = None
    remote_user: str | None = None
    method: str | None = None
    path: str | None = None
    query: str | None = None
    protocol: str | None = None
    referer: str | None = None
    user_agent: str | None = None
    host: str | None = None
    forwarded_for: str | None = None
    sequence: str | None = None
    connection_requests: str | None = None
    connection: str | None = None
    sequence_source: str | None = None
