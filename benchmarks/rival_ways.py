"""One way of reading an access log, timed in a process of its own: ``python -m benchmarks.rival_ways NAME LOG FOLDER``.

Prints a JSON object: CPU seconds of all threads, seconds on the wall, lines read, and the version of what was run.
Imports, and a round over the first lines that warms everything up, are not in them. Every engine has one thread.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

Work = Callable[[], int | None]
"""Reads the whole log, and returns its lines where it has counted them."""

_WARM_UP_BYTES = 4 << 20
_BLOCK_BYTES = 16 << 20
_CACHED_BYTES = 128 << 10
# A combined line as fields between spaces. The time is cut in two, and keeps its brackets.
_FIELDS = ("address", "identity", "user", "time", "zone", "request", "status", "size", "referer", "agent")
_BRACKET_TIME = "[%d/%b/%Y:%H:%M:%S"
_REGEX = r'^(\S+) (\S+) (\S+) \[([^\]]+)\] "([^"]*)" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)"$'


class Way(NamedTuple):
    """A way of reading a log.

    Attributes:
        distribution: The package whose version is printed; none for our own code.
        prepare: Imports what is needed, and returns the work on a log; it may write into a folder.
    """

    distribution: str
    prepare: Callable[[Path, Path], Work]


def _read_once(log: Path, _folder: Path) -> Work:
    numpy: Any = import_module("numpy")
    data = log.read_bytes()
    words = numpy.frombuffer(data, numpy.uint64, len(data) // 8)

    def work() -> None:
        words.sum()

    return work


def _simd_newlines(log: Path, _folder: Path) -> Work:
    numpy: Any = import_module("numpy")
    data = numpy.frombuffer(log.read_bytes(), numpy.uint8)
    parts = [data[start : start + _CACHED_BYTES] for start in range(0, len(data), _CACHED_BYTES)]
    return lambda: sum(int(numpy.count_nonzero(part == ord("\n"))) for part in parts)


def _bytes_count(log: Path, _folder: Path) -> Work:
    data = log.read_bytes()
    return lambda: data.count(b"\n")


def _ours(log: Path, _folder: Path) -> Work:
    return _parsed(log, _parser())


def _ours_anonymised(log: Path, _folder: Path) -> Work:
    addresses: Any = import_module("beam_jobs.access_log.privacy.addresses")
    return _parsed(log, _parser(addresses.AddressMode.TRUNCATE))


def _parser(mode: Any = None) -> Any:
    access_log: Any = import_module("beam_jobs.access_log")
    log_format = access_log.get_format("combined")
    if mode is None:
        return access_log.BlockParser(log_format)
    privacy: Any = import_module("beam_jobs.access_log.privacy.anonymiser")
    return privacy.AnonymisingParser(log_format, privacy.Anonymiser(mode, redact_secrets=True))


def _parsed(log: Path, parser: Any) -> Work:
    return lambda: sum(parser.parse(data, offset).rows.num_rows for offset, data in _blocks(log))


def _blocks(log: Path) -> Iterator[Any]:
    line_blocks: Any = import_module("beam_jobs.access_log.reading.line_blocks")
    with log.open("rb") as file:
        yield from line_blocks.split_stream(iter(lambda: file.read(1 << 20), b""), _BLOCK_BYTES, 1 << 20)


def _ours_to_parquet(log: Path, folder: Path) -> Work:
    parquet: Any = import_module("beam_jobs.access_log.arrow.parquet")
    parser = _parser()

    def work() -> int:
        with parquet.RowsFile(folder / "rows.parquet") as file:
            lines = 0
            for offset, data in _blocks(log):
                rows = parser.parse(data, offset).rows
                file.write(rows, "access.log")
                lines += rows.num_rows
        return lines

    return work


def _pyarrow(log: Path, _folder: Path) -> Work:
    return lambda: sum(batch.num_rows for batch in _pyarrow_batches(log))


def _pyarrow_batches(log: Path) -> Iterator[Any]:
    pa, csv, compute = (import_module(name) for name in ("pyarrow", "pyarrow.csv", "pyarrow.compute"))
    pa.set_cpu_count(1)
    types = dict.fromkeys(_FIELDS, pa.string()) | {"status": pa.int16(), "size": pa.int64()}
    batches = csv.open_csv(
        log,
        read_options=csv.ReadOptions(column_names=_FIELDS, use_threads=False, block_size=_BLOCK_BYTES),
        parse_options=csv.ParseOptions(delimiter=" "),
        convert_options=csv.ConvertOptions(column_types=types, null_values=["-"], strings_can_be_null=True),
    )
    for batch in batches:
        # Faster than its timestamp_parsers.
        times = compute.strptime(batch.column("time"), format=_BRACKET_TIME, unit="s")
        yield batch.set_column(_FIELDS.index("time"), "time", times)


def _pyarrow_to_parquet(log: Path, folder: Path) -> Work:
    parquet: Any = import_module("pyarrow.parquet")
    options = {"compression": "zstd", "compression_level": 1, "write_statistics": False}

    def work() -> int:
        batches = _pyarrow_batches(log)
        first = next(batches)
        with parquet.ParquetWriter(folder / "rows.parquet", first.schema, **options) as writer:
            writer.write_batch(first)
            lines = int(first.num_rows)
            for batch in batches:
                writer.write_batch(batch)
                lines += batch.num_rows
        return lines

    return work


def _polars(log: Path, _folder: Path) -> Work:
    return lambda: int(_polars_frame("read_csv", log).height)


def _polars_to_parquet(log: Path, folder: Path) -> Work:
    def work() -> None:
        _polars_frame("scan_csv", log).sink_parquet(
            folder / "rows.parquet", compression="zstd", compression_level=1, statistics=False
        )

    return work


def _polars_frame(read: str, log: Path) -> Any:
    os.environ["POLARS_MAX_THREADS"] = "1"  # read when it is imported
    polars: Any = import_module("polars")
    schema = dict.fromkeys(_FIELDS, polars.String) | {"status": polars.Int16, "size": polars.Int64}
    frame = getattr(polars, read)(log, separator=" ", has_header=False, schema=schema, null_values="-")
    return frame.with_columns(polars.col("time").str.to_datetime(_BRACKET_TIME))


def _duckdb(log: Path, _folder: Path) -> Work:
    return _duckdb_rows(_duckdb_fields(log))


def _duckdb_by_regex(log: Path, _folder: Path) -> Work:
    names = ", ".join(f"'{name}'" for name in _FIELDS if name != "zone")
    return _duckdb_rows(
        "SELECT found.* REPLACE (strptime(found.time, '%d/%b/%Y:%H:%M:%S %z') AS time,"
        " found.status::SMALLINT AS status, nullif(found.size, '-')::BIGINT AS size)"
        f" FROM (SELECT regexp_extract(line, '{_REGEX}', [{names}]) AS found FROM read_csv('{log}', delim = '\x01',"
        " quote = '', escape = '', header = false, auto_detect = false, columns = {'line': 'VARCHAR'}))"
    )


def _duckdb_to_parquet(log: Path, folder: Path) -> Work:
    connection = _duckdb_connection()
    written = f"TO '{folder}/rows.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"

    def work() -> None:
        connection.execute(f"COPY ({_duckdb_fields(log)}) {written}")

    return work


def _duckdb_fields(log: Path) -> str:
    types = dict.fromkeys(_FIELDS, "VARCHAR") | {"time": "TIMESTAMP", "status": "SMALLINT", "size": "BIGINT"}
    return (
        f"SELECT * FROM read_csv('{log}', delim = ' ', quote = '\"', escape = '\"', header = false,"
        f" auto_detect = false, nullstr = '-', timestampformat = '{_BRACKET_TIME}', columns = {types})"
    )


def _duckdb_rows(query: str) -> Work:
    connection = _duckdb_connection()
    return lambda: sum(batch.num_rows for batch in connection.sql(query).to_arrow_reader(100_000))


def _duckdb_connection() -> Any:
    return import_module("duckdb").connect(config={"threads": 1})


def _chdb(log: Path, _folder: Path) -> Work:
    return _chdb_rows(_chdb_fields(log))


def _chdb_by_regex(log: Path, _folder: Path) -> Work:
    pattern = _REGEX.replace("\\", "\\\\")
    return _chdb_rows(
        "SELECT part[1] AS address, part[3] AS user, parseDateTime(part[4], '%d/%b/%Y:%H:%i:%S %z') AS time,"
        " part[5] AS request, toUInt16(part[6]) AS status, toUInt64OrNull(part[7]) AS size, part[8] AS referer,"
        f" part[9] AS agent FROM (SELECT extractGroups(line, '{pattern}') AS part"
        f" FROM file('{log}', 'LineAsString', 'line String')) {_CHDB_SETTINGS}"
    )


def _chdb_to_parquet(log: Path, folder: Path) -> Work:
    session = _chdb_session()
    into = f"INTO OUTFILE '{folder}/rows.parquet' TRUNCATE FORMAT Parquet"

    def work() -> None:
        query, _, settings = _chdb_fields(log).partition("SETTINGS")
        session.query(f"{query} {into} SETTINGS {settings}, output_format_parquet_compression_method = 'zstd'")

    return work


_CHDB_SETTINGS = (
    "SETTINGS max_threads = 1, max_parsing_threads = 1, input_format_parallel_parsing = 0,"
    " output_format_parallel_formatting = 0, format_custom_escaping_rule = 'CSV', format_csv_delimiter = ' ',"
    " format_custom_field_delimiter = ' '"
)


def _chdb_fields(log: Path) -> str:
    types = dict.fromkeys(_FIELDS, "String") | {"status": "UInt16", "size": "UInt64"}
    columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
    time_format = _BRACKET_TIME.replace("%M", "%i")  # %M is the month's name there
    return (
        f"SELECT * REPLACE (parseDateTime(time, '{time_format}') AS time)"
        f" FROM file('{log}', 'CustomSeparated', '{columns}') {_CHDB_SETTINGS}"
    )


def _chdb_rows(query: str) -> Work:
    pa: Any = import_module("pyarrow")
    session = _chdb_session()

    def work() -> int:
        batches = pa.ipc.open_stream(session.query(query, "ArrowStream").bytes())
        return sum(batch.num_rows for batch in batches)

    return work


def _chdb_session() -> Any:
    return import_module("chdb.session").Session()


WAYS = {
    "read_once": Way("numpy", _read_once),
    "simd_newlines": Way("numpy", _simd_newlines),
    "bytes_count": Way("", _bytes_count),
    "ours": Way("", _ours),
    "ours_anonymised": Way("", _ours_anonymised),
    "ours_to_parquet": Way("", _ours_to_parquet),
    "pyarrow": Way("pyarrow", _pyarrow),
    "pyarrow_to_parquet": Way("pyarrow", _pyarrow_to_parquet),
    "polars": Way("polars", _polars),
    "polars_to_parquet": Way("polars", _polars_to_parquet),
    "duckdb": Way("duckdb", _duckdb),
    "duckdb_by_regex": Way("duckdb", _duckdb_by_regex),
    "duckdb_to_parquet": Way("duckdb", _duckdb_to_parquet),
    "chdb": Way("chdb", _chdb),
    "chdb_by_regex": Way("chdb", _chdb_by_regex),
    "chdb_to_parquet": Way("chdb", _chdb_to_parquet),
}


def main() -> None:
    """Time the way that the command line names."""
    name, log, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    way = WAYS[name]
    sample = folder / "sample.log"
    with log.open("rb") as file:
        lines = file.read(_WARM_UP_BYTES)
    sample.write_bytes(lines[: lines.rindex(b"\n") + 1])
    way.prepare(sample, folder)()
    work = way.prepare(log, folder)
    cpu, wall = time.process_time(), time.perf_counter()
    read = work()
    taken = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    release = version(way.distribution) if way.distribution else ""
    print(json.dumps({**taken, "lines": read, "version": release}))


if __name__ == "__main__":
    main()
