"""What logline relies on in the BigQuery emulator."""

import io
import uuid
from collections.abc import Iterator

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery

from local_stack.running import RunningStack

pytestmark = pytest.mark.integration

ROWS = pa.table(
    {
        "day": pa.array([20000, 20000, 20001], pa.date32()),
        "path": ["/a", "/b", "/a"],
        "hash": pa.array([b"\x00\xff", b"", None], pa.binary()),
        "status": pa.array([200, 404, None], pa.int64()),
    }
)
SCHEMA = [
    bigquery.SchemaField("day", "DATE"),
    bigquery.SchemaField("path", "STRING"),
    bigquery.SchemaField("hash", "BYTES"),
    bigquery.SchemaField("status", "INT64"),
]


@pytest.fixture
def client(emulators: RunningStack) -> Iterator[bigquery.Client]:
    with emulators.bigquery() as client:
        yield client


@pytest.fixture
def dataset(client: bigquery.Client) -> Iterator[str]:
    name = f"smoke_{uuid.uuid4().hex[:8]}"
    client.create_dataset(name)
    yield name
    client.delete_dataset(name, delete_contents=True)


def upload(emulators: RunningStack, name: str, table: pa.Table) -> str:
    bucket_name = "bigquery-smoke"
    parquet = io.BytesIO()
    pq.write_table(table, parquet, compression="zstd")
    with emulators.storage() as storage:
        bucket = storage.lookup_bucket(bucket_name) or storage.create_bucket(bucket_name)
        bucket.blob(name).upload_from_string(parquet.getvalue())
    return f"gs://{bucket_name}/{name}"


def load(client: bigquery.Client, table: str, *uris: str) -> int:
    options = bigquery.LoadJobConfig(source_format="PARQUET", schema=SCHEMA, write_disposition="WRITE_TRUNCATE")
    return client.load_table_from_uri(list(uris), table, job_config=options).result().output_rows


def rows(client: bigquery.Client, table: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in client.query_and_wait(f"SELECT * FROM {table} ORDER BY day, path")]


def test_loads_parquet_from_the_storage_emulator(emulators, client, dataset):
    uris = [upload(emulators, f"{dataset}/{part}.parquet", ROWS) for part in "ab"]
    assert load(client, f"{dataset}.staging", uris[0]) == 3
    assert load(client, f"{dataset}.staging", *uris) == 6
    assert rows(client, f"{dataset}.staging")[2][1:] == ("/b", b"", 404)


def test_loading_again_replaces_the_table(emulators, client, dataset):
    uri = upload(emulators, f"{dataset}/rows.parquet", ROWS)
    for _ in range(2):
        load(client, f"{dataset}.staging", uri)
    assert len(rows(client, f"{dataset}.staging")) == 3


def test_an_apostrophe_in_a_comment_begins_no_literal(client):
    sql = """-- the day's rows
    SELECT 'it\\'s 1.5 -- here' AS text, /* what's more */ "2.5" AS quoted, 3.5 AS number  # isn't it
    """
    (row,) = client.query_and_wait(sql)
    assert tuple(row) == ("it's 1.5 -- here", "2.5", 3.5)


def test_a_query_leaves_memory_to_others(client):
    (row,) = client.query_and_wait("SELECT current_setting('memory_limit') AS bytes")
    number, unit = row["bytes"].split()
    limit = float(number) * {"MiB": 2**20, "GiB": 2**30}[unit]
    assert limit == pytest.approx(psutil.virtual_memory().total / 4, rel=0.1)
    (row,) = client.query_and_wait("SELECT current_setting('enable_external_file_cache') AS keeps_files")
    assert row["keeps_files"] is False


def test_replaces_a_day_in_one_transaction(emulators, client, dataset):
    load(client, f"{dataset}.staging", upload(emulators, f"{dataset}/rows.parquet", ROWS))
    client.query_and_wait(f"CREATE TABLE {dataset}.landed AS SELECT * FROM {dataset}.staging WHERE day = '2024-10-05'")
    client.query_and_wait(
        f"""BEGIN TRANSACTION;
        DELETE FROM {dataset}.landed WHERE day = '2024-10-05';
        INSERT INTO {dataset}.landed SELECT * FROM {dataset}.staging;
        COMMIT TRANSACTION;"""
    )
    assert rows(client, f"{dataset}.landed") == rows(client, f"{dataset}.staging")


def test_a_transaction_that_fails_changes_nothing(emulators, client, dataset):
    uri = upload(emulators, f"{dataset}/rows.parquet", ROWS)
    load(client, f"{dataset}.staging", uri)
    load(client, f"{dataset}.landed", uri)
    before = rows(client, f"{dataset}.landed")
    failing = client.query(
        f"""BEGIN TRANSACTION;
        DELETE FROM {dataset}.landed WHERE TRUE;
        INSERT INTO {dataset}.landed SELECT day, path, hash, ERROR('went wrong') FROM {dataset}.staging;
        COMMIT TRANSACTION;"""
    )
    with pytest.raises(GoogleAPICallError, match="went wrong"):
        failing.result()
    assert rows(client, f"{dataset}.landed") == before


@pytest.mark.parametrize("end", ["", "ROLLBACK TRANSACTION;"], ids=["left open", "rolled back"])
def test_a_transaction_that_is_not_committed_changes_nothing(emulators, client, dataset, end):
    load(client, f"{dataset}.landed", upload(emulators, f"{dataset}/rows.parquet", ROWS))
    before = rows(client, f"{dataset}.landed")
    client.query_and_wait(f"BEGIN TRANSACTION; DELETE FROM {dataset}.landed WHERE TRUE; {end}")
    assert rows(client, f"{dataset}.landed") == before


def test_keeps_its_tables_when_killed(emulators, client, dataset):
    load(client, f"{dataset}.landed", upload(emulators, f"{dataset}/rows.parquet", ROWS))
    before = rows(client, f"{dataset}.landed")
    emulators.kill("bigquery")
    assert rows(client, f"{dataset}.landed") == before
