"""A wrong question to the BigQuery emulator is answered with an error, whatever way it is asked."""

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
import pytest
from google.api_core.exceptions import BadRequest, Conflict, GoogleAPICallError, NotFound
from google.cloud import bigquery
from google.cloud.bigquery import dbapi

pytestmark = pytest.mark.integration

DATASET = "questions"
# Statements, the error of the service, its reason.
WRONG = {
    "syntax": ("SELEC 1", BadRequest, "invalidQuery"),
    "literal without an end": ("SELECT 'abc", BadRequest, "invalidQuery"),
    "table": (f"SELECT * FROM {DATASET}.missing", NotFound, "notFound"),
    "table without a dataset": ("SELECT * FROM missing", NotFound, "notFound"),
    "dataset": ("SELECT * FROM missing.given", NotFound, "notFound"),
    "column": (f"SELECT missing FROM {DATASET}.given", BadRequest, "invalidQuery"),
    "column that two tables have": (
        f"SELECT n FROM {DATASET}.given AS a CROSS JOIN {DATASET}.given AS b",
        BadRequest,
        "invalidQuery",
    ),
    "project": ("SELECT * FROM `other-project.questions.given`", NotFound, "notFound"),
    "parameter of another type": (f"SELECT * FROM {DATASET}.given WHERE n = @text", BadRequest, "invalidQuery"),
    "parameter that is not given": (f"SELECT * FROM {DATASET}.given WHERE n = @other", BadRequest, "invalidQuery"),
    "cast": ("SELECT CAST('abc' AS INT64)", BadRequest, "invalidQuery"),
    "literal": ("SELECT DATE '2026-02-31'", BadRequest, "invalidQuery"),
    "columns of a union": ("SELECT 1 UNION ALL SELECT 1, 2", BadRequest, "invalidQuery"),
    "nothing": ("", BadRequest, "invalidQuery"),
    "only a comment": ("-- nothing", BadRequest, "invalidQuery"),
    "another database's statement": ("DESCRIBE questions.given", BadRequest, "invalidQuery"),
    "another database's function": ("SELECT * FROM range(3)", BadRequest, "invalidQuery"),
    "function": ("SELECT MISSING(1)", BadRequest, "invalidQuery"),
    "division by zero": ("SELECT 1/0", BadRequest, "invalidQuery"),
    "division of a column": (f"SELECT n / 0 FROM {DATASET}.given", BadRequest, "invalidQuery"),
    "DIV()": (f"SELECT DIV(n, n - 7) FROM {DATASET}.given", BadRequest, "invalidQuery"),
    "MOD()": ("SELECT MOD(1, 0)", BadRequest, "invalidQuery"),
    "index of an array": (f"SELECT numbers[OFFSET(2)] FROM {DATASET}.given", BadRequest, "invalidQuery"),
    "ordinal of an array": (f"SELECT numbers[ORDINAL(0)] FROM {DATASET}.given", BadRequest, "invalidQuery"),
    "condition of WHERE": (f"SELECT n FROM {DATASET}.given WHERE n", BadRequest, "invalidQuery"),
    "condition of HAVING": (f"SELECT n FROM {DATASET}.given GROUP BY n HAVING COUNT(*)", BadRequest, "invalidQuery"),
    "condition of JOIN": (
        f"SELECT a.n FROM {DATASET}.given AS a JOIN {DATASET}.given AS b ON a.n",
        BadRequest,
        "invalidQuery",
    ),
    "condition of IF()": (f"SELECT IF(n, 1, 2) FROM {DATASET}.given", BadRequest, "invalidQuery"),
    "condition of CASE": (f"SELECT CASE WHEN n THEN 1 END FROM {DATASET}.given", BadRequest, "invalidQuery"),
    "condition of DELETE": (f"DELETE FROM {DATASET}.given WHERE n", BadRequest, "invalidQuery"),
    "operand of AND": (f"SELECT n FROM {DATASET}.given WHERE n = 8 AND n", BadRequest, "invalidQuery"),
    "operand of NOT": (f"SELECT n FROM {DATASET}.given WHERE NOT n", BadRequest, "invalidQuery"),
    "number and string": (f"SELECT n FROM {DATASET}.given WHERE n = '7'", BadRequest, "invalidQuery"),
    "overflow": ("SELECT 9223372036854775807 + 1", BadRequest, "invalidQuery"),
    "ERROR()": ("SELECT ERROR('went wrong')", BadRequest, "invalidQuery"),
    "insert": (f"INSERT INTO {DATASET}.missing (n) VALUES (1)", NotFound, "notFound"),
    "drop": (f"DROP TABLE {DATASET}.missing", NotFound, "notFound"),
    "table that exists": (f"CREATE TABLE {DATASET}.given (n INT64)", Conflict, "duplicate"),
    "script": ("BEGIN TRANSACTION; SELECT 1/0; COMMIT TRANSACTION;", BadRequest, "invalidQuery"),
}


@pytest.fixture(scope="module", autouse=True)
def given(client: bigquery.Client) -> None:
    """A table."""
    client.query_and_wait(f"CREATE TABLE {DATASET}.given AS SELECT 7 AS n, [1, 2] AS numbers")


def query(client: bigquery.Client, sql: str, config: bigquery.QueryJobConfig | None = None) -> Iterable[Any]:
    return client.query(sql, job_config=config, job_retry=None).result(job_retry=None)


def query_at_once(client: bigquery.Client, sql: str, config: bigquery.QueryJobConfig | None = None) -> Iterable[Any]:
    return client.query(sql, job_config=config, api_method="QUERY", job_retry=None).result(job_retry=None)


def query_and_wait(client: bigquery.Client, sql: str, config: bigquery.QueryJobConfig | None = None) -> Iterable[Any]:
    return client.query_and_wait(sql, job_config=config, retry=None, job_retry=None)


def data_frame(client: bigquery.Client, sql: str, config: bigquery.QueryJobConfig | None = None) -> Iterable[Any]:
    frame = query_and_wait(client, sql, config).to_dataframe()  # type: ignore[attr-defined]
    return frame.itertuples(index=False, name=None)


def database_interface(
    client: bigquery.Client, sql: str, config: bigquery.QueryJobConfig | None = None
) -> Iterable[Any]:
    cursor = dbapi.connect(client).cursor()
    try:
        cursor.execute(sql, job_config=config)
        return cursor.fetchall()
    except dbapi.DatabaseError as error:
        raise error.args[0] from error


def sql_alchemy(client: bigquery.Client, sql: str, config: bigquery.QueryJobConfig | None = None) -> Iterable[Any]:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    pytest.importorskip("sqlalchemy_bigquery")
    if config and config.query_parameters:
        pytest.skip("its parameters have other names")
    address = f"bigquery://{client.project}?user_supplied_client=True"
    engine = sqlalchemy.create_engine(address, connect_args={"client": client})
    try:
        with engine.connect() as connection:
            return connection.exec_driver_sql(sql).fetchall()
    except sqlalchemy.exc.DatabaseError as error:
        raise error.orig.args[0] from error


WAYS = [query, query_at_once, query_and_wait, data_frame, database_interface]
ways = pytest.mark.parametrize("ask", WAYS)
clients = pytest.mark.parametrize("ask", [*WAYS, sql_alchemy])


@clients
@pytest.mark.parametrize(("sql", "error", "reason"), WRONG.values(), ids=WRONG)
def test_a_failing_query_raises(
    client: bigquery.Client, ask: Callable[..., Any], sql: str, error: type[GoogleAPICallError], reason: str
) -> None:
    parameters = [bigquery.ScalarQueryParameter("text", "STRING", "abc")] if "@" in sql else []
    config = bigquery.QueryJobConfig(query_parameters=parameters)
    with pytest.raises(error) as raised:
        ask(client, sql, config)
    assert raised.value.errors[0]["reason"] == reason


@clients
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT SAFE.MOD(1, 0), SAFE.DIV(1, 0), SAFE_DIVIDE(1, 0), [1][SAFE_OFFSET(5)], [1][SAFE_ORDINAL(0)]",
        "SELECT IF(FALSE, MOD(1, 0), NULL), NULL, NULL, CAST(NULL AS ARRAY<INT64>)[OFFSET(3)], SAFE_CAST('a' AS INT64)",
    ],
)
def test_what_is_safe_is_null(client: bigquery.Client, ask: Callable[..., Any], sql: str) -> None:
    ((row),) = ask(client, sql)
    assert all(pd.isna(value) for value in row)


@ways
@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT n FROM given -- the day's", [(7,)]),
        (f"SELECT given.n FROM given JOIN {DATASET}.given AS other USING (n)", [(7,)]),
        ("WITH missing AS (SELECT n FROM given) SELECT n FROM missing", [(7,)]),
        ("SELECT number FROM given, UNNEST(numbers) AS number ORDER BY number", [(1,), (2,)]),
        ("SELECT table_name FROM INFORMATION_SCHEMA.TABLES", [("given",)]),
        ("SELECT 'd.INFORMATION_SCHEMA.TABLES', n FROM given", [("d.INFORMATION_SCHEMA.TABLES", 7)]),
    ],
)
def test_tables_without_a_dataset_are_those_of_the_default_dataset(
    client: bigquery.Client, ask: Callable[..., Any], sql: str, rows: list[tuple[object, ...]]
) -> None:
    config = bigquery.QueryJobConfig(default_dataset=f"{client.project}.{DATASET}")
    assert [tuple(row) for row in ask(client, sql, config)] == rows


@ways
@pytest.mark.parametrize(("sql", "error"), [("SELECT * FROM missing", NotFound), ("SELECT 'abc", BadRequest)])
def test_a_failing_query_raises_with_a_default_dataset(
    client: bigquery.Client, ask: Callable[..., Any], sql: str, error: type[GoogleAPICallError]
) -> None:
    config = bigquery.QueryJobConfig(default_dataset=f"{client.project}.{DATASET}")
    with pytest.raises(error):
        ask(client, sql, config)


NAMED = {
    "SELECT 1 + 1, 2 AS two, CAST(3 AS INT64)": ["f0_", "two", "f1_"],
    "SELECT *, 3 FROM (SELECT 1 + 1, 2 AS two)": ["f0_", "two", "f1_"],
    "WITH a AS (SELECT 1 + 1) SELECT * FROM a": ["f0_"],
    "SELECT COUNT(*) FROM UNNEST([1]) UNION ALL SELECT 2 AS two": ["f0_"],
    "SELECT a.* FROM (SELECT 1 + 1, 2) AS a JOIN (SELECT 3 + 3) AS b ON TRUE": ["f0_", "f1_"],
    "SELECT (n), s.a, (s).b, s.a + 1 FROM (SELECT 1 AS n, STRUCT(2 AS a, 3 AS b) AS s)": ["n", "a", "b", "f0_"],
    "SELECT (SELECT 1 AS one), JSON '{\"a\": 1}'.a": ["f0_", "a"],
}


@pytest.mark.parametrize("sql", NAMED)
def test_columns_without_a_name_are_numbered(client: bigquery.Client, sql: str) -> None:
    assert [field.name for field in client.query_and_wait(sql).schema] == NAMED[sql]


@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
def test_what_is_created_has_names(client: bigquery.Client, kind: str) -> None:
    with pytest.raises(BadRequest, match=f"CREATE {kind} columns must be named, but column 2 has no name"):
        client.query_and_wait(f"CREATE {kind} {DATASET}.unnamed AS SELECT 1 AS one, 1 + 1")


def test_a_sum_within_an_array_is_an_integer(client: bigquery.Client) -> None:
    (row,) = client.query_and_wait("SELECT [(SELECT SUM(x) FROM UNNEST([1, 2]) AS x)] AS sums, JSON '[1]' AS json")
    assert row.sums == [3]
    with pytest.raises(BadRequest, match="overflow"):
        client.query_and_wait("SELECT SUM(x) FROM UNNEST([9223372036854775807, 1]) AS x")


def test_paths_of_json_may_be_parameters(client: bigquery.Client) -> None:
    path = bigquery.ScalarQueryParameter("path", "STRING", "$.a.b")
    text = bigquery.ScalarQueryParameter("text", "STRING", '{"a": {"b": 1.50}}')
    options = bigquery.QueryJobConfig(query_parameters=[path, text])
    (row,) = client.query_and_wait("SELECT JSON_VALUE(@text, @path), JSON_QUERY(@text, '$.a')", job_config=options)
    assert tuple(row) == ("1.50", '{"b":1.50}')


def test_sums_and_json_keep_their_types_in_a_table(client: bigquery.Client) -> None:
    columns = "SUM(x) AS sum, [SUM(x)] AS sums, JSON '1' AS json, STRUCT(JSON '2' AS json) AS part"
    client.query_and_wait(f"CREATE OR REPLACE TABLE {DATASET}.typed AS SELECT {columns} FROM UNNEST([1, 2]) AS x")
    fields = client.get_table(f"{DATASET}.typed").schema
    assert [field.field_type for field in fields] == ["INTEGER", "INTEGER", "JSON", "RECORD"]
    assert fields[3].fields[0].field_type == "JSON"
    assert next(iter(client.list_rows(f"{DATASET}.typed"))).sums == [3]


def test_fields_of_structs_in_an_array_are_columns(client: bigquery.Client) -> None:
    rows = client.query_and_wait(
        "SELECT n, a, number FROM (SELECT 1 AS n, [STRUCT(5 AS a), STRUCT(6 AS a)] AS items), UNNEST(items)"
        " WITH OFFSET AS number ORDER BY number DESC"
    )
    assert [tuple(row) for row in rows] == [(1, 6, 1), (1, 5, 0)]


#: Of BigQuery's documentation, for what the reference implementation lacks.
OF_JSON = {
    'JSON_KEYS(JSON \'{"b": {"c": 1}, "a": [{"d": 1}]}\')': ["a", "b", "b.c"],
    'JSON_KEYS(JSON \'{"b": {"c": 1}}\', 1)': ["b"],
    "LAX_BOOL(JSON '\"TRUE\"')": True,
    "LAX_BOOL(JSON '0')": False,
    "LAX_BOOL(JSON '[]')": None,
    "LAX_INT64(JSON 'true')": 1,
    "LAX_INT64(JSON '\"1.1\"')": 1,
    "LAX_INT64(JSON '1e100')": None,
    "LAX_FLOAT64(JSON '\"1.5\"')": 1.5,
    "LAX_FLOAT64(JSON 'true')": None,
    "LAX_STRING(JSON 'true')": "true",
    "LAX_STRING(JSON '{\"a\": 1}')": None,
}


@pytest.mark.parametrize("sql", OF_JSON)
def test_json_is_taken_for_other_types(client: bigquery.Client, sql: str) -> None:
    assert next(iter(client.query_and_wait(f"SELECT {sql}")))[0] == OF_JSON[sql]
