"""Parsed blocks as Parquet files: one of rows and one of rejected lines, with deterministic names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from beam_jobs.access_log import ParsedBlock
from beam_jobs.access_log.arrow.arrays import number_values
from beam_jobs.access_log.arrow.parquet import writer_options
from beam_jobs.output.identity import (
    BACKFILLED_SCHEMA,
    OFFSET_DIGITS,
    REJECTED_SCHEMA,
    LineOrigins,
    identified_in_objects,
    object_hash,
)
from beam_jobs.output.manifest import RunInfo
from beam_jobs.output.records import BlockParsed
from beam_jobs.storage.files import write_object
from beam_jobs.storage.objects import StoredObject


@dataclass(frozen=True)
class ParsedLines:
    """Parsed lines of one object, or of several one behind the other.

    Attributes:
        parsed: the lines; `frames` and `formats` only where they are of one object.
        origins: the objects.
        lines: how many lines of each object there are.
    """

    parsed: ParsedBlock
    origins: LineOrigins
    lines: Sequence[int]

    @classmethod
    def of(cls, parsed: ParsedBlock, stored: StoredObject) -> ParsedLines:
        """Make those of one object; offsets in the block are those in the object."""
        return cls(parsed, LineOrigins((stored,), np.zeros(1, np.int64)), (parsed.lines,))


def write_block(block: Sequence[ParsedLines], offset: int, run: RunInfo) -> list[tuple[str, BlockParsed]]:
    """Write the rows of a block into one file and its rejected lines into another.

    Each file is written atomically, under a name that tells whose lines it holds: a retry writes the same again.

    Args:
        block: the lines.
        offset: where they begin in their object; 0 for lines of whole objects.
        run: the run.

    Returns:
        Each object's uri, and what became of its lines.

    Raises:
        OutputError: the folder cannot be written.
        ValueError: lines are not the sum of rows, rejected and blank lines.
    """
    objects = (stored for lines in block for stored in lines.origins.objects)
    name = f"{object_hash(*objects)}-{offset:0{OFFSET_DIGITS}d}.parquet"
    rows = [(lines.parsed.rows, lines.origins) for lines in block]
    rejected = [(lines.parsed.rejected, lines.origins) for lines in block]
    rows_files = _write(f"{run.output}/rows/{name}", rows, BACKFILLED_SCHEMA, run)
    rejected_files = _write(f"{run.output}/rejected/{name}", rejected, REJECTED_SCHEMA, run)
    return [record for lines in block for record in _records(lines, rows_files, rejected_files)]


def write_parquet(uri: str, table: pa.Table) -> None:
    """Write a table as one zstd Parquet file.

    Raises:
        OutputError: the folder cannot be written.
    """
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, **file_options(table))
    write_object(uri, memoryview(buffer.getvalue()))


def file_options(table: pa.Table) -> dict[str, Any]:
    """Return how `pyarrow.parquet` writes a table, by what its columns hold."""
    return writer_options(table.schema.names, [name for name in table.schema.names if _is_constant(table.column(name))])


def write_empty(folder: str, schema: pa.Schema) -> str:
    """Write a file without rows, for a load job must name at least one file; returns its name."""
    uri = f"{folder}/empty.parquet"
    write_parquet(uri, schema.empty_table())
    return uri


def _is_constant(column: Any) -> bool:
    """Tell whether a column is seen at once to hold one value or none."""
    if column.null_count == len(column):
        return True
    return pa.types.is_dictionary(column.type) and column.num_chunks == 1 and len(column.chunk(0).dictionary) == 1


def _write(
    uri: str, batches: Sequence[tuple[pa.RecordBatch, LineOrigins]], schema: pa.Schema, run: RunInfo
) -> tuple[str, ...]:
    """Write one file of several batches and return its name; write none where there are no lines."""
    tables = [identified_in_objects(batch, schema, origins, run) for batch, origins in batches if batch.num_rows]
    if not tables:
        return ()
    table: Any = tables[0]
    if len(tables) > 1:
        table = cast(Any, pa.concat_tables(tables)).unify_dictionaries().combine_chunks()
    write_parquet(uri, table)
    return (uri,)


def _records(
    lines: ParsedLines, rows_files: tuple[str, ...], rejected_files: tuple[str, ...]
) -> Iterator[tuple[str, BlockParsed]]:
    """Yield what became of each object's lines."""
    parsed, origins = lines.parsed, lines.origins
    dates = _counted(parsed.rows, "log_date", origins)
    reasons = _counted(parsed.rejected, "error_type", origins)
    left = parsed.blank
    for stored, number, rows_by_date, rejected_by_reason in zip(
        origins.objects, lines.lines, dates, reasons, strict=True
    ):
        rows, rejected = sum(rows_by_date.values()), sum(rejected_by_reason.values())
        blank = number - rows - rejected
        left -= blank
        yield (
            stored.uri,
            BlockParsed(
                lines=number,
                blank=blank,
                rows_by_date=rows_by_date,
                rejected_by_reason=rejected_by_reason,
                rows_files=rows_files if rows else (),
                rejected_files=rejected_files if rejected else (),
                frames=dict(parsed.frames),
                formats=dict(parsed.formats),
            ),
        )
    if left:
        uris = ", ".join(stored.uri for stored in origins.objects[:3])
        raise ValueError(f"{uris}: {parsed.lines} lines are not the sum of rows, rejected and blank lines")


def _counted(batch: pa.RecordBatch, name: str, origins: LineOrigins) -> list[dict[str, int]]:
    """Count each value of a column, for each object."""
    encoded: Any = batch.column(name).dictionary_encode()
    values = [str(value) for value in encoded.dictionary.to_pylist()]
    size = len(origins.objects), len(values)
    cells = origins.owners(batch).astype(np.int64) * len(values) + number_values(encoded.indices, np.int32)
    counts = np.bincount(cells, minlength=size[0] * size[1]).reshape(size)
    return [{values[column]: int(row[column]) for column in np.flatnonzero(row)} for row in counts]
