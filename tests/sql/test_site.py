"""The tables of a generated site hold what the generator says of it."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beam_jobs.generate_logs import command as generate_logs
from local_stack.running import RunningStack
from tests.sql.days import backfilled
from tests.sql.warehouse import Warehouse
from tests.unit.beam_jobs.generate_logs.test_site import KINDS

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def site(emulators: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Warehouse, Any]]:
    """Two days of a site, in a format that has hosts and durations."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--site", "--days=2", "--lines_per_day=4000", "--format=nginx_amplify", "--bad_share=0.02"]
    assert generate_logs.main(["--start_date=2026-11-01", f"--output={folder}/logs", *options]) == 0
    log: Path = folder / "access.log"
    log.write_bytes(b"".join(path.read_bytes() for path in sorted(folder.glob("logs/2*/*"))))
    with emulators.bigquery() as client:
        warehouse = Warehouse(client)
        assert len(backfilled(log, folder / "out", warehouse)) == 2
        yield warehouse, json.loads((folder / "logs" / "truth.json").read_text())["days"]


def test_the_daily_tables_are_the_truth(site: tuple[Warehouse, Any]) -> None:
    warehouse, days = site
    (summary, statuses, paths, hours) = (
        {day: [row for row in warehouse.rows(table) if str(row["log_date"]) == day] for day in days}
        for table in ("daily_summary", "daily_statuses", "daily_paths", "hourly_traffic")
    )
    for day, truth in days.items():
        assert (summary[day][0]["requests"], summary[day][0]["bytes"]) == (truth["rows"], truth["body_bytes_sent"])
        by_status, by_path, by_hour = Counter(), Counter(), Counter()
        for row in statuses[day]:
            by_status[str(row["status"])] += row["requests"]
        for row in paths[day]:
            by_path[row["path"]] += row["requests"]
        for row in hours[day]:
            by_hour[row["hour"].hour] += row["requests"]
        assert by_status == truth["statuses"]
        assert len(by_path) == truth["paths"]
        assert all(by_path[top["path"]] == top["requests"] for top in truth["top_paths"])
        assert [by_hour[hour] for hour in range(24)] == truth["hours"]


def test_requests_of_each_host_and_visits_of_persons_are_the_truth(site: tuple[Warehouse, Any]) -> None:
    warehouse, days = site
    for day, truth in days.items():
        figures = ("requests", "bytes", "server_errors")
        hosts = [row for row in warehouse.rows("daily_hosts", order="host") if str(row["log_date"]) == day]
        assert [(row["host"], *(row[figure] for figure in figures)) for row in hosts] == [
            (name, *(host[figure] for figure in figures)) for name, host in truth["hosts"].items()
        ]
        programs = "|".join(KINDS.values())
        for table, figure in (("daily_sessions", "visits"), ("daily_visitors", "visitors")):
            persons = warehouse.run(
                f"SELECT host, COUNT(*) AS found FROM {warehouse.dataset}.{table}"
                f" WHERE log_date = '{day}' AND NOT REGEXP_CONTAINS(user_agent, r'{programs}')"
                " GROUP BY host"
            )
            found = {row["host"]: row["found"] for row in persons}
            assert found == {name: host[figure] for name, host in truth["hosts"].items() if host[figure]}, (day, table)
