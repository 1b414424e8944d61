"""Results of queries in the BigQuery emulator: in the tables that jobs name, and in pages."""

import pytest
import requests
from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.cloud import bigquery

from local_stack.running import RunningStack

pytestmark = pytest.mark.integration

DATASET = "destinations"
DAY = "SELECT DATE '2026-11-01' AS day, {} AS n"


def write(client: bigquery.Client, sql: str, table: str, **options: object) -> bigquery.QueryJob:
    config = bigquery.QueryJobConfig(destination=f"{client.project}.{DATASET}.{table}", **options)
    job = client.query(sql, job_config=config)
    job.result()
    return job


def numbers(client: bigquery.Client, table: str) -> list[int]:
    return [row.n for row in client.query_and_wait(f"SELECT n FROM {DATASET}.{table} ORDER BY n")]


def test_a_new_table_has_the_layout_of_the_job(client: bigquery.Client) -> None:
    by_day = bigquery.TimePartitioning(field="day")
    job = write(client, DAY.format(1), "new", time_partitioning=by_day, clustering_fields=["n"])
    table = client.get_table(job.destination)
    assert (table.num_rows, table.time_partitioning.field, table.clustering_fields) == (1, "day", ["n"])
    assert client.get_job(job.job_id).destination == job.destination


def test_dispositions(client: bigquery.Client) -> None:
    write(client, DAY.format(1), "filled")
    with pytest.raises(Conflict, match=f"Already Exists: Table .*{DATASET}.filled"):
        write(client, DAY.format(2), "filled")
    write(client, "SELECT 2 AS n, DATE '2026-11-02' AS day", "filled", write_disposition="WRITE_APPEND")
    assert numbers(client, "filled") == [1, 2]
    with pytest.raises(BadRequest, match="Cannot add fields"):
        write(client, "SELECT 3 AS other", "filled", write_disposition="WRITE_APPEND")
    write(client, "SELECT 4 AS n, 'text' AS other", "filled", write_disposition="WRITE_TRUNCATE")
    assert numbers(client, "filled") == [4]
    assert [field.name for field in client.get_table(f"{DATASET}.filled").schema] == ["n", "other"]
    client.query_and_wait(f"TRUNCATE TABLE {DATASET}.filled")
    write(client, "SELECT 5 AS n, 'text' AS other", "filled", write_disposition="WRITE_EMPTY")
    assert numbers(client, "filled") == [5]


@pytest.mark.parametrize(
    ("sql", "options", "error"),
    [
        (f"CREATE TABLE {DATASET}.side (n INT64)", {}, BadRequest),
        (DAY.format(1), {"create_disposition": "CREATE_NEVER"}, NotFound),
        (
            DAY.format(1),
            {"write_disposition": "WRITE_APPEND", "schema_update_options": ["ALLOW_FIELD_ADDITION"]},
            BadRequest,
        ),
        ("SELECT missing", {}, BadRequest),
    ],
)
def test_a_refused_job_leaves_no_table(client: bigquery.Client, sql: str, options: dict, error: type) -> None:
    with pytest.raises(error):
        write(client, sql, "refused", **options)
    assert {"refused", "side"}.isdisjoint(table.table_id for table in client.list_tables(DATASET))


def test_a_dataset_that_is_missing(client: bigquery.Client) -> None:
    config = bigquery.QueryJobConfig(destination=f"{client.project}.nowhere.t")
    with pytest.raises(NotFound):
        client.query("SELECT 1 AS n", job_config=config).result()


@pytest.mark.parametrize("rows", [1, 10_000, 10_001])
def test_results_are_read_without_the_storage_api(client: bigquery.Client, rows: int) -> None:
    sql = f"SELECT n FROM UNNEST(GENERATE_ARRAY(1, {rows})) AS n"
    assert client.query(sql).to_arrow(create_bqstorage_client=True).num_rows == rows
    assert client.query_and_wait(sql).to_arrow(create_bqstorage_client=True).num_rows == rows


def test_a_poll_is_answered_with_the_first_page(emulators: RunningStack, client: bigquery.Client) -> None:
    job = client.query("SELECT 1 AS n")
    job.result()
    url = f"{emulators.config.url('bigquery')}/bigquery/v2/projects/{client.project}/queries/{job.job_id}?maxResults=0"
    answer = requests.get(url, timeout=60).json()
    assert (answer["rows"], answer.get("pageToken")) == ([{"f": [{"v": "1"}]}], None)
