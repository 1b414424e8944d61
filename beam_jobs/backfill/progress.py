"""The progress of a run in this process: a line in the log, and counters for the Dataflow emulator, while it works."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import Counter

from beam_jobs.output.counters import METRICS_NAMESPACE, write_counters
from beam_jobs.output.manifest import RunInfo

LINE_COUNTERS = ("lines", "rows", "rejected", "blank")
COUNTERS = ("bytes", "blocks", *LINE_COUNTERS)
"""What the job counts; `bytes` are those of the source objects that were read, as they are stored."""
STEP = "Parse blocks/Parse"
"""The step that counts."""

_LOG_SECONDS = 5.0
_COUNTER_SECONDS = 1.0
_log = logging.getLogger("logline.backfill")


class Progress:
    """What this process has read of a run; on Dataflow, where there are several, each logs its own part."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counter(dict.fromkeys(COUNTERS, 0))
        self._expected = 0
        self._logged = self._written = time.monotonic()

    def expect(self, size: int) -> None:
        """Take note of the bytes of all objects."""
        with self._lock:
            self._expected = size

    def count(self, **counts: int) -> None:
        """Add to the counts; log and write them, but not each time.

        Raises:
            OutputError: the emulator's file cannot be written.
        """
        with self._lock:
            self._counts.update(counts)
            now = time.monotonic()
            if now - self._logged >= _LOG_SECONDS:
                self._logged = now
                self._log()
            if now - self._written >= _COUNTER_SECONDS:
                self._written = now
                write_counters(
                    {"namespace": METRICS_NAMESPACE, "name": name, "step": STEP, "value": value}
                    for name, value in self._counts.items()
                )

    def _log(self) -> None:
        of_all = f" of {self._expected / 1e6:.1f}" if self._expected else ""
        megabytes, lines = self._counts["bytes"] / 1e6, self._counts["lines"] / 1e6
        _log.info("read: %.1f%s MB, %.1f million lines", megabytes, of_all, lines)


@functools.cache
def progress_of(_run: RunInfo) -> Progress:
    """Return the progress of a run, one for all threads of this process."""
    return Progress()
