"""Copies of tables that append, by the BigQuery emulator: all rows or none, into a table that is like theirs."""

from collections.abc import Iterator

import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.cloud import bigquery

pytestmark = pytest.mark.integration

DATASET = "copying"
INTO = f"{DATASET}.calls"
LIKE_IT = "(day DATE NOT NULL, n INT64, name STRING) PARTITION BY day CLUSTER BY name"


@pytest.fixture(autouse=True)
def tables(client: bigquery.Client) -> Iterator[None]:
    client.query_and_wait(f"CREATE TABLE {INTO} {LIKE_IT}")
    yield
    for table in client.list_tables(DATASET):
        client.delete_table(table)


def make(client: bigquery.Client, name: str, layout: str = LIKE_IT, n: object = 1) -> str:
    client.query_and_wait(f"CREATE TABLE {DATASET}.{name} {layout}")
    client.query_and_wait(f"INSERT INTO {DATASET}.{name} (day, n) VALUES ('2026-11-01', {n})")
    return f"{DATASET}.{name}"


def append(client: bigquery.Client, *tables: str, **options: str) -> bigquery.CopyJob:
    config = bigquery.CopyJobConfig(write_disposition="WRITE_APPEND")
    return client.copy_table(list(tables), INTO, job_config=config, **options).result()


def numbers(client: bigquery.Client) -> list[int | None]:
    return [row["n"] for row in client.query_and_wait(f"SELECT n FROM {INTO} ORDER BY n")]


def test_rows_of_several_tables_are_appended_and_counted(client: bigquery.Client) -> None:
    one, two = make(client, "one", n=1), make(client, "two", n=2)
    for rows in (2, 4):
        job = append(client, one, two)
        assert job._properties["statistics"]["copy"]["copiedRows"] == "2"
        assert client.get_table(INTO).num_rows == rows
    assert numbers(client) == [1, 1, 2, 2]


def test_columns_are_found_by_name(client: bigquery.Client) -> None:
    append(client, make(client, "turned", "(name STRING, N INT64, day DATE NOT NULL) PARTITION BY day", n=7))
    assert numbers(client) == [7]


DIFFERING = {
    "no partitions": ("(day DATE NOT NULL, n INT64, name STRING)", "Incompatible table partitioning"),
    "months": (
        "(day DATE NOT NULL, n INT64, name STRING) PARTITION BY DATE_TRUNC(day, MONTH)",
        "Incompatible table partitioning",
    ),
    "another type": ("(day DATE NOT NULL, n FLOAT64, name STRING) PARTITION BY day", "n has changed type from INTEGER"),
    "may be NULL": ("(day DATE, n INT64, name STRING) PARTITION BY day", "day has changed mode from REQUIRED"),
    "one more": ("(day DATE NOT NULL, n INT64, name STRING, x INT64) PARTITION BY day", "Cannot add fields .field: x"),
    "one less": ("(day DATE NOT NULL, n INT64) PARTITION BY day", "name is missing"),
}


@pytest.mark.parametrize(("layout", "fault"), DIFFERING.values(), ids=DIFFERING)
def test_a_table_that_is_not_like_it_is_refused_and_with_it_all_others(
    client: bigquery.Client, layout: str, fault: str
) -> None:
    with pytest.raises(BadRequest, match=fault):
        append(client, make(client, "like_it"), make(client, "other", layout))
    assert numbers(client) == []


def test_a_table_that_is_not_there_copies_nothing(client: bigquery.Client) -> None:
    with pytest.raises(NotFound, match="missing"):
        append(client, make(client, "like_it"), f"{DATASET}.missing")
    assert numbers(client) == []


def test_a_job_copies_once(client: bigquery.Client) -> None:
    source = make(client, "like_it")
    append(client, source, job_id="copied-once")
    with pytest.raises(Conflict):
        append(client, source, job_id="copied-once")
    assert numbers(client) == [1]


def test_rows_are_in_the_way_where_nothing_is_said_of_them(client: bigquery.Client) -> None:
    source = make(client, "like_it")
    client.copy_table(source, INTO).result()
    with pytest.raises(BadRequest, match="is not empty"):
        client.copy_table(source, INTO).result()
    assert numbers(client) == [1]
