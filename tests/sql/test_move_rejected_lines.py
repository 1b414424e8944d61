"""The tables of release 0.1.0, with rows in them, become those of today, and every row is kept."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from google.api_core.exceptions import BadRequest, GoogleAPICallError

from logline.warehouse.migrate_tables import additions, difference, set_properties
from logline.warehouse.move_rejected_lines import TABLE_OF_0_1_0, pending
from tests.appends import append
from tests.partitions import every_row
from tests.sql.warehouse import TABLES, VIEWS, Warehouse

pytestmark = pytest.mark.integration

RELEASE = Path(__file__).parent / "release_0_1_0.sql"
COLUMNS = (
    *("raw_line", "error_type", "error_message", "source", "source_uri", "source_offset", "event_id"),
    *("parser_version", "ingested_at", "replayed_at"),
)
OF_REJECTED_LINES = ("rejected_backfilled", "rejected_streamed", "replayed_lines")
LINES = [
    ("b'plain'", "backfill", "gs://logs/a.log", "f:1", "NULL"),
    ("b'replayed'", "backfill", "gs://logs/a.log", "f:2", "TIMESTAMP '2015-05-20 00:00:00+00'"),
    ("FROM_HEX('ff00')", "stream", "projects/p/subscriptions/s", "m1", "NULL"),
    ("b'twice'", "stream", "projects/p/subscriptions/s", "m2", "TIMESTAMP '2015-05-21 00:00:00+00'"),
    ("b'twice'", "stream", "projects/p/subscriptions/s", "m2", "TIMESTAMP '2015-05-21 00:00:00+00'"),
    ("b'of one id'", "stream", "projects/p/subscriptions/s", "m2", "NULL"),
]


class OldWarehouse(Warehouse):
    """A dataset with the tables and views of release 0.1.0."""

    def _create(self) -> None:
        self.run(RELEASE.read_text(encoding="utf-8").replace("DATASET", self.dataset))


@pytest.fixture
def old(emulators):
    with emulators.bigquery() as client:
        warehouse = OldWarehouse(client)
        values = ", ".join(
            f"({line}, 'format', 'why', '{source}', '{uri}', {number}, '{event_id}', '1', "
            f"TIMESTAMP '2015-05-18 00:00:00+00', {replayed})"
            for number, (line, source, uri, event_id, replayed) in enumerate(LINES)
        )
        warehouse.run(f"INSERT INTO {warehouse.dataset}.rejected_lines ({', '.join(COLUMNS)}) VALUES {values}")
        yield warehouse


def step(warehouse: Warehouse, name: str) -> None:
    warehouse.run(warehouse.sql(f"rejected_lines/table_of_0_1_0/{name}.sql", table_of_0_1_0=TABLE_OF_0_1_0))


def provision(
    warehouse: Warehouse,
    *,
    tables: Sequence[str] = OF_REJECTED_LINES,
    views: Sequence[str] = ("rejected_lines",),
    killed_after: str = "",
) -> list[str]:
    """Run the tasks of `provision` that make tables, up to a kill; return the steps of the one that moves rows."""
    warehouse.run(warehouse.sql("create_tables.sql", tables=tables))
    warehouse.run(warehouse.sql("create_tables.sql", tables=tables, dataset=warehouse.staging))
    client = warehouse.client
    for name in tables:
        existing, wanted = (client.get_table(f"{of}.{name}") for of in (warehouse.dataset, warehouse.staging))
        found = difference(name, existing, wanted)
        assert found.faults == []
        for statement in additions(existing, found):
            warehouse.run(statement)
        set_properties(client, existing, wanted, found)
    warehouse.run(warehouse.sql("drop_tables.sql", tables=tables, dataset=warehouse.staging))
    taken = []
    for name in pending(client, f"{client.project}.{warehouse.dataset}"):
        step(warehouse, name)
        taken.append(name)
        if name == killed_after:
            return taken
    warehouse.run(warehouse.sql("create_views.sql", views=views))
    return taken


def rejected(warehouse: Warehouse) -> list[tuple[object, ...]]:
    rows = warehouse.run(f"SELECT {', '.join(COLUMNS)} FROM {warehouse.dataset}.rejected_lines ORDER BY source_offset")
    return [tuple(row.values()) for row in rows]


def test_every_row_and_every_mark_is_kept(old):
    before = rejected(old)
    assert len(before) == len(LINES)
    assert provision(old, tables=TABLES, views=VIEWS) == ["set_aside", "move", "drop"]
    for view in VIEWS:
        old.run(
            f"SELECT * FROM {old.dataset}.{view} WHERE {every_row('requests' if view == 'requests_live' else view)}"
        )
    for _ in range(2):
        assert rejected(old) == before
        counts = {
            table: len(old.rows(table)) for table in ("rejected_backfilled", "rejected_streamed", "replayed_lines")
        }
        assert counts == {"rejected_backfilled": 2, "rejected_streamed": 4, "replayed_lines": 2}
        assert provision(old) == []


@pytest.mark.parametrize("killed_after", ["set_aside", "move", "drop"])
def test_a_run_that_was_interrupted_is_taken_up(old, killed_after):
    before = rejected(old)
    provision(old, killed_after=killed_after)
    # What runs meanwhile with the tables of today is not undone.
    old.insert("rejected_streamed", [{"event_id": "m9", "raw_line": b"new", "source_offset": 99}])
    provision(old)
    *kept, new = rejected(old)
    assert kept == before
    assert new[0] == b"new"


def test_a_table_that_a_stream_of_the_old_release_writes_to_is_left_as_it_is(emulators, old):
    table = f"{old.dataset}.rejected_lines"
    schema = old.client.get_table(table).schema
    append(emulators, table, old_line(schema))
    before = rejected(old)
    with pytest.raises(BadRequest, match=r"rejected_lines is not supported while data is streamed into it"):
        provision(old)
    assert rejected(old) == before
    emulators.set_clock_ahead(timedelta(hours=1))
    try:
        provision(old)
    finally:
        emulators.set_clock_ahead(timedelta())
    assert rejected(old) == before
    with pytest.raises((GoogleAPICallError, AssertionError)):
        append(emulators, table, old_line(schema))


def old_line(schema):
    values = {"raw_line": b"late", "error_type": "format", "source": "stream", "event_id": "m7", "source_offset": 7}
    kinds = {"BYTES": pa.binary(), "INTEGER": pa.int64(), "TIMESTAMP": pa.timestamp("us", "UTC")}
    values["ingested_at"] = 1_500_000_000_000_000
    columns = {
        field.name: pa.array([values.get(field.name)], kinds.get(field.field_type, pa.string())) for field in schema
    }
    return pa.record_batch(columns)
