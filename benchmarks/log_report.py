"""From a log file to summaries: GoAccess's full report, and the parser's rows in DuckDB."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.access_log.reading.line_blocks import split_stream

# The panels of GoAccess's report for a log without durations, each a table with all of its rows: name, what its items
# are called, what they are grouped by, and which rows are in it. What a visitor has for a whole day is counted from
# one row per visitor and day.
_OF_VISITORS = ("days", "hosts", "systems", "browsers")
_PANELS = (
    ("days", "log_date", "log_date", "true"),
    ("requests", "method, path.value AS path, protocol", "method, path, protocol", "true"),
    ("static_requests", "path.value AS path", "path", "path IN (SELECT code FROM static_paths)"),
    ("not_found", "path.value AS path", "path", "status = 404"),
    ("hosts", "remote_addr.value AS remote_addr", "remote_addr", "true"),
    ("systems", "os.value AS os", "os", "true"),
    ("browsers", "browser.value AS browser", "browser", "true"),
    ("hours", "hour", "hour", "true"),
    ("referers", "referer.value AS referer", "referer", "true"),
    ("referring_sites", "site.value AS site", "site", "true"),
    ("statuses", "status", "status", "true"),
)
_TEXTS = ("method", "path", "protocol", "remote_addr", "referer", "user_agent", "browser", "os")
_STATIC = r"\.(css|js|png|jpe?g|gif|svg|ico|woff2?|ttf|txt|pdf|zip|gz|xml)$"


def summaries(path: Path, log_format: str) -> dict[str, list[tuple[Any, ...]]]:
    """Parse a log and make the table of every panel in DuckDB, on one thread.

    Returns:
        The panels' rows: the item, its hits, its visitors (distinct pairs of address and user agent) and its bytes.
    """
    parser = BlockParser(get_format(log_format))
    with path.open("rb") as source:
        pieces = iter(lambda: source.read(1 << 20), b"")
        batches = [parser.parse(data, offset).rows for offset, data in split_stream(pieces, 8 << 20, 1 << 20)]
    rows = pa.Table.from_batches(batches)
    # DuckDB groups numbers: texts are given one each, and get back to their texts where there is one row per item.
    encoded = {name: _dictionary_chunks(rows.column(name)) for name in _TEXTS}
    codes = {name: np.concatenate([chunk.indices.to_numpy() for chunk in chunks]) for name, chunks in encoded.items()}
    texts = {name: chunks[0].dictionary for name, chunks in encoded.items()}
    # A site is the host of a referer: told from each referer once.
    sites = pa.array([(text or "").partition("://")[2].partition("/")[0] for text in texts["referer"].to_pylist()])
    site = sites.dictionary_encode()
    codes["site"], texts["site"] = site.indices.to_numpy()[codes["referer"]], site.dictionary
    seconds = rows.column("timestamp").cast(pa.int64()).to_numpy() // 1_000_000
    agents = len(texts["user_agent"])
    numbers = {
        **{name: pa.array(values) for name, values in codes.items()},
        "visitor": pa.array(codes["remote_addr"].astype(np.int64) * agents + codes["user_agent"]),
        "hour": pa.array((seconds % 86_400 // 3_600).astype(np.int32)),
        **{name: rows.column(name) for name in ("log_date", "status", "body_bytes_sent")},
    }
    with duckdb.connect(config={"threads": 1}) as database:
        database.register("log", pa.table(numbers))
        for name, values in texts.items():
            database.register(name, pa.table({"code": pa.array(range(len(values)), pa.int32()), "value": values}))
        database.execute(f"CREATE TABLE static_paths AS SELECT code FROM path WHERE regexp_matches(value, '{_STATIC}')")
        database.execute(
            """CREATE TABLE visits AS SELECT log_date, visitor, remote_addr, os, browser, count(*) AS hits,
            sum(body_bytes_sent) AS bytes FROM log GROUP BY ALL"""
        )
        return {panel[0]: _panel(database, *panel) for panel in _PANELS}


def _dictionary_chunks(column: pa.ChunkedArray[Any]) -> list[pa.DictionaryArray[Any, Any]]:
    return cast("list[pa.DictionaryArray[Any, Any]]", column.dictionary_encode("encode").unify_dictionaries().chunks)


def _panel(database: duckdb.DuckDBPyConnection, name: str, items: str, keys: str, condition: str) -> list[Any]:
    names = (*_TEXTS, "site")
    joins = "".join(f" JOIN {key} ON {key}.code = found.{key}" for key in keys.split(", ") if key in names)
    for key in keys.split(", "):
        if key in names and f"{key}.value" not in items:
            items = items.replace(key, f"{key}.value AS {key}")
    source, figures = "log", "count(*) AS hits, count(DISTINCT visitor) AS visitors, sum(body_bytes_sent) AS bytes"
    if name in _OF_VISITORS:
        source, figures = "visits", "sum(hits) AS hits, count(DISTINCT visitor) AS visitors, sum(bytes) AS bytes"
    database.execute(
        f"""CREATE TABLE {name}_panel AS
        WITH found AS (
            SELECT {keys}, {figures} FROM {source} WHERE {condition} GROUP BY ALL
        )
        SELECT {items}, hits, visitors, bytes FROM found{joins}"""
    )
    return database.execute(f"SELECT * FROM {name}_panel").fetchmany(5)


def goaccess_seconds(path: Path, report: Path) -> float | None:
    """Return the CPU seconds of GoAccess for its report of a combined log as JSON; None where it is not installed."""
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
    """Return the CPU seconds of `summaries`."""
    started = time.process_time()
    summaries(path, "combined")
    return time.process_time() - started
