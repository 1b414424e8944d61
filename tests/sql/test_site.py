"""The tables of a generated site hold what the generator says of it."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from beam_jobs.generate_logs import command as generate_logs
from local_stack.running import RunningStack
from tests.sql.days import backfilled, rebuild
from tests.sql.warehouse import Warehouse
from tests.unit.beam_jobs.generate_logs.test_site import KINDS

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def site(emulators: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Warehouse, Any]]:
    """Three days of a site, with hosts and durations: without an incident, with an outage, with a silent host."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--site", "--days=3", "--lines_per_day=12000", "--format=nginx_amplify", "--bad_share=0.02"]
    assert generate_logs.main(["--start_date=2026-11-03", f"--output={folder}/logs", *options]) == 0
    log: Path = folder / "access.log"
    log.write_bytes(b"".join(path.read_bytes() for path in sorted(folder.glob("logs/2*/*"))))
    with emulators.bigquery() as client:
        warehouse = Warehouse(client)
        assert len(backfilled(log, folder / "out", warehouse)) == 3
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


def test_channels_and_pages_of_each_host_are_the_truth(site: tuple[Warehouse, Any]) -> None:
    """Of all hosts but that of the documentation: its pages below /v2/ and /v3/ pass for calls of an API."""
    warehouse, days = site
    channels, pages = (warehouse.rows(table) for table in ("daily_channels", "daily_pages"))
    (documentation,) = {
        name
        for truth in days.values()
        for name, host in truth["hosts"].items()
        if any(path.startswith("/v2/") for path in host["pages"])
    }
    for day, truth in days.items():
        hosts = {name: host for name, host in truth["hosts"].items() if name != documentation}
        assert len(hosts) >= 2
        visits: dict[str, Counter[str]] = {name: Counter() for name in hosts}
        bounces: Counter[str] = Counter()
        for row in channels:
            if str(row["log_date"]) == day and row["host"] in hosts:
                # The generator calls other sites what Matomo and Plausible call them.
                visits[row["host"]]["referral" if row["channel"] == "other" else row["channel"]] += row["visits"]
                bounces[row["host"]] += row["bounces"]
        of_pages = {
            (row["host"], row["path"]): {figure: row[figure] for figure in ("views", "entries", "exits")}
            for row in pages
            if str(row["log_date"]) == day and row["host"] in hosts
        }
        assert visits == {name: host["visits_with_pages"] for name, host in hosts.items()}
        assert bounces == {name: host["bounces"] for name, host in hosts.items()}
        assert of_pages == {
            (name, path): figures for name, host in hosts.items() for path, figures in host["pages"].items()
        }


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


def test_errors_are_the_truth(site: tuple[Warehouse, Any]) -> None:
    warehouse, days = site
    rows = warehouse.rows("daily_errors")
    for day, truth in days.items():
        for name, host in truth["hosts"].items():
            of_host = [row for row in rows if (str(row["log_date"]), row["host"]) == (day, name)]
            for status in {row["status"] for row in of_host}:
                requests = sum(row["requests"] for row in of_host if row["status"] == status)
                assert requests == host["statuses"][f"{status}"], (day, name, status)
            not_found = {(row["path"], row["referer"]): row["requests"] for row in of_host if row["status"] == 404}
            assert all(not_found[one["path"], one["referer"]] == one["requests"] for one in host["not_found"])


def test_detections_find_the_attacks_and_nothing_else(site: tuple[Warehouse, Any]) -> None:
    warehouse, days = site
    found = {(str(row["log_date"]), row["host"], row["detection"]): row for row in warehouse.rows("daily_detections")}
    for day, truth in days.items():
        attacks = {name: host["attacks"] for name, host in truth["hosts"].items() if host["attacks"]}
        assert {host for of_day, host, _ in found if of_day == day} == set(attacks)
        for name, of_host in attacks.items():
            for attack in ("sql_injection", "path_traversal", "xss"):
                row = found.get((day, name, attack))
                assert (row["requests"] if row else 0) == of_host.get(attack, 0), (day, name, attack)
            brute_force = found.get((day, name, "login_brute_force"))
            assert (brute_force is not None) is (of_host.get("brute_force", 0) >= 20)
            if brute_force:
                assert brute_force["requests"] == of_host["brute_force"]
            # Each request of a scanner, and none of anybody else; those of the brute force come from a browser.
            in_disguise = of_host.get("brute_force", 0)
            assert found[day, name, "scanner_agents"]["requests"] == sum(of_host.values()) - in_disguise
    assert all(row["answered"] == 0 for row in found.values())
    # What is found by path is a part of what scanners send.
    thresholds = ("login_brute_force", "mass_not_found", "scanner_agents")
    assert all(
        row["requests"] <= found[day, host, "scanner_agents"]["requests"]
        for (day, host, name), row in found.items()
        if name not in thresholds
    )


def test_anomalies_are_the_outage_and_the_silent_host(site: tuple[Warehouse, Any]) -> None:
    """Before the days of the site lie six weeks of such days: two with the same outage, two with the same silence."""
    warehouse, days = site
    known = [date.fromisoformat(day) for day in days]
    others = known[1:]
    columns = "requests, bots, bytes, unique_visitors, errors, server_errors, p95_duration_ms, host"
    for day, week in product(others, range(1, 7)):
        past, like = day - timedelta(weeks=week), known[week % 3]
        warehouse.run(
            f"INSERT INTO {warehouse.dataset}.hourly_traffic (log_date, hour, {columns})"
            f" SELECT DATE '{past}', TIMESTAMP_SUB(hour, INTERVAL {(like - past).days} DAY), {columns}"
            f" FROM {warehouse.dataset}.hourly_traffic WHERE log_date = '{like}'"
        )
    for day in others:
        rebuild(warehouse, day, "anomalies")
    outage, silent_host = days[f"{others[0]}"]["outage"], days[f"{others[1]}"]["silent_host"]
    hours = range(int(outage["start"][:2]), int(outage["end"][:2]) + 1)
    rows = [
        (str(row["log_date"]), row["host"], row["measure"], row["hour"].hour) for row in warehouse.rows("anomalies")
    ]
    assert (f"{others[1]}", silent_host, "silence", 0) in rows
    of_outage = [row for row in rows if row[0] == f"{others[0]}"]
    assert {row[1] for row in of_outage} == {outage["host"]}
    assert {row[3] for row in of_outage} <= set(hours)
    assert "server_error_share" in {row[2] for row in of_outage}
    assert len(rows) == len(of_outage) + 1
