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

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from local_stack.config import HOST, REPOSITORY
from local_stack.ports import free_ports
from tests.live_stream import eventually
from tests.sql.warehouse import SUFFIX, TABLES, portion_of, render

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

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
CREATE OR REPLACE TABLE killed_staging.rows_{suffix} AS
SELECT DATE '2015-05-17' AS log_date, TIMESTAMP '2015-05-17 10:00:00+00' AS timestamp, 'GET' AS method, '/' AS path,
  200 AS status, CAST(CAST(n AS STRING) AS BYTES) AS raw_line_hash,
  CONCAT('{generation}:', CAST(n AS STRING)) AS event_id,
  'backfill' AS source, 'gs://logs/a.log' AS source_uri, n AS source_offset, {nulls}
FROM UNNEST(GENERATE_ARRAY(1, {rows})) AS n;
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
  CAST(NULL AS STRING) AS error_type, CAST(NULL AS STRING) AS error_message;
CREATE OR REPLACE TABLE killed_staging.ledger_days_{suffix} AS
SELECT 'run' AS run_id, 'gs://logs/a.log' AS source_uri, {generation} AS generation, DATE '2015-05-17' AS log_date,
  {rows} AS `rows`, TIMESTAMP '2015-05-18 00:01:00+00' AS finished;
"""
TASK = """
import sys, urllib.request
query = sys.stdin.buffer.read()
print("asking", flush=True)
urllib.request.urlopen(urllib.request.Request(sys.argv[1], query, {"Content-Type": "application/json"})).read()
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
    WHERE log_date = DATE '2015-05-17') AS generations,
  (SELECT COUNT(*) FROM killed.backfilled_requests WHERE log_date = DATE '2015-05-17') AS landed,
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

    def run(self, sql: str) -> list[dict[str, object]]:
        """Run SQL to its end, without retries."""
        job = self.client.query(sql, retry=None, job_retry=None)  # type: ignore[arg-type]
        return [dict(row.items()) for row in job.result(retry=None, job_retry=None)]  # type: ignore[arg-type]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.client.close()
        self.log.close()


def stage(bigquery: Emulator, generation: int) -> None:
    bigquery.run(STAGE.format(generation=generation, rows=ROWS + generation, suffix=SUFFIX, nulls=NULLS))


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


def rebuilt(bigquery: Emulator) -> int:
    """The generation the day of requests is of; fails where it is a mixture."""
    (found,) = bigquery.run(REQUESTS)
    (generation,) = found["generations"]
    assert found["landed"] == ROWS + int(generation)
    return int(generation)


def run_and_kill(bigquery: Emulator, sql: str, victim: str, seconds: float) -> None:
    """Start a script from a process of its own, and some seconds later kill that process or the emulator."""
    query = json.dumps({"query": sql, "useLegacySql": False}).encode()
    url = f"{bigquery.url}/bigquery/v2/projects/logline-local/queries"
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    task = subprocess.Popen([sys.executable, "-c", TASK, url], stdin=pipe, stdout=pipe, stderr=nowhere)
    assert task.stdin is not None
    assert task.stdout is not None
    with task.stdin, task.stdout:
        task.stdin.write(query)
        task.stdin.close()
        task.stdout.read(1)  # it asks now
        time.sleep(seconds)
        if victim == "emulator":
            bigquery.kill()
        task.kill()
        task.wait()


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
    scripts = {
        "land": (render("backfilled_requests/land.sql", **NAMES), landed),
        "rebuild": (render("requests/rebuild.sql", **NAMES), rebuilt),
    }
    bigquery = emulators_of()
    tables = render("create_tables.sql", tables=TABLES, **NAMES)
    bigquery.run(f"CREATE SCHEMA killed; CREATE SCHEMA killed_staging; {tables}")
    durations: dict[str, float] = {}

    def run_through(generation: int) -> None:
        for name, (script, state) in scripts.items():
            started = time.monotonic()
            bigquery.run(script)
            durations[name] = time.monotonic() - started
            assert state(bigquery) == generation

    for generation in (1, 2):
        stage(bigquery, generation)
        run_through(generation)
    outcomes: list[tuple[str, str, float, str]] = []
    for generation in range(3, 3 + KILLS):
        name = moments.choice(list(scripts))
        victim = "task" if generation == 3 else "emulator"
        script, state = scripts[name]
        stage(bigquery, generation)
        if name == "rebuild":
            bigquery.run(scripts["land"][0])
        seconds = moments.uniform(0, 1.2 * durations[name])
        run_and_kill(bigquery, script, victim, seconds)
        if victim == "emulator":
            bigquery = emulators_of()
        found = state(bigquery)
        outcomes.append((name, victim, round(seconds, 2), "new" if found == generation else "old"))
        print(f"CHAOS_SEED={SEED}: {outcomes}")
        assert found in (generation - 1, generation)
        run_through(generation)
