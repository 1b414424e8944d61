"""Whole tables from BigQuery as Arrow batches, by the Storage Read API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, types

from beam_jobs.gcp.retry import first_line
from beam_jobs.storage.objects import TableReadError


def open_streams(client: BigQueryReadClient, table: str, columns: Sequence[str], most: int) -> list[str]:
    """Open a session over a table as it is now and return the names of its streams; an empty table has none.

    Raises:
        TableReadError: the table is missing, lacks a column, or may not be read.
    """
    project, dataset, name = table.rsplit(".", 2)
    try:
        session = client.create_read_session(
            parent=f"projects/{project}",
            read_session=types.ReadSession(
                table=f"projects/{project}/datasets/{dataset}/tables/{name}",
                data_format=types.DataFormat.ARROW,
                read_options=types.ReadSession.TableReadOptions(selected_fields=list(columns)),
            ),
            max_stream_count=most,
        )
    except (GoogleAPICallError, GoogleAuthError) as error:
        raise TableReadError(f"{table} cannot be read: {first_line(error)}") from None
    return [stream.name for stream in session.streams]


def read_stream(client: BigQueryReadClient, stream: str) -> Iterator[pa.RecordBatch]:
    """Read the rows of a stream; every reading gives the same rows in the same order.

    Raises:
        TableReadError: it cannot be read, for example because its session has ended.
    """
    try:
        for page in client.read_rows(stream).rows().pages:
            yield page.to_arrow()
    except (GoogleAPICallError, GoogleAuthError) as error:
        raise TableReadError(f"{stream} cannot be read: {first_line(error)}") from None
