"""Files that Google's client uploads to the BigQuery emulator, and tables that it extracts."""

import gzip
import io
import os

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import bigquery

from local_stack.running import RunningStack

pytestmark = pytest.mark.integration

DATASET = "files"
SCHEMA = [bigquery.SchemaField("n", "INT64"), bigquery.SchemaField("name", "STRING")]


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


def load(client: bigquery.Client, table: str, content: bytes, source_format: str, **options: object) -> None:
    options = {"schema": SCHEMA, "write_disposition": "WRITE_TRUNCATE", **options}
    config = bigquery.LoadJobConfig(source_format=source_format, **options)
    client.load_table_from_file(io.BytesIO(content), f"{DATASET}.{table}", job_config=config).result()


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        (b'1,\n2,""\n', {}, [(1, None), (2, "")]),
        (b"1,NA\n2,\nNA,c\n", {"null_marker": "NA"}, [(1, None), (2, ""), (None, "c")]),
        (b"1;a,b\n2;'c;d'\n", {"field_delimiter": ";", "quote_character": "'"}, [(1, "a,b"), (2, "c;d")]),
        (b"1\ta\n", {"field_delimiter": "\t"}, [(1, "a")]),
        (b'1,"a ""b"""\n', {}, [(1, 'a "b"')]),
        (b'1,"a\nb"\n2,"c\r\nd"\n', {"allow_quoted_newlines": True}, [(1, "a\nb"), (2, "c\r\nd")]),
        (b"about this file\nn,name\n1,a\n", {"skip_leading_rows": 2}, [(1, "a")]),
        ("1,caf\u00e9\n".encode("latin-1"), {"encoding": "ISO-8859-1"}, [(1, "caf\u00e9")]),
        (gzip.compress(b"1,a\n2,b\n"), {}, [(1, "a"), (2, "b")]),
        (gzip.compress(b"n,name\n1,a\n"), {"skip_leading_rows": 1}, [(1, "a")]),
        (b"", {}, []),
    ],
)
def test_csv(
    client: bigquery.Client, content: bytes, options: dict[str, object], expected: list[tuple[object, ...]]
) -> None:
    load(client, "csv", content, "CSV", **options)
    assert sorted(rows(client, "csv"), key=str) == sorted(expected, key=str)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"n": 1, "name": "a"}\n{"name": "b", "n": "2"}\n', [(1, "a"), (2, "b")]),
        (b'{"n": 1}\n{"n": 2, "name": null}\n{"n": 3, "name": ""}\n', [(1, None), (2, None), (3, "")]),
        (b'{"n": 1, "name": "a\\nb, \\"c\\""}\n', [(1, 'a\nb, "c"')]),
        (gzip.compress(b'{"n": 1, "name": "a"}\n'), [(1, "a")]),
        (b"", []),
    ],
)
def test_ndjson(client: bigquery.Client, content: bytes, expected: list[tuple[object, ...]]) -> None:
    load(client, "ndjson", content, "NEWLINE_DELIMITED_JSON")
    assert rows(client, "ndjson") == expected


def test_parquet_by_the_names_of_columns(client: bigquery.Client) -> None:
    parquet = io.BytesIO()
    pq.write_table(pa.table({"name": ["a", None], "n": pa.array([1, 2], pa.int64())}), parquet)
    load(client, "parquet", parquet.getvalue(), "PARQUET")
    assert rows(client, "parquet") == [(1, "a"), (2, None)]


WRONG_FILES = {
    "quoted newline": (b'1,"a\nb"\n', "CSV", "allowQuotedNewlines"),
    "text for a number": (b"x,a\n", "CSV", "x"),
    "a column too many": (b"1,a,b\n", "CSV", ""),
    "a column too few": (b"1\n", "CSV", ""),
    "a quote without an end": (b'1,"a\n', "CSV", ""),
    "half a file": (gzip.compress(b"1,a\n" * 1000)[:-20], "CSV", ""),
    "an unknown field": (b'{"n": 1, "nam": "a"}\n', "NEWLINE_DELIMITED_JSON", "No such field: nam"),
    "no object": (b"[1, 2]\n", "NEWLINE_DELIMITED_JSON", "no object"),
    "no JSON": (b'{"n": 1\n', "NEWLINE_DELIMITED_JSON", ""),
    "text for a number in JSON": (b'{"n": "x"}\n', "NEWLINE_DELIMITED_JSON", "x"),
    "no Parquet": (b"1,a\n", "PARQUET", ""),
    "AVRO": (b"Obj\x01", "AVRO", "loads no AVRO"),
    "ORC": (b"ORC", "ORC", "loads no ORC"),
}


@pytest.mark.parametrize(("content", "source_format", "why"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_wrong_file_fails_and_leaves_everything_as_it_was(
    client: bigquery.Client, content: bytes, source_format: str, why: str
) -> None:
    with pytest.raises(BadRequest, match=why):
        load(client, "refused", content, source_format)
    with pytest.raises(NotFound):
        client.get_table(f"{DATASET}.refused")
    load(client, "kept", b"7,kept\n", "CSV")
    for disposition in ("WRITE_TRUNCATE", "WRITE_APPEND"):
        with pytest.raises(BadRequest):
            load(client, "kept", content, source_format, write_disposition=disposition)
        assert rows(client, "kept") == [(7, "kept")]


@pytest.mark.parametrize("name", ["rows.out", "part-*.out"])
@pytest.mark.parametrize(
    ("form", "compression"),
    [
        *(("CSV", "NONE"), ("CSV", "GZIP"), ("NEWLINE_DELIMITED_JSON", "NONE"), ("NEWLINE_DELIMITED_JSON", "GZIP")),
        *(("PARQUET", "NONE"), ("PARQUET", "SNAPPY"), ("PARQUET", "ZSTD")),
    ],
)
def test_extracts_to_a_new_folder(
    emulators: RunningStack, client: bigquery.Client, form: str, compression: str, name: str
) -> None:
    client.query_and_wait(
        f"CREATE OR REPLACE TABLE {DATASET}.extracted AS SELECT 7 AS n, 'a, \"b\"' AS name UNION ALL SELECT 8, NULL"
    )
    with emulators.storage() as storage:
        bucket = storage.lookup_bucket("bigquery-extracts") or storage.create_bucket("bigquery-extracts")
    uri = f"gs://{bucket.name}/new/{form}/{compression}/{name}"
    config = bigquery.ExtractJobConfig(destination_format=form, compression=compression)
    client.extract_table(f"{DATASET}.extracted", uri, job_config=config, retry=None).result()
    loading = bigquery.LoadJobConfig(
        source_format=form,
        schema=SCHEMA,
        write_disposition="WRITE_TRUNCATE",
        **({"skip_leading_rows": 1} if form == "CSV" else {}),
    )
    assert client.load_table_from_uri(uri, f"{DATASET}.loaded", job_config=loading).result().output_rows == 2
    assert rows(client, "loaded") == [(7, 'a, "b"'), (8, None)]
