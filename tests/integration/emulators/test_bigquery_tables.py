"""What the BigQuery emulator says of its tables: rows, bytes, partitioning, clustering."""

import io
from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import bigquery

from local_stack.running import RunningStack
from tests.appends import append

pytestmark = pytest.mark.integration

DATASET = "sizes"
SCHEMA = [bigquery.SchemaField("n", "INT64"), bigquery.SchemaField("name", "STRING")]
ROW_BYTES = 8 + 2 + 1  # an INT64 and a STRING of one byte


@pytest.fixture
def table(client: bigquery.Client) -> Iterator[str]:
    """A table of two rows, made by a load."""
    load(client, f"{DATASET}.changing")
    yield f"{DATASET}.changing"
    client.delete_table(f"{DATASET}.changing")


def load(client: bigquery.Client, table: str, **options: object) -> bigquery.LoadJob:
    config = bigquery.LoadJobConfig(schema=SCHEMA, source_format="CSV", **options)
    return client.load_table_from_file(io.BytesIO(b"1,a\n2,b\n"), table, job_config=config).result()


CHANGES: dict[str, tuple[str, int]] = {
    "insert": ("INSERT INTO {} (n, name) VALUES (3, 'c')", 3),
    "delete": ("DELETE FROM {} WHERE n = 1", 1),
    "truncate": ("TRUNCATE TABLE {}", 0),
    "script": ("BEGIN TRANSACTION; DELETE FROM {0} WHERE TRUE; INSERT INTO {0} VALUES (1, 'x'); COMMIT TRANSACTION", 1),
    "merge": ("MERGE {} USING (SELECT 9 AS n) AS s ON FALSE WHEN NOT MATCHED THEN INSERT (n, name) VALUES (n, 'z')", 3),
}


def said(client: bigquery.Client, table: str) -> list[tuple[int, int]]:
    """The rows and bytes of a table, from each that says them."""
    resource = client.get_table(table)
    dataset, name = table.split(".")
    (row,) = client.query_and_wait(f"SELECT row_count, size_bytes FROM {dataset}.__TABLES__ WHERE table_id = '{name}'")
    return [(resource.num_rows, resource.num_bytes), tuple(row)]


@pytest.mark.parametrize(("sql", "rows"), CHANGES.values(), ids=CHANGES)
def test_rows_and_bytes_after_a_change(client: bigquery.Client, table: str, sql: str, rows: int) -> None:
    assert said(client, table) == [(2, 2 * ROW_BYTES)] * 2
    before = client.get_table(table).modified
    client.query_and_wait(f"SELECT * FROM {table}")
    assert client.get_table(table).modified == before
    client.query_and_wait(sql.format(table))
    assert said(client, table) == [(rows, rows * ROW_BYTES)] * 2
    assert client.get_table(table).modified > before


def test_rows_after_an_append(emulators: RunningStack, client: bigquery.Client, table: str) -> None:
    append(emulators, table, pa.record_batch({"n": [3], "name": ["c"]}))
    assert said(client, table) == [(3, 3 * ROW_BYTES)] * 2


def test_a_load_says_the_rows_that_it_has_loaded(client: bigquery.Client, table: str) -> None:
    assert load(client, table).output_rows == 2
    assert client.get_table(table).num_rows == 4
    assert load(client, table, write_disposition="WRITE_TRUNCATE").output_rows == 2
    assert client.get_table(table).num_rows == 2


def test_a_copy_of_several_tables(client: bigquery.Client, table: str) -> None:
    load(client, f"{DATASET}.other")
    for _ in range(2):
        config = bigquery.CopyJobConfig(write_disposition="WRITE_TRUNCATE")
        client.copy_table([table, f"{DATASET}.other"], f"{DATASET}.copied", job_config=config).result()
        assert client.get_table(f"{DATASET}.copied").num_rows == 4


DAY = bigquery.TimePartitioning(field="day")
LAYOUTS: dict[str, Callable[[bigquery.Client, str], object]] = {
    "statement": lambda client, name: client.query_and_wait(
        f"CREATE TABLE {name} (day DATE, n INT64) PARTITION BY day CLUSTER BY n"
    ),
    "statement with a query": lambda client, name: client.query_and_wait(
        f"CREATE TABLE {name} PARTITION BY day CLUSTER BY n AS SELECT DATE '2026-01-01' AS day, 1 AS n"
    ),
    "script": lambda client, name: client.query_and_wait(
        f"SELECT 1; CREATE TABLE {name} (day DATE, n INT64) PARTITION BY day CLUSTER BY n"
    ),
    "load": lambda client, name: client.load_table_from_json(
        [{"day": "2026-01-01", "n": 1}],
        name,
        job_config=bigquery.LoadJobConfig(
            schema=[bigquery.SchemaField("day", "DATE"), bigquery.SchemaField("n", "INT64")],
            time_partitioning=DAY,
            clustering_fields=["n"],
        ),
    ).result(),
}


@pytest.mark.parametrize("make", LAYOUTS.values(), ids=LAYOUTS)
def test_partitioning_and_clustering(client: bigquery.Client, make: Callable[[bigquery.Client, str], object]) -> None:
    name = f"{DATASET}.laid_out"
    make(client, name)
    client.copy_table(name, f"{DATASET}.copy_of_it").result()
    for table in (name, f"{DATASET}.copy_of_it"):
        (listed,) = (one for one in client.list_tables(DATASET) if one.full_table_id.endswith(table.split(".")[1]))
        for resource in (client.get_table(table), listed):
            assert resource.time_partitioning is not None
            assert (resource.time_partitioning.type_, resource.time_partitioning.field) == ("DAY", "day")
            assert resource.clustering_fields == ["n"]
        client.delete_table(table)


@pytest.mark.parametrize(
    ("clause", "kind"),
    [("DATE(seen)", "DAY"), ("TIMESTAMP_TRUNC(seen, HOUR)", "HOUR"), ("TIMESTAMP_TRUNC(seen, MONTH)", "MONTH")],
)
def test_partitioning_by_a_function(client: bigquery.Client, clause: str, kind: str) -> None:
    client.query_and_wait(f"CREATE OR REPLACE TABLE {DATASET}.by_time (seen TIMESTAMP) PARTITION BY {clause}")
    found = client.get_table(f"{DATASET}.by_time").time_partitioning
    assert found is not None
    assert (found.type_, found.field) == (kind, "seen")


ALTERED = {
    "add": ("ADD COLUMN more FLOAT64", {"n": "the number", "name": None, "more": None}),
    "drop": ("DROP COLUMN name", {"n": "the number"}),
    "rename a column": ("RENAME COLUMN n TO number", {"number": "the number", "name": None}),
}


@pytest.mark.parametrize("prefix", ["", "SELECT 1; "], ids=["statement", "script"])
@pytest.mark.parametrize(("change", "columns"), ALTERED.values(), ids=ALTERED)
def test_columns_after_alter_table(
    client: bigquery.Client, change: str, columns: dict[str, str | None], prefix: str
) -> None:
    fields = [bigquery.SchemaField("n", "INT64", description="the number"), bigquery.SchemaField("name", "STRING")]
    made = bigquery.Table(f"{client.project}.{DATASET}.altered", fields)
    client.create_table(made)
    client.query_and_wait(f"{prefix}ALTER TABLE {DATASET}.altered {change}")
    assert {field.name: field.description for field in client.get_table(made).schema} == columns
    shown = client.query_and_wait(
        f"SELECT column_name FROM {DATASET}.INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'altered'"
        " ORDER BY ordinal_position"
    )
    assert [column for (column,) in shown] == list(columns)
    client.delete_table(made)


def test_a_table_that_is_renamed_is_found_by_its_new_name_alone(client: bigquery.Client) -> None:
    made = bigquery.Table(f"{client.project}.{DATASET}.first", [bigquery.SchemaField("n", "INT64", description="it")])
    client.create_table(made)
    client.query_and_wait(f"INSERT INTO {DATASET}.first VALUES (7)")
    client.query_and_wait(f"ALTER TABLE {DATASET}.first RENAME TO second")
    found = client.get_table(f"{DATASET}.second")
    assert (found.num_rows, found.schema[0].description) == (1, "it")
    assert [tuple(row) for row in client.query_and_wait(f"SELECT n FROM {DATASET}.second")] == [(7,)]
    with pytest.raises(NotFound):
        client.get_table(f"{DATASET}.first")
    client.delete_table(found)


def test_a_view_of_the_api_shows_rows(client: bigquery.Client, table: str) -> None:
    view = bigquery.Table(f"{client.project}.{DATASET}.view")
    view.view_query = f"SELECT n FROM {table} WHERE n = 2"
    client.create_table(view)
    assert [tuple(row) for row in client.query_and_wait(f"SELECT * FROM {DATASET}.view")] == [(2,)]
    assert client.get_table(view).table_type == "VIEW"
    client.delete_table(view)


def test_a_row_access_policy_holds_in_subqueries_and_views_of_views(client: bigquery.Client, table: str) -> None:
    names = (table, f"(SELECT * FROM {table})", f"{DATASET}.inner_view", f"{DATASET}.outer_view")
    client.query_and_wait(f"CREATE VIEW {DATASET}.inner_view AS SELECT n FROM {table}")
    client.query_and_wait(f"CREATE VIEW {DATASET}.outer_view AS SELECT * FROM {DATASET}.inner_view AS i")

    def seen() -> list[list[int]]:
        return [sorted(row.n for row in client.query_and_wait(f"SELECT n FROM {name}")) for name in names]

    assert seen() == [[1, 2]] * 4
    client.query_and_wait(f"CREATE ROW ACCESS POLICY ones ON {table} GRANT TO ('allUsers') FILTER USING (n = 1)")
    assert seen() == [[1]] * 4
    client.query_and_wait(f"DROP ROW ACCESS POLICY ones ON {table}")
    assert seen() == [[1, 2]] * 4
    for name in names[2:]:
        client.delete_table(name)


@pytest.mark.parametrize(
    ("create", "body"),
    [("FUNCTION {}() AS", "SELECT content FROM read_text('x')"), ("TABLE FUNCTION {}() AS", "SELECT")],
)
def test_a_refused_function_leaves_no_entry(client: bigquery.Client, create: str, body: str) -> None:
    name = f"{DATASET}.refused"
    with pytest.raises(BadRequest):
        client.query_and_wait(f"CREATE {create.format(name)} ({body})")
    assert list(client.list_routines(DATASET)) == []
    client.query_and_wait(f"CREATE FUNCTION {name}() AS (1)")
    with pytest.raises(BadRequest):
        client.query_and_wait(f"CREATE OR REPLACE {create.format(name)} ({body})")
    assert [routine.routine_id for routine in client.list_routines(DATASET)] == ["refused"]
    assert [tuple(row) for row in client.query_and_wait(f"SELECT {name}()")] == [(1,)]
    client.delete_routine(name)


def test_all_pages_of_a_list(client: bigquery.Client) -> None:
    client.create_dataset("pages")
    client.query_and_wait(";".join(f"CREATE TABLE pages.t{number} (n INT64)" for number in range(5)))
    listed = [table.table_id for table in client.list_tables("pages", page_size=2)]
    assert listed == [f"t{number}" for number in range(5)]
    assert [tuple(row) for row in client.query_and_wait("SELECT COUNT(*) FROM pages.__TABLES__")] == [(5,)]
    client.delete_dataset("pages", delete_contents=True)


def test_the_tables_of_an_empty_dataset_and_of_a_missing_one(client: bigquery.Client) -> None:
    client.create_dataset("empty")
    for system in ("__TABLES__", "INFORMATION_SCHEMA.TABLES", "INFORMATION_SCHEMA.COLUMNS"):
        assert list(client.query_and_wait(f"SELECT * FROM empty.{system}")) == []
        with pytest.raises(NotFound, match="missing"):
            client.query_and_wait(f"SELECT * FROM missing.{system}")
    with pytest.raises(NotFound):
        list(client.list_tables("missing"))
    client.delete_dataset("empty")


def test_types_of_system_tables(client: bigquery.Client, table: str) -> None:
    client.query_and_wait(f"CREATE VIEW {DATASET}.viewed AS SELECT n FROM {table}")
    rows = client.query_and_wait(
        f"SELECT project_id, dataset_id, table_id, type, TIMESTAMP_MILLIS(creation_time) > TIMESTAMP '2026-01-01'"
        f" FROM `{client.project}.{DATASET}.__TABLES__` WHERE table_id IN ('changing', 'viewed') ORDER BY table_id"
    )
    here = (client.project, DATASET)
    assert [tuple(row) for row in rows] == [(*here, "changing", 1, True), (*here, "viewed", 2, True)]
    client.delete_table(f"{DATASET}.viewed")


def test_a_patch_adds_columns_that_rows_have_then(client: bigquery.Client, table: str) -> None:
    found = client.get_table(table)
    found.schema = [
        *found.schema,
        bigquery.SchemaField("tags", "STRING", "REPEATED"),
        bigquery.SchemaField("day", "DATE"),
    ]
    client.update_table(found, ["schema"])
    client.query_and_wait(f"INSERT INTO {table} (n, name, day) VALUES (3, 'c', DATE '2026-11-01')")
    assert [row.day is None for row in client.query_and_wait(f"SELECT day FROM {table} ORDER BY n")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ([SCHEMA[0]], "Field name is missing in new schema"),
        ([bigquery.SchemaField("n", "STRING"), SCHEMA[1]], "Field n has changed type"),
    ],
)
def test_a_patch_takes_no_column_away(client: bigquery.Client, table: str, schema: list, reason: str) -> None:
    found = client.get_table(table)
    found.schema = schema
    with pytest.raises(BadRequest, match=reason):
        client.update_table(found, ["schema"])


def test_a_patch_merges_labels_and_keeps_a_schema_that_is_null(client: bigquery.Client, table: str) -> None:
    path = f"/projects/{client.project}/datasets/{DATASET}/tables/{table.split('.')[1]}"
    for labels in {"team": "web", "kind": "log"}, {"team": None, "stage": "test"}:
        client._connection.api_request("PATCH", path, data={"schema": None, "labels": labels})
    found = client.get_table(table)
    assert (found.labels, len(found.schema)) == ({"kind": "log", "stage": "test"}, 2)
