"""Tables and partitions of the BigQuery emulator that expire, and partitions that are named: docs/service-rules.md."""

import io
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import bigquery

pytestmark = pytest.mark.integration

DATASET = "expiry"
FIELDS = [bigquery.SchemaField("day", "DATE"), bigquery.SchemaField("n", "INT64")]


def run(client: bigquery.Client, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in client.query(sql, job_retry=None).result(job_retry=None)]


def wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.05)


def names(client: bigquery.Client) -> list[str]:
    return [table.table_id for table in client.list_tables(DATASET)]


def make(client: bigquery.Client, how: str, name: str) -> None:
    """Make a table that expires within a second."""
    table = bigquery.Table(f"{client.project}.{DATASET}.{name}", FIELDS)
    soon = datetime.now(UTC) + timedelta(seconds=0.5)
    if how == "statement":
        run(client, f"CREATE TABLE {DATASET}.{name} (n INT64) OPTIONS (expiration_timestamp = TIMESTAMP '{soon}')")
        return
    if how == "update":
        client.create_table(table)
    table.expires = soon
    if how == "create":
        client.create_table(table)
    else:
        client.update_table(table, ["expires"])


@pytest.mark.parametrize("how", ["create", "update", "statement"])
def test_a_table_expires(client, how):
    name = f"table_{how}"
    make(client, how, name)
    assert client.get_table(f"{DATASET}.{name}").expires is not None
    wait_until(lambda: name not in names(client))
    with pytest.raises(NotFound):
        client.get_table(f"{DATASET}.{name}")
    with pytest.raises(NotFound):
        run(client, f"SELECT * FROM {DATASET}.{name}")
    run(client, f"CREATE TABLE {DATASET}.{name} AS SELECT 1 AS n")
    assert run(client, f"SELECT n FROM {DATASET}.{name}") == [(1,)]


def test_a_change_of_something_else_leaves_the_expiry(client):
    table = bigquery.Table(f"{client.project}.{DATASET}.kept", FIELDS)
    table.expires = datetime.now(UTC) + timedelta(days=1)
    client.create_table(table)
    table.description = "of a test"
    client.update_table(table, ["description"])
    run(client, f"ALTER TABLE {DATASET}.kept ADD COLUMN b STRING")
    expires = client.get_table(table).expires
    assert expires is not None
    assert abs(expires - table.expires) < timedelta(seconds=1)
    table.expires = None
    assert client.update_table(table, ["expires"]).expires is None


def test_new_tables_of_a_dataset_expire_as_it_says(client):
    run(client, f"CREATE TABLE {DATASET}.old AS SELECT 1 AS n")
    dataset = client.get_dataset(DATASET)
    dataset.default_table_expiration_ms = 24 * 3600 * 1000
    client.update_dataset(dataset, ["default_table_expiration_ms"])
    try:
        run(client, f"CREATE TABLE {DATASET}.made AS SELECT 1 AS n")
        client.create_table(bigquery.Table(f"{client.project}.{DATASET}.created", FIELDS))
        config = bigquery.LoadJobConfig(schema=FIELDS, source_format="CSV")
        client.load_table_from_file(io.BytesIO(b"2026-01-01,1\n"), f"{DATASET}.loaded", job_config=config).result()
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        for name in ("made", "created", "loaded"):
            expires = client.get_table(f"{DATASET}.{name}").expires
            assert expires is not None, name
            assert abs(expires - tomorrow) < timedelta(hours=1)
        assert client.get_table(f"{DATASET}.old").expires is None
    finally:
        dataset.default_table_expiration_ms = None
        client.update_dataset(dataset, ["default_table_expiration_ms"])


@pytest.mark.parametrize(
    ("column", "by", "value"),
    [("DATE", "x", "{}"), ("TIMESTAMP", "DATE(x)", "TIMESTAMP({})"), ("DATE", "DATE_TRUNC(x, MONTH)", "{}")],
)
def test_partitions_expire_with_their_time(client, column, by, value):
    table = f"{DATASET}.parts_{column}_{len(by)}"
    run(
        client, f"CREATE TABLE {table} (x {column}, n INT64) PARTITION BY {by} OPTIONS (partition_expiration_days = 90)"
    )
    rows = [
        (value.format(f"DATE_SUB(CURRENT_DATE(), INTERVAL {age} DAY)"), number)
        for number, age in enumerate((0, 30, 125, 4000))
    ]
    run(client, f"INSERT INTO {table} VALUES {', '.join(f'({x}, {n})' for x, n in rows)}, (NULL, 9)")
    assert run(client, f"SELECT n FROM {table} ORDER BY n") == [(0,), (1,), (9,)]


def test_partitions_of_other_tables_stay(client):
    run(client, f"CREATE TABLE {DATASET}.stays (day DATE) PARTITION BY day")
    run(client, f"INSERT INTO {DATASET}.stays VALUES ('1999-01-01')")
    assert run(client, f"SELECT COUNT(*) FROM {DATASET}.stays") == [(1,)]


def name_partition(client: bigquery.Client, how: str, table: str) -> None:
    """Run a job that names a partition of a table."""
    partition = f"{table}$20260101"
    if how == "load":
        client.load_table_from_uri("gs://nowhere/x.csv", partition).result(timeout=60)
    elif how == "upload":
        client.load_table_from_file(io.BytesIO(b"2026-01-01,1\n"), partition, num_retries=0).result(timeout=60)
    elif how == "query":
        config = bigquery.QueryJobConfig(destination=f"{client.project}.{partition}")
        client.query("SELECT DATE '2026-01-01' AS day, 1 AS n", job_config=config, job_retry=None).result()
    elif how == "copy to":
        client.copy_table(table, partition).result()
    elif how == "copy from":
        client.copy_table(partition, f"{table}_copy").result()
    elif how == "extract":
        client.extract_table(f"{client.project}.{partition}", "gs://nowhere/x.csv").result()
    else:
        client.delete_table(partition)


@pytest.mark.parametrize("how", ["load", "upload", "query", "copy to", "copy from", "extract", "delete"])
def test_partition_decorators_are_refused_in_one_line(client, how):
    table = f"{DATASET}.decorated"
    run(client, f"CREATE TABLE IF NOT EXISTS {table} (day DATE, n INT64) PARTITION BY day")
    with pytest.raises(BadRequest, match="takes no partition decorators"):
        name_partition(client, how, table)
    assert run(client, f"SELECT * FROM {table}") == []
