"""What collectors put around a line is taken off, counted, and never becomes a value."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_jobs.access_log import FORMATS, BlockParser, detect_format
from beam_jobs.access_log.compiled.outputs import FRAMED
from beam_jobs.access_log.engines import scan_lines
from beam_jobs.access_log.framing import unframed, without_compose
from beam_jobs.access_log.privacy.addresses import AddressMode
from beam_jobs.access_log.privacy.anonymiser import Anonymiser, AnonymisingParser
from tests.unit.beam_jobs.access_log.oracle import assert_parsed_as, expected_block

LINE = b'192.0.2.50 - - [07/Mar/2026:09:15:01 +0000] "GET /z HTTP/1.1" 200 5 "-" "curl/8.5.0"'
LONG = LINE.replace(b"8.5.0", b"8" * 20_000)
COMBINED = FORMATS["combined"]


def _docker(line: bytes, end: str = "\n") -> bytes:
    return json.dumps({"log": line.decode() + end, "stream": "stdout", "time": "2026-03-07T09:15:01.1Z"}).encode()


def _push(line: bytes) -> bytes:
    data = base64.b64encode(line).decode()
    message = {"data": data, "messageId": "1", "publishTime": "2026-03-07T09:15:01Z"}
    return json.dumps({"message": message, "subscription": "projects/p/subscriptions/s"}).encode()


# Sources: RFC 3164 and 5424; nginx, access_log syslog:; rsyslog, RSYSLOG_FileFormat; Kubernetes, CRI logging; Docker,
# driver json-file; docker compose logs; Pub/Sub, push subscriptions.
FRAMES = {
    "syslog 3164": b"Mar  7 09:15:01 web1 nginx: " + LINE,
    "syslog 3164 with a priority": b"<190>Mar 17 09:15:01 web1 nginx[42]: " + LINE,
    "syslog 3164 without a host": b"<190>Mar  7 09:15:01 nginx: " + LINE,
    "syslog 5424": b"<165>1 2026-03-07T09:15:01.003Z web1 nginx - - - " + LINE,
    "syslog 5424 with data": b'<165>1 2026-03-07T09:15:01+01:00 web1 nginx 8710 ID47 [a@1 b="c]"][d@2] \xef\xbb\xbf'
    + LINE,
    "syslog ISO": b"2026-03-07T09:15:01.123456+00:00 web1 nginx: " + LINE,
    "CRI": b"2026-03-07T09:15:01.123456789Z stdout F " + LINE,
    "Docker json-file": _docker(LINE),
    "docker compose": b"web-1  | " + LINE,
    "docker compose with colours": b"\x1b[36mweb-1  |\x1b[0m " + LINE,
    "Pub/Sub push": _push(LINE + b"\n"),
    "NUL bytes": b"\0" * 64 + LINE,
    "byte order mark": b"\xef\xbb\xbf" + LINE,
    "several": b"2026-03-07T09:15:01.1Z stdout F Mar  7 09:15:01 web1 nginx: " + LINE,
    "push of Docker": _push(_docker(LINE)),
}


@pytest.mark.parametrize("framed", FRAMES.values(), ids=FRAMES)
def test_the_line_inside_is_read_as_if_alone(framed: bytes) -> None:
    alone = BlockParser(COMBINED).parse(LINE).rows.to_pylist()[0]
    block = b"\n".join([framed, LINE, b"spoilt", framed, b"x" * 100])
    parsed = BlockParser(detect_format(framed + b"\n")).parse(block, base_offset=7)
    first, second, third = parsed.rows.to_pylist()
    offsets = [7, 8 + len(framed), 16 + len(framed) + len(LINE)]
    for row, offset in zip((first, second, third), offsets, strict=True):
        assert row == alone | {"source_offset": offset}
    assert (parsed.lines, parsed.rejected.num_rows, parsed.blank) == (5, 2, 0)
    assert set(parsed.frames.values()) == {2}
    assert_parsed_as(BlockParser(COMBINED).parse(block), expected_block(COMBINED, block))


@pytest.mark.parametrize("framed", FRAMES.values(), ids=FRAMES)
def test_a_line_that_is_rejected_keeps_its_frame(framed: bytes) -> None:
    spoilt = framed.replace(b"GET", b'G"T') if b"GET" in framed else _push(b"spoilt")
    parsed = BlockParser(COMBINED).parse(spoilt)
    assert parsed.rejected.column("raw_line").to_pylist() == [spoilt]
    assert_parsed_as(parsed, expected_block(COMBINED, spoilt))


def test_json_inside_frames() -> None:
    line = b'{"time_iso8601": "2026-03-07T09:15:01+00:00", "request": "GET /z HTTP/1.1", "status": 200}'
    for framed in (_docker(line), b"2026-03-07T09:15:01.1Z stdout F " + line, b"web-1  | " + line, _push(line)):
        assert BlockParser(detect_format(framed)).parse(framed).rows.to_pylist()[0]["path"] == "/z"


@pytest.mark.parametrize(
    "parts",
    [
        [b"2026-03-07T09:15:01.1Z stdout P " + LINE[:30], b"2026-03-07T09:15:01.1Z stdout P " + LINE[30:50],
         b"2026-03-07T09:15:01.1Z stdout F " + LINE[50:]],
        [_docker(LONG[: 16 << 10], ""), _docker(LONG[16 << 10 :])],
    ],
)  # fmt: skip
def test_parts_of_a_line_are_joined(parts: list[bytes]) -> None:
    block = b"\n".join([LINE, *parts, LINE])
    parsed = BlockParser(COMBINED).parse(block)
    assert [row["path"] for row in parsed.rows.to_pylist()] == ["/z"] * 3
    assert parsed.rows.to_pylist()[1]["source_offset"] == len(LINE) + 1
    assert_parsed_as(parsed, expected_block(COMBINED, block))
    assert (parsed.lines, parsed.blank, parsed.rejected.num_rows) == (2 + len(parts), len(parts) - 1, 0)


@pytest.mark.parametrize(
    "other",
    [
        b"2026-03-07T09:15:01.1Z stderr F " + LINE[30:],
        b"<190>Mar  7 09:15:01 nginx: " + LINE[30:],
        _docker(LINE[30:]),
    ],
)
def test_what_another_stream_or_collector_says_is_no_part_of_a_line(other: bytes) -> None:
    block = b"2026-03-07T09:15:01.1Z stdout P " + LINE[:30] + b"\n" + other
    parsed = BlockParser(COMBINED).parse(block)
    assert (parsed.rows.num_rows, parsed.rejected.num_rows) == (0, 2)
    assert_parsed_as(parsed, expected_block(COMBINED, block))


@pytest.mark.parametrize("cut", [LINE, LINE[:30]])
@pytest.mark.parametrize("behind", [b"", b"\n" + LINE])
def test_a_line_whose_last_part_is_missing_is_rejected(cut: bytes, behind: bytes) -> None:
    block = b"2026-03-07T09:15:01.1Z stdout P " + cut + behind
    parsed = BlockParser(COMBINED).parse(block)
    assert parsed.rejected.column("error_message").to_pylist() == [
        "a collector has cut the line, and its last part does not follow"
    ]
    assert parsed.rows.num_rows == bool(behind)
    assert_parsed_as(parsed, expected_block(COMBINED, block))


def test_an_envelope_with_other_text_than_base64_is_none() -> None:
    for data in ("\\u0080", "=", "a"):
        assert unframed(b'{"message": {"data": "' + data.encode() + b'"}, "subscription": "s"}') is None


def test_lines_of_docker_without_a_newline_are_whole() -> None:
    assert BlockParser(COMBINED).parse(b"\n".join([_docker(LINE, "")] * 2)).rows.num_rows == 2


def test_parts_that_are_no_line_together_are_rejected_each() -> None:
    parts = [b"2026-03-07T09:15:01.1Z stdout P " + LINE[:30], b"2026-03-07T09:15:01.1Z stdout F spoilt"]
    parsed = BlockParser(COMBINED).parse(b"\n".join(parts))
    assert parsed.rejected.column("raw_line").to_pylist() == parts
    assert parsed.blank == 0


@settings(max_examples=300)
@given(
    st.sampled_from([*FRAMES.values(), LINE, b"2026-03-07T09:15:01.1Z my-lb 192.0.2.1:80 - -1"]),
    st.integers(0, 60),
    st.integers(0, 3),
    st.binary(max_size=2),
)
def test_the_compiled_scanner_knows_every_frame(line: bytes, at: int, removed: int, put: bytes) -> None:
    spoilt = (line[:at] + put.replace(b"\n", b"") + line[at + removed :]).removesuffix(b"\r")
    if unframed(spoilt) is not None and spoilt.strip(b" \t"):
        for log_format in (COMBINED, FORMATS["nginx_json"]):
            scanned = scan_lines(log_format, np.frombuffer(spoilt + b"\n" + b"x" * 100, np.uint8), 1 << 20)
            assert scanned.lines.verdicts[0] == FRAMED


def test_frames_are_of_collectors_alone() -> None:
    for line in (LINE, b"2026-03-07T09:15:01.123456Z my-lb 192.0.2.90:2817 10.0.0.1:80 0.1 0.1 0.1 200", b'{"log": 1}'):
        assert unframed(line) is None
    assert without_compose(LINE) is None


def test_an_address_in_an_envelope_is_not_kept() -> None:
    anonymous = AnonymisingParser(COMBINED, Anonymiser(AddressMode.TRUNCATE, redact_secrets=False))
    parsed = anonymous.parse(_push(b"203.0.113.77 spoilt"))
    assert parsed.rejected.column("raw_line").to_pylist() == [b"203.0.113.0 spoilt"]
