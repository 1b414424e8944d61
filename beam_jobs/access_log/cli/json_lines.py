"""One JSON object for each line of a log that is not blank, for jq and its like."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.access_log.arrow.arrays import bytes_array
from beam_jobs.access_log.cli.summary import ReadBlock
from beam_jobs.access_log.cli.terminal import is_utf8
from beam_jobs.access_log.errors import OutputError


class JsonLines:
    """Writes `{"line": 7, "row": {...}}`, or `{"line": 7, "rejected": "...", "message": "..."}`.

    Args:
        output: Where to.
        with_names: Whether each object begins with the name of its file, as it must where there are several.
    """

    def __init__(self, output: TextIO, *, with_names: bool) -> None:
        self._output = output
        self._with_names = with_names
        self._is_ascii = not is_utf8(output)

    def write(self, block: ReadBlock) -> None:
        """Write the lines of a block in their order.

        Raises:
            OutputError: The output cannot be written.
            BrokenPipeError: Nobody reads it any longer.
        """
        try:
            self._output.writelines(self._lines(block))
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"standard output: cannot be written: {error.strerror}") from error

    def _lines(self, block: ReadBlock) -> Iterator[str]:
        objects: list[tuple[int, dict[str, Any]]] = [
            (row["source_offset"], {"row": row}) for row in _plain(block.parsed.rows).to_pylist()
        ]
        objects += [
            (line["source_offset"], {"rejected": line["error_type"], "message": line["error_message"]})
            for line in block.parsed.rejected.drop_columns(["raw_line"]).to_pylist()
        ]
        objects.sort(key=lambda one: one[0])
        numbers = block.line_numbers([start for start, _ in objects])
        # A name may be any bytes; what is not UTF-8 is escaped as in values of the log.
        name = os.fsencode(block.name).decode("utf-8", "backslashreplace")
        file = {"file": name} if self._with_names else {}
        for number, (_, one) in zip(numbers, objects, strict=True):
            yield json.dumps({**file, "line": number, **one}, ensure_ascii=self._is_ascii) + "\n"


def _plain(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Turn what JSON has no type for into text: dates and times as ISO 8601, hashes as hexadecimal digits."""
    columns: list[Any] = []
    for column, field in zip(rows.columns, rows.schema, strict=True):
        plain: Any = column
        if pa.types.is_timestamp(field.type):
            plain = pc.replace_substring(column.cast(pa.string()), " ", "T")
        elif pa.types.is_date(field.type):
            plain = column.cast(pa.string())
        elif pa.types.is_fixed_size_binary(field.type):
            plain = bytes_array([value.hex().encode() for value in plain.to_pylist()], pa.string())
        columns.append(plain)
    return pa.record_batch(columns, names=rows.schema.names)
