"""Blocks: line ends, offsets, long lines, many lines, and the schema of what comes out."""

from typing import Any

import pyarrow as pa
import pytest

from beam_jobs.access_log import (
    PARSER_VERSION,
    REJECTED_SCHEMA,
    ROWS_SCHEMA,
    AccessLogError,
    BlockParser,
    BlockSizeError,
    RejectReason,
    get_format,
    parser,
)
from beam_jobs.access_log.arrow.strings import _gather, _measure
from beam_jobs.access_log.compiled.template_scanner import scan
from tests.unit.beam_jobs.access_log.oracle import assert_parsed_as, expected_block

COMMON = get_format("common")
LINE = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5'


def test_schemas_are_those_of_the_tables() -> None:
    parsed = BlockParser(COMMON).parse(LINE)
    assert parsed.rows.schema == ROWS_SCHEMA
    assert parsed.rejected.schema == REJECTED_SCHEMA
    assert ROWS_SCHEMA.names[:2] == ["log_date", "timestamp"]
    assert {"raw_line_hash", "source_offset"} < set(ROWS_SCHEMA.names)
    assert ROWS_SCHEMA.field("timestamp").type == pa.timestamp("us", tz="UTC")
    assert PARSER_VERSION


@pytest.mark.parametrize("block", [b"", b"\n", b"\r\n", b" \t\n\n  ", b"\r"])
def test_block_without_a_row(block: bytes) -> None:
    parsed = BlockParser(COMMON).parse(block)
    assert (parsed.rows.num_rows, parsed.rejected.num_rows) == (0, 0)
    assert parsed.lines == parsed.blank
    assert_parsed_as(parsed, expected_block(COMMON, block))


def test_line_ends() -> None:
    block = LINE + b"\n" + LINE + b"\r\n" + LINE + b"\r\r\n" + LINE
    parsed = BlockParser(COMMON).parse(block)
    assert parsed.rows.column("source_offset").to_pylist() == [0, len(LINE) + 1, 3 * len(LINE) + 6]
    assert len(set(parsed.rows.column("raw_line_hash").to_pylist())) == 1
    assert parsed.rejected.column("raw_line").to_pylist() == [LINE + b"\r"]


def test_offsets_count_from_the_base() -> None:
    block = b"\n" + LINE + b"\nspoilt\n" + LINE
    parsed = BlockParser(COMMON).parse(block, base_offset=10**12)
    assert parsed.rows.column("source_offset").to_pylist() == [10**12 + 1, 10**12 + 9 + len(LINE)]
    assert parsed.rejected.column("source_offset").to_pylist() == [10**12 + 2 + len(LINE)]


def test_any_buffer_will_do() -> None:
    block = b"\n".join([LINE, b"spoilt", LINE])
    expected = expected_block(COMMON, block)
    for buffer in (memoryview(block), memoryview(bytearray(block)), memoryview(b"xx" + block + b"xx")[2:-2]):
        assert_parsed_as(BlockParser(COMMON).parse(buffer), expected)


@pytest.mark.parametrize("length", [99, 100, 101, 5000, 10_000_000])
def test_long_line_keeps_its_beginning_only(length: int) -> None:
    long_line = LINE.replace(b"/a", b"/" + b"a" * (length - len(LINE) + 1))
    assert len(long_line) == length
    block = LINE + b"\n" + long_line + b"\r\n" + LINE
    parsed = BlockParser(COMMON, max_line_bytes=100).parse(block)
    assert parsed.lines == 3
    if length <= 100:
        assert parsed.rows.num_rows == 3
    else:
        assert parsed.rejected.to_pylist() == [
            {
                "raw_line": long_line[:100],
                "error_type": RejectReason.LINE_TOO_LONG,
                "error_message": "the line has more than 100 bytes; only the first 100 are kept",
                "source_offset": len(LINE) + 1,
            }
        ]


def test_hostile_long_lines_take_no_longer_than_their_length_asks() -> None:
    for filling in (b'\\"', b'" 200 5 "', b"\\", b" ", b"\xff", b"?"):
        line = LINE.replace(b"/a", b"/" + filling * (500_000 // len(filling)))
        parsed = BlockParser(COMMON).parse(line)
        assert parsed.rows.num_rows + parsed.rejected.num_rows == 1


def test_a_bad_date_or_zone_leaves_the_next_lines_alone() -> None:
    lines = [
        LINE,
        LINE.replace(b"17/May", b"32/May"),
        LINE,
        LINE.replace(b"+0000", b"-0130"),
        LINE.replace(b"+0000", b"-0199"),
        LINE.replace(b"+0000", b"-0130"),
        LINE.replace(b" +0000", b""),
        LINE,
    ]
    block = b"\n".join(lines)
    parsed = BlockParser(COMMON).parse(block)
    assert parsed.rejected.num_rows == 2
    assert_parsed_as(parsed, expected_block(COMMON, block))


def test_texts_that_grow_keep_their_places() -> None:
    lines = [LINE.replace(b"/a", b"/" + bytes([128 + n]) * n) if n % 3 else LINE for n in range(100)]
    block = b"\n".join(lines)
    assert_parsed_as(BlockParser(COMMON).parse(block), expected_block(COMMON, block))


def test_many_rejected_lines_are_all_kept() -> None:
    parsed = BlockParser(COMMON).parse(b"x\n" * 25_001)
    assert parsed.rejected.num_rows == parsed.lines == 25_001
    assert parsed.rejected.column("source_offset").to_pylist() == list(range(0, 50_002, 2))


def test_a_block_that_lets_expect_fewer_lines_than_it_has() -> None:
    block = (LINE + b"x" * 300 + b"\n") * 100 + (LINE + b"\n") * 500 + b"x\n" * 20_000
    assert_parsed_as(BlockParser(COMMON).parse(block), expected_block(COMMON, block))


def test_rejection_says_what_is_wrong_where() -> None:
    lines = {
        b"GET /": "not a common line: no ' ' ends the ident that begins at byte 4",
        LINE.replace(
            b"May", b"Mai"
        ): "the time '17/Mai/2015:10:05:03 +0000' is not a real one: there is no month 'Mai'",
        LINE.replace(b"200", b"077"): "the status '077' is not a number from 100 to 999",
        LINE + b"x" * 100: "the byte count '5xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'... is not a number from 0 to "
        "9223372036854775807",
    }
    parsed = BlockParser(COMMON).parse(b"\n".join(lines))
    assert parsed.rejected.column("error_message").to_pylist() == list(lines.values())


def test_block_too_large_is_refused_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "MAX_BLOCK_BYTES", 1000)
    with pytest.raises(BlockSizeError, match="a block of 1001 bytes is too large: pass at most 1000 bytes") as caught:
        BlockParser(COMMON).parse(bytes(1001))
    assert isinstance(caught.value, AccessLogError | ValueError)


def test_one_specialisation_of_the_compiled_code_serves_all_buffers() -> None:
    block_parser = BlockParser(COMMON)
    for block in (b"", LINE, b"spoilt\n" + LINE * 5, memoryview(bytearray(LINE))):
        block_parser.parse(block)
    functions: tuple[Any, ...] = (scan, _measure, _gather)
    assert [len(function.signatures) for function in functions] == [1] * 3


def test_addresses_at_the_edges_of_an_octet() -> None:
    octets = (
        b"0",
        b"9",
        b"10",
        b"099",
        b"100",
        b"199",
        b"200",
        b"249",
        b"250",
        b"255",
        b"256",
        b"260",
        b"299",
        b"300",
        b"1000",
        b"",
    )
    odd = (
        b"1.2.3",
        b"1.2.3.4.5",
        b"1..2.3.4",
        b".1.2.3",
        b"1.2.3.",
        b"1.2.3.4x",
        b"1-2.3.4",
        b"1.2.3:4",
        b"255.255.255.2555",
    )
    addresses = [*odd, *(b".".join((b"1", octet, b"255", other)) for octet in octets for other in octets)]
    rest = LINE[LINE.index(b" ") :].rstrip(b"\n")
    block = b"".join(address + rest + b"\n" for address in addresses if address.strip()) + b"x" * 100
    assert_parsed_as(BlockParser(COMMON).parse(block), expected_block(COMMON, block))


def test_a_date_of_bytes_0xff_is_not_one() -> None:
    block = LINE.replace(b"17/May/2015:", b"\xff" * 12) + b"\n" + b"x" * 100
    assert_parsed_as(BlockParser(COMMON).parse(block), expected_block(COMMON, block))
