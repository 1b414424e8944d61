"""What `late_lines` and `daily_summary` do with the landing tables up to `requests`, by the DAGs' own statements.

The daily tables are left out: they follow from `requests` alone. A stream's lines are put beside those of files: copies
of their lines, and lines that no file has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import mmh3

from logline.summaries.portions import ChangedDay, portions
from tests.histories.installation import Installation
from tests.histories.logs import DAYS, line_of
from tests.sql.warehouse import render

TABLES = ("requests", "request_builds", "streamed_requests", "stream_batches")
_NAMES: Mapping[str, Any] = {
    "landing_expiry_days": None,
    "late_days": 3650,
    # Each late request reopens its day at once.
    "late_requests": 1,
    "max_rejected_percent": 100,
    "wanted": [],
    "began": "TIMESTAMP '1970-01-01 00:00:00+00'",
}
_STREAMED = """
INSERT INTO {dataset}.streamed_requests
  (log_date, `timestamp`, remote_addr, method, path, protocol, status, is_bot, raw_line_hash, event_id, source,
   source_uri, parser_version, ingested_at)
VALUES (DATE '{day}', TIMESTAMP '{day} 10:00:00+00', '198.51.100.7', 'GET', '{path}', 'HTTP/1.1', 200, TRUE,
  FROM_HEX('{hash}'), '{event}', 'stream', 's', '1', CURRENT_TIMESTAMP());
INSERT INTO {dataset}.stream_batches
  (batch_id, job_id, source_uri, log_date, messages, `lines`, `rows`, rejected, blank, bytes, parser_version,
   ingested_at)
VALUES ('{batch}', 'job', 's', DATE '{day}', 1, 1, 1, 0, 0, 100, '1', CURRENT_TIMESTAMP())
"""


class Summaries:
    """`requests` of an installation, which begins with none."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._dataset = installation.settings.dataset
        self._batches = count(1)
        # Events of each line that the stream has brought, by day and path.
        self._events: dict[tuple[str, str], set[str]] = {}
        installation.run("".join(f"TRUNCATE TABLE {self._dataset}.{table};\n" for table in TABLES))

    def stream(self, day: str, path: str, event: str) -> None:
        """Let the stream bring a message of one line."""
        line_hash = mmh3.hash_bytes(line_of(f"{1 + DAYS.index(day)}", path)).hex()
        values = {"day": day, "path": path, "event": event, "hash": line_hash, "batch": f"batch-{next(self._batches)}"}
        self._installation.run(_STREAMED.format(dataset=self._dataset, **values))
        self._events.setdefault((day, path), set()).add(event)

    def build(self, run_id: str) -> list[str]:
        """Build the days that have changed, through the gates, as `daily_summary` does; return them."""
        days = [ChangedDay(**row) for row in self._ask("request_builds/changed.sql", {}, run_id)]
        for portion in portions(days):
            found = self._ask("landing/streamed_days.sql", portion.values(), run_id)
            values = replace(portion, streamed=tuple(row["day"] for row in found)).values()
            self._ask("requests/rebuild.sql", values, run_id)
            failed = [
                check
                for check in self._ask("requests/checks.sql", values, run_id)
                if check["level"] == "fail" and not check["passed"]
            ]
            assert not failed, f"the gate behind a build does not let it pass: {failed}"
            self._ask("request_builds/summarised.sql", values, run_id)
        return [day.day for day in days]

    def look(self, run_id: str) -> None:
        """Look for late lines, as `late_lines` does."""
        self._ask("ledger/fold_stream.sql", {}, run_id)
        self._ask("request_builds/reopen.sql", {}, run_id)

    def check(self, rows: Counter[tuple[str, int, str, str]]) -> None:
        """Fail unless each line is in `requests` as often as the files have it, or more often if the stream has.

        Args:
            rows: those of the files, as a `Snapshot` has them.
        """
        expected: Counter[tuple[str, str]] = Counter()
        for (_, _, day, path), times in rows.items():
            expected[day, path] += times
        for line, events in self._events.items():
            expected[line] = max(expected[line], len(events))
        of_days = f"FROM {self._dataset}.requests WHERE log_date >= '{DAYS[0]}'"
        sql = f"SELECT CAST(log_date AS STRING) AS day, path {of_days}"
        found = Counter((row["day"], row["path"]) for row in self._installation.run(sql))
        assert found == expected, f"requests: {found - expected} too many, {expected - found} missing"

    def _ask(self, template: str, values: Mapping[str, Any], run_id: str) -> list[dict[str, Any]]:
        names = {"dataset": self._dataset, "run_id": run_id, **_NAMES, **values}
        return self._installation.run(render(template, **names))
