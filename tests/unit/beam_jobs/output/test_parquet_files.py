"""Rows and rejected lines as Parquet files."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beam_jobs.access_log import BlockParser, ParsedBlock, get_format
from beam_jobs.output.identity import BACKFILLED_SCHEMA, REJECTED_SCHEMA, object_hash, reading_id
from beam_jobs.output.manifest import RunInfo
from beam_jobs.output.parquet_files import ParsedLines, write_block, write_parquet
from beam_jobs.output.records import BlockParsed
from beam_jobs.storage.objects import StoredObject

ROWS_COLUMNS = [
    "log_date",
    "timestamp",
    "remote_addr",
    "remote_user",
    "method",
    "path",
    "query",
    "protocol",
    "status",
    "body_bytes_sent",
    "referer",
    "user_agent",
    "browser",
    "os",
    "device",
    "is_bot",
    "host",
    "request_duration_ms",
    "raw_line_hash",
    "event_id",
    "source",
    "source_uri",
    "source_offset",
    "parser_version",
    "ingested_at",
    "forwarded_for",
    "agent_kind",
    "agent_name",
    "agent_operator",
    "agent_verified",
    "country",
    "asn",
    "network",
    "sequence",
    "sequence_source",
    "connection",
    "reading",
]
REJECTED_COLUMNS = [
    "raw_line",
    "error_type",
    "error_message",
    "source",
    "source_uri",
    "source_offset",
    "event_id",
    "parser_version",
    "ingested_at",
]
STARTED = datetime(2026, 11, 22, 13, 0, 0, 123456, tzinfo=UTC)
SOURCE = StoredObject("gs://b/access.log", 42, 1000)
LINES = (
    b'192.0.2.1 - - [18/May/2015:00:00:01 +0000] "GET /a?b=c HTTP/1.1" 200 5\n'
    b"not a line\n"
    b"\n"
    b'192.0.2.2 - - [17/May/2015:23:59:59 +0000] "GET /z HTTP/1.1" 404 -\n'
    b'192.0.2.3 - - [18/May/2015:00:00:02 +0000] "GET /a HTTP/1.1" 200 5\n'
)


def parsed() -> ParsedBlock:
    return BlockParser(get_format("common")).parse(LINES, 1000)


def run(output: Path) -> RunInfo:
    return RunInfo("run", "job", None, "gs://b/*", str(output), "1", STARTED)


def write(output: Path) -> BlockParsed:
    ((uri, block),) = write_block([ParsedLines.of(parsed(), SOURCE)], 1000, run(output))
    assert uri == SOURCE.uri
    return block


@pytest.fixture
def written(tmp_path: Path) -> BlockParsed:
    return write(tmp_path)


def test_the_columns_are_those_of_the_tables() -> None:
    assert BACKFILLED_SCHEMA.names == ROWS_COLUMNS
    assert REJECTED_SCHEMA.names == REJECTED_COLUMNS


def test_one_file_under_a_name_that_tells_object_and_offset(tmp_path: Path, written: BlockParsed) -> None:
    name = f"{object_hash(SOURCE)}-000000000001000.parquet"
    assert written.rows_files == (f"{tmp_path}/rows/{name}",)
    assert written.rejected_files == (f"{tmp_path}/rejected/{name}",)
    assert written.rows_by_date == {"2015-05-17": 1, "2015-05-18": 2}
    assert written.rejected_by_reason == {"not_matching_format": 1}
    assert (written.lines, written.blank) == (5, 1)


def test_rows_read_back_with_their_identity(written: BlockParsed, tmp_path: Path) -> None:
    table = pq.read_table(written.rows_files[0])
    assert table.schema.names == ROWS_COLUMNS
    assert table.schema.field("source_uri").type == pa.string()
    assert table.schema.field("timestamp").type == pa.timestamp("us", tz="UTC")
    assert table.schema.field("raw_line_hash").type == pa.binary(16)
    prefix = hashlib.sha256(b"gs://b/access.log#42").hexdigest()[:16]
    first, _, second = table.to_pylist()
    assert (first["path"], first["query"], first["source_offset"]) == ("/a", "b=c", 1000)
    assert (second["path"], second["query"]) == ("/a", None)
    assert first["event_id"] == f"{prefix}:000000000001000"
    assert second["event_id"] == f"{prefix}:{second['source_offset']:015d}"
    for row in (first, second):
        assert (row["source"], row["source_uri"], row["parser_version"]) == ("backfill", "gs://b/access.log", "1")
        assert row["ingested_at"] == STARTED
        assert row["reading"] == reading_id("gs://b/access.log", 42, run(tmp_path)), "as the ledger has it"
        assert row["host"] is None


def test_rejected_lines_read_back_with_their_bytes(written: BlockParsed) -> None:
    table = pq.read_table(written.rejected_files[0])
    assert table.schema.names == REJECTED_COLUMNS
    (row,) = table.to_pylist()
    assert row["raw_line"] == b"not a line"
    assert row["error_type"] == "not_matching_format"
    assert row["source_offset"] == 1000 + LINES.index(b"not")
    assert row["event_id"].endswith(f":{row['source_offset']:015d}")


def test_a_retry_writes_the_same_bytes(tmp_path: Path, written: BlockParsed) -> None:
    files = (*written.rows_files, *written.rejected_files)
    before = [Path(name).read_bytes() for name in files]
    assert write(tmp_path) == written
    assert [Path(name).read_bytes() for name in files] == before


def test_what_was_parsed_before_changes_no_byte(tmp_path: Path) -> None:
    lines = [LINES.splitlines(keepends=True)[0][:-1] + b' "-" "%s"\n' % agent for agent in (b"curl/8", b"Wget/1")]
    parser = BlockParser(get_format("combined"))

    def content(*blocks: bytes) -> list[bytes]:
        for block in blocks:
            ((_, written),) = write_block([ParsedLines.of(parser.parse(block), SOURCE)], 0, run(tmp_path))
        return [Path(name).read_bytes() for name in written.rows_files]

    both = lines[0] + lines[1]
    before = content(both)
    assert content(lines[1] + lines[0], both) == before


@pytest.mark.parametrize("schema", [BACKFILLED_SCHEMA, REJECTED_SCHEMA])
def test_an_empty_file_has_the_columns(tmp_path: Path, schema: pa.Schema) -> None:
    write_parquet(f"{tmp_path}/empty.parquet", schema.empty_table())
    table = pq.read_table(tmp_path / "empty.parquet")
    assert table.num_rows == 0
    assert table.schema.names == schema.names


def test_files_are_zstd_and_say_nothing_of_arrow(written: BlockParsed) -> None:
    metadata = pq.read_metadata(written.rows_files[0])
    columns = [metadata.row_group(0).column(number) for number in range(metadata.num_columns)]
    uncompressed = {column.path_in_schema for column in columns if column.compression != "ZSTD"}
    constants = {name for name in ROWS_COLUMNS if len(pq.read_table(written.rows_files[0]).column(name).unique()) == 1}
    assert uncompressed - {"raw_line_hash"} <= constants
    assert {"host", "sequence", "source_uri", "ingested_at", "reading"} <= uncompressed
    assert {one for column in columns for one in column.encodings} <= {"PLAIN", "RLE", "RLE_DICTIONARY"}
    assert metadata.metadata is None or b"ARROW:schema" not in metadata.metadata
