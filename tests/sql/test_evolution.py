"""Tables follow their schema files: columns come, nothing goes, and what cannot be done is named before anything is."""

import pytest
from google.cloud.bigquery import Client, SchemaField, Table, TimePartitioning

from logline.warehouse.migrate_tables import Difference, additions, difference, set_properties
from tests.sql.warehouse import TABLES, Warehouse, render

A, B, NEW = (SchemaField(name, kind) for name, kind in (("a", "INTEGER"), ("b", "STRING"), ("new", "DATE")))


def table(*columns, partitioned="DAY", **properties):
    made = Table("project.dataset.visits", schema=columns)
    if partitioned:
        made.time_partitioning = TimePartitioning(
            type_=partitioned, field="day", expiration_ms=properties.pop("ms", None)
        )
    for name, value in properties.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("existing", "wanted", "fault"),
    [
        (table(A, B), table(A), "visits.b (STRING) is not in its schema.sql"),
        (table(A), table(SchemaField("a", "STRING")), "visits.a is INT64, its schema.sql wants STRING"),
        (table(A), table(SchemaField("a", "INTEGER", "REQUIRED")), "is INT64, its schema.sql wants INT64 NOT NULL"),
        (table(B), table(SchemaField("b", "STRING", "REPEATED")), "is STRING, its schema.sql wants ARRAY<STRING>"),
        (table(A), table(A, SchemaField("new", "DATE", "REQUIRED")), "visits.new is new and DATE NOT NULL"),
        (table(A, B), table(A, NEW, B), "visits has its columns in the order a, b: in schema.sql new ones must come"),
        (table(A), table(A, partitioned="HOUR"), "is partitioned by DAY of day, its schema.sql wants HOUR of day"),
        (table(A, partitioned=None), table(A), "is partitioned by nothing, its schema.sql wants DAY of day"),
    ],
)
def test_what_would_lose_or_change_data_is_refused(existing, wanted, fault):
    (said,) = difference("visits", existing, wanted).faults
    assert fault in said
    assert len(said.splitlines()) == 1


def test_what_is_new_is_added():
    existing = table(A, B)
    found = difference("visits", existing, table(A, B, NEW, SchemaField("tags", "STRING", "REPEATED")))
    assert (found.faults, found.properties) == ([], [])
    assert additions(existing, found) == [
        "ALTER TABLE `project.dataset.visits` ADD COLUMN IF NOT EXISTS `new` DATE",
        "ALTER TABLE `project.dataset.visits` ADD COLUMN IF NOT EXISTS `tags` ARRAY<STRING>",
    ]


def test_what_can_be_set_in_place_is_set():
    described = SchemaField("a", "INTEGER", description="the first")
    wanted = table(described, description="Visits", clustering_fields=["a"], require_partition_filter=True, ms=1000)
    assert sorted(difference("visits", table(A), wanted).properties) == [
        *("clustering_fields", "description", "require_partition_filter", "schema", "time_partitioning"),
    ]
    assert difference("visits", wanted, wanted).properties == []


def test_rows_stay_in_a_given_landing_table_as_long_as_the_setting_says():
    of_backfills, of_replays = ("backfilled_requests", "rejected_backfilled"), ("replayed_lines",)
    for name in (*of_backfills, *of_replays, "streamed_requests", "rejected_streamed", "stream_batches"):
        assert "partition_expiration_days = 90" in render(f"{name}/schema.sql", dataset="d", landing_expiry_days=90)
        assert "expiration" not in render(f"{name}/schema.sql", dataset="d", landing_expiry_days=None)


def evolve(client: Client, existing: Table, wanted: Table):
    found = difference("t", existing, wanted)
    assert found.faults == []
    for statement in additions(existing, found):
        client.query_and_wait(statement)
    set_properties(client, existing, wanted, found)
    return client.get_table(existing.reference)


@pytest.mark.integration
def test_a_table_of_the_last_release_gets_the_new_column_and_keeps_its_rows(own_warehouse: Warehouse):
    client, old, new = own_warehouse.client, f"{own_warehouse.dataset}.old", f"{own_warehouse.staging}.old"
    own_warehouse.run(f"CREATE TABLE {old} (day DATE NOT NULL, n INT64) PARTITION BY day OPTIONS (description = 'Old')")
    own_warehouse.run(f"INSERT INTO {old} (day, n) VALUES (DATE '2015-05-17', 7)")
    own_warehouse.run(f"CREATE TABLE {new} (day DATE NOT NULL, n INT64, tag STRING) PARTITION BY day")
    for _ in range(2):
        evolved = evolve(client, client.get_table(old), client.get_table(new))
        assert [(column.name, column.mode) for column in evolved.schema] == [
            *(("day", "REQUIRED"), ("n", "NULLABLE"), ("tag", "NULLABLE")),
        ]
    own_warehouse.run(f"INSERT INTO {old} (day, n, tag) VALUES (DATE '2015-05-18', 8, 'x')")
    found = own_warehouse.run(f"SELECT n, tag FROM {old} ORDER BY n")
    assert found == [{"n": 7, "tag": None}, {"n": 8, "tag": "x"}]


@pytest.mark.integration
def test_a_fresh_installation_differs_in_nothing_from_its_schema_files(own_warehouse: Warehouse):
    staging = {"dataset": own_warehouse.staging}
    own_warehouse.run(own_warehouse.sql("create_tables.sql", tables=TABLES, **staging))
    for name in TABLES:
        pair = [
            own_warehouse.client.get_table(f"{dataset}.{name}")
            for dataset in (own_warehouse.dataset, own_warehouse.staging)
        ]
        found = difference(name, *pair)
        assert found == Difference(name)
    own_warehouse.run(own_warehouse.sql("drop_tables.sql", tables=TABLES, **staging))
