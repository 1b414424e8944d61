"""Rows appended by the Storage Write API, as a stream appends them."""

import grpc
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport

from local_stack.running import RunningStack


def append(stack: RunningStack, table: str, rows: pa.RecordBatch) -> None:
    """Append rows to DATASET.TABLE by its default stream."""
    dataset, name = table.split(".")
    request = types.AppendRowsRequest(
        write_stream=f"projects/{stack.project}/datasets/{dataset}/tables/{name}/streams/_default",
        arrow_rows=types.AppendRowsRequest.ArrowData(
            writer_schema=types.ArrowSchema(serialized_schema=rows.schema.serialize().to_pybytes()),
            rows=types.ArrowRecordBatch(serialized_record_batch=rows.serialize().to_pybytes()),
        ),
    )
    channel = grpc.insecure_channel(stack.env["BIGQUERY_EMULATOR_GRPC_HOST"])
    with BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel)) as writer:
        (answer,) = writer.append_rows(iter([request]))
    assert not answer.error.message
