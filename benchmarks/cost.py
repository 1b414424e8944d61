"""What BigQuery reads of each landed row until its day is summarised: ``python -m benchmarks.cost``.

Bytes of each statement, as the local BigQuery counts them by the service's rules, for a day of generated lines, five of
a visit each; then of lines that are each another visitor's, which no real log has. Beside both the statements of the
commit ``BEFORE``, counted the same way, where the clone has it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from benchmarks.table import machine
from local_stack.running import running_stack
from tests.sql.costs import ParsedLog, bytes_of_builds, processed
from tests.sql.warehouse import SUFFIX, Warehouse

LINES = 20_000
DAY = "2026-11-01"
BEFORE = "26226b0"
VISITS = (5, 1)
WANTED = 1_100
REPOSITORY = Path(__file__).parents[1]


def main() -> None:
    """Count and print; exit non-zero where a row costs more than WANTED bytes."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder, "stack"), airflow=False) as stack,
        stack.bigquery() as client,
    ):
        options = [f"--output={folder}/logs", f"--start_date={DAY}", f"--lines_per_day={LINES}"]
        subprocess.run([sys.executable, "-m", "beam_jobs.generate_logs", *options], check=True, capture_output=True)
        archive = subprocess.run(["git", "archive", BEFORE, "dags/sql"], cwd=REPOSITORY, capture_output=True)
        if archive.returncode == 0:
            with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
                files.extractall(Path(folder, BEFORE), filter="data")
        totals = []
        for visit in VISITS:
            path = Path(folder, "logs", DAY, "access-0001.log")
            log = ParsedLog(path, Path(folder, f"out-{visit}"), requests_a_visit=visit)
            warehouse = Warehouse(client)
            log.stage(warehouse)
            width = client.get_table(f"{warehouse.staging}.rows_{SUFFIX}").num_bytes / log.rows
            print(f"Bytes for each of {log.rows:,} landed rows of {width:,.0f} bytes, {visit} of a visit: {machine()}")
            totals.append(_print(bytes_of_builds(warehouse, log), log))
            if archive.returncode == 0:
                print(f"The same at commit {BEFORE}")
                _print(_bytes_before(Warehouse(client), log, Path(folder, BEFORE, "dags")), log)
    is_met = totals[0] <= WANTED
    verdict = "met" if is_met else "MISSED"
    print(f"{totals[0]:,.0f} bytes of a landed row, {VISITS[0]} of a visit, of {WANTED:,}: {verdict}")
    if not is_met:
        sys.exit(1)


def _print(statements: Iterator[tuple[str, int]], log: ParsedLog) -> float:
    total = 0.0
    for name, size in statements:
        total += size / log.rows
        print(f"  {name:36} {size / log.rows:8,.0f}", flush=True)
    print(f"  {'in all':36} {total:8,.0f}")
    return total


def _bytes_before(warehouse: Warehouse, log: ParsedLog, dags: Path) -> Iterator[tuple[str, int]]:
    """Do the same with the statements of another commit."""
    environment = Environment(loader=FileSystemLoader(dags), autoescape=False)
    names = {"dataset": warehouse.dataset, "staging": warehouse.staging, "suffix": SUFFIX, "run_id": "cost"}
    daily = [path.parent.name for path in dags.glob("sql/*/query.sql") if path.parent.name != "requests"]
    values = names | {"log_date": f"DATE '{DAY}'", "max_rejected_percent": 10, "daily_tables": sorted(daily)}

    def render(template: str, **more: object) -> str:
        return environment.get_template(f"sql/{template}").render(values | more)

    warehouse.run(f"DROP VIEW IF EXISTS {warehouse.dataset}.rejected_lines")  # it was a table
    tables = [path.parent.name for path in dags.glob("sql/*/schema.sql")]
    for table in tables:
        # It clustered by a column of a type that cannot be clustered by.
        schema = re.sub("CLUSTER BY raw_line_hash[^\n]*", "", render(f"{table}/schema.sql"))
        warehouse.run(f"DROP TABLE IF EXISTS {warehouse.dataset}.{table}; {schema}")
    log.stage(warehouse)
    warehouse.run(f"ALTER TABLE {warehouse.staging}.rejected_{SUFFIX} ADD COLUMN replayed_at TIMESTAMP")
    scripts: list[tuple[str, list[str]]] = [
        ("backfilled_requests/checks.sql", []),
        ("backfilled_requests/replace.sql", []),
        ("landing/checks.sql", []),
        ("replace_day.sql", ["requests"]),
        ("requests/checks.sql", []),
        ("replace_day.sql", sorted(daily)),
        ("daily_summary/checks.sql", []),
    ]
    for template, of_tables in scripts:
        made = "" if not of_tables else of_tables[0] if len(of_tables) == 1 else "daily"
        yield f"{template} {made}".strip(), processed(warehouse, render(template, tables=of_tables), log)


if __name__ == "__main__":
    main()
