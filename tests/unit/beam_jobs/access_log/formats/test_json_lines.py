"""JSON lines: the compiled pass and the reading by the json module agree, on whole, odd and spoilt lines."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.access_log.compiled.outputs import ACCEPTED
from beam_jobs.access_log.engines import scan_lines
from beam_jobs.access_log.formats.json_catalog import JSON_FORMATS
from beam_jobs.access_log.formats.json_lines import JsonFormat
from tests.unit.beam_jobs.access_log.oracle import assert_parsed_as, expected_block

FORMATS = {log_format.name: log_format for log_format in JSON_FORMATS}
FORMAT = st.sampled_from(list(FORMATS.values()))
_USUAL: dict[str, list[Any]] = {
    "time": ["2015-05-17T10:05:03+00:00", "17/May/2015:10:05:03 -0700", 1431857103.123, "1431857103.000", 1431857103],
    "request": ["GET /a?b=c HTTP/1.1", "GET / HTTP/2.0", "OPTIONS * HTTP/1.0", "junk", ""],
    "target": ["/a", "/a?b=c", "/?", ""],
    "url": ["https://example.org/a?b", "http://example.org:8080", "http://example.org?q", "https://example.org/"],
    "status": [200, "404", "-", None],
    "body_bytes_sent": [0, "512", 2**40, None],
    "duration_s": [0.005, "0.123456789s", 3, "-"],
    "duration_ns": [0, 61000, 10**12],
    "duration_ms": [0, 12, "1.5", None],
    "duration_fraction_s": [0.005, "0.123456789", "1.5s", "-"],
    "remote_addr": ["192.0.2.1", "2001:db8::1", "client.example.net", "-", None],
    "remote_addr_port": ["192.0.2.1:4711", "-", None],
    "forwarded_for": ["203.0.113.8", "203.0.113.8, 2001:db8::2", "-", ""],
    "remote_user": ["ann", "a@example.org", "-", ""],
    "protocol": ["HTTP/1.1", "HTTP/2", "-", None],
    "host": ["example.org", "example.org:8080", "[2001:db8::1]:80", "-", None],
}
_TEXTS = ["192.0.2.1", "-", "", None, "curl/8.5.0", "Mozilla/5.0 (X11; Linux x86_64)"]
_ODD: list[Any] = [
    *(
        True,
        [],
        ["x", 1],
        [[]],
        {},
        {"a": 1},
        "é",
        "\udc00",
        "a\\b",
        "\x00",
        "x" * 100,
        -1,
        1e-7,
        10**30,
        "0",
        "000",
        1.5,
    ),
    *("1969-12-31T23:59:59Z", "2015-02-29T00:00:00Z", "2015-05-17 10:05:03.123456789012", "2200-01-01T00:00:00Z"),
    *(
        "192.0.2.1, 10.0.0.1",
        "unknown",
        "192.0.2.1:80",
        "[::1]:80",
        "a b",
        "- -",
        "1m2.5s",
        "5ms",
        "2015/05/17 10:05:03",
    ),
    *(1431857103000, 1431857103000000, 1431857103000000000, "00000001431857103", 5, 12345678901),
    *("1970-01-01T00:00:00+01:00", "29/Feb/2015:00:00:00", "http://[::1]:80/x", "http://u:p@h/", "1e2", "9" * 20),
]
_SPOILT = [
    *(
        b'"',
        b"\\",
        b"\\u00e9",
        b"\\q",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b" ",
        b"\t",
        b"\r",
        b"\xff",
        b"\xc3\xa9",
        b"\0",
    ),
    *(b"null", b"true", b"0", b"-", b".", b"e", b"/", b'"status":1,', b""),
]


def _document(log_format: JsonFormat, values: list[Any], extra: Any) -> dict[str, Any]:
    document: dict[str, Any] = {"level": "info", "extra": extra}
    for key, value in zip(log_format.keys, values, strict=True):
        inner = document
        for name in key.path[:-1]:
            inner = inner.setdefault(name, {"other": [1, {"x": None}]})
        inner[key.path[-1]] = value
    return document


def _values(log_format: JsonFormat, odd: bool) -> st.SearchStrategy[list[Any]]:
    def value(field: str) -> st.SearchStrategy[Any]:
        usual = st.sampled_from(_USUAL.get(field, _TEXTS))
        return st.one_of(usual, usual, usual, usual.map(lambda one: [one]), st.sampled_from(_ODD)) if odd else usual

    return st.tuples(*(value(key.field) for key in log_format.keys)).map(list)


@st.composite
def _lines(draw: st.DrawFn, log_format: JsonFormat) -> bytes:
    document = _document(
        log_format, draw(_values(log_format, odd=True)), draw(st.sampled_from([1, None, "x\n", _ODD[6:9]]))
    )
    for name in draw(st.lists(st.sampled_from(sorted(document)), max_size=2, unique=True)):
        document.pop(name)
    line = json.dumps(
        document, ensure_ascii=draw(st.booleans()), separators=draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    )
    spoilt = line.encode("utf-8", "replace")
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(spoilt)))
        spoilt = spoilt[:at] + draw(st.sampled_from(_SPOILT)) + spoilt[at + draw(st.integers(0, 3)) :]
    return spoilt.replace(b"\n", b"")


@settings(max_examples=200)
@given(st.data(), FORMAT)
def test_compiled_pass_agrees_with_the_json_module(data: st.DataObject, log_format: JsonFormat) -> None:
    lines = data.draw(st.lists(_lines(log_format), max_size=4))
    # The last lines of a block go the slow way: these are not among them.
    block = b"\n".join([*lines, b"x" * 100])
    assert_parsed_as(BlockParser(log_format).parse(block), expected_block(log_format, block))


def test_a_key_whose_column_a_url_has_filled_is_checked() -> None:
    log_format = get_format("fastly")
    line = (
        b'{"timestamp":"2026-03-07T09:15:01Z","request_method":"GET","url":"https://example.org/a",'
        b'"response_status":200,"response_body_size":0,"request_user_agent":"curl/8.5.0","host":"b c"}'
    )
    block = line + b"\n" + b"x" * 100
    parsed = BlockParser(log_format).parse(block)
    assert parsed.rows.num_rows == 0
    assert_parsed_as(parsed, expected_block(log_format, block))


@settings(max_examples=200)
@given(st.data(), FORMAT)
def test_lines_like_the_one_before_are_read_as_if_alone(data: st.DataObject, log_format: JsonFormat) -> None:
    lines = [data.draw(_lines(log_format))]
    for _ in range(data.draw(st.integers(1, 4))):
        line = data.draw(st.sampled_from(lines))
        at = data.draw(st.integers(0, len(line)))
        put_in = data.draw(st.sampled_from([b"", *_SPOILT]))
        lines.append(line[:at] + put_in + line[at + data.draw(st.integers(0, 3)) :])
    block = b"\n".join([*lines, lines[0], b"x" * 100])
    assert_parsed_as(BlockParser(log_format).parse(block), expected_block(log_format, block))


@pytest.mark.parametrize("log_format", FORMATS.values(), ids=FORMATS)
def test_a_line_that_ends_too_early_is_no_line(log_format: JsonFormat) -> None:
    document = _document(log_format, [_USUAL.get(key.field, _TEXTS)[0] for key in log_format.keys], {"a": ["b", 1]})
    line = json.dumps(document).encode()
    cut = [line[:end] for end in range(1, len(line))]
    block = b"\n".join([line, *cut, *(line + b"\n" + one for one in cut), b"x" * 100])
    assert_parsed_as(BlockParser(log_format).parse(block), expected_block(log_format, block))
    assert BlockParser(log_format).parse(block).rows.num_rows == len(line)


@settings(max_examples=100)
@given(st.binary(max_size=300) | st.text('{}[]":,\\ue019.-\n tnf', max_size=200).map(str.encode), FORMAT)
def test_any_bytes_balance(block: bytes, log_format: JsonFormat) -> None:
    block += b"\n" + b"x" * 100
    assert_parsed_as(BlockParser(log_format).parse(block), expected_block(log_format, block))


@pytest.mark.parametrize("log_format", FORMATS.values(), ids=FORMATS)
@settings(max_examples=50)
@given(data=st.data())
def test_usual_lines_take_the_compiled_pass(data: st.DataObject, log_format: JsonFormat) -> None:
    values = data.draw(_values(log_format, odd=False))
    (first_time,) = [index for index, key in enumerate(log_format.keys) if key.field == "time"][:1]
    values[first_time] = "2015-05-17T10:05:03.123Z"
    line = json.dumps(_document(log_format, values, {"escaped": 'a "quoted" \u00e9'})).encode()
    scanned = scan_lines(log_format, np.frombuffer(line + b"\n" + b"x" * 100, np.uint8), 1 << 20)
    assert scanned.lines.verdicts.tolist()[0] == ACCEPTED
