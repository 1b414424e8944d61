"""bq, the command line of BigQuery."""

import json

import pytest
from google.cloud import bigquery, storage

from tests.clients.case import Client, CommandFailedError, Workspace, program

BQ = Client("bq", "BigQuery", program("bq", "version"), is_slow=True)
ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": "y,\u00e9"}]


def rows(sql: str) -> list[dict[str, object]]:
    """Return what a query finds, by Google's client for Python."""
    with bigquery.Client() as client:
        return [dict(row) for row in client.query_and_wait(sql)]


def table(work: Workspace) -> str:
    """Make a dataset of the workspace's name with the table `t` of `ROWS`; returns DATASET.t."""
    made = "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y,\u00e9'"
    rows(f"CREATE SCHEMA {work.name}; CREATE TABLE {work.name}.t AS {made}")
    return f"{work.name}.t"


@BQ.case("mk, ls, show and rm a dataset")
def datasets(work: Workspace) -> None:
    work.run("bq", "mk", "--dataset", "--description=of a test", work.name)
    assert f" {work.name} " in work.run("bq", "ls")
    shown = json.loads(work.run("bq", "--format=json", "show", work.name))
    assert (shown["datasetReference"]["datasetId"], shown["description"]) == (work.name, "of a test")
    work.run("bq", "rm", "--force", "--recursive", "--dataset", work.name)
    assert not rows(f"SELECT 1 FROM INFORMATION_SCHEMA.SCHEMATA WHERE schema_name = '{work.name}'")


@BQ.case("mk a table, load a CSV file, head")
def load_csv(work: Workspace) -> None:
    rows(f"CREATE SCHEMA {work.name}")
    work.run("bq", "mk", "--table", f"{work.name}.t", "a:INTEGER,b:STRING")
    work.run("bq", "load", "--skip_leading_rows=1", f"{work.name}.t", work.file("t.csv", 'a,b\n1,x\n2,"y,\u00e9"\n'))
    assert rows(f"SELECT * FROM {work.name}.t ORDER BY a") == ROWS
    assert json.loads(work.run("bq", "--format=json", "head", f"{work.name}.t")) == [
        {"a": "1", "b": "x"},
        {"a": "2", "b": "y,\u00e9"},
    ]


@BQ.case("load JSON lines from Cloud Storage, with autodetect")
def load_objects(work: Workspace) -> None:
    rows(f"CREATE SCHEMA {work.name}")
    with storage.Client() as client:
        blob = client.create_bucket(work.name).blob("t.json")
        blob.upload_from_string("".join(json.dumps(row) + "\n" for row in ROWS))
    work.run(
        *("bq", "load", "--autodetect", "--source_format=NEWLINE_DELIMITED_JSON"),
        *(f"{work.name}.t", f"gs://{work.name}/t.json"),
    )
    assert rows(f"SELECT * FROM {work.name}.t ORDER BY a") == ROWS


@BQ.case("query with parameters")
def query(work: Workspace) -> None:
    found = work.run(
        *("bq", "--format=json", "query", "--parameter=n:INT64:1"), f"SELECT b FROM {table(work)} WHERE a = @n"
    )
    assert json.loads(found) == [{"b": "x"}]


@BQ.case("query into a table: new, --append_table, --replace")
def destinations(work: Workspace) -> None:
    sql, made = f"SELECT a FROM {table(work)} WHERE a = 1", f"{work.name}.made"
    for option, expected in ((), 1), (("--append_table",), 2), (("--replace",), 1):
        work.run("bq", "query", *option, f"--destination_table={made}", sql)
        assert rows(f"SELECT a FROM {made}") == [{"a": 1}] * expected


@BQ.case("query: the reason of a failure")
def failing_query(work: Workspace) -> None:
    with pytest.raises(CommandFailedError, match="missing_column"):
        work.run("bq", "query", f"SELECT missing_column FROM {table(work)}")


@BQ.case("query --use_legacy_sql", not_offered="does not offer legacy SQL")
def legacy_sql(work: Workspace) -> None:
    work.run("bq", "query", "--use_legacy_sql", f"SELECT b FROM [{table(work)}]")


@BQ.case("query --dry_run, --maximum_bytes_billed")
def bytes_processed(work: Workspace) -> None:
    sql = f"SELECT b FROM {table(work)}"
    assert "will process 9 bytes" in work.run("bq", "query", "--dry_run", sql)
    with pytest.raises(CommandFailedError, match="10485760 or higher"):
        work.run("bq", "query", "--maximum_bytes_billed=1000", sql)


@BQ.case("query a script: the results of its statements")
def script(work: Workspace) -> None:
    sql = f"DECLARE n INT64 DEFAULT 2; SELECT b FROM {table(work)} WHERE a < n; SELECT n AS m;"
    found = work.run("bq", "query", sql)
    assert 0 < found.index("| x |") < found.index("| m |")


@BQ.case("insert rows")
def insert(work: Workspace) -> None:
    work.run("bq", "insert", table(work), work.file("t.json", '{"a": 3, "b": "z"}\n'))
    assert rows(f"SELECT * FROM {work.name}.t WHERE a = 3") == [{"a": 3, "b": "z"}]


@BQ.case("update: description, labels, a new column")
def update(work: Workspace) -> None:
    work.run("bq", "update", "--description=of a test", "--set_label=team:web", table(work))
    work.run("bq", "update", table_id := f"{work.name}.t", "a:INTEGER,b:STRING,c:DATE")
    with bigquery.Client() as client:
        found = client.get_table(table_id)
    assert (found.description, found.labels) == ("of a test", {"team": "web"})
    assert rows(f"SELECT * FROM {table_id} WHERE a = 1") == [{"a": 1, "b": "x", "c": None}]


@BQ.case("show a table; mk and query a view")
def views(work: Workspace) -> None:
    shown = json.loads(work.run("bq", "--format=json", "show", table(work)))
    assert (shown["numRows"], [field["name"] for field in shown["schema"]["fields"]]) == ("2", ["a", "b"])
    work.run("bq", "mk", "--view", f"SELECT b FROM {work.name}.t WHERE a = 1", f"{work.name}.v")
    assert rows(f"SELECT * FROM {work.name}.v") == [{"b": "x"}]


@BQ.case("cp and rm a table")
def copies(work: Workspace) -> None:
    work.run("bq", "cp", table(work), f"{work.name}.copy")
    assert rows(f"SELECT * FROM {work.name}.copy ORDER BY a") == ROWS
    work.run("bq", "rm", "--force", "--table", f"{work.name}.t")
    with bigquery.Client() as client:
        assert [one.table_id for one in client.list_tables(work.name)] == ["copy"]


@BQ.case("extract to Cloud Storage")
def extract(work: Workspace) -> None:
    with storage.Client() as client:
        bucket = client.create_bucket(work.name)
        work.run("bq", "extract", table(work), f"gs://{work.name}/folder/t.csv")
        lines = bucket.blob("folder/t.csv").download_as_text().splitlines()
    assert (lines[0], sorted(lines[1:])) == ("a,b", ["1,x", '2,"y,\u00e9"'])


@BQ.case("ls tables, jobs and projects")
def lists(work: Workspace) -> None:
    table(work)
    assert [
        one["tableReference"]["tableId"] for one in json.loads(work.run("bq", "--format=json", "ls", work.name))
    ] == ["t"]
    assert "SUCCESS" in work.run("bq", "ls", "--jobs", "--max_results=1")
    assert "logline-local" in work.run("bq", "ls", "--projects")
