"""No statement and no job reaches the machine's files through the BigQuery emulator."""

from pathlib import Path
from typing import Any

import pytest
import requests
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery

pytestmark = pytest.mark.integration

DATASET = "locked"
SECRET = "only the machine's owner knows this"
READS = {
    "read_text": "SELECT content FROM read_text('{secret}')",
    "read_csv": "SELECT * FROM read_csv('{secret}', header = false)",
    "read_csv_auto": "SELECT * FROM read_csv_auto('{secret}')",
    "read_json": "SELECT * FROM read_json('{secret}')",
    "read_parquet": "SELECT * FROM read_parquet('{secret}')",
    "read_blob": "SELECT content FROM read_blob('{secret}')",
    "sniff_csv": "SELECT * FROM sniff_csv('{secret}')",
    "st_read": "SELECT * FROM st_read('{secret}')",
    "glob": "SELECT * FROM glob('{folder}/*')",
    "a table's name": "SELECT * FROM `{secret}`",
    "a literal as a table": "SELECT * FROM '{secret}'",
    "dots": "SELECT content FROM read_text('{folder}/../{name}/secret.csv')",
    "a link": "SELECT content FROM read_text('{folder}/link')",
    "a comment before": "/* mine */ SELECT content FROM -- this\nread_text('{secret}')",
    "a subquery": "SELECT (SELECT content FROM read_text('{secret}'))",
    "a common table expression": "WITH read AS (SELECT content FROM read_text('{secret}')) SELECT * FROM read",
    "a join": f"SELECT * FROM {DATASET}.given CROSS JOIN read_text('{{secret}}')",
    "a view": f"CREATE VIEW {DATASET}.stolen AS SELECT content FROM read_text('{{secret}}')",
    "a table": f"CREATE TABLE {DATASET}.stolen AS SELECT content FROM read_text('{{secret}}')",
    "an insert": f"INSERT INTO {DATASET}.given SELECT size FROM read_text('{{secret}}')",
    "a copy": f"COPY {DATASET}.given FROM '{{secret}}'",
    "a variable": "DECLARE x STRING; SET x = (SELECT content FROM read_text('{secret}')); SELECT x",
    "a statement in a string": "EXECUTE IMMEDIATE \"SELECT content FROM read_text('{secret}')\"",
    "a query in a string": "SELECT * FROM query('SELECT content FROM read_text(''{secret}'')')",
    "settings": "SELECT * FROM duckdb_settings()",
    "databases": "PRAGMA database_list",
}
WRITES = {
    "COPY": "COPY (SELECT 1) TO '{target}'",
    "COPY in a string": "EXECUTE IMMEDIATE \"COPY (SELECT 1) TO '{target}'\"",
    "COPY in a script": "SELECT 1; COPY (SELECT 1) TO '{target}'",
    "ATTACH": "ATTACH '{target}' AS other",
    "EXPORT DATABASE": "EXPORT DATABASE '{target}'",
    "INSTALL": "INSTALL json",
    "LOAD": "LOAD httpfs",
    "SET": "SET enable_external_access = true",
    "EXPORT DATA to a file": "EXPORT DATA OPTIONS (uri = 'file://{target}*', format = 'CSV') AS SELECT 1 AS n",
    "EXPORT DATA with dots": "EXPORT DATA OPTIONS (uri = 'gs://../..{target}*', format = 'CSV') AS SELECT 1 AS n",
}
SOURCES = [
    *("{secret}", "file://{secret}", "gs://..{secret}", "gs://bucket/../../../../../../../../..{secret}", "{folder}/*"),
    *("http://127.0.0.1:9/x", "s3://bucket/x", "gs://bucket", "gs://bucket/a*b*c", ""),
]


@pytest.fixture(scope="module", autouse=True)
def given(client: bigquery.Client) -> None:
    """A table."""
    client.query_and_wait(f"CREATE TABLE {DATASET}.given AS SELECT 7 AS n")


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """A file that nobody may read, the one of a target that nobody may write, and their folder."""
    secret = tmp_path / "secret.csv"
    secret.write_text(SECRET)
    (tmp_path / "link").symlink_to(secret)
    target = tmp_path / "target"
    return {"secret": str(secret), "target": str(target), "folder": str(tmp_path), "name": tmp_path.name}


def entries(client: bigquery.Client, sql: str) -> dict[str, requests.Response]:
    """Send a statement to every call that takes one."""
    root = f"{client._connection.API_BASE_URL}/bigquery/v2/projects/{client.project}"
    job = {"query": {"query": sql, "useLegacySql": False}}
    return {
        "jobs.query": requests.post(f"{root}/queries", json={"query": sql}, timeout=60),
        "dry run": requests.post(f"{root}/queries", json={"query": sql, "dryRun": True}, timeout=60),
        "jobs.insert": requests.post(f"{root}/jobs", json={"configuration": job}, timeout=60),
        "jobs.insert, dry run": requests.post(
            f"{root}/jobs", json={"configuration": {**job, "dryRun": True}}, timeout=60
        ),
    }


def failed(answer: requests.Response) -> bool:
    return answer.status_code == 400 or "errorResult" in answer.json().get("status", {})


@pytest.mark.parametrize("sql", READS.values(), ids=READS)
def test_no_statement_reads_a_file(client: bigquery.Client, places: dict[str, str], sql: str) -> None:
    for entry, answer in entries(client, sql.format(**places)).items():
        assert SECRET not in answer.text, entry
        if "dry" not in entry:  # it runs only what changes nothing
            assert failed(answer), (entry, answer.text)


@pytest.mark.parametrize("sql", WRITES.values(), ids=WRITES)
def test_no_statement_writes_a_file_or_changes_a_setting(
    client: bigquery.Client, places: dict[str, str], sql: str
) -> None:
    before = set(Path(places["folder"]).iterdir())
    for entry, answer in entries(client, sql.format(**places)).items():
        if "dry" not in entry:
            assert failed(answer), (entry, answer.text)
    assert set(Path(places["folder"]).iterdir()) == before


@pytest.mark.parametrize("uri", SOURCES)
@pytest.mark.parametrize("source_format", ["CSV", "NEWLINE_DELIMITED_JSON", "PARQUET"])
def test_no_load_reads_a_file(client: bigquery.Client, places: dict[str, str], uri: str, source_format: str) -> None:
    config = bigquery.LoadJobConfig(schema=[bigquery.SchemaField("line", "STRING")], source_format=source_format)
    with pytest.raises(GoogleAPICallError, match=r"Invalid URI|[Nn]ot found|does not exist"):
        client.load_table_from_uri(uri.format(**places), f"{DATASET}.loaded", job_config=config).result()


@pytest.mark.parametrize(
    "uri", ["{target}", "file://{target}", "gs://..{target}", "gs://bucket/../../../../..{target}"]
)
def test_no_extract_writes_a_file(client: bigquery.Client, places: dict[str, str], uri: str) -> None:
    with pytest.raises(GoogleAPICallError):
        client.extract_table(f"{DATASET}.given", uri.format(**places), retry=None).result()
    assert not Path(places["target"]).exists()


def test_no_view_or_routine_of_the_api_reads_a_file(client: bigquery.Client, places: dict[str, str]) -> None:
    root = f"{client._connection.API_BASE_URL}/bigquery/v2/projects/{client.project}/datasets/{DATASET}"
    query = "SELECT content FROM read_text('{secret}')".format(**places)
    view: dict[str, Any] = {"tableReference": {"tableId": "view"}, "view": {"query": query}}
    assert requests.post(f"{root}/tables", json=view, timeout=60).status_code == 400
    reference = {"projectId": client.project, "datasetId": DATASET, "routineId": "stolen"}
    routine = {"routineReference": reference, "routineType": "SCALAR_FUNCTION", "language": "SQL"}
    requests.post(f"{root}/routines", json={**routine, "definitionBody": f"({query})"}, timeout=60)
    with pytest.raises(GoogleAPICallError):
        client.query_and_wait(f"SELECT {DATASET}.stolen()", retry=None, job_retry=None)


def test_an_upload_reads_no_file_but_its_own(client: bigquery.Client, places: dict[str, str]) -> None:
    table = {"projectId": client.project, "datasetId": DATASET, "tableId": "uploaded"}
    fields = {"fields": [{"name": "line", "type": "STRING"}]}
    load = {"destinationTable": table, "schema": fields, "sourceUris": [f"file://{places['secret']}"]}
    root = f"{client._connection.API_BASE_URL}/upload/bigquery/v2/projects/{client.project}/jobs"
    begun = requests.post(root, params={"uploadType": "resumable"}, json={"configuration": {"load": load}}, timeout=60)
    requests.put(begun.headers["location"], data=b"mine\n", timeout=60).raise_for_status()
    assert [tuple(row) for row in client.query_and_wait(f"SELECT * FROM {DATASET}.uploaded")] == [("mine",)]
