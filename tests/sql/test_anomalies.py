"""`anomalies`: equal to what plain Python finds, silent on what is usual; and whom somebody is told of, once."""

import json
import random
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
import pytest
from google.cloud.bigquery import ScalarQueryParameter

from tests.sql.days import build, load
from tests.sql.independent_anomalies import anomalies
from tests.sql.warehouse import Warehouse, portion_of

pytestmark = pytest.mark.integration

FRIDAY = date(2026, 10, 30)
CURVE = [20, 12, 8, 6, 5, 8, 20, 60, 140, 220, 260, 280, 260, 270, 300, 290, 270, 240, 220, 230, 210, 160, 90, 40]
SHAPE = pa.schema(
    [
        ("log_date", pa.date32()),
        ("hour", pa.timestamp("us", tz="UTC")),
        *((name, pa.int64()) for name in ("requests", "bots", "bytes", "unique_visitors", "errors")),
        *((f"p{percent}_duration_ms", pa.float64()) for percent in (50, 95, 99)),
        ("server_errors", pa.int64()),
        ("host", pa.string()),
    ]
)
COUNTS = dict.fromkeys(("bots", "bytes", "unique_visitors", "errors"), 0)


def usual(day: date, host: str | None, rng: random.Random, size: float = 1.0) -> list[dict[str, Any]]:
    """A day's rows of hourly_traffic, as chance makes them."""
    rows = []
    for hour, mean in enumerate(CURVE):
        requests = max(round(rng.gauss(size * mean, (size * mean) ** 0.5)), 0)
        if requests:
            rows.append(
                COUNTS
                | {"log_date": day, "hour": datetime.combine(day, time(hour), UTC), "host": host}
                | {"requests": requests, "server_errors": int(rng.random() < 0.1)}
                | {"p95_duration_ms": rng.gauss(200, 20) if host else None}
            )
    return rows


def load_traffic(warehouse: Warehouse, rows: Iterable[Mapping[str, Any]]) -> None:
    load(warehouse, "hourly_traffic", pa.Table.from_pylist(list(rows), SHAPE))


def found(warehouse: Warehouse, day: date) -> tuple[list[tuple[Any, ...]], list[str]]:
    """The rows of a day without their sentences, and these."""
    build(warehouse, portion_of(day), "anomalies")
    rows = [tuple(row.values()) for row in warehouse.rows("anomalies") if row["log_date"] == day]
    return [row[:-1] for row in rows], sorted(row[-1] for row in rows)


def rounded(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted((tuple(round(v, 6) if isinstance(v, float) else v for v in row) for row in rows), key=str)


def test_what_is_unusual_is_found_and_nothing_else(warehouse: Warehouse) -> None:
    """Nine Fridays of hosts of several sizes: an outage, a jump, slow answers, and a host that falls silent."""
    rng = random.Random(8)
    sizes = {"a.example": 1.0, "b.example": 1.0, "c.example": 0.4, "d.example": 1.0, "small.example": 0.02, None: 0.5}
    days = [FRIDAY - timedelta(weeks=week) for week in range(9)]
    rows = [row for day in days for host, size in sizes.items() for row in usual(day, host, rng, size)]
    rows += usual(FRIDAY, "new.example", rng)
    # An outage of three weeks ago moves no median.
    for row in rows:
        if row["host"] == "a.example" and row["log_date"] == days[3] and row["hour"].hour == 14:
            row |= {"requests": 3, "server_errors": 3}
    changed = {
        ("a.example", 14): {"requests": 12},
        ("a.example", 10): {"requests": 4000},
        ("b.example", 9): {"server_errors": 70},
        ("c.example", 15): {"p95_duration_ms": 12_000.0},
    }
    now = []
    for row in rows:
        if row["log_date"] == FRIDAY:
            if row["host"] == "d.example" and row["hour"].hour >= 9:
                continue
            row |= changed.get((row["host"], row["hour"].hour), {})
        # Of days summed up by an older release.
        now.append(row | {"host": None} if row["host"] == "b.example" and row["log_date"] == days[8] else row)
    merged = {(row["hour"], row["host"]): row for row in now}
    load_traffic(warehouse, merged.values())
    rows_found, sentences = found(warehouse, FRIDAY)
    assert rounded(rows_found) == rounded(anomalies(merged.values(), FRIDAY, datetime.now(UTC).date()))
    for sentence, pattern in zip(
        sentences,
        [
            r"host a\.example had 12 requests at 14:00, \d+ are usual \(median of 8 Fridays\), \d deviations below",
            r"host a\.example had 4000 requests at 10:00, \d+ are usual \(median of 8 Fridays\), \d+ deviations above",
            r"host b\.example answered 3\d % of \d+ requests with 5xx at 09:00, 0 % are usual \(median of 7 Fri.*",
            r"host c\.example took up to 12000 ms for 95 % of its requests at 15:00, \d+ ms are usual \(median of 8 .*",
            r"host d\.example had no request in 15 hours from 09:00, \d+ are usual \(medians of 8 Fridays\)",
        ],
        strict=True,
    ):
        assert re.fullmatch(pattern, sentence), sentence
    assert {row[2:4] for row in rows_found} == {
        ("a.example", "requests"),
        ("b.example", "server_error_share"),
        ("c.example", "p95_duration_ms"),
        ("d.example", "silence"),
    }


@pytest.mark.parametrize(("weeks", "is_found"), [(3, False), (4, True)])
def test_too_little_is_known(warehouse: Warehouse, weeks: int, is_found: bool) -> None:
    rng = random.Random(3)
    rows = [row for week in range(1, weeks + 1) for row in usual(FRIDAY - timedelta(weeks=week), None, rng)]
    load_traffic(warehouse, rows + usual(FRIDAY, None, rng)[:9])
    rows_found, sentences = found(warehouse, FRIDAY)
    assert rounded(rows_found) == rounded(anomalies(warehouse.rows("hourly_traffic"), FRIDAY, datetime.now(UTC).date()))
    assert bool(sentences) is is_found
    if is_found:
        assert sentences[0].startswith("the log had no request in 15 hours from 09:00, ")
        assert sentences[0].endswith(" are usual (medians of 4 Fridays)")


def test_hours_to_come_are_not_silent(warehouse: Warehouse) -> None:
    rng = random.Random(3)
    today = datetime.now(UTC).date()
    rows = [row for week in range(1, 6) for row in usual(today - timedelta(weeks=week), "a.example", rng)]
    load_traffic(warehouse, rows + usual(today, "a.example", rng)[:9])
    assert found(warehouse, today) == ([], [])


def test_each_is_told_once(warehouse: Warehouse) -> None:
    """Of a day, host and measure the farthest; not what was told, goes on from the day before, or is old."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    columns = "log_date, hour, host, measure, value, expected, deviation, weeks, sentence"

    def note(day: date, host: str | None, measure: str, deviation: float, sentence: str) -> None:
        shown = "NULL" if host is None else f"'{host}'"
        warehouse.run(
            f"INSERT INTO {warehouse.dataset}.anomalies ({columns}) VALUES ("
            f"DATE '{day}', TIMESTAMP '{day} 10:00:00+00', {shown},"
            f" '{measure}', 1.0, 2.0, {deviation}, 8, '{sentence}')"
        )

    def untold() -> list[dict[str, Any]]:
        return warehouse.run(warehouse.sql("anomaly_alerts/untold.sql"))

    note(yesterday, "a.example", "requests", -7.0, "near")
    note(yesterday, "a.example", "requests", 9.0, "far")
    note(yesterday, None, "silence", -30.0, "silent")
    note(yesterday, "b.example", "silence", -30.0, "goes on")
    note(yesterday - timedelta(days=1), "b.example", "silence", -30.0, "begins")
    note(yesterday - timedelta(days=30), "c.example", "silence", -30.0, "old")
    rows = untold()
    assert [(row["host"], row["sentence"]) for row in rows] == [
        ("b.example", "begins"),
        ("a.example", "far"),
        (None, "silent"),
    ]
    warehouse.run(warehouse.sql("anomaly_alerts/told.sql"), [ScalarQueryParameter("told", "STRING", json.dumps(rows))])
    assert untold() == []
    note(yesterday, "d.example", "requests", 9.0, "new")
    assert [row["sentence"] for row in untold()] == ["new"]
