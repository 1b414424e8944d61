"""What the tables have to hold, worked out from the lines alone, and where they differ.

It knows what was published and what each file holds, and nothing of ledgers, runs or parsers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.chaos.outside.lines import Line

EVERY_DAY = "log_date >= '1970-01-01'"
_SHOWN = 5


class Tables(Protocol):
    """The tables, by queries."""

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query; `DATASET` stands for the dataset."""
        ...


@dataclass
class Verdict:
    """Where the tables differ from the lines.

    Attributes:
        lost: Lines that are neither a row nor a rejected line.
        doubled: Copies of lines, beyond the first.
        wrong: Figures that are not as they should be.
        figures: How many figures were compared.
    """

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    figures: int = 0

    @property
    def is_good(self) -> bool:
        """Whether there is no difference."""
        return not (self.lost or self.doubled or self.wrong)

    def count(self, what: str, found: Mapping[Any, int], expected: Mapping[Any, int]) -> None:
        """Compare how often each line is there."""
        for key in expected.keys() | found.keys():
            has, wanted = found.get(key, 0), expected.get(key, 0)
            if has < wanted:
                self.lost.append(f"{what}: {key}")
            elif has > wanted:
                (self.doubled if wanted else self.wrong).append(f"{what}: {key} {has} times instead of {wanted}")
        self.figures += len(expected)

    def compare(self, what: str, found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> None:
        """Compare figures."""
        for key in sorted(expected.keys() | found.keys(), key=str):
            if found.get(key) != expected.get(key):
                self.wrong.append(f"{what} {key}: {found.get(key)} instead of {expected.get(key)}")
        self.figures += len(expected)

    def shown(self) -> list[str]:
        """Return some of the differences of each kind."""
        kinds = (("lost", self.lost), ("doubled", self.doubled), ("wrong", self.wrong))
        return [f"{name}: {one}" for name, found in kinds for one in sorted(found)[:_SHOWN]]


def judge(
    published: Sequence[Line], files: Mapping[str, Sequence[Line] | None], bucket: str, tables: Tables
) -> Verdict:
    """Compare all tables with the lines.

    Args:
        published: What Pub/Sub has acknowledged.
        files: The newest lines of each object by its name; None for one that was deleted.
        bucket: The bucket.
        tables: The tables, at rest.
    """
    verdict = Verdict()
    there = {f"gs://{bucket}/{name}": lines for name, lines in files.items() if lines is not None}
    of_files = [line for lines in there.values() for line in lines]
    # A line that was published and is in a file is one request.
    requests = {line.number: line for line in (*published, *of_files) if not line.is_bad}
    _judge_lines(verdict, published, there, requests, tables)
    _judge_days(verdict, requests.values(), tables)
    _judge_ledger(verdict, there, tables)
    _judge_reconciliation(verdict, published, requests.values(), tables)
    return verdict


def _judge_lines(
    verdict: Verdict,
    published: Sequence[Line],
    there: Mapping[str, Sequence[Line]],
    requests: Mapping[int, Line],
    tables: Tables,
) -> None:
    found = tables.query(f"SELECT path, COUNT(*) AS n FROM DATASET.requests WHERE {EVERY_DAY} GROUP BY path")
    verdict.count("requests", {row["path"]: row["n"] for row in found}, {line.path: 1 for line in requests.values()})
    found = tables.query(
        "SELECT raw_line, COUNT(DISTINCT event_id) AS n FROM DATASET.rejected_streamed GROUP BY raw_line"
    )
    bad = {line.text: 1 for line in published if line.is_bad}
    verdict.count("rejected of the stream", {row["raw_line"].decode(): row["n"] for row in found}, bad)
    found = tables.query("SELECT source_uri, raw_line, COUNT(*) AS n FROM DATASET.rejected_backfilled GROUP BY 1, 2")
    bad_of_files = {(uri, line.text): 1 for uri, lines in there.items() for line in lines if line.is_bad}
    verdict.count(
        "rejected of files", {(row["source_uri"], row["raw_line"].decode()): row["n"] for row in found}, bad_of_files
    )
    found = tables.query(
        f"SELECT source_uri, path, COUNT(*) AS n FROM DATASET.backfilled_requests WHERE {EVERY_DAY} "
        "AND (reading IS NULL OR reading IN (SELECT reading FROM DATASET.ledger)) GROUP BY 1, 2"
    )
    rows = {(uri, line.path): 1 for uri, lines in there.items() for line in lines if not line.is_bad}
    verdict.count("rows of files", {(row["source_uri"], row["path"]): row["n"] for row in found}, rows)


def _judge_days(verdict: Verdict, requests: Iterable[Line], tables: Tables) -> None:
    counts: dict[str, Counter[Any]] = {
        name: Counter() for name in ("daily_summary", "daily_summary bytes", "daily_statuses", "hourly_traffic")
    }
    for line in requests:
        day = f"{line.time:%Y-%m-%d}"
        counts["daily_summary"][day] += 1
        counts["daily_summary bytes"][day] += line.size
        counts["daily_statuses"][day, line.status] += 1
        counts["hourly_traffic"][day, line.time.hour] += 1
    rows = tables.query(
        f"SELECT log_date, requests, bytes FROM DATASET.daily_summary WHERE {EVERY_DAY} AND requests > 0"
    )
    verdict.compare("daily_summary", {str(row["log_date"]): row["requests"] for row in rows}, counts["daily_summary"])
    verdict.compare(
        "daily_summary bytes", {str(row["log_date"]): row["bytes"] for row in rows}, counts["daily_summary bytes"]
    )
    rows = tables.query(
        f"SELECT log_date, status, SUM(requests) AS n FROM DATASET.daily_statuses WHERE {EVERY_DAY} GROUP BY 1, 2"
    )
    verdict.compare(
        "daily_statuses", {(str(row["log_date"]), row["status"]): row["n"] for row in rows}, counts["daily_statuses"]
    )
    rows = tables.query(
        f"SELECT log_date, EXTRACT(HOUR FROM hour) AS hour, SUM(requests) AS n FROM DATASET.hourly_traffic "
        f"WHERE {EVERY_DAY} GROUP BY 1, 2"
    )
    verdict.compare(
        "hourly_traffic", {(str(row["log_date"]), row["hour"]): row["n"] for row in rows}, counts["hourly_traffic"]
    )


def _judge_ledger(verdict: Verdict, there: Mapping[str, Sequence[Line]], tables: Tables) -> None:
    rows = tables.query(
        "SELECT source_uri, lines, `rows`, rejected, blank FROM DATASET.ledger "
        "WHERE source = 'backfill' AND error_type IS NULL "
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY source_uri ORDER BY generation DESC, finished DESC) = 1"
    )
    expected = {}
    for uri, lines in there.items():
        bad = sum(line.is_bad for line in lines)
        expected[uri] = (len(lines), len(lines) - bad, bad, 0)
    figures = {row["source_uri"]: (row["lines"], row["rows"], row["rejected"], row["blank"]) for row in rows}
    # What was deleted has an entry that says so.
    gone = {uri: found for uri, found in figures.items() if uri not in there and found == (0, 0, 0, 0)}
    verdict.compare("ledger", figures, {**gone, **expected})


def _judge_reconciliation(
    verdict: Verdict, published: Sequence[Line], requests: Iterable[Line], tables: Tables
) -> None:
    rows = tables.query(f"SELECT * FROM DATASET.reconciliation WHERE {EVERY_DAY}")
    days = Counter(f"{line.time:%Y-%m-%d}" for line in requests)
    verdict.compare(
        "reconciliation, requests", {str(row["log_date"]): row["requests"] for row in rows if row["requests"]}, days
    )
    verdict.compare(
        "reconciliation, status",
        {str(row["log_date"]): row["status"] for row in rows},
        {str(row["log_date"]): "balanced" for row in rows},
    )
    names = (
        "lines_difference",
        "rows_difference",
        "rejected_difference",
        "requests_difference",
        "in_flight",
        "unread_objects",
    )
    found = {(str(row["log_date"]), name): row[name] for row in rows for name in names}
    verdict.compare("reconciliation", found, dict.fromkeys(found, 0))
    rows = tables.query(
        "SELECT IFNULL(SUM(lines), 0) AS lines, IFNULL(SUM(lines - `rows` - rejected - blank), 0) AS open "
        "FROM DATASET.stream_batches WHERE ingested_at >= '1970-01-01'"
    )
    verdict.compare("ledger of the stream", {"lines without a fate": rows[0]["open"]}, {"lines without a fate": 0})
    if rows[0]["lines"] < len(published):
        verdict.wrong.append(f"ledger of the stream: {rows[0]['lines']} lines, {len(published)} were published")
