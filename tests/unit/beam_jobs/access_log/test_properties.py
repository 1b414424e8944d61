"""Whatever the bytes: nothing raised, nothing lost, and the compiled path reads as the reference reader does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_jobs.access_log import FORMATS, BlockParser, FormatError, detect, detect_format
from beam_jobs.access_log.compiled.outputs import ACCEPTED
from beam_jobs.access_log.engines import parse_line, scan_lines
from beam_jobs.access_log.formats.server_strings import compile_format
from beam_jobs.access_log.formats.template import TemplateFormat
from beam_jobs.access_log.row import Row
from tests.unit.beam_jobs.access_log.oracle import assert_parsed_as, expected_block
from tests.unit.beam_jobs.access_log.strategies import blocks, lines, regular_lines

STRINGS = (
    '%h %l %u %t "%r" %>s %b',
    '%{%Y-%m-%dT%H:%M:%S%z}t %a %{c}a "%m %U%q %H" %s %O %{ms}T "%{Referer}i" "%{User-Agent}i" "%{X-Id}o" %V',
    "%{msec}t|%D|%{Host}i|%>s|%B|%U|%q|%u",
    '$remote_addr - $remote_user [$time_iso8601] "$request" $status $bytes_sent "$http_referer" $upstream_addr $host',
    '$time_local $msec $request_method $request_uri $server_protocol $status $request_time u="$upstream_header_time"',
    '$time_local $remote_addr "$uri" $args $server_name',
    "log_format plain escape=none '$msec\t$remote_addr\t\"$http_user_agent\"\t$status';",
    'log_format json escape=json \'{"time":"$time_iso8601","remote_addr":"$remote_addr","request":"$request",\'\n'
    '\'"status":$status,"request_time":$request_time,"http_user_agent":"$http_user_agent"}\';',
)
FORMATS_OF_STRINGS = {text: compile_format(text) for text in STRINGS}
POSITIONAL = [log_format for log_format in FORMATS.values() if isinstance(log_format, TemplateFormat)]
FORMAT = st.sampled_from([*POSITIONAL, *FORMATS_OF_STRINGS.values()])
PARSERS = {log_format.name: BlockParser(log_format) for log_format in (*POSITIONAL, *FORMATS_OF_STRINGS.values())}


@settings(max_examples=300)
@given(st.data(), FORMAT)
def test_compiled_path_agrees_with_reference(data: st.DataObject, log_format: TemplateFormat) -> None:
    block = data.draw(blocks(log_format))
    assert_parsed_as(PARSERS[log_format.name].parse(block), expected_block(log_format, block))


@settings(max_examples=150)
@given(st.binary(max_size=2000) | st.text('"\\ []:/-\n\r', max_size=300).map(str.encode), FORMAT)
def test_any_bytes_balance(block: bytes, log_format: TemplateFormat) -> None:
    assert_parsed_as(PARSERS[log_format.name].parse(block), expected_block(log_format, block))


@settings(max_examples=150)
@given(st.data(), FORMAT)
def test_regular_lines_take_the_compiled_path(data: st.DataObject, log_format: TemplateFormat) -> None:
    written = data.draw(st.lists(regular_lines(log_format), min_size=1, max_size=5))
    block = np.frombuffer(b"\n".join(written), np.uint8)
    scanned = scan_lines(log_format, block, max_line_bytes=1 << 20)
    assert scanned.lines.verdicts.tolist() == [ACCEPTED] * len(written), written


@settings(max_examples=150)
@given(st.data(), FORMAT, st.integers(0, 2**40), st.integers(1, 300))
def test_blocks_cut_at_line_ends_parse_as_the_whole(
    data: st.DataObject, log_format: TemplateFormat, base_offset: int, max_line_bytes: int
) -> None:
    written = data.draw(st.lists(lines(log_format), min_size=1, max_size=6))
    cut = data.draw(st.integers(0, len(written)))
    first, second = (b"".join(line + b"\n" for line in part) for part in (written[:cut], written[cut:]))
    parser = BlockParser(log_format, max_line_bytes)
    whole = parser.parse(first + second, base_offset)
    parts = parser.parse(first, base_offset), parser.parse(second, base_offset + len(first))
    assert_parsed_as(whole, expected_block(log_format, first + second, max_line_bytes, base_offset))
    assert whole.rows.to_pylist() == [row for part in parts for row in part.rows.to_pylist()]
    assert whole.rejected.to_pylist() == [row for part in parts for row in part.rejected.to_pylist()]
    assert (whole.lines, whole.blank) == (sum(part.lines for part in parts), sum(part.blank for part in parts))


@settings(max_examples=150)
@given(st.data(), FORMAT)
def test_reference_takes_any_line(data: st.DataObject, log_format: TemplateFormat) -> None:
    line = data.draw(lines(log_format))
    parsed = parse_line(log_format, line)
    if not isinstance(parsed, Row):
        assert "\n" not in parsed.message
        assert len(parsed.message) < 300


@settings(max_examples=100)
@given(st.data(), FORMAT)
def test_detection_gives_a_format_or_its_error(data: st.DataObject, log_format: TemplateFormat) -> None:
    sample = data.draw(blocks(log_format) | st.binary(max_size=200))
    try:
        message = repr(detect_format(sample).name)
    except FormatError as error:
        message = str(error)
    assert set(message.strip("'").split("+")) <= FORMATS.keys() or ("log" in message and "\n" not in message)


@pytest.mark.parametrize("log_format", POSITIONAL, ids=lambda log_format: log_format.name)
@settings(max_examples=8)
@given(data=st.data())
def test_every_format_is_detected_in_its_own_lines(data: st.DataObject, log_format: TemplateFormat) -> None:
    written = data.draw(st.lists(regular_lines(log_format), min_size=1, max_size=5))
    detected = detect(b"\n".join(written))
    accepted = detected.accepted[detected.log_format.name]
    assert accepted == detected.lines
    # Where a format is named in place of it, its lines are of that one too, a field at the end being "-", for example.
    assert detected.accepted.get(log_format.name, accepted if not log_format.is_detected else 0) == accepted
