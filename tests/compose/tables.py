"""What BigQuery holds, as JSON on stdout. Runs where BIGQUERY_EMULATOR_HOST is set, also from standard input.

tables.py checksums DATASET LAST_DAY  rows and a checksum of every table that a backfill fills
tables.py arrived DATASET             distinct events of the stream: rows and rejected lines
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable

from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

# What differs between two runs over the same files.
OF_A_RUN = {"event_id", "reading", "generation", "job_id", "run_id", "started", "finished"}
# One row for each run over the same files.
OF_ALL_RUNS = {"ledger", "ledger_days"}
TABLES = ("backfilled_requests", "rejected_lines", "ledger", "ledger_days", "requests", "hourly_traffic")


def checksums(client: bigquery.Client, dataset: str, last_day: str) -> dict[str, dict[str, object]]:
    """Return the rows and the checksum of each table, whatever the order of its rows."""
    daily = [table.table_id for table in client.list_tables(dataset) if table.table_id.startswith("daily_")]
    found = {}
    for name in sorted({*TABLES, *daily}):
        table = client.get_table(f"{client.project}.{dataset}.{name}")
        columns = [one.name for one in table.schema if one.name not in OF_A_RUN and not one.name.endswith("_at")]
        # The stream's lines are not a backfill's: they are of later days.
        wanted = f"log_date <= '{last_day}'" if "log_date" in columns else "source = 'backfill'"
        query = f"SELECT {', '.join(f'`{column}`' for column in columns)} FROM `{dataset}`.{name} WHERE {wanted}"
        rows = sorted(repr(row.values()) for row in client.query(query).result(page_size=50_000))
        if name in OF_ALL_RUNS:
            rows = sorted({*rows})
        found[name] = {"rows": len(rows), "sha256": hashlib.sha256("\n".join(rows).encode()).hexdigest()}
    return found


def arrived(client: bigquery.Client, dataset: str) -> dict[str, int]:
    """Return how many events of the stream there are."""
    counts = {}
    for fate, table, where in (
        ("row", "streamed_requests", "log_date > '2000-01-01'"),
        ("rejected", "rejected_lines", "source = 'stream' AND ingested_at > '2000-01-01'"),
    ):
        query = f"SELECT COUNT(DISTINCT event_id) AS n FROM `{dataset}`.{table} WHERE {where}"
        counts[fate] = next(iter(client.query(query).result()))["n"]
    return counts


ACTIONS: dict[str, Callable[..., object]] = {"checksums": checksums, "arrived": arrived}

if __name__ == "__main__":
    with bigquery.Client(
        project=os.environ["GOOGLE_CLOUD_PROJECT"],
        credentials=AnonymousCredentials(),
        client_options=ClientOptions(api_endpoint=os.environ["BIGQUERY_EMULATOR_HOST"]),
    ) as opened:
        print(json.dumps(ACTIONS[sys.argv[1]](opened, *sys.argv[2:])))
