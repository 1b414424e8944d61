"""A day streamed, backfilled, streamed again and backfilled again, in any order: each request is there once."""

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sql.test_land import LAND
from tests.sql.warehouse import DAY, Warehouse

pytestmark = pytest.mark.integration

URI = "gs://logs/a.log"


@dataclass(frozen=True)
class Delivery:
    """A batch of the stream: the hits of its messages; was the job killed before it noted the batch down?"""

    hits: tuple[int, ...]
    killed: bool


@dataclass(frozen=True)
class Backfill:
    """A log file as it was when it was read: the first lines of the day."""

    lines: int


@st.composite
def histories(draw):
    """What happened on a day: its lines, of which some are equal, and what was landed of them in which order."""
    lines = draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=8), label="lines")
    hits = st.integers(0, len(lines) - 1)
    deliveries = st.builds(Delivery, st.lists(hits, min_size=1, max_size=6).map(tuple), st.booleans())
    backfills = st.builds(Backfill, st.integers(0, len(lines)))
    events = draw(st.lists(deliveries | backfills, min_size=1, max_size=5), label="events")
    return lines, events


def landed(warehouse: Warehouse, lines: list[str], events: list[Delivery | Backfill]) -> None:
    """Land a history as the stream and log_backfill do; what a killed job had in hand is delivered again at the end."""
    again = {hit for event in events if isinstance(event, Delivery) and event.killed for hit in event.hits}
    if again:
        events = [*events, Delivery(tuple(sorted(again)), killed=False)]
    for number, event in enumerate(events):
        ingested_at = f"{DAY} 12:00:{number:02}+00"
        if isinstance(event, Delivery):
            rows = [
                {"event_id": f"m{hit}", "line": lines[hit], "source_uri": "s", "ingested_at": ingested_at}
                for hit in event.hits
            ]
            count = len(rows)
            entry = {"batch_id": f"b{number}", "lines": count, "rows": count, "ingested_at": ingested_at}
            warehouse.load({"streamed_requests": rows, "stream_batches": [] if event.killed else [entry]}, {})
        else:
            of_run = {"run_id": f"run-{number}", "source_uri": URI, "generation": number}
            of_run |= {"finished": f"2015-05-18 00:00:{number:02}+00"}
            warehouse.stage(
                {
                    "rows": [
                        {"event_id": f"g{number}:{offset}", "line": line, "source_uri": URI}
                        for offset, line in enumerate(lines[: event.lines])
                    ],
                    "rejected": [],
                    "ledger": [of_run | {"lines": event.lines, "rows": event.lines}],
                    "ledger_days": [of_run | {"rows": event.lines}] if event.lines else [],
                }
            )
            warehouse.run(warehouse.sql(LAND))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
def test_each_request_is_there_once_whatever_the_history(warehouse: Warehouse, history) -> None:
    lines, events = history
    warehouse.clear()
    # Where nothing ever reached the stream's ledger, it has not begun yet.
    begun = {"batch_id": "begun", "log_date": None, "ingested_at": f"{DAY} 00:00:00+00"}
    warehouse.insert("stream_batches", [begun])
    landed(warehouse, lines, events)
    for _ in range(2):
        warehouse.run(warehouse.sql("requests/rebuild.sql"))
        found = warehouse.rows("requests", order="event_id")

        files = [event for event in events if isinstance(event, Backfill)]
        in_file = Counter(lines[: files[-1].lines] if files else [])
        delivered = {hit for event in events if isinstance(event, Delivery) for hit in event.hits}
        streamed = Counter(lines[hit] for hit in delivered)
        assert Counter(row["raw_line_hash"].rstrip(b".").decode() for row in found) == in_file | streamed
        assert len({row["event_id"] for row in found}) == len(found)
        assert sum(row["source"] == "backfill" for row in found) == in_file.total()
        if in_file.total() == len(lines) or len(delivered) == len(lines):
            assert len(found) == len(lines), "one source has all of the day"

    (day,) = warehouse.run(f"SELECT * FROM {warehouse.dataset}.reconciliation WHERE log_date = '{DAY}'")
    assert (day["status"], day["requests"], day["in_flight"]) == ("balanced", len(found), 0)
