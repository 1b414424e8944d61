"""The parser on one core, beside what a user would write: ``python -m benchmarks.parser``."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from faker import Faker

from beam_jobs.access_log import BlockParser, get_format
from benchmarks.table import Row, machine, median_seconds, print_table

LINES = 1_000_000
SLOW_LINES = 50_000
RUNS = 5
BLOCK_BYTES = 8 << 20

_COMBINED = re.compile(
    r'(?P<remote_addr>\S+) \S+ (?P<remote_user>\S+) \[(?P<timestamp>[^\]]+)\] "(?P<method>\S+) (?P<target>\S+) '
    r'(?P<protocol>[^"]+)" (?P<status>\d{3}) (?P<body_bytes_sent>\d+|-) "(?P<referer>[^"]*)" "(?P<user_agent>[^"]*)"'
)
_SEVEN_PATTERNS = (
    r"^\S+",
    r"(?<=\[)\d+/[^\]]+(?=\])",
    r'(?<=")[A-Z]+ \S+',
    r"(?<=\[)\d{3}(?=\])",
    r"(?<=\] )\d+(?= )",
    r'(?<=")https?://[^"]+(?=")',
    r'(?<=")[A-Z][a-z]+/[^"]+(?=")',
)


def run(lines: int = LINES, slow_lines: int = SLOW_LINES, runs: int = RUNS) -> list[Row]:
    """Measures each way on the same lines; the two that take Python steps per line on the first `slow_lines`.

    Times are those of the process's CPU, all threads together: one core's, and nearly the same on a busy machine.
    """
    pa.set_cpu_count(1)
    rows = []
    logs = {name: make_log(name, lines) for name in ("combined", "article", "common")}
    for name, log in logs.items():
        blocks = list(cut_blocks(log))
        parser = BlockParser(get_format(name))
        parser.parse(blocks[0])
        seconds = median_seconds(lambda: [parser.parse(block).lines for block in blocks], runs, time.process_time)  # noqa: B023
        rows.append(
            Row(f"logline, {name} to Arrow record batches ({len(log) / lines:.0f} bytes a line)", lines / seconds)
        )
    combined = logs["combined"].decode().splitlines()[:slow_lines]
    seconds = median_seconds(lambda: [regex_to_dict(line) for line in combined], runs, time.process_time)
    rows.append(Row("one regex per line to a typed dict (combined)", slow_lines / seconds))
    article = logs["article"].decode().splitlines()[:slow_lines]
    seconds = median_seconds(lambda: [seven_regexes(line) for line in article], runs, time.process_time)
    rows.append(Row("seven regexes per line, as in the article (article)", slow_lines / seconds))
    seconds = median_seconds(lambda: logs["combined"].count(b"\n"), runs, time.process_time)
    rows.append(Row("counting the newlines: bytes.count (combined)", lines / seconds))
    return rows


def make_log(name: str, lines: int, seed: int = 20150517) -> bytes:
    """Writes lines of a format in time order, their values drawn from Faker's pools; the same seed, the same bytes."""
    faker = Faker()
    Faker.seed(seed)
    chance = random.Random(seed)
    addresses = [faker.ipv4() for _ in range(2_000)]
    requests = [
        f"{chance.choice(('GET', 'GET', 'GET', 'POST', 'PUT'))} /{faker.uri_path(2)}{query} HTTP/1.1"
        for query in chance.choices(("", "", "?page=2", "?q=access+log&lang=en"), k=2_000)
    ]
    referers = [faker.uri() for _ in range(2_000)]
    user_agents = [faker.user_agent() for _ in range(1_000)]
    start = datetime(2015, 5, 17, tzinfo=UTC)
    clock = [f"{start + timedelta(seconds=second):%d/%b/%Y:%H:%M:%S}" for second in range(86_400)]
    fill = {"ident": "-", "remote_user": "-"}
    template = get_format(name).template.format(
        **fill, remote_addr="%s", time="%s" if name == "article" else "%s +0000", request="%s", status="%d",
        body_bytes_sent="%d", referer="%s", user_agent="%s",
    )  # fmt: skip
    columns: list[list[Any]] = [
        chance.choices(addresses, k=lines),
        [clock[line * len(clock) // lines] for line in range(lines)],
        chance.choices(requests, k=lines),
        chance.choices((200, 401, 404), (0.9, 0.05, 0.05), k=lines),
        chance.choices(range(5, 100_000), k=lines),
    ]
    if name != "common":
        columns += [chance.choices(referers, k=lines), chance.choices(user_agents, k=lines)]
    return "".join([template % values + "\n" for values in zip(*columns, strict=True)]).encode()


def cut_blocks(log: bytes, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Cuts a log at line ends into blocks of about `block_bytes`."""
    start = 0
    while start < len(log):
        end = log.find(b"\n", min(start + block_bytes, len(log) - 1)) + 1
        yield log[start:end]
        start = end


def regex_to_dict(line: str) -> dict[str, Any]:
    """What is commonly written for a combined log: one pattern, then every value to its type."""
    match = _COMBINED.fullmatch(line)
    if match is None:
        raise ValueError(line)
    row: dict[str, Any] = {name: None if value == "-" else value for name, value in match.groupdict().items()}
    row["timestamp"] = datetime.strptime(row["timestamp"], "%d/%b/%Y:%H:%M:%S %z")
    row["status"] = int(row["status"])
    row["body_bytes_sent"] = None if row["body_bytes_sent"] is None else int(row["body_bytes_sent"])
    row["path"], _, row["query"] = row.pop("target").partition("?")
    return row


def seven_regexes(line: str) -> dict[str, Any]:
    """The way of the article: search the line once per field, join the finds by commas, split them into a row."""
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


def main() -> None:
    """Prints the table."""
    rows = run()
    print_table(
        f"Parsing {LINES:,} lines on one core, CPU time, medians of {RUNS} runs, "
        f"the regex rows by the first {SLOW_LINES:,} lines\n({machine()})",
        rows,
    )


if __name__ == "__main__":
    main()
