"""Where parsed messages go: rows to one table, everything else to the other; and the check that both are there."""

from __future__ import annotations

import dataclasses
from typing import Any

import pyarrow as pa
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types

from beam_jobs.append import TableAppender, default_stream
from beam_jobs.patience import Patience
from beam_jobs.sinks import REJECTED_SCHEMA
from beam_jobs.stream_messages import STREAMED_SCHEMA, ParsedMessages, StreamCounts
from beam_jobs.stream_options import TargetError

_FieldType: Any = types.TableFieldSchema.Type


class StreamSink:
    """The two tables of the stream; for one thread.

    Args:
        client: of the Storage Write API.
        rows_table: `project.dataset.table`.
        rejected_table: `project.dataset.table`.
        patience: with what is no row's fault.
    """

    def __init__(self, client: BigQueryWriteClient, rows_table: str, rejected_table: str, patience: Patience) -> None:
        self._patience = patience
        self._rows = TableAppender(client, rows_table, patience)
        self._rejected = TableAppender(client, rejected_table, patience)

    @property
    def appends(self) -> int:
        """Requests that were written."""
        return self._rows.appends + self._rejected.appends

    @property
    def retries(self) -> int:
        """Requests that were tried again."""
        return self._rows.retries + self._rejected.retries

    def write(self, parsed: ParsedMessages) -> StreamCounts:
        """Write parsed messages; each of their lines is durable in one of the tables when this returns.

        Returns:
            The messages' counts, with the lines whose rows BigQuery refused among the rejected ones.

        Raises:
            GivenUpError: the patience is at its end; some of the lines may be written.
        """
        refusals = self._rows.append(parsed.rows)
        rejected = parsed.rejected
        if refusals:
            rejected = pa.concat_batches([rejected, parsed.refuse(refusals)])  # type: ignore[attr-defined]
        self._write_rejected(rejected)
        counts = parsed.counts
        return dataclasses.replace(
            counts,
            rows=counts.rows - len(refusals),
            rejected=counts.rejected + len(refusals),
            refused=len(refusals),
        )

    def _write_rejected(self, remaining: pa.RecordBatch) -> None:
        def attempt() -> None:
            nonlocal remaining
            refusals = self._rejected.append(remaining)
            if refusals:
                # Nowhere is left for these lines but their messages, unacknowledged until the table is mended.
                remaining = remaining.take(pa.array([index for index, _ in refusals]))
                raise exceptions.FailedPrecondition(f"{len(refusals)} lines are refused: {refusals[0][1]}")

        self._patience.call(f"writing to {self._rejected.table}", attempt)

    def close(self) -> None:
        """Close the connections."""
        self._rows.close()
        self._rejected.close()


def check_tables(client: BigQueryWriteClient, rows_table: str, rejected_table: str, patience: Patience) -> None:
    """Check that the tables are there, can be written, and have the columns that are appended.

    Raises:
        TargetError: they are not.
        GivenUpError: BigQuery does not answer.
    """
    for table, schema in ((rows_table, STREAMED_SCHEMA), (rejected_table, REJECTED_SCHEMA)):
        found = patience.call(f"looking up {table}", lambda table=table: _columns(client, table))  # type: ignore[misc]
        for column in schema:
            wanted = _field_type(column.type)
            if column.name not in found:
                raise TargetError(f"table {table} has no column {column.name}: bring its schema up to date")
            if found[column.name] != wanted:
                raise TargetError(
                    f"table {table}: column {column.name} is {_FieldType(found[column.name]).name}, not"
                    f" {wanted.name}: bring its schema up to date"
                )


def _columns(client: BigQueryWriteClient, table: str) -> dict[str, int]:
    request = types.GetWriteStreamRequest(name=default_stream(table), view=types.WriteStreamView.FULL)
    try:
        stream = client.get_write_stream(request=request, retry=None, timeout=30)
    except exceptions.NotFound as error:
        raise TargetError(f"table {table} does not exist: run the DAG provision, or correct --dataset") from error
    except exceptions.PermissionDenied as error:
        raise TargetError(
            f"table {table}: no permission to append: give the job's account bigquery.dataEditor"
        ) from error
    return {field.name: int(field.type_) for field in stream.table_schema.fields}


def _field_type(data_type: pa.DataType) -> Any:
    if pa.types.is_timestamp(data_type):
        return _FieldType.TIMESTAMP
    fields: dict[Any, Any] = {
        pa.date32(): _FieldType.DATE,
        pa.string(): _FieldType.STRING,
        pa.int64(): _FieldType.INT64,
        pa.float64(): _FieldType.DOUBLE,
        pa.bool_(): _FieldType.BOOL,
        pa.binary(): _FieldType.BYTES,
    }
    return fields[data_type]
