"""The BigQuery emulator refuses what the service's documentation does not allow: docs/service-rules.md."""

import io
import threading
import uuid

import pytest
from google.api_core.exceptions import BadRequest, Conflict
from google.cloud import bigquery

pytestmark = pytest.mark.integration

DATASET = "rules"
HASHED = [bigquery.SchemaField("h", "BYTES"), bigquery.SchemaField("n", "INT64")]


def clustered(client: bigquery.Client, by: str) -> bigquery.Table:
    table = bigquery.Table(f"{client.project}.{DATASET}.clustered", HASHED)
    table.clustering_fields = [by]
    return table


def run(client: bigquery.Client, sql: str, **options: object) -> list[bigquery.Row]:
    return list(client.query(sql, job_retry=None, **options).result(job_retry=None))


@pytest.mark.parametrize(
    "sql",
    [
        f"CREATE TABLE {DATASET}.refused (h BYTES) CLUSTER BY h",
        f"CREATE OR REPLACE TABLE {DATASET}.refused (h BYTES) CLUSTER BY h",
        f"SELECT 1; CREATE TABLE IF NOT EXISTS {DATASET}.refused (h BYTES) CLUSTER BY h",
        f"CREATE TABLE {DATASET}.refused (day STRING) PARTITION BY day",
    ],
)
def test_a_refused_statement_leaves_no_table(client, sql):
    with pytest.raises(BadRequest, match="supported"):
        run(client, sql)
    assert "refused" not in [table.table_id for table in client.list_tables(DATASET)]


def test_tables_of_the_api_are_checked(client):
    with pytest.raises(BadRequest, match="Field h has type BYTES"):
        client.create_table(clustered(client, "h"))
    table = client.create_table(clustered(client, "n"))
    table.clustering_fields = ["h"]
    with pytest.raises(BadRequest, match="Field h has type BYTES"):
        client.update_table(table, ["clustering_fields"])
    assert client.get_table(table).clustering_fields == ["n"]
    table.description = "x" * 16_385
    with pytest.raises(BadRequest, match="description of table clustered"):
        client.update_table(table, ["description"])


def test_tables_that_loads_make_are_checked(client):
    config = bigquery.LoadJobConfig(schema=HASHED, source_format="CSV", clustering_fields=["h"])
    upload = io.BytesIO(b"YQ==,1\n")
    with pytest.raises(BadRequest, match="Field h has type BYTES"):
        client.load_table_from_file(upload, f"{DATASET}.loaded", job_config=config, num_retries=0).result()


def test_a_load_has_at_most_ten_thousand_uris(client):
    uris = [f"gs://nowhere/{number}.csv" for number in range(10_001)]
    with pytest.raises(BadRequest, match="Too many source URIs: 10001"):
        client.load_table_from_uri(uris, f"{DATASET}.loaded").result()


def test_the_id_of_a_job_is_used_once(client):
    job_id = f"job-{uuid.uuid4().hex}"
    run(client, "SELECT 1", job_id=job_id)
    with pytest.raises(Conflict, match="Already Exists: Job"):
        run(client, "SELECT 2", job_id=job_id)
    assert [tuple(row) for row in client.get_job(job_id).result()] == [(1,)]


def test_of_jobs_with_one_id_at_once_one_runs(client):
    run(client, f"CREATE OR REPLACE TABLE {DATASET}.once (n INT64)")
    job_id, refused = f"job-{uuid.uuid4().hex}", []
    # Other jobs run between the statements of a transaction.
    statements = f"INSERT INTO {DATASET}.once VALUES (1);" + "SELECT 1;" * 20
    script = f"BEGIN TRANSACTION; {statements} COMMIT TRANSACTION"

    def insert() -> None:
        try:
            run(client, script, job_id=job_id)
        except Conflict as conflict:
            refused.append(conflict)

    threads = [threading.Thread(target=insert) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert [tuple(row) for row in run(client, f"SELECT COUNT(*) FROM {DATASET}.once")] == [(1,)]


def test_a_job_that_failed_keeps_its_id(client):
    job_id = f"job-{uuid.uuid4().hex}"
    with pytest.raises(BadRequest):
        run(client, "SELECT 1 / 0", job_id=job_id)
    with pytest.raises(Conflict):
        run(client, "SELECT 1", job_id=job_id)


@pytest.mark.parametrize("ask", [run, lambda client, sql: client.query_and_wait(sql, job_retry=None)])
def test_a_query_has_a_longest_length(client, ask):
    with pytest.raises(BadRequest, match="The query is too large"):
        ask(client, f"SELECT '{'x' * (1 << 20)}'")


def test_a_query_has_a_most_of_parameters(client):
    parameters = [bigquery.ScalarQueryParameter(f"p{number}", "INT64", number) for number in range(10_001)]
    with pytest.raises(BadRequest, match="Too many query parameters"):
        run(client, "SELECT @p1", job_config=bigquery.QueryJobConfig(query_parameters=parameters))


def test_a_request_has_a_largest_size(client):
    value = bigquery.ScalarQueryParameter("value", "STRING", "x" * (10 << 20))
    with pytest.raises(BadRequest, match="Request payload size exceeds the limit: 10485760 bytes"):
        run(client, "SELECT LENGTH(@value)", job_config=bigquery.QueryJobConfig(query_parameters=[value]))


def test_a_table_that_wants_a_filter_on_its_partitions(client):
    options = "OPTIONS (require_partition_filter = TRUE)"
    run(client, f"CREATE TABLE {DATASET}.filtered (day DATE, n INT64) PARTITION BY day {options}")
    run(client, f"INSERT INTO {DATASET}.filtered VALUES ('2015-05-17', 1)")
    refused = "Cannot query over table .* without a filter over column\\(s\\) 'day'"
    for sql in (
        f"SELECT n FROM {DATASET}.filtered",
        f"DELETE FROM {DATASET}.filtered WHERE n = 1",
        f"DECLARE days ARRAY<DATE>; SET days = (SELECT ARRAY_AGG(day) FROM {DATASET}.filtered)",
    ):
        with pytest.raises(BadRequest, match=refused):
            run(client, sql)
    with pytest.raises(BadRequest, match=refused):
        client.query_and_wait(f"SELECT n FROM {DATASET}.filtered", job_retry=None)
    declared = "DECLARE days ARRAY<DATE>; SET days = [DATE '2015-05-17'];"
    found = run(client, f"{declared} SELECT n FROM {DATASET}.filtered WHERE day IN UNNEST(days)")
    assert [tuple(row) for row in found] == [(1,)]
    table = client.get_table(f"{DATASET}.filtered")
    table.require_partition_filter = False
    client.update_table(table, ["require_partition_filter"])
    assert [tuple(row) for row in run(client, f"SELECT n FROM {DATASET}.filtered")] == [(1,)]
