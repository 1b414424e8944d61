"""A landing or a rebuild that is killed at any moment leaves the old day or the new one; the next run repairs it."""

import json
import os
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from local_stack.config import HOST, REPOSITORY
from local_stack.ports import free_ports
from tests.live_stream import eventually
from tests.sql.warehouse import SUFFIX, TABLES, portion_of, render

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

Calls = list[tuple[str, dict[str, Any]]]
"""Paths of BigQuery's API below a project, and what is posted to them."""

SEED = int(os.environ.get("CHAOS_SEED", "20261122"))
KILLS = 4
ROWS = 20_000
NAMES = {
    "dataset": "killed",
    "staging": "killed_staging",
    "suffix": SUFFIX,
    "run_id": "run",
    **portion_of("2015-05-17").values(),
}
# One source object, whose generation says in every table which run a row is of; each has more rows than the one before.
STAGE = """
CREATE OR REPLACE TABLE killed_staging.rows_{suffix} ({definitions}, reading INT64)
PARTITION BY log_date CLUSTER BY source_uri;
INSERT INTO killed_staging.rows_{suffix} ({columns}, reading)
SELECT {columns}, {generation} FROM (
  SELECT DATE '2015-05-17' AS log_date, TIMESTAMP '2015-05-17 10:00:00+00' AS timestamp, 'GET' AS method, '/' AS path,
    200 AS status, CAST(CAST(n AS STRING) AS BYTES) AS raw_line_hash,
    CONCAT('{generation}:', CAST(n AS STRING)) AS event_id,
    'backfill' AS source, 'gs://logs/a.log' AS source_uri, n AS source_offset, {nulls}
  FROM UNNEST(GENERATE_ARRAY(1, {rows})) AS n
);
CREATE OR REPLACE TABLE killed_staging.rejected_{suffix} AS
SELECT b'x' AS raw_line, 'format' AS error_type, '' AS error_message, 'backfill' AS source,
  'gs://logs/a.log' AS source_uri, n AS source_offset, CONCAT('{generation}:', CAST(n AS STRING)) AS event_id,
  '1' AS parser_version,
  TIMESTAMP '2015-05-18 00:00:00+00' AS ingested_at
FROM UNNEST(GENERATE_ARRAY(1, {generation})) AS n;
CREATE OR REPLACE TABLE killed_staging.ledger_{suffix} AS
SELECT 'run' AS run_id, 'backfill' AS source, 'gs://logs/a.log' AS source_uri, {generation} AS generation,
  'combined' AS log_format, {rows} + {generation} AS lines, {rows} AS `rows`, {generation} AS rejected, 0 AS blank,
  1 AS bytes, 'job' AS job_id, '1' AS parser_version, TIMESTAMP '2015-05-18 00:00:00+00' AS started,
  TIMESTAMP '2015-05-18 00:01:00+00' AS finished, CAST(NULL AS STRING) AS frames, CAST(NULL AS STRING) AS formats,
  CAST(NULL AS STRING) AS error_type, CAST(NULL AS STRING) AS error_message,
  {generation} AS reading;
CREATE OR REPLACE TABLE killed_staging.ledger_days_{suffix} AS
SELECT 'run' AS run_id, 'gs://logs/a.log' AS source_uri, {generation} AS generation, DATE '2015-05-17' AS log_date,
  {rows} AS `rows`, TIMESTAMP '2015-05-18 00:01:00+00' AS finished;
"""
TASK = """
import json, sys, urllib.error, urllib.request
calls = json.load(sys.stdin)
print("asking", flush=True)
for path, body in calls:
    headers = {"Content-Type": "application/json"}
    try:
        urllib.request.urlopen(urllib.request.Request(sys.argv[1] + path, json.dumps(body).encode(), headers)).read()
    except urllib.error.HTTPError as error:
        if error.code != 409:  # a copy that has been made before
            raise
"""
TEXTS = ("remote_addr", "remote_user", "query", "protocol", "referer", "user_agent", "browser", "os", "device", "host")
NULLS = ", ".join(
    [f"CAST(NULL AS STRING) AS {name}" for name in TEXTS]
    + ["10 AS body_bytes_sent", "FALSE AS is_bot", "CAST(NULL AS FLOAT64) AS request_duration_ms"]
    + ["'1' AS parser_version", "TIMESTAMP '2015-05-18 00:00:00+00' AS ingested_at"]
    + [f"CAST(NULL AS STRING) AS {name}" for name in ("forwarded_for", "agent_kind", "agent_name", "agent_operator")]
    + ["CAST(NULL AS BOOL) AS agent_verified", "CAST(NULL AS STRING) AS country", "CAST(NULL AS INT64) AS asn"]
    + ["CAST(NULL AS STRING) AS network"]
    + [
        "CAST(NULL AS INT64) AS sequence",
        "CAST(NULL AS STRING) AS sequence_source",
        "CAST(NULL AS INT64) AS connection",
    ]
)
LANDED = """
SELECT
  (SELECT ARRAY_AGG(DISTINCT SPLIT(event_id, ':')[OFFSET(0)]) FROM killed.backfilled_requests
    WHERE log_date = DATE '2015-05-17' AND reading IN (SELECT reading FROM killed.ledger)) AS generations,
  (SELECT COUNT(*) FROM killed.backfilled_requests
    WHERE log_date = DATE '2015-05-17' AND reading IN (SELECT reading FROM killed.ledger)) AS landed,
  (SELECT COUNT(*) FROM killed.rejected_backfilled) AS rejected,
  (SELECT ARRAY_AGG(generation) FROM killed.ledger) AS ledger,
  (SELECT ARRAY_AGG(generation) FROM killed.ledger_days) AS ledger_days
"""
REQUESTS = """
SELECT ARRAY_AGG(DISTINCT SPLIT(event_id, ':')[OFFSET(0)]) AS generations, COUNT(*) AS landed
FROM killed.requests WHERE log_date = DATE '2015-05-17'
"""


class Emulator:
    """A BigQuery emulator of one's own, which keeps its data when it is killed."""

    def __init__(self, folder: Path) -> None:
        rest, grpc = free_ports(2)
        self.url = f"http://{HOST}:{rest}"
        command = [sys.executable, "-m", "emulators.bigquery", f"--port={rest}", f"--grpc-port={grpc}"]
        command += [f"--data-dir={folder}", "--project=logline-local"]
        self.log = (folder.parent / "emulator.log").open("a")
        self.process = subprocess.Popen(command, cwd=REPOSITORY, stdout=self.log, stderr=self.log)
        self.client = bigquery.Client(
            project="logline-local",
            location="US",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options=ClientOptions(api_endpoint=self.url),
        )
        try:
            eventually(self.is_up)
        except BaseException:
            self.kill()
            raise

    def is_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def run(self, sql: str) -> list[dict[str, Any]]:
        """Run SQL to its end, without retries."""
        job = self.client.query(sql, retry=None, job_retry=None)  # type: ignore[arg-type]
        return [dict(row.items()) for row in job.result(retry=None, job_retry=None)]  # type: ignore[arg-type]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.client.close()
        self.log.close()


def stage(bigquery: Emulator, generation: int) -> None:
    parts = {part: render(f"requests/{part}.sql") for part in ("columns", "column_definitions")}
    bigquery.run(
        STAGE.format(
            generation=generation,
            rows=ROWS + generation,
            suffix=SUFFIX,
            nulls=NULLS,
            columns=parts["columns"],
            definitions=parts["column_definitions"],
        )
    )


def landed(bigquery: Emulator) -> int:
    """The generation all tables of the landing are of; fails where they are a mixture."""
    (found,) = bigquery.run(LANDED)
    (generation,) = found["ledger"]
    assert found == {
        "generations": [str(generation)],
        "landed": ROWS + generation,
        "rejected": generation,
        "ledger": [generation],
        "ledger_days": [generation],
    }
    return generation


def rows_on_their_way(bigquery: Emulator) -> int:
    """Rows that a copy has brought and that have not landed."""
    (row,) = bigquery.run(
        "SELECT COUNT(*) AS n FROM killed.backfilled_requests "
        "WHERE log_date = DATE '2015-05-17' AND reading NOT IN (SELECT reading FROM killed.ledger)"
    )
    return int(row["n"])


def rebuilt(bigquery: Emulator) -> int:
    """The generation the day of requests is of; fails where it is a mixture."""
    (found,) = bigquery.run(REQUESTS)
    (generation,) = found["generations"]
    assert found["landed"] == ROWS + int(generation)
    return int(generation)


def run_and_kill(bigquery: Emulator, calls: Calls, victim: str, seconds: float) -> None:
    """Begin with some calls in a process of its own, and some seconds later kill that process or the emulator."""
    task = started(bigquery, calls)
    assert task.stdout is not None
    with task.stdout:
        task.stdout.read(1)  # it asks now
        time.sleep(seconds)
        if victim == "emulator":
            bigquery.kill()
        task.kill()
        task.wait()


def run_all(bigquery: Emulator, calls: Calls) -> None:
    task = started(bigquery, calls)
    with task:
        assert task.wait() == 0


def started(bigquery: Emulator, calls: Calls) -> subprocess.Popen[bytes]:
    url = f"{bigquery.url}/bigquery/v2/projects/logline-local"
    command = [sys.executable, "-c", TASK, url]
    task = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert task.stdin is not None
    with task.stdin:
        task.stdin.write(json.dumps(calls).encode())
    return task


def query(template: str) -> tuple[str, dict[str, Any]]:
    return ("/queries", {"query": render(template, **NAMES), "useLegacySql": False})


def land(generation: int) -> Calls:
    """What the task asks for: a copy, once whoever tries again, and the transaction."""
    tables = {
        name: {"projectId": "logline-local", "datasetId": dataset, "tableId": table}
        for name, dataset, table in (
            ("source", "killed_staging", f"rows_{SUFFIX}"),
            ("into", "killed", "backfilled_requests"),
        )
    }
    copy = {
        "sourceTables": [tables["source"]],
        "destinationTable": tables["into"],
        "writeDisposition": "WRITE_APPEND",
    }
    job = {"jobReference": {"jobId": f"copy-{generation}"}, "configuration": {"copy": copy}}
    return [query("copied_readings/begin.sql"), ("/jobs", job), query("backfilled_requests/land.sql")]


def rebuild(generation: int) -> Calls:
    return [query("requests/rebuild.sql")]


@pytest.fixture
def emulators_of(tmp_path: Path) -> Iterator[Callable[[], Emulator]]:
    """Starts an emulator where there is none, always on the same data."""
    started: list[Emulator] = []

    def start() -> Emulator:
        started.append(Emulator(tmp_path / "data"))
        return started[-1]

    yield start
    started[-1].kill()


def test_a_kill_at_any_moment_leaves_the_old_day_or_the_new_one(emulators_of: Callable[[], Emulator]) -> None:
    moments = random.Random(SEED)
    scripts: dict[str, tuple[Callable[[int], Calls], Callable[[Emulator], int]]] = {
        "land": (land, landed),
        "rebuild": (rebuild, rebuilt),
    }
    bigquery = emulators_of()
    tables = render("create_tables.sql", tables=TABLES, **NAMES)
    bigquery.run(f"CREATE SCHEMA killed; CREATE SCHEMA killed_staging; {tables}")
    durations: dict[str, float] = {}

    def run_through(generation: int) -> None:
        for name, (calls, state) in scripts.items():
            started = time.monotonic()
            run_all(bigquery, calls(generation))
            durations[name] = time.monotonic() - started
            assert state(bigquery) == generation
        assert rows_on_their_way(bigquery) == 0

    for generation in (1, 2):
        stage(bigquery, generation)
        run_through(generation)
    outcomes: list[tuple[str, str, float, str]] = []
    for generation in range(3, 3 + KILLS):
        name = moments.choice(list(scripts))
        victim = "task" if generation == 3 else "emulator"
        calls, state = scripts[name]
        stage(bigquery, generation)
        if name == "rebuild":
            run_all(bigquery, land(generation))
        seconds = moments.uniform(0, 1.2 * durations[name])
        run_and_kill(bigquery, calls(generation), victim, seconds)
        if victim == "emulator":
            bigquery = emulators_of()
        found, copied = state(bigquery), rows_on_their_way(bigquery)
        outcomes.append(
            (name, victim, round(seconds, 2), f"{'new' if found == generation else 'old'}, {copied} copied")
        )
        print(f"CHAOS_SEED={SEED}: {outcomes}")
        assert found in (generation - 1, generation)
        assert copied in (0, ROWS + generation)
        run_through(generation)
