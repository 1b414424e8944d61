"""Numbered lines, from the bytes of a log to hourly_sequences and reconciliation, against plain Python."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.sql.days import backfilled
from tests.sql.independent_sequences import NumberedLine, hourly_sequences
from tests.sql.warehouse import Warehouse

pytestmark = pytest.mark.integration

START = datetime(2026, 11, 1, 20, tzinfo=UTC)
PART = timedelta(minutes=150)
OF_CONNECTIONS = '$remote_addr [$time_local] "$request" $status $hostname $connection $connection_requests'
OF_SERVERS = "time=dt remote_addr=ip target=uri status=http_status sequence=sequence sequence_source=hostname"
CONNECTION_LINE = re.compile(r'\S+ \[([^]]+)\] "GET \S+ HTTP/1.1" 200 (\S+) (\d+) (\d+)')
SERVER_LINE = re.compile(r'\{"hostname": "(.+?)", "sequence": (\d+), "dt": "(.+?)"')


def drawn_numbers(rng: random.Random) -> Iterator[tuple[datetime, str, int, int]]:
    """Moments, servers, connections and numbers as servers write them, over a midnight: with one that starts anew."""
    for server, requests in (("web1", 12), ("web2", 4)):
        for life in range(2):
            moment = START + life * PART
            for connection in range(120):
                moment += timedelta(seconds=rng.randrange(90))
                for number in range(1, rng.randrange(1, requests) + 1):
                    yield moment + timedelta(seconds=rng.randrange(number * 40)), server, connection, number


def spoilt(lines: list[str], rng: random.Random) -> bytes:
    """A log that has lost some lines and has others twice; one number in a hundred is another line's too."""
    kept = [line for line in lines if rng.random() > 0.03]
    kept += rng.sample(kept, len(kept) // 50)
    kept += [line.replace("/a", "/other") for line in rng.sample(kept, len(kept) // 100)]
    return "".join(f"{line}\n" for line in kept).encode()


def connection_log(rng: random.Random) -> bytes:
    lines = [
        f'192.0.2.1 [{moment:%d/%b/%Y:%H:%M:%S +0000}] "GET /a{index} HTTP/1.1" 200 {server} {connection} {number}'
        for index, (moment, server, connection, number) in enumerate(sorted(drawn_numbers(rng)))
    ]
    return spoilt(lines, rng)


def server_log(rng: random.Random) -> bytes:
    lines = []
    for server, first in (("cp1065", 0), ("cp1066", 900_000_000_000)):
        numbers = [*range(first, first + 3_000), *range(2_000)]
        for index, number in enumerate(numbers):
            # Two threads write, and the later line may come first.
            moment = START + timedelta(seconds=3 * index + rng.choice([0, 0, 0, 4]))
            lines.append(
                f'{{"hostname": "{server}", "sequence": {number}, "dt": "{moment:%Y-%m-%dT%H:%M:%S}", '
                f'"ip": "192.0.2.1", "uri": "/a{index}", "http_status": "200"}}'
            )
    return spoilt(lines, rng)


def read_connection(line: str) -> NumberedLine:
    time, server, connection, number = CONNECTION_LINE.fullmatch(line).groups()
    moment = datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z")
    return NumberedLine(moment, server, int(connection), int(number), line.encode())


def read_server(line: str) -> NumberedLine:
    server, number, time = SERVER_LINE.match(line).groups()
    return NumberedLine(datetime.fromisoformat(f"{time}+00:00"), server, None, int(number), line.encode())


@pytest.mark.parametrize(
    ("log_format", "log_of", "read"),
    [(OF_CONNECTIONS, connection_log, read_connection), (OF_SERVERS, server_log, read_server)],
    ids=["connections", "servers"],
)
def test_gaps_and_repeats_are_those_of_plain_python(log_format, log_of, read, own_warehouse: Warehouse, tmp_path: Path):
    log = tmp_path / "access.log"
    log.write_bytes(log_of(random.Random(17)))
    lines = [read(line) for line in log.read_text().splitlines()]
    days = backfilled(log, tmp_path / "out", own_warehouse, f"--log_format={log_format}")
    expected = hourly_sequences(lines)
    found: dict[object, Counter[tuple[object, ...]]] = {}
    for row in own_warehouse.rows("hourly_sequences"):
        found.setdefault(row["log_date"], Counter())[tuple(row.values())] += 1
    assert found == expected
    assert days == sorted(expected)
    totals = Counter()
    for row in own_warehouse.rows("hourly_sequences"):
        totals.update({name: row[name] for name in ("requests", "numbers", "missing", "repeats", "copies", "restarts")})
        assert row["requests"] == row["numbers"] + row["repeats"] + row["copies"]
    assert totals["requests"] == len(lines)
    assert min(totals.values()) > 0
    reconciled = {row["log_date"]: row for row in own_warehouse.rows("reconciliation")}
    for day in days:
        assert reconciled[day]["missing_numbers"] == sum(row[6] for row in expected[day])
        assert reconciled[day]["repeated_numbers"] == sum(row[7] for row in expected[day])


def test_a_log_without_numbers_says_nothing_of_them(own_warehouse: Warehouse):
    own_warehouse.insert("requests", [{"event_id": "1"}])
    own_warehouse.run(own_warehouse.sql("daily/request_groups.sql"))
    assert own_warehouse.run(own_warehouse.sql("hourly_sequences/numbered_days.sql")) == []
    (day,) = own_warehouse.rows("reconciliation")
    assert (day["missing_numbers"], day["repeated_numbers"]) == (None, None)
