"""What people write to read a log line by line in Python."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from benchmarks.parser_logs import W3C_FIELDS

_COMBINED = (
    r'(?P<remote_addr>\S+) \S+ (?P<remote_user>\S+) \[(?P<timestamp>[^\]]+)\] "(?P<method>\S+) (?P<target>\S+) '
    r'(?P<protocol>[^"]+)" (?P<status>\d{3}) (?P<body_bytes_sent>\d+|-) "(?P<referer>[^"]*)" "(?P<user_agent>[^"]*)"'
)
_COMBINED_LINE = re.compile(_COMBINED)
_CUSTOM_LINE = re.compile(_COMBINED + r" rt=(?P<request_time>[\d.]+) host=(?P<host>\S+)")
_ADDRESS, _REQUEST = r"(?P<remote_addr>[\d.]+)", r'"(?P<method>\S+) (?P<target>\S+) (?P<protocol>[^"]+)"'
_STATUS, _SIZE, _MS = r"(?P<status>\d{3})", r"(?P<body_bytes_sent>\d+|-)", r"(?P<request_time>[\d.]+)"
_AGENT = r'"(?P<user_agent>[^"]*)"'
TEXT_LINES = {
    name: re.compile(pattern)
    for name, pattern in {
        "nginx_main": _COMBINED + r' "(?P<forwarded_for>[^"]*)"',
        "ingress_nginx": _COMBINED + rf" \d+ {_MS} \[[^\]]*\] \[[^\]]*\] \S+ \S+ \S+ \S+ \S+",
        "traefik_common": _COMBINED + rf' \d+ "[^"]*" "[^"]*" {_MS}ms',
        "host_combined": r"(?P<host>\S+) " + _COMBINED,
        "haproxy_http": rf"{_ADDRESS}:\d+ \[(?P<timestamp>[^\]]+)\] \S+ \S+ \d+/\d+/\d+/\d+/{_MS} {_STATUS} {_SIZE} "
        rf"\S+ \S+ \S+ \S+ \S+ {_REQUEST}",
        W3C_FIELDS: r"(?P<timestamp>\S+ \S+) \S+ (?P<method>\S+) (?P<target>\S+) (?P<query>\S+) \d+ "
        rf"(?P<remote_user>\S+) {_ADDRESS} (?P<user_agent>\S+) (?P<referer>\S+) {_STATUS} \d+ \d+ {_MS}",
        "aws_elb": rf"(?P<timestamp>\S+) \S+ {_ADDRESS}:\d+ \S+ [\d.]+ {_MS} [\d.]+ {_STATUS} \S+ \d+ {_SIZE} "
        rf"{_REQUEST} {_AGENT} .*",
        "aws_s3": rf"\S+ \S+ \[(?P<timestamp>[^\]]+)\] {_ADDRESS} \S+ \S+ \S+ \S+ {_REQUEST} {_STATUS} \S+ {_SIZE} "
        rf'\d+ {_MS} \S+ "(?P<referer>[^"]*)" {_AGENT} .*',
        "envoy": rf"\[(?P<timestamp>[^\]]+)\] {_REQUEST} {_STATUS} \S+ \d+ {_SIZE} {_MS} \d+ "
        rf'"{_ADDRESS}" {_AGENT} "[^"]*" "(?P<host>[^"]*)" "[^"]*"',
        "squid": rf"(?P<timestamp>[\d.]+) +{_MS} {_ADDRESS} \w+/{_STATUS} {_SIZE} (?P<method>\S+) (?P<target>\S+) "
        r"(?P<remote_user>\S+) \S+ \S+",
    }.items()
}
"""Patterns of further formats, by their names."""

_SEVEN_PATTERNS = (
    r"^\S+",
    r"(?<=\[)\d+/[^\]]+(?=\])",
    r'(?<=")[A-Z]+ \S+',
    r"(?<=\[)\d{3}(?=\])",
    r"(?<=\] )\d+(?= )",
    r'(?<=")https?://[^"]+(?=")',
    r'(?<=")[A-Z][a-z]+/[^"]+(?=")',
)


def regex_to_dict(line: str, pattern: re.Pattern[str] = _COMBINED_LINE) -> dict[str, Any]:
    """Read a combined line as is commonly done: one pattern, then every value to its type."""
    match = pattern.fullmatch(line)
    if match is None:
        raise ValueError(line)
    row: dict[str, Any] = {name: None if value == "-" else value for name, value in match.groupdict().items()}
    row["timestamp"] = datetime.strptime(row["timestamp"], "%d/%b/%Y:%H:%M:%S %z")
    row["status"] = int(row["status"])
    row["body_bytes_sent"] = None if row["body_bytes_sent"] is None else int(row["body_bytes_sent"])
    row["path"], _, row["query"] = row.pop("target").partition("?")
    return row


def custom_to_dict(line: str) -> dict[str, Any]:
    """Read a line with two fields more the same way."""
    row = regex_to_dict(line, _CUSTOM_LINE)
    row["request_duration_ms"] = float(row.pop("request_time")) * 1000
    return row


def text_to_dict(name: str, line: str) -> dict[str, Any]:
    """Read a line of one of `TEXT_LINES`: one pattern, then every value to its type."""
    match = TEXT_LINES[name].fullmatch(line)
    if match is None:
        raise ValueError(line)
    row: dict[str, Any] = {key: None if value == "-" else value for key, value in match.groupdict().items()}
    written = row["timestamp"]
    if "/" in written:
        zoned = written if " " in written else f"{written} +0000"
        moment = datetime.strptime(zoned, f"%d/%b/%Y:%H:%M:%S{'.%f' if '.' in zoned else ''} %z")
    elif written[4] == "-":
        moment = datetime.fromisoformat(written)
    else:
        moment = datetime.fromtimestamp(float(written), UTC)
    row["timestamp"] = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    row["status"] = int(row["status"])
    row["body_bytes_sent"] = None if row.get("body_bytes_sent") is None else int(row["body_bytes_sent"])
    row["request_duration_ms"] = float(row.pop("request_time", None) or "nan")
    path, _, query = row.pop("target").partition("?")
    row["path"], row["query"] = path, row.get("query") or query
    if name == W3C_FIELDS:
        row["user_agent"] = row["user_agent"].replace("+", " ")
    return row


def seven_regexes(line: str) -> dict[str, Any]:
    """Read a line as the article does: search once per field, join the finds by commas, split them into a row."""
    found = []
    for pattern in _SEVEN_PATTERNS:
        match = re.search(pattern, line)
        found.append(match.group().replace(",", " ") if match else " ")
    address, time_local, request, status, size, referer, user_agent = ",".join(found).split(",")
    method, _, path = request.partition(" ")
    timestamp = datetime.strptime(time_local, "%d/%b/%Y:%H:%M:%S").replace(tzinfo=UTC)
    return {
        "remote_addr": address,
        "timelocal": timestamp.strftime("%Y-%m-%d %H:%M:%S"),
        "request_type": method,
        "request_path": path,
        "status": status,
        "body_bytes_sent": size,
        "http_referer": referer,
        "http_user_agent": user_agent,
    }


def nginx_json_to_dict(line: str) -> dict[str, Any]:
    """Parse with one `json.loads`, then convert every value."""
    document = json.loads(line)
    method, target, protocol = document["request"].split(" ")
    path, _, query = target.partition("?")
    return {
        "timestamp": datetime.fromisoformat(document["time_iso8601"]),
        "remote_addr": document["remote_addr"],
        "remote_user": document["remote_user"] or None,
        "method": method,
        "path": path,
        "query": query,
        "protocol": protocol,
        "status": int(document["status"]),
        "body_bytes_sent": int(document["body_bytes_sent"]),
        "referer": document["http_referer"],
        "user_agent": document["http_user_agent"],
        "request_duration_ms": float(document["request_time"]) * 1000,
    }


def caddy_to_dict(line: str) -> dict[str, Any]:
    """Read a line of Caddy's the same way."""
    document = json.loads(line)
    request = document["request"]
    path, _, query = request["uri"].partition("?")
    return {
        "timestamp": datetime.fromtimestamp(document["ts"], UTC),
        "remote_addr": request["client_ip"],
        "remote_user": document["user_id"] or None,
        "method": request["method"],
        "path": path,
        "query": query,
        "protocol": request["proto"],
        "status": document["status"],
        "body_bytes_sent": document["size"],
        "referer": request["headers"].get("Referer", [None])[0],
        "user_agent": request["headers"].get("User-Agent", [None])[0],
        "host": request["host"],
        "request_duration_ms": document["duration"] * 1000,
    }
