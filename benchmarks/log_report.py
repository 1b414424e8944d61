"""From a log file to summaries: GoAccess's full report, and the parser's rows in DuckDB."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import duckdb
import pyarrow as pa

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.lines import split_stream

# The panels of GoAccess's report for a log without durations, each a table with all of its rows.
_VISITOR = "remote_addr, user_agent"
_FIGURES = f"count(*) AS hits, count(DISTINCT ({_VISITOR})) AS visitors, sum(body_bytes_sent) AS bytes"
_STATIC = r"\.(css|js|png|jpe?g|gif|svg|ico|woff2?|ttf|txt|pdf|zip|gz|xml)$"
_SUMMARIES = {
    "days": "log_date",
    "requests": "method, path, protocol",
    "hosts": "remote_addr",
    "systems": "os",
    "browsers": "browser",
    "hours": "hour(timestamp)",
    "referers": "referer",
    "referring_sites": "split_part(referer, '/', 3)",
    "statuses": "status",
}


def summaries(path: Path, log_format: str) -> int:
    """Parses a log and makes every summary table in DuckDB, on one thread; the rows of the first table."""
    parser = BlockParser(get_format(log_format))
    with path.open("rb") as source:
        pieces = iter(lambda: source.read(1 << 20), b"")
        batches = [parser.parse(data, offset).rows for offset, data in split_stream(pieces, 8 << 20, 1 << 20)]
    with duckdb.connect(config={"threads": 1}) as database:
        database.register("rows", pa.Table.from_batches(batches))
        columns = "log_date, timestamp, remote_addr, method, path, protocol, status, body_bytes_sent, referer"
        database.execute(f"CREATE TABLE requests_read AS SELECT {columns}, user_agent, browser, os FROM rows")
        for name, key in _SUMMARIES.items():
            database.execute(f"CREATE TABLE {name} AS SELECT {key}, {_FIGURES} FROM requests_read GROUP BY ALL")
        for name, condition in (
            ("static_requests", f"regexp_matches(path, '{_STATIC}')"),
            ("not_found", "status = 404"),
        ):
            database.execute(
                f"CREATE TABLE {name} AS SELECT path, {_FIGURES} FROM requests_read WHERE {condition} GROUP BY ALL"
            )
        (days,) = database.execute("SELECT count(*) FROM days").fetchone() or (0,)
    return int(days)


def goaccess_seconds(path: Path, report: Path) -> float | None:
    """CPU seconds of GoAccess for its report of a combined log as JSON; None where it is not installed."""
    program = shutil.which("goaccess")
    if program is None:
        return None
    command = [program, str(path), "--log-format=COMBINED", "--no-progress", "--no-global-config", "-o", str(report)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not report.stat().st_size:
        raise RuntimeError(f"goaccess failed with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def our_seconds(path: Path) -> float:
    """CPU seconds of `summaries`."""
    started = time.process_time()
    summaries(path, "combined")
    return time.process_time() - started
