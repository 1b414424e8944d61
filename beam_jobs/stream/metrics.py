"""The local runner's counters and lag."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from beam_jobs.output.counters import METRICS_NAMESPACE, write_counters
from beam_jobs.stream.messages import ParsedMessages, StreamCounts

READ_STEP, PARSE_STEP, APPEND_STEP = "Read from Pub/Sub", "Parse messages", "Append to BigQuery"
_QUIET_SECONDS = 1.0


class StreamMetrics:
    """Counts since the start, without heartbeats, and how far behind the stream is; for several threads.

    Counters, by the names that the job has on Dataflow: those of `StreamCounts`, `appends` and `append_retries`; and
    `acknowledged` messages.

    Gauges, in whole seconds, the first two named like Dataflow's own metrics: `system_lag` is the age of the oldest
    unacknowledged message. `data_watermark_age` is the time since everything published was known to be appended, so it
    also grows while Pub/Sub does not answer. `oldest_event_age_seconds` is the age of the earliest row of the last
    batch. `unacknowledged_messages` is the number of held messages.
    """

    def __init__(self) -> None:
        self.counts = StreamCounts()
        self.messages_acknowledged = 0
        self._oldest_event_time: float | None = None
        self._pulled = time.time()
        self._pulling: dict[object, float] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def pulling(self) -> Iterator[None]:
        """Mark one pull: while it waits without messages, and when it returns, nothing older is left to pull."""
        pull = object()
        with self._lock:
            self._pulling[pull] = time.time()
        try:
            yield
            self._pulled = time.time()
        finally:
            with self._lock:
                del self._pulling[pull]

    def wrote(self, counts: StreamCounts, parsed: ParsedMessages) -> None:
        """Count messages that are durable."""
        with self._lock:
            self.counts += counts
            oldest = parsed.oldest_event_time
            self._oldest_event_time = self._oldest_event_time if oldest is None else oldest

    def acknowledged(self, messages: int) -> None:
        """Count messages that are acknowledged."""
        with self._lock:
            self.messages_acknowledged += messages

    def values(self, *, held: int, oldest_held: float | None, appends: int, retries: int) -> dict[str, dict[str, int]]:
        """Return all values by step and name; `held` messages are unacknowledged, the oldest of `oldest_held`."""
        now = time.time()
        with self._lock:
            waits_quietly = any(now - started > _QUIET_SECONDS for started in self._pulling.values())
            up_to = oldest_held if oldest_held is not None else now if waits_quietly else self._pulled
            event_time = now if self._oldest_event_time is None else self._oldest_event_time
            counts = {name: getattr(self.counts, name) for name in StreamCounts.__slots__}
            parsed = {"messages", "bytes", "lines", "blank"}
            return {
                READ_STEP: {
                    "acknowledged": self.messages_acknowledged,
                    "unacknowledged_messages": held,
                    "system_lag": _seconds(0 if oldest_held is None else now - oldest_held),
                    "data_watermark_age": _seconds(now - up_to),
                },
                PARSE_STEP: {name: count for name, count in counts.items() if name in parsed},
                APPEND_STEP: {name: count for name, count in counts.items() if name not in parsed}
                | {
                    "appends": appends,
                    "append_retries": retries,
                    "oldest_event_age_seconds": _seconds(now - event_time),
                },
            }


def write_metrics(values: dict[str, dict[str, int]]) -> None:
    """Write the values by step and name for the Dataflow emulator, if it runs the job.

    Raises:
        OutputError: the file cannot be written.
    """
    write_counters(
        {"namespace": METRICS_NAMESPACE, "name": name, "step": step, "value": value}
        for step, of_step in values.items()
        for name, value in of_step.items()
    )


def _seconds(seconds: float) -> int:
    return max(0, round(seconds))
