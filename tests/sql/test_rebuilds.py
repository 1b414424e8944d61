"""Whatever lands in whatever order, and whenever it is summarised: the tables are those of a build from scratch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sql.days import rebuild, summarise
from tests.sql.test_land import LAND
from tests.sql.warehouse import DAILY_TABLES, Warehouse

pytestmark = pytest.mark.integration

# Past days, that late lines may still reach.
FIRST = datetime.now(UTC).date() - timedelta(days=8)
DAYS = [FIRST + timedelta(days=number) for number in range(3)]
# Minutes of a day: around midnight, noon, and a pause of half an hour.
MINUTES = (0, 10, 29, 31, 700, 719, 721, 1409, 1411, 1430, 1439)


@dataclass(frozen=True)
class Hit:
    """A request: when, by whom, and what for."""

    day: int
    minute: int
    visitor: int
    path: str

    def row(self) -> dict[str, object]:
        moment = datetime.combine(DAYS[self.day], time(), UTC) + timedelta(minutes=self.minute)
        return {
            "log_date": DAYS[self.day],
            "timestamp": f"{moment:%Y-%m-%d %H:%M:%S}+00",
            "remote_addr": f"192.0.2.{self.visitor}",
            "path": self.path,
            "line": f"{self.day}{self.minute}{self.visitor}{self.path}",
        }


@dataclass(frozen=True)
class Delivery:
    """Messages of the stream, each a hit; one that came before is a copy. Are their event_ids reused by other lines?"""

    hits: tuple[int, ...]
    reuses: bool


@dataclass(frozen=True)
class Reading:
    """A log file that is read, as it is now."""

    file: int
    hits: tuple[int, ...]


@dataclass(frozen=True)
class Summaries:
    """A run of late_lines, and one of daily_summary."""


@st.composite
def histories(draw):
    """Hits, and what happens with them."""
    hit = st.builds(Hit, st.integers(0, 2), st.sampled_from(MINUTES), st.integers(1, 2), st.sampled_from(["/", "/a"]))
    hits = draw(st.lists(hit, min_size=4, max_size=12), label="hits")
    some = st.lists(st.integers(0, len(hits) - 1), min_size=1, max_size=8).map(tuple)
    files = st.lists(st.integers(0, len(hits) - 1), max_size=8, unique=True).map(tuple)
    events = (
        st.builds(Delivery, some, st.booleans()) | st.builds(Reading, st.integers(0, 1), files) | st.just(Summaries())
    )
    return hits, draw(st.lists(events, min_size=2, max_size=8), label="events")


def deliver(warehouse: Warehouse, hits: Sequence[Hit], event: Delivery, number: int) -> None:
    made = datetime.now(UTC)
    rows = [
        hits[hit].row() | {"event_id": f"m{0 if event.reuses else hit}", "source_uri": "s", "ingested_at": f"{made}"}
        for hit in event.hits
    ]
    of_days = [
        {"batch_id": f"b{number}", "log_date": day, "lines": count, "rows": count, "ingested_at": f"{made}"}
        for day in DAYS
        if (count := sum(row["log_date"] == day for row in rows))
    ]
    warehouse.load({"streamed_requests": rows, "stream_batches": of_days}, {})


def read(warehouse: Warehouse, hits: Sequence[Hit], event: Reading, number: int) -> None:
    uri, finished = f"gs://logs/{event.file}.log", f"{datetime.now(UTC)}"
    of_run = {"run_id": f"run-{number}", "source_uri": uri, "generation": number, "finished": finished}
    rows = [hits[hit].row() | {"event_id": f"{uri} {number} {hit}", "source_uri": uri} for hit in event.hits]
    entries = [of_run | {"log_date": day, "rows": sum(row["log_date"] == day for row in rows)} for day in DAYS]
    staged = {
        "rows": rows,
        "rejected": [],
        "ledger": [of_run | {"lines": len(rows), "rows": len(rows), "started": finished}],
        "ledger_days": [entry for entry in entries if entry["rows"]],
    }
    warehouse.stage(staged)
    warehouse.run(warehouse.sql(LAND))


def run_summaries(warehouse: Warehouse, number: int) -> None:
    warehouse.run(warehouse.sql("ledger/fold_stream.sql"))
    warehouse.run(warehouse.sql("request_builds/reopen.sql", run_id=f"late-{number}", late_requests=1))
    summarise(warehouse, f"summary-{number}")
    assert summarise(warehouse, f"again-{number}") == []


def tables(warehouse: Warehouse) -> dict[str, list[str]]:
    return {
        table: sorted(str(row) for row in warehouse.rows(table))
        for table in ("requests", "session_parts", *DAILY_TABLES)
    }


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
def test_the_tables_are_those_of_a_build_from_scratch(warehouse: Warehouse, history) -> None:
    hits, events = history
    warehouse.clear()
    for number, event in enumerate(events):
        if isinstance(event, Delivery):
            deliver(warehouse, hits, event, number)
        elif isinstance(event, Reading):
            read(warehouse, hits, event, number)
        else:
            run_summaries(warehouse, number)
    run_summaries(warehouse, len(events))
    found = tables(warehouse)
    warehouse.run("".join(f"TRUNCATE TABLE {warehouse.dataset}.{table};\n" for table in found))
    for day in DAYS:
        rebuild(warehouse, day, "requests")
    for day in DAYS:
        rebuild(warehouse, day, *DAILY_TABLES)
    assert found == tables(warehouse)
