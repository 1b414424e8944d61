"""Write parsed messages: rows, rejected lines, the batch's counts and heartbeats, each to a table of their own."""

from __future__ import annotations

import dataclasses
from typing import Any

import pyarrow as pa
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types

from beam_jobs.access_log.lines import counted
from beam_jobs.gcp.append_connection import AppendConnection
from beam_jobs.gcp.bigquery_write import TableAppender, default_stream
from beam_jobs.gcp.retry import RetryPolicy
from beam_jobs.options.anonymisation import make_anonymiser
from beam_jobs.output.identity import REJECTED_SCHEMA
from beam_jobs.stream.heartbeats import HEARTBEATS_SCHEMA, rows_of
from beam_jobs.stream.ledger import BATCHES_SCHEMA, entries_of
from beam_jobs.stream.messages import STREAMED_SCHEMA, ParsedMessages, StreamCounts
from beam_jobs.stream.options import StreamSettings, TargetError

_FieldType: Any = types.TableFieldSchema.Type


class StreamSink:
    """The tables of the stream; not thread-safe."""

    def __init__(self, connection: AppendConnection, settings: StreamSettings, policy: RetryPolicy) -> None:
        self._policy = policy
        self._job_id = settings.job_id
        self._anonymiser = make_anonymiser(settings.anonymising)
        self._rows = TableAppender(connection, settings.rows_table, policy)
        self._rejected = TableAppender(connection, settings.rejected_table, policy)
        self._batches = TableAppender(connection, settings.batches_table, policy)
        self._heartbeats = TableAppender(connection, settings.heartbeats_table, policy)
        self._tables = (self._rows, self._rejected, self._batches, self._heartbeats)

    @property
    def appends(self) -> int:
        """Return the number of written requests."""
        return sum(table.appends for table in self._tables)

    @property
    def retries(self) -> int:
        """Return the number of retries."""
        return sum(table.retries for table in self._tables)

    def write(self, parsed: ParsedMessages) -> StreamCounts:
        """Write parsed messages durably: their lines first, then their counts, then the heartbeats among them.

        Returns:
            The messages' counts, with the lines whose rows BigQuery refused among the rejected ones.

        Raises:
            RetriesExhaustedError: the retry policy gives up; some of the lines may be written.
        """
        refusals = self._rows.append(parsed.rows)
        rejected = parsed.rejected
        if refusals:
            rejected = pa.concat_batches([rejected, parsed.refuse(refusals, self._anonymiser)])  # type: ignore[attr-defined]
        self._write_all(self._rejected, rejected)
        counts = dataclasses.replace(
            parsed.counts,
            rows=parsed.counts.rows - len(refusals),
            rejected=parsed.counts.rejected + len(refusals),
            refused=len(refusals),
        )
        if counts.messages:
            self._write_all(self._batches, entries_of(parsed, counts, [index for index, _ in refusals], self._job_id))
        if parsed.heartbeats:
            self._write_all(self._heartbeats, rows_of(parsed.heartbeats, self._job_id))
        return counts

    def _write_all(self, table: TableAppender, remaining: pa.RecordBatch) -> None:
        def attempt() -> None:
            nonlocal remaining
            refusals = table.append(remaining)
            if refusals:
                # These live only in their unacknowledged messages until the table is repaired.
                remaining = remaining.take(pa.array([index for index, _ in refusals]))
                raise exceptions.FailedPrecondition(f"{counted(len(refusals), 'line')} refused: {refusals[0][1]}")

        self._policy.call(f"writing to {table.table}", attempt)


def check_tables(client: BigQueryWriteClient, settings: StreamSettings, policy: RetryPolicy) -> None:
    """Check that the tables are there, can be written, and have the columns that are appended.

    Raises:
        TargetError: one of them is missing, read-only or lacks a column.
        RetriesExhaustedError: BigQuery does not answer.
    """
    tables = {
        settings.rows_table: STREAMED_SCHEMA,
        settings.rejected_table: REJECTED_SCHEMA,
        settings.batches_table: BATCHES_SCHEMA,
        settings.heartbeats_table: HEARTBEATS_SCHEMA,
    }
    for table, schema in tables.items():
        found = policy.call(f"looking up {table}", lambda table=table: _columns(client, table))  # type: ignore[misc]
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
