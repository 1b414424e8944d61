"""The BigQuery emulator refuses appended and inserted rows that the service refuses: docs/service-rules.md."""

import io
from collections.abc import Iterator

import grpc
import pyarrow as pa
import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport
from pyarrow import parquet

from local_stack.running import RunningStack

pytestmark = pytest.mark.integration

DATASET = "rows"
TABLE = f"{DATASET}.t"


@pytest.fixture(autouse=True)
def table(client: bigquery.Client) -> None:
    """An empty table of a number and a name."""
    client.query_and_wait(f"CREATE OR REPLACE TABLE {TABLE} (n INT64, Name STRING)")


@pytest.fixture
def writer(emulators: RunningStack) -> Iterator[BigQueryWriteClient]:
    """A client of the Storage Write API."""
    channel = grpc.insecure_channel(emulators.env["BIGQUERY_EMULATOR_GRPC_HOST"])
    with BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel)) as writer:
        yield writer


def append(client: bigquery.Client, writer: BigQueryWriteClient, columns: dict[str, list[object]]) -> str:
    """Append rows; returns the error."""
    rows = pa.record_batch(columns)
    request = types.AppendRowsRequest(
        write_stream=f"projects/{client.project}/datasets/{DATASET}/tables/t/streams/_default",
        arrow_rows=types.AppendRowsRequest.ArrowData(
            writer_schema=types.ArrowSchema(serialized_schema=rows.schema.serialize().to_pybytes()),
            rows=types.ArrowRecordBatch(serialized_record_batch=rows.serialize().to_pybytes()),
        ),
    )
    (answer,) = writer.append_rows(iter([request]))
    return answer.error.message


def rows(client: bigquery.Client) -> list[tuple[object, ...]]:
    return [tuple(row) for row in client.query_and_wait(f"SELECT n, name FROM {TABLE} ORDER BY n")]


def test_an_append_with_an_unknown_column_is_refused(client, writer):
    said = append(client, writer, {"n": [1], "extra": [2], "name": ["a"]})
    assert said == "Input schema has more fields than BigQuery schema, extra fields: 'extra'"
    assert rows(client) == []


def test_columns_of_an_append_are_found_by_name(client, writer):
    assert append(client, writer, {"NAME": ["a"], "n": [1]}) == ""
    assert append(client, writer, {"n": [2]}) == ""
    assert rows(client) == [(1, "a"), (2, None)]


def test_bytes_of_appended_rows_are_counted(client, writer):
    sql = f"SELECT n FROM {TABLE}"
    for number in (1, 2):
        assert append(client, writer, {"n": [number]}) == ""
        assert client.query_and_wait(sql).total_bytes_processed == 8 * number


def test_a_row_with_an_unknown_field_holds_up_all_of_its_request(client):
    errors = client.insert_rows_json(TABLE, [{"n": 1}, {"n": 2, "extra": 3}])
    assert [(one["index"], one["errors"][0]["reason"]) for one in errors] == [(1, "invalid"), (0, "stopped")]
    assert errors[0]["errors"][0]["message"] == "no such field: extra."
    assert rows(client) == []


@pytest.mark.parametrize(
    ("option", "left"), [("skip_invalid_rows", [(1, None)]), ("ignore_unknown_values", [(1, None), (2, None)])]
)
def test_rows_with_unknown_fields_may_be_skipped_or_cut(client, option, left):
    client.insert_rows_json(TABLE, [{"N": 1}, {"n": 2, "extra": 3}], **{option: True})
    assert rows(client) == left


def test_limits_of_a_request(client):
    with pytest.raises(BadRequest, match="limit: 50000 row count: 50001"):
        client.insert_rows_json(TABLE, [{"n": 1}] * 50_001)
    with pytest.raises(BadRequest, match="exceeds the limit: 10485760 bytes"):
        client.insert_rows_json(TABLE, [{"name": "x" * (10 << 20)}])
    assert rows(client) == []


def test_columns_of_parquet_are_found_by_name(client):
    file = io.BytesIO()
    parquet.write_table(pa.table({"name": ["a"], "n": [1]}), file)
    file.seek(0)
    config = bigquery.LoadJobConfig(source_format="PARQUET", write_disposition="WRITE_APPEND")
    client.load_table_from_file(file, TABLE, job_config=config, num_retries=0).result()
    assert rows(client) == [(1, "a")]
