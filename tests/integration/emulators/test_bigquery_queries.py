"""A wrong question to the BigQuery emulator is answered with an error, whatever way it is asked."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, Conflict, GoogleAPICallError, NotFound
from google.cloud import bigquery
from google.cloud.bigquery import dbapi

from local_stack.running import RunningStack

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
    "function": ("SELECT MISSING(1)", BadRequest, "invalidQuery"),
    "division by zero": ("SELECT 1/0", BadRequest, "invalidQuery"),
    "ERROR()": ("SELECT ERROR('went wrong')", BadRequest, "invalidQuery"),
    "insert": (f"INSERT INTO {DATASET}.missing (n) VALUES (1)", NotFound, "notFound"),
    "drop": (f"DROP TABLE {DATASET}.missing", NotFound, "notFound"),
    "table that exists": (f"CREATE TABLE {DATASET}.given (n INT64)", Conflict, "duplicate"),
    "script": ("BEGIN TRANSACTION; SELECT 1/0; COMMIT TRANSACTION;", BadRequest, "invalidQuery"),
}


@pytest.fixture(scope="module")
def client(emulators: RunningStack) -> Iterator[bigquery.Client]:
    with emulators.bigquery() as client:
        client.create_dataset(DATASET)
        client.query_and_wait(f"CREATE TABLE {DATASET}.given AS SELECT 7 AS n, [1, 2] AS numbers")
        yield client
        client.delete_dataset(DATASET, delete_contents=True)


def query(client: bigquery.Client, sql: str, config: bigquery.QueryJobConfig | None = None) -> Iterable[Any]:
    return client.query(sql, job_config=config, job_retry=None).result(job_retry=None)


def query_at_once(client: bigquery.Client, sql: str, config: bigquery.QueryJobConfig | None = None) -> Iterable[Any]:
    return client.query(sql, job_config=config, api_method="QUERY", job_retry=None).result(job_retry=None)


def query_and_wait(client: bigquery.Client, sql: str, config: bigquery.QueryJobConfig | None = None) -> Iterable[Any]:
    return client.query_and_wait(sql, job_config=config, retry=None, job_retry=None)


ways = pytest.mark.parametrize("ask", [query, query_at_once, query_and_wait])


@ways
@pytest.mark.parametrize(("sql", "error", "reason"), WRONG.values(), ids=WRONG)
def test_a_failing_query_raises(
    client: bigquery.Client, ask: Callable[..., Any], sql: str, error: type[GoogleAPICallError], reason: str
) -> None:
    with pytest.raises(error) as raised:
        ask(client, sql)
    assert raised.value.errors[0]["reason"] == reason


def test_a_failing_query_raises_in_the_database_interface(client: bigquery.Client) -> None:
    cursor = dbapi.connect(client).cursor()
    with pytest.raises(dbapi.DatabaseError, match="missing was not found"):
        cursor.execute(f"SELECT * FROM {DATASET}.missing")
    cursor.execute(f"SELECT n FROM {DATASET}.given")
    assert [tuple(row) for row in cursor.fetchall()] == [(7,)]


@ways
@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT n FROM given -- the day's", [(7,)]),
        (f"SELECT given.n FROM given JOIN {DATASET}.given AS other USING (n)", [(7,)]),
        ("WITH missing AS (SELECT n FROM given) SELECT n FROM missing", [(7,)]),
        ("SELECT number FROM given, UNNEST(numbers) AS number ORDER BY number", [(1,), (2,)]),
        ("SELECT table_name FROM INFORMATION_SCHEMA.TABLES", [("given",)]),
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
