"""What the tables say about the demo's runs, and whether the generator says the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.cloud import bigquery

LEDGER_COLUMNS = ("lines", "rows", "rejected", "blank", "bytes")
SUMMARY_COLUMNS = ("requests", "bytes", "client_errors", "server_errors", "paths")


@dataclass(frozen=True)
class Counts:
    """What the tables hold for some source objects and days.

    Attributes:
        ledger: Per source object: format and `LEDGER_COLUMNS`.
        rejected: Lines by source object and reason.
        summary: Per day: `SUMMARY_COLUMNS`.
        statuses: Requests by day and status; a day's requests without a status under None.
        mixed_days: Days that other source objects have rows of too.
        streamed_days: Days that the stream has brought requests of.
    """

    ledger: Mapping[str, Mapping[str, Any]]
    rejected: Mapping[str, Mapping[str, int]]
    summary: Mapping[str, Mapping[str, int]]
    statuses: Mapping[str, Mapping[int | None, int]]
    mixed_days: frozenset[str]
    streamed_days: frozenset[str]


@dataclass
class Comparison:
    """Figures beside the truth.

    Attributes:
        equal: How many are equal.
        different: One line for each that is not.
    """

    equal: int = 0
    different: list[str] = field(default_factory=list)

    def expect(self, name: str, expected: object, found: object) -> None:
        """Compare one figure."""
        if expected == found:
            self.equal += 1
        else:
            self.different.append(f"{name}: the truth is {expected}, the tables say {found}")


def read_counts(client: bigquery.Client, dataset: str, run_id: str) -> Counts:
    """Read what a run of log_backfill landed and what became of its days."""
    query = _reader(client, run_id)
    ledger = {
        row["source_uri"]: row
        for row in query(
            f"SELECT source_uri, log_format, {_names(LEDGER_COLUMNS)} FROM {dataset}.ledger WHERE run_id = @run_id "
            "ORDER BY source_uri"
        )
    }
    objects = f"(SELECT source_uri FROM {dataset}.ledger WHERE run_id = @run_id)"
    days = f"(SELECT log_date FROM {dataset}.ledger_days WHERE run_id = @run_id)"
    rejected: dict[str, dict[str, int]] = {}
    for row in query(
        f"SELECT source_uri, error_type, COUNT(*) AS n FROM {dataset}.rejected_lines "
        f"WHERE source = 'backfill' AND source_uri IN {objects} GROUP BY source_uri, error_type ORDER BY n DESC"
    ):
        rejected.setdefault(row["source_uri"], {})[row["error_type"]] = row["n"]
    summary = {
        str(row["log_date"]): {name: row[name] for name in SUMMARY_COLUMNS}
        for row in query(
            "SELECT log_date, s.requests, s.bytes, client_errors, server_errors, COUNT(DISTINCT p.path) AS paths "
            f"FROM {dataset}.daily_summary AS s LEFT JOIN {dataset}.daily_paths AS p USING (log_date) "
            f"WHERE log_date IN {days} GROUP BY log_date, s.requests, s.bytes, client_errors, server_errors "
            "ORDER BY log_date"
        )
    }
    statuses: dict[str, dict[int | None, int]] = {}
    for row in query(
        f"SELECT log_date, status, SUM(requests) AS requests FROM {dataset}.daily_statuses "
        f"WHERE log_date IN {days} GROUP BY log_date, status ORDER BY log_date, status"
    ):
        statuses.setdefault(str(row["log_date"]), {})[row["status"]] = row["requests"]
    mixed = query(
        f"SELECT log_date FROM {dataset}.ledger_days "
        f"WHERE log_date IN {days} AND `rows` > 0 AND source_uri NOT IN {objects}"
    )
    streamed = query(f"SELECT DISTINCT log_date FROM {dataset}.requests WHERE log_date IN {days} AND source = 'stream'")
    mixed_days, streamed_days = (frozenset(str(row["log_date"]) for row in rows) for rows in (mixed, streamed))
    return Counts(ledger, rejected, summary, statuses, mixed_days, streamed_days)


def rejected_examples(client: bigquery.Client, dataset: str, run_id: str) -> list[Mapping[str, Any]]:
    """Return one rejected line per reason: error_type, error_message, source_uri, source_offset, raw_line."""
    return _reader(client, run_id)(
        f"""SELECT error_type, error_message, source_uri, source_offset, raw_line
        FROM {dataset}.rejected_lines
        WHERE source = 'backfill'
          AND source_uri IN (SELECT source_uri FROM {dataset}.ledger WHERE run_id = @run_id)
        QUALIFY ROW_NUMBER() OVER (PARTITION BY error_type ORDER BY source_uri, source_offset) = 1
        ORDER BY error_type"""
    )


def compare(counts: Counts, truth: Mapping[str, Any], folder: str) -> Comparison:
    """Compare every figure of the generated logs with what the generator counted.

    Args:
        counts: What the tables hold.
        truth: The generator's truth.json.
        folder: URI the generator wrote to.
    """
    result = Comparison()
    expected_objects: set[str] = set()
    for day, true in truth["days"].items():
        objects = [f"{folder}/{file['name']}" for file in true["files"]]
        expected_objects.update(objects)
        for column in LEDGER_COLUMNS:
            found = sum(counts.ledger.get(uri, {}).get(column, 0) for uri in objects)
            result.expect(f"ledger, {day}, {column}", true[column], found)
        reasons: dict[str, int] = {}
        for uri in objects:
            for reason, count in counts.rejected.get(uri, {}).items():
                reasons[reason] = reasons.get(reason, 0) + count
        for reason in sorted({*true["rejected_by_reason"], *reasons}):
            result.expect(f"{day}, {reason}", true["rejected_by_reason"].get(reason, 0), reasons.get(reason, 0))
        if day not in counts.mixed_days | counts.streamed_days:
            _compare_day(result, counts, day, true)
    result.expect("source objects", len(expected_objects), len(counts.ledger))
    return result


def _compare_day(result: Comparison, counts: Counts, day: str, true: Mapping[str, Any]) -> None:
    statuses = {int(status): count for status, count in true["statuses"].items()}
    expected = {
        "requests": true["rows"],
        "bytes": true["body_bytes_sent"],
        "client_errors": sum(count for status, count in statuses.items() if 400 <= status < 500),
        "server_errors": sum(count for status, count in statuses.items() if 500 <= status < 600),
        "paths": true["paths"],
    }
    found = counts.summary.get(day, {})
    for column in SUMMARY_COLUMNS:
        result.expect(f"daily_summary, {day}, {column}", expected[column], found.get(column))
    counted = counts.statuses.get(day, {})
    for status in sorted({*statuses, *(status for status in counted if status is not None)}):
        result.expect(f"daily_statuses, {day}, {status}", statuses.get(status, 0), counted.get(status, 0))


def _reader(client: bigquery.Client, run_id: str) -> Callable[[str], list[Mapping[str, Any]]]:
    parameters = [bigquery.ScalarQueryParameter("run_id", "STRING", run_id)]

    def query(sql: str) -> list[Mapping[str, Any]]:
        job = client.query(sql, job_config=bigquery.QueryJobConfig(query_parameters=parameters))
        return [dict(row) for row in job.result(timeout=120)]

    return query


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f"`{column}`" for column in columns)
