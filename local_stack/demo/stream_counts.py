"""What became of the streamed lines, and whether the publishers say the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.cloud import bigquery

from local_stack.demo.counts import Comparison


@dataclass(frozen=True)
class StreamCounts:
    """What the tables hold of some days.

    Attributes:
        requests: Rows of `requests` by day and source, `backfill` or `stream`.
        event_ids: Of the streamed ones among them, by day.
        summary: Requests by day as `daily_summary` has them.
        rejected: Events of the stream in `rejected_lines`, once however often they were delivered.
    """

    requests: Mapping[str, Mapping[str, int]]
    event_ids: Mapping[str, Sequence[str]]
    summary: Mapping[str, int]
    rejected: frozenset[str]


def read_stream_counts(client: bigquery.Client, dataset: str, days: Sequence[str]) -> StreamCounts:
    """Read what the tables hold of these days; of rejected lines, all that were streamed."""
    parameters = [bigquery.ArrayQueryParameter("days", "DATE", days)]

    def query(sql: str) -> list[Mapping[str, Any]]:
        config = bigquery.QueryJobConfig(query_parameters=parameters)
        return [dict(row) for row in client.query(sql, job_config=config).result(timeout=120)]

    requests: dict[str, dict[str, int]] = {}
    for row in query(
        f"SELECT log_date, source, COUNT(*) AS n FROM {dataset}.requests WHERE log_date IN UNNEST(@days) "
        "GROUP BY log_date, source"
    ):
        requests.setdefault(str(row["log_date"]), {})[row["source"]] = row["n"]
    event_ids: dict[str, list[str]] = {}
    for row in query(
        f"SELECT log_date, event_id FROM {dataset}.requests WHERE log_date IN UNNEST(@days) AND source = 'stream'"
    ):
        event_ids.setdefault(str(row["log_date"]), []).append(row["event_id"])
    summary = query(
        f"SELECT log_date, requests FROM {dataset}.daily_summary WHERE log_date IN UNNEST(@days) ORDER BY log_date"
    )
    rejected = query(f"SELECT DISTINCT event_id FROM {dataset}.rejected_lines WHERE source = 'stream'")
    return StreamCounts(
        requests=requests,
        event_ids=event_ids,
        summary={str(row["log_date"]): row["requests"] for row in summary},
        rejected=frozenset(row["event_id"] for row in rejected),
    )


def compare_streamed(
    counts: StreamCounts, truths: Sequence[Mapping[str, Any]], backfilled: Mapping[str, int]
) -> Comparison:
    """Compare what was streamed with what was published.

    What was streamed before, and files that hold lines of a day the generator knows nothing of, are taken as they are.

    Args:
        counts: What the tables hold.
        truths: Of the publishers.
        backfilled: Rows of each day's files, as the generator counted them.
    """
    fates = {event_id: (fate, day) for truth in truths for event_id, (fate, day) in truth["events"].items()}
    result = Comparison()
    rejected = {event_id for event_id, (fate, _) in fates.items() if fate == "rejected"}
    result.expect("rejected lines of the stream", len(rejected), len(counts.rejected & fates.keys()))
    result.expect("rejected lines of the stream that are missing", 0, len(rejected - counts.rejected))
    streamed_days = {day for fate, day in fates.values() if fate == "row"}
    for day in sorted({*streamed_days, *backfilled}):
        wanted = {event_id for event_id, known in fates.items() if known == ("row", day)}
        found = counts.event_ids.get(day, ())
        ours = [event_id for event_id in found if event_id in fates]
        from_files = backfilled.get(day, counts.requests.get(day, {}).get("backfill", 0))
        if day in streamed_days:
            result.expect(f"requests, {day}, from the stream", len(wanted), len(ours))
            result.expect(f"requests, {day}, from the stream, missing", 0, len(wanted.difference(ours)))
        result.expect(f"requests, {day}, from files", from_files, counts.requests.get(day, {}).get("backfill", 0))
        total = from_files + len(wanted) + len(found) - len(ours)
        result.expect(f"daily_summary, {day}, requests", total, counts.summary.get(day))
    return result
