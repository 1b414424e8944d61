"""Rows to one Parquet file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from beam_jobs.access_log.arrow.schema import ROWS_SCHEMA
from beam_jobs.access_log.errors import OutputError

# Columns for which no dictionary pays: most values come once, or are numbers that take no more room themselves.
_WITHOUT_DICTIONARY = frozenset(
    (
        "raw_line_hash", "event_id", "source_offset", "raw_line", "timestamp", "body_bytes_sent", "request_duration_ms",
    )
)  # fmt: skip
_LEVELS = {"event_id": -5}
_LEVEL = 1
_MOST_ROWS = 1 << 18

SCHEMA = ROWS_SCHEMA.append(pa.field("source_uri", pa.string()))
"""The columns: those of a row, and the name of the file that it is from."""


def writer_options(names: Sequence[str], constants: Collection[str] = ()) -> dict[str, Any]:
    """Return how `pyarrow.parquet` writes columns of files that are soon loaded whole.

    Args:
        names: The columns.
        constants: Those of one value or of none: a few bytes, for which no codec has to be set up.

    The encodings are plain and dictionary, which every reader knows: BigQuery's documentation names the codecs that it
    reads, https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet, but no other encoding.
    """
    # Hashes do not get smaller; identities are so alike that a faster level is as good.
    levels = {name: _LEVELS.get(name, _LEVEL) for name in names if name not in {"raw_line_hash", *constants}}
    return {
        "compression": {name: "zstd" if name in levels else "none" for name in names},
        "compression_level": levels,
        "use_dictionary": [name for name in names if name not in _WITHOUT_DICTIONARY],
        # Without the Arrow schema in the file, columns that are dictionaries in memory read back as plain strings.
        "store_schema": False,
        "write_statistics": False,
        # Readers skip nothing within a file, so values need not be cut into small pages, nor be written in small steps.
        "max_rows_per_page": _MOST_ROWS,
        "write_batch_size": _MOST_ROWS,
    }


class RowsFile:
    """A Parquet file that is there when all is written, and not before; a device is written itself.

    Args:
        path: The file.

    Raises:
        OutputError: On entering, writing or leaving, if the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = path

    def __enter__(self) -> RowsFile:
        try:
            if self._path.is_file() or not self._path.exists():
                with tempfile.NamedTemporaryFile(
                    prefix=f".{self._path.name}.", dir=self._path.parent, delete=False
                ) as unfinished:
                    self._unfinished = Path(unfinished.name)
            self._writer = pq.ParquetWriter(self._unfinished, SCHEMA, **writer_options(SCHEMA.names))
        except OSError as error:
            raise self._error(error) from error
        return self

    def write(self, rows: pa.RecordBatch, source_uri: str) -> None:
        """Write the rows of a block."""
        if not rows.num_rows:
            return
        sources = pa.repeat(source_uri, rows.num_rows)
        try:
            self._writer.write_batch(pa.record_batch([*rows.columns, sources], schema=SCHEMA))
        except OSError as error:
            raise self._error(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        try:
            self._writer.close()
            if kind is None and self._unfinished != self._path:
                self._unfinished.chmod(0o644)
                self._unfinished.replace(self._path)
        except OSError as error:
            raise self._error(error) from error
        finally:
            if self._unfinished != self._path:
                self._unfinished.unlink(missing_ok=True)

    def _error(self, error: OSError) -> OutputError:
        reason = os.strerror(error.errno) if error.errno else error
        return OutputError(f"{self._path}: cannot be written: {reason}")
