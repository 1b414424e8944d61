"""A person taken out of all tables by a real Airflow: shown first, then gone, and the day's sums without them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local_stack.clients.airflow import AirflowApi
from local_stack.running import RunningStack
from local_stack.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

SECONDS = 600
DAY = "2023-03-04"
PERSON, OTHER = "203.0.113.7", "198.51.100.9"
LINE = '{address} - - [04/Mar/2023:10:05:0{n} +0000] "GET /{n} HTTP/1.1" 200 5 "-" "Mozilla/5.0 (X11) Firefox/140.0"\n'
LOG = "".join(LINE.format(address=address, n=n) for n in range(3) for address in (PERSON, OTHER)) + f"{PERSON} bad\n"


@dataclass(frozen=True)
class World:
    """A stack and its Airflow."""

    stack: RunningStack
    airflow: AirflowApi

    def query(self, sql: str) -> list[dict[str, Any]]:
        with self.stack.bigquery() as client:
            return [dict(row.items()) for row in client.query_and_wait(sql.replace("DATASET", self.stack.dataset))]

    def run(self, dag_id: str, **conf: Any) -> None:
        run = self.airflow.wait_for_run(self.airflow.trigger(dag_id, conf), seconds=SECONDS)
        assert run.state == "success", self.airflow.why_failed(run)

    def held(self) -> dict[str, int]:
        """Count what is held of the person."""
        tables = {
            "backfilled_requests": f"log_date = '{DAY}' AND remote_addr = '{PERSON}'",
            "requests": f"log_date = '{DAY}' AND remote_addr = '{PERSON}'",
            "daily_visitors": f"log_date = '{DAY}' AND remote_addr = '{PERSON}'",
            "rejected_lines": f"raw_line = b'{PERSON} bad'",
        }
        selects = [
            f"SELECT '{table}' AS name, COUNT(*) AS n FROM DATASET.{table} WHERE {tables[table]}" for table in tables
        ]
        return {row["name"]: row["n"] for row in self.query(" UNION ALL ".join(selects))}

    def requests_of_the_day(self) -> list[dict[str, Any]]:
        return self.query(f"SELECT requests, unique_visitors FROM DATASET.daily_summary WHERE log_date = '{DAY}'")


@pytest.fixture(scope="module")
def world(airflow_stack: RunningStack) -> Iterator[World]:
    """A day of two people, summarised."""
    with AirflowApi.of(airflow_stack.config) as airflow:
        airflow.wait_for_dags(("provision", "log_backfill", "daily_summary", "erasure"), seconds=SECONDS)
        world = World(airflow_stack, airflow)
        if not any(run.state == "success" for run in airflow.runs("provision")):
            world.run("provision")
        with airflow_stack.storage() as client:
            client.bucket(airflow_stack.bucket).blob("people/access.log").upload_from_string(LOG)
        source = f"gs://{airflow_stack.bucket}/people/access.log"
        world.run("log_backfill", source=source, log_format="combined", max_rejected_percent=50)
        wait_for(lambda: bool(world.requests_of_the_day()), seconds=SECONDS, what="the day's summary", pause=1)
        yield world


def test_a_person_is_shown_first_then_gone_and_the_day_is_summed_up_without_them(world: World) -> None:
    held = {"backfilled_requests": 3, "requests": 3, "daily_visitors": 1, "rejected_lines": 1}
    assert world.held() == held
    world.run("erasure", remote_addr=[PERSON])
    assert world.held() == held
    assert world.query("SELECT * FROM DATASET.erasures") == []

    world.run("erasure", remote_addr=[PERSON], dry_run=False)
    assert world.held() == dict.fromkeys(held, 0)
    erased = {row["table_name"]: row["rows"] for row in world.query("SELECT * FROM DATASET.erasures")}
    assert erased.items() >= {"backfilled_requests": 3, "requests": 3, "rejected_backfilled": 1}.items()

    summed_up = [{"requests": 3, "unique_visitors": 1}]
    wait_for(lambda: world.requests_of_the_day() == summed_up, seconds=SECONDS, what="the day without them", pause=1)
    assert world.query(f"SELECT status FROM DATASET.reconciliation WHERE log_date = '{DAY}'") == [
        {"status": "balanced"}
    ]
