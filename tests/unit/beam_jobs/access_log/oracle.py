"""What a block must parse to, by the reference reader and the plainest code alone."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any, NamedTuple

import mmh3

from beam_jobs.access_log import LogFormat, ParsedBlock
from beam_jobs.access_log.agents.published_ranges import is_verified
from beam_jobs.access_log.arrow.user_agents import classify
from beam_jobs.access_log.engines import parse_line
from beam_jobs.access_log.formats.mixed import MixedFormat
from beam_jobs.access_log.formats.w3c import header_of, is_w3c
from beam_jobs.access_log.framing import Framed, unframed, without_compose
from beam_jobs.access_log.lines import is_blank, split_lines
from beam_jobs.access_log.rejection import Rejection, RejectReason
from beam_jobs.access_log.row import Row


class Expected(NamedTuple):
    rows: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    lines: int
    blank: int


_UNENDED = Rejection(
    RejectReason.NOT_MATCHING_FORMAT, "a collector has cut the line, and its last part does not follow"
)


class _Joined(NamedTuple):
    """A line, and the lines of the block that it is made of: several where a collector has cut it."""

    content: bytes
    parts: list[tuple[int, bytes]]
    is_whole: bool = True


def expected_block(
    log_format: LogFormat, block: bytes, max_line_bytes: int = 1 << 20, base_offset: int = 0
) -> Expected:
    rows: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    blank = 0
    for of_line, joined in _joined_lines(log_format, block, max_line_bytes):
        offset = base_offset + joined.parts[0][0]
        parsed = _read(of_line, joined.content, max_line_bytes) if joined.is_whole else _UNENDED
        if parsed is None:
            blank += len(joined.parts)
        elif isinstance(parsed, Row):
            rows.append(_row(joined.content, parsed, offset))
            blank += len(joined.parts) - 1
        else:
            rejected += [
                _reject(line[:max_line_bytes], parsed.reason, parsed.message, base_offset + start)
                for start, line in joined.parts
            ]
    return Expected(rows, rejected, sum(1 for _ in split_lines(block)), blank)


def _joined_lines(log_format: LogFormat, block: bytes, max_line_bytes: int) -> Iterator[tuple[LogFormat, _Joined]]:
    """Yield the lines without their frames, each with the format that holds there."""
    waiting: _Joined | None = None
    part = ("", "")
    for offset, line in split_lines(block):
        if is_w3c(log_format) and line.startswith(b"#Fields:"):
            log_format = header_of(line, "\t" if "\t" in log_format.name else " ")
        is_line = len(line) <= max_line_bytes and not _is_blank(log_format, line)
        framed = _inner(log_format, line) if is_line else None
        if waiting is not None:
            if framed is not None and (framed.frames[0], framed.stream) == part:
                waiting = _Joined(waiting.content + framed.content, [*waiting.parts, (offset, line)])
            else:
                yield log_format, waiting._replace(is_whole=False)
                waiting = None
        if waiting is None and framed is not None:
            waiting, part = _Joined(framed.content, [(offset, line)]), (framed.frames[0], framed.stream)
        if framed is None:
            yield log_format, _Joined(line, [(offset, line)])
        elif waiting is not None and not framed.is_partial:
            yield log_format, waiting
            waiting = None
    if waiting is not None:
        yield log_format, waiting._replace(is_whole=False)


def _inner(log_format: LogFormat, line: bytes) -> Framed | None:
    framed = unframed(line)
    if framed is None and not isinstance(parse_line(log_format, line), Row):
        return without_compose(line)
    return framed


def _read(log_format: LogFormat, line: bytes, max_line_bytes: int) -> Row | Rejection | None:
    """Read a line without frames; return None for one that is blank."""
    if len(line) > max_line_bytes:
        message = f"the line has more than {max_line_bytes} bytes; only the first {max_line_bytes} are kept"
        return Rejection(RejectReason.LINE_TOO_LONG, message)
    return None if _is_blank(log_format, line) else parse_line(log_format, line)


def _is_blank(log_format: LogFormat, line: bytes) -> bool:
    formats = log_format.formats if isinstance(log_format, MixedFormat) else (log_format,)
    return any(is_blank(line, one.comment) for one in formats)


def assert_parsed_as(block: ParsedBlock, expected: Expected) -> None:
    block.rows.validate(full=True)
    block.rejected.validate(full=True)
    assert (block.lines, block.blank) == (expected.lines, expected.blank)
    rows = block.rows.to_pylist()
    assert rows == expected.rows
    assert block.rejected.to_pylist() == expected.rejected
    assert block.lines == block.rows.num_rows + block.rejected.num_rows + block.blank
    for row in rows:
        assert_credible(row)


_NO_NAME = re.compile(r"[\x00-\x20\x7f\"'`()<>{}]")


def assert_credible(row: dict[str, Any]) -> None:
    """Check the values of a row against what its columns can hold, whatever the format, without the parser's code."""
    client, host, user, duration = (row[name] for name in ("remote_addr", "host", "remote_user", "request_duration_ms"))
    assert 1970 <= row["timestamp"].year <= 2199
    assert row["status"] is None or 100 <= row["status"] <= 999
    assert row["body_bytes_sent"] is None or row["body_bytes_sent"] >= 0
    assert duration is None or 0 <= duration < 2**53 / 10**6
    assert client is None or client == "unix:" or _is_address(client) or re.fullmatch(r"[\w][\w.-]*", client, re.ASCII)
    assert client is None or _is_address(client) or not re.fullmatch(r"[0-9.]+", client)
    assert host is None or not _NO_NAME.search(host)
    assert user is None or not re.search(r"(^| )-( |$)|[\x00-\x1f\x7f]", user)
    if row["forwarded_for"] is not None:
        assert not re.search(r"[\x00-\x1f\x7f\"'()<>{}]", row["forwarded_for"])


def _is_address(text: str) -> bool:
    try:
        # Servers write octets with zeros before them; those are not octal.
        ip_address(re.sub(r"(?<![0-9a-fA-F:])0+(?=[0-9]+(?:\.|$))", "", text) if ":" not in text else text)
    except ValueError:
        return False
    return True


def _row(line: bytes, row: Row, source_offset: int) -> dict[str, Any]:
    values = row._asdict()
    client = None if row.user_agent is None else classify(row.user_agent)
    agent = client and client.agent
    is_checked = agent is not None and row.remote_addr is not None
    values |= {
        "log_date": row.timestamp.date(),
        "browser": client and client.browser,
        "os": client and client.os,
        "device": client and client.device,
        "is_bot": None if agent is None else agent.kind != "browser",
        "raw_line_hash": mmh3.hash_bytes(line),
        "source_offset": source_offset,
        "agent_kind": agent and agent.kind,
        "agent_name": agent and agent.name,
        "agent_operator": agent and agent.operator,
        "agent_verified": is_verified(agent.id, row.remote_addr) if is_checked else None,
        **dict.fromkeys(("country", "asn", "network")),
        **_sequence(row),
    }
    del values["connection_requests"]
    return values


def _sequence(row: Row) -> dict[str, Any]:
    """Say the number of a line: its own, else that of a request in a connection."""
    sequence, requests, connection = (
        int(text) if text and re.fullmatch("[0-9]{1,18}", text, re.ASCII) else None
        for text in (row.sequence, row.connection_requests, row.connection)
    )
    if sequence is not None:
        return {"sequence": sequence, "sequence_source": row.sequence_source or None, "connection": None}
    if requests is None or connection is None:
        return dict.fromkeys(("sequence", "sequence_source", "connection"))
    return {"sequence": requests, "sequence_source": row.sequence_source or None, "connection": connection}


def _reject(line: bytes, reason: str, message: str, source_offset: int) -> dict[str, Any]:
    return {"raw_line": line, "error_type": str(reason), "error_message": message, "source_offset": source_offset}
