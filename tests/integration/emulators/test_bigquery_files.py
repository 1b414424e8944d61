"""Files that Google's client uploads to the BigQuery emulator, and tables that it extracts."""

import io
import os
from collections.abc import Iterator

import pandas as pd
import pytest
from google.cloud import bigquery

from local_stack.running import RunningStack

pytestmark = pytest.mark.integration

DATASET = "files"
SCHEMA = [bigquery.SchemaField("n", "INT64"), bigquery.SchemaField("name", "STRING")]


@pytest.fixture(scope="module")
def client(emulators: RunningStack) -> Iterator[bigquery.Client]:
    with emulators.bigquery() as client:
        client.create_dataset(DATASET)
        yield client
        client.delete_dataset(DATASET, delete_contents=True)


def rows(client: bigquery.Client, table: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in client.query_and_wait(f"SELECT * FROM {DATASET}.{table} ORDER BY 1")]


def test_loads_a_data_frame_byte_for_byte(client: bigquery.Client) -> None:
    content = os.urandom(300_000)
    client.load_table_from_dataframe(pd.DataFrame({"n": [1], "content": [content]}), f"{DATASET}.frame").result()
    assert rows(client, "frame") == [(1, content)]


def test_loads_rows_of_json(client: bigquery.Client) -> None:
    client.load_table_from_json([{"n": 1, "name": "a"}, {"n": 2, "name": "b"}], f"{DATASET}.json").result()
    assert rows(client, "json") == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("size", [None, 100], ids=["resumable", "at once"])
@pytest.mark.parametrize(
    ("header", "options"),
    [
        ("", {"schema": SCHEMA}),
        ("n,name\n", {"schema": SCHEMA, "skip_leading_rows": 1}),
        ("n,name\n", {"autodetect": True}),
        ("n,name\n", {"autodetect": True, "skip_leading_rows": 1}),
    ],
    ids=["no header", "header", "header found", "header skipped and found"],
)
def test_loads_every_row_of_a_csv_file(
    client: bigquery.Client, header: str, options: dict[str, object], size: int | None
) -> None:
    content = f"{header}1,a\n2,b\n".encode()
    config = bigquery.LoadJobConfig(source_format="CSV", write_disposition="WRITE_TRUNCATE", **options)
    table = f"csv_{len(options)}_{len(header)}_{options.get('autodetect', False)}_{size}"
    client.load_table_from_file(
        io.BytesIO(content), f"{DATASET}.{table}", size=size and len(content), job_config=config
    ).result()
    assert rows(client, table) == [(1, "a"), (2, "b")]


def test_extracts_to_a_new_folder(client: bigquery.Client) -> None:
    client.query_and_wait(f"CREATE TABLE {DATASET}.extracted AS SELECT 7 AS n")
    uri = "gs://bigquery-extracts/new/folder/rows.csv"
    client.extract_table(f"{DATASET}.extracted", uri, retry=None).result()
    config = bigquery.LoadJobConfig(
        source_format="CSV", skip_leading_rows=1, schema=[bigquery.SchemaField("n", "INT64")]
    )
    client.load_table_from_uri(uri, f"{DATASET}.loaded", job_config=config).result()
    assert rows(client, "loaded") == [(7,)]
