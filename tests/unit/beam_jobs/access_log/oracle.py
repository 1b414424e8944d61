"""What a block must parse to, by the reference reader and the plainest code alone."""

from typing import Any, NamedTuple

import mmh3

from beam_jobs.access_log import LogFormat, ParsedBlock
from beam_jobs.access_log.arrow.user_agents import classify
from beam_jobs.access_log.engines import parse_line, read_framed
from beam_jobs.access_log.framing import unframed, without_compose
from beam_jobs.access_log.lines import is_blank, split_lines
from beam_jobs.access_log.row import Row


class Expected(NamedTuple):
    rows: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    lines: int
    blank: int


def expected_block(
    log_format: LogFormat, block: bytes, max_line_bytes: int = 1 << 20, base_offset: int = 0
) -> Expected:
    rows: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    lines = blank = 0
    for offset, line in split_lines(block):
        lines += 1
        source_offset = base_offset + offset
        if len(line) > max_line_bytes:
            message = f"the line has more than {max_line_bytes} bytes; only the first {max_line_bytes} are kept"
            rejected.append(_reject(line[:max_line_bytes], "line_too_long", message, source_offset))
        elif is_blank(line, log_format.comment) or is_blank(_content(line), log_format.comment):
            blank += 1
        else:
            parsed = read_framed(log_format, line)
            if isinstance(parsed, Row):
                rows.append(_row(_row_line(log_format, line), parsed, source_offset))
            else:
                rejected.append(_reject(line, parsed.reason, parsed.message, source_offset))
    return Expected(rows, rejected, lines, blank)


def _content(line: bytes) -> bytes:
    framed = unframed(line)
    return line if framed is None else framed.content


def _row_line(log_format: LogFormat, line: bytes) -> bytes:
    """Return what the format reads of a line that is a row."""
    content = _content(line)
    if isinstance(parse_line(log_format, content), Row):
        return content
    inner = without_compose(line)
    assert inner is not None
    return inner.content


def assert_parsed_as(block: ParsedBlock, expected: Expected) -> None:
    block.rows.validate(full=True)
    block.rejected.validate(full=True)
    assert (block.lines, block.blank) == (expected.lines, expected.blank)
    assert block.rows.to_pylist() == expected.rows
    assert block.rejected.to_pylist() == expected.rejected
    assert block.lines == block.rows.num_rows + block.rejected.num_rows + block.blank


def _row(line: bytes, row: Row, source_offset: int) -> dict[str, Any]:
    values = row._asdict()
    client = None if row.user_agent is None else classify(row.user_agent)
    values |= {
        "log_date": row.timestamp.date(),
        "browser": client and client.browser,
        "os": client and client.os,
        "device": client and client.device,
        "is_bot": None if client is None else client.is_bot,
        "raw_line_hash": mmh3.hash_bytes(line),
        "source_offset": source_offset,
    }
    return values


def _reject(line: bytes, reason: str, message: str, source_offset: int) -> dict[str, Any]:
    return {"raw_line": line, "error_type": str(reason), "error_message": message, "source_offset": source_offset}
