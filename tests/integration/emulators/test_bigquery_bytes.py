"""The BigQuery emulator says how many bytes jobs process, and bills no more than a job may: docs/service-rules.md."""

import io
import json
import uuid

import pyarrow as pa
import pytest
import requests
from google.api_core.exceptions import BadRequest, InternalServerError, NotFound
from google.cloud import bigquery
from pyarrow import parquet

pytestmark = pytest.mark.integration

DATASET = "bytes_processed"
MIB = 1 << 20
#: Of each row 8 bytes of day, 2 and its length of path, 8 of status.
ROWS = [("2026-01-01", "/a", 200), ("2026-01-01", "/bc", 404), ("2026-01-02", "/", 500)]


@pytest.fixture(autouse=True)
def calls(client: bigquery.Client) -> str:
    """A table by day, clustered by path."""
    table = f"{DATASET}.calls"
    run(
        client,
        f"CREATE OR REPLACE TABLE {table} (day DATE, path STRING, status INT64) PARTITION BY day CLUSTER BY path",
    )
    rows = ", ".join(map(str, ROWS))
    run(client, f"INSERT INTO {table} VALUES {rows}")
    return table


def run(client: bigquery.Client, sql: str, **options: object) -> bigquery.QueryJob:
    job = client.query(sql, job_retry=None, **options)
    job.result(job_retry=None)
    return job


def children(client: bigquery.Client, job: bigquery.QueryJob) -> list[bigquery.QueryJob]:
    return sorted(client.list_jobs(parent_job=job), key=lambda child: child.created)


def test_a_query_says_what_it_has_processed(client, calls):
    job = run(client, f"SELECT path FROM {calls} WHERE day = '2026-01-01'")
    for told in (job, client.get_job(job.job_id)):
        assert (told.total_bytes_processed, told.total_bytes_billed) == (2 * 8 + 4 + 5, 10 * MIB)
        assert told.estimated_bytes_processed == told.total_bytes_processed
        assert [table.table_id for table in told.referenced_tables] == ["calls"]
        assert told.statement_type == "SELECT"
    assert run(client, "SELECT 1").total_bytes_billed == 0


def test_parameters_prune_partitions(client, calls):
    day = bigquery.ScalarQueryParameter("day", "DATE", "2026-01-02")
    config = bigquery.QueryJobConfig(query_parameters=[day])
    assert run(client, f"SELECT path FROM {calls} WHERE day = @day", job_config=config).total_bytes_processed == 8 + 3


def test_the_synchronous_call_says_it_too(client, calls):
    rows = client.query_and_wait(f"SELECT status FROM {calls}")
    assert (rows.total_bytes_processed, len(list(rows))) == (24, 3)


def test_views_are_looked_into(client, calls):
    run(client, f"CREATE OR REPLACE VIEW {DATASET}.pages AS SELECT day, path FROM {calls}")
    assert run(client, f"SELECT path FROM {DATASET}.pages WHERE day = '2026-01-02'").total_bytes_processed == 8 + 3
    client.delete_table(f"{DATASET}.pages")


@pytest.mark.parametrize(
    "change",
    ["statement", "load", "destination", "insert all", "copy", "script", "table deleted"],
)
def test_whatever_changes_a_table_counts(client, calls, change):
    sql = f"SELECT status FROM {calls}"
    assert run(client, sql).total_bytes_processed == 24
    reference = client.dataset(DATASET).table("calls")
    row = {"day": "2026-01-03", "path": "/new", "status": 1}
    if change == "statement":
        run(client, f"INSERT INTO {calls} VALUES ('2026-01-03', '/new', 1)")
    elif change == "load":
        table = pa.table({"day": pa.array([20456], pa.date32()), "path": ["/new"], "status": [1]})
        file = io.BytesIO()
        parquet.write_table(table, file)
        file.seek(0)
        config = bigquery.LoadJobConfig(source_format="PARQUET", write_disposition="WRITE_APPEND")
        client.load_table_from_file(file, calls, job_config=config, num_retries=0).result()
    elif change == "destination":
        config = bigquery.QueryJobConfig(destination=reference, write_disposition="WRITE_APPEND")
        run(client, "SELECT DATE '2026-01-03' AS day, '/new' AS path, 1 AS status", job_config=config)
    elif change == "insert all":
        assert client.insert_rows_json(calls, [row]) == []
    elif change == "copy":
        run(client, f"CREATE OR REPLACE TABLE {DATASET}.other PARTITION BY day AS SELECT * FROM {calls}")
        config = bigquery.CopyJobConfig(write_disposition="WRITE_APPEND")
        client.copy_table(f"{DATASET}.other", calls, job_config=config).result()
        assert run(client, sql).total_bytes_processed == 48
        return
    elif change == "script":
        run(client, f"BEGIN TRANSACTION; INSERT INTO {calls} VALUES ('2026-01-03', '/new', 1); COMMIT TRANSACTION;")
    else:
        client.delete_table(calls)
        run(client, f"CREATE TABLE {calls} (status INT64)")
        assert run(client, sql).total_bytes_processed == 0
        return
    assert run(client, sql).total_bytes_processed == 32


def test_statements_of_a_script_are_jobs_whose_bytes_add_up(client, calls):
    script = f"""
      DECLARE wanted DATE DEFAULT (SELECT MAX(day) FROM {calls});
      DECLARE none STRING DEFAULT 'x';
      BEGIN TRANSACTION;
      DELETE FROM {calls} WHERE day = wanted AND status = 500;
      INSERT INTO {calls} SELECT wanted, path, 0 FROM {calls} WHERE day = '2026-01-01';
      COMMIT TRANSACTION;
      SELECT path FROM {calls} WHERE day = wanted ORDER BY path;
    """
    job = run(client, script)
    said = [(child.statement_type, child.total_bytes_processed) for child in children(client, job)]
    assert said == [
        ("SELECT", 24),
        ("BEGIN_TRANSACTION", 0),
        ("DELETE", (8 + 8) + (8 + 3 + 8)),
        ("INSERT", 2 * 8 + 4 + 5),
        ("COMMIT_TRANSACTION", 0),
        ("SELECT", 2 * 8 + 4 + 5),
    ]
    assert job.total_bytes_processed == sum(processed for _, processed in said)
    assert job.total_bytes_billed == 4 * 10 * MIB
    assert (job.statement_type, job.num_child_jobs) == ("SCRIPT", len(said))
    kinds = [child.script_statistics.evaluation_kind for child in children(client, job)]
    assert kinds == ["EXPRESSION"] + ["STATEMENT"] * 5
    frames = [child.script_statistics.stack_frames[0] for child in children(client, job)]
    assert [(frame.start_line, frame.start_column) for frame in frames[:3]] == [(2, 35), (4, 7), (5, 7)]
    assert frames[1].text == "BEGIN TRANSACTION"
    assert [child.num_dml_affected_rows for child in children(client, job)][2:4] == [1, 2]
    assert [tuple(row) for row in children(client, job)[-1].result()] == [("/a",), ("/bc",)]
    assert list(children(client, job)[2].result()) == []
    assert job.job_id in [one.job_id for one in client.list_jobs()]
    assert not {child.job_id for child in children(client, job)} & {one.job_id for one in client.list_jobs()}


def test_a_script_that_fails_has_paid_for_what_ran_before(client, calls):
    job = client.query(f"SELECT status FROM {calls}; SELECT 1 / 0 FROM {calls} WHERE status > 0;", job_retry=None)
    with pytest.raises(BadRequest, match="ivision by zero"):
        job.result(job_retry=None)
    assert client.get_job(job.job_id).total_bytes_processed == 24
    assert [child.error_result is not None for child in children(client, job)] == [False, True]


def test_more_bytes_than_a_job_may_bill_are_refused_before_anything_runs(client, calls):
    config = bigquery.QueryJobConfig(maximum_bytes_billed=10 * MIB - 1)
    said = f"Query exceeded limit for bytes billed: {10 * MIB - 1}. {10 * MIB} or higher required."
    job = client.query(f"UPDATE {calls} SET status = 0 WHERE TRUE", job_config=config, job_retry=None)
    with pytest.raises(InternalServerError, match=said) as refused:  # what Google's client makes of this reason
        job.result(job_retry=None)
    assert refused.value.errors[0]["reason"] == "bytesBilledLimitExceeded"
    assert (job.total_bytes_processed, job.total_bytes_billed) == (0, 0)
    assert [row.status for row in client.query(f"SELECT status FROM {calls} ORDER BY 1").result()] == [200, 404, 500]
    assert run(client, "SELECT 1", job_config=config).state == "DONE"
    config.maximum_bytes_billed = 10 * MIB
    assert run(client, f"SELECT path FROM {calls}", job_config=config).total_bytes_billed == 10 * MIB


def test_the_statements_of_a_script_share_the_limit(client, calls):
    config = bigquery.QueryJobConfig(maximum_bytes_billed=10 * MIB)
    select = f"SELECT path FROM {calls};"
    assert run(client, select, job_config=config).total_bytes_billed == 10 * MIB
    job = client.query(select * 2, job_config=config, job_retry=None)
    with pytest.raises(InternalServerError, match=f"{20 * MIB} or higher required"):
        job.result(job_retry=None)


def test_the_synchronous_call_is_refused_with_the_status_of_the_service(client, calls, emulators):
    root = f"{emulators.config.url('bigquery')}/bigquery/v2/projects/{client.project}"
    body = {"query": f"SELECT path FROM {calls}", "maximumBytesBilled": "1000", "useLegacySql": False}
    answer = requests.post(f"{root}/queries", json=body, timeout=60)
    assert answer.status_code == 400
    assert answer.json()["error"]["errors"][0]["reason"] == "bytesBilledLimitExceeded"


DRY = bigquery.QueryJobConfig(dry_run=True)


@pytest.mark.parametrize(
    ("sql", "processed", "kind"),
    [
        ("SELECT path FROM {calls} WHERE day = '2026-01-01'", 2 * 8 + 4 + 5, "SELECT"),
        ("UPDATE {calls} SET status = 0 WHERE TRUE", 24 + 12 + 24, "UPDATE"),
        ("DELETE FROM {calls} WHERE day = '2026-01-01'", 0, "DELETE"),
        ("INSERT INTO {calls} (path) SELECT path FROM {calls}", 12, "INSERT"),
        ("CREATE TABLE {calls}_2 AS SELECT path FROM {calls}", 12, "CREATE_TABLE_AS_SELECT"),
        ("CREATE TABLE {calls}_2 (path STRING)", 0, "CREATE_TABLE"),
        ("DROP TABLE {calls}", 0, "DROP_TABLE"),
        ("DROP TABLE {calls}; SELECT 1", 0, "SCRIPT"),
    ],
)
def test_a_dry_run_tells_the_bytes_and_changes_nothing(client, calls, sql, processed, kind):
    job = client.query(sql.format(calls=calls), job_config=DRY)
    assert (job.total_bytes_processed, job.statement_type, job.state) == (processed, kind, "DONE")
    assert (job.total_bytes_billed, job.dry_run) == (0, True)
    assert [row.status for row in client.query(f"SELECT status FROM {calls} ORDER BY 1").result()] == [200, 404, 500]
    assert "calls_2" not in [table.table_id for table in client.list_tables(DATASET)]
    with pytest.raises(NotFound):
        client.get_job(job.job_id)


def test_a_dry_run_tells_the_columns(client, calls):
    job = client.query(f"SELECT path AS p, COUNT(*) AS n FROM {calls} GROUP BY 1", job_config=DRY)
    assert [(field.name, field.field_type) for field in job.schema] == [("p", "STRING"), ("n", "INTEGER")]


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELEC 1", BadRequest),
        ("SELECT missing FROM {calls}", BadRequest),
        ("SELECT 1 FROM {calls}_missing", NotFound),
        ("DELETE FROM {calls} WHERE missing = 1", BadRequest),
        ("INSERT INTO {calls}_missing (a) VALUES (1)", NotFound),
    ],
)
def test_a_dry_run_refuses_what_a_run_would(client, calls, sql, error):
    with pytest.raises(error):
        client.query(sql.format(calls=calls), job_config=DRY)


def test_a_dry_run_of_the_synchronous_call(client, calls, emulators):
    root = f"{emulators.config.url('bigquery')}/bigquery/v2/projects/{client.project}"
    body = {"query": f"SELECT status FROM {calls}", "dryRun": True, "useLegacySql": False}
    answer = requests.post(f"{root}/queries", json=body, timeout=60).json()
    assert (answer["totalBytesProcessed"], answer["jobComplete"]) == ("24", True)
    assert "jobId" not in answer["jobReference"]
    assert json.dumps(answer["schema"]["fields"][0]["name"]) == '"status"'


def test_a_job_id_of_a_dry_run_stays_free(client, calls):
    job_id = f"job-{uuid.uuid4().hex}"
    client.query("SELECT 1", job_config=DRY, job_id=job_id)
    run(client, "SELECT 1", job_id=job_id)
