"""The page Logline in a real Airflow, seen with a real browser."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import BrowserContext, FrameLocator, Page, expect

from local_stack.clients.airflow import DagRun
from local_stack.running import RunningStack
from tools.browser import CHROMIUM, Watched, browsing, token_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

# Days no other test has, the newest there are.
DAYS = ("2031-03-01", "2031-03-02", "2031-03-03", "2031-02-10")
PERIOD = f"first_day={DAYS[0]}&last_day={DAYS[2]}"
WITHOUT_PERIOD = ("stream", "incidents", "freshness", "days", "unread", "backfills", "runs")
WITH_PERIOD = (
    "statuses",
    "hours",
    "week",
    "paths",
    "referers",
    "agent_days",
    "agents",
    "browsers",
    "visitors",
    "hosts",
)
OF_VISITS_AND_FINDINGS = ("channel_days", "channels", "pages", "errors", "broken_links", "detections", "detection_days")
ROUTES = (
    *("", "static/page.js", "static/views/traffic.js", *(f"api/{name}" for name in WITHOUT_PERIOD)),
    *(f"api/{name}?{PERIOD}" for name in (*WITH_PERIOD, *OF_VISITS_AND_FINDINGS, "checks", "builds", "rejected")),
    *("api/ledger?run_id=x", "api/host_days?host=x", "api/run?dag_id=log_backfill&run_id=x"),
)
ANSWER_MS = 120_000
expect.set_options(timeout=ANSWER_MS)


@pytest.fixture(scope="module")
def run(airflow_stack: RunningStack) -> Iterator[DagRun]:
    """A run of `provision`, and some summarised days."""
    with airflow_stack.airflow() as api:
        ended = api.wait_for_run(api.trigger("provision"), seconds=600)
    days = " UNION ALL ".join(
        f"SELECT DATE '{day}' AS log_date, {1000 * number} AS requests" for number, day in enumerate(DAYS, 1)
    )
    rates = "0 AS bots, 5 AS bytes, 3 AS unique_visitors, 0 AS client_errors, 0 AS server_errors, 0.0 AS r, 0.0 AS s"
    names = "bots, bytes, unique_visitors, client_errors, server_errors, client_error_rate, server_error_rate"
    dataset, tables = airflow_stack.dataset, ("daily_summary", "daily_statuses", "daily_paths")
    where = f"log_date IN ({', '.join(f'DATE {day!r}' for day in DAYS)})"
    query(
        airflow_stack,
        f"INSERT INTO {dataset}.daily_summary (log_date, requests, {names}) SELECT *, {rates} FROM ({days});"
        f"INSERT INTO {dataset}.daily_statuses (log_date, requests, status, bytes) SELECT *, 200, 5 FROM ({days});"
        f"INSERT INTO {dataset}.daily_paths (log_date, requests, path, unique_visitors, errors, bytes) "
        f"SELECT *, '/<img src=x onerror=alert(1)>', 1, 0, 5 FROM ({days});",
    )
    yield ended
    query(airflow_stack, "".join(f"DELETE FROM {dataset}.{table} WHERE {where};" for table in tables))


@pytest.fixture(scope="module")
def browser(airflow_stack: RunningStack, run: DagRun) -> Iterator[tuple[BrowserContext, Watched]]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium on PATH: install it, or name one with CHROMIUM")
    with browsing(airflow_stack, token_of(airflow_stack, "viewer"), color_scheme="dark") as (context, watched):
        context.set_default_timeout(ANSWER_MS)
        yield context, watched


@pytest.fixture
def page(browser: tuple[BrowserContext, Watched]) -> Iterator[Page]:
    """A new page that has to end without an error and without having asked anybody else."""
    context, watched = browser
    opened = context.new_page()
    yield opened
    opened.close()
    assert (watched.errors, watched.strangers) == ([], [])


def query(stack: RunningStack, sql: str) -> list[dict[str, Any]]:
    with stack.bigquery() as client:
        return [dict(row.items()) for row in client.query(sql, job_retry=None).result(job_retry=None)]


def panels(page: Page, path: str) -> FrameLocator:
    """The page within Airflow's, with all its panels answered."""
    page.goto(path)
    frame = page.frame_locator("iframe[title='Logline']")
    expect(frame.locator("main > section").first).to_be_visible()
    wait_for_answers(frame)
    return frame


def wait_for_answers(frame: FrameLocator) -> None:
    expect(frame.locator("body:not([aria-busy])")).to_be_attached()
    # A busy BigQuery answers at a later refresh.
    expect(frame.locator(".unavailable")).to_have_count(0)


def test_a_viewer_sees_the_figures_of_the_tables(page: Page, airflow_stack: RunningStack) -> None:
    frame = panels(page, f"/plugin/logline#days=7&day={DAYS[2]}")
    (held,) = query(
        airflow_stack,
        f"SELECT SUM(requests) AS requests FROM {airflow_stack.dataset}.daily_summary "
        f"WHERE log_date BETWEEN DATE_SUB(DATE '{DAYS[2]}', INTERVAL 6 DAY) AND DATE '{DAYS[2]}'",
    )
    value = frame.locator("[data-figure=Requests] .value")
    expect(value).to_have_attribute("title", f"{held['requests']:,}")
    frame.locator("#days").select_option("1")
    wait_for_answers(frame)
    expect(value).to_have_attribute("title", "3,000")
    assert page.url.endswith(f"#days=1&day={DAYS[2]}")
    expect(frame.locator("#paths tbody td").first).to_have_text("/<img src=x onerror=alert(1)>")
    expect(frame.locator("#statuses canvas")).to_be_attached()
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    frame.locator("#views a", has_text="Pipeline").click()
    wait_for_answers(frame)
    # A link leads the page around this one to Airflow's own.
    frame.locator("#dags a", has_text="provision").first.click()
    expect(page).to_have_url(re.compile(r"/dags/provision"))


def test_a_table_is_saved_from_the_frame(page: Page) -> None:
    frame = panels(page, f"/plugin/logline#days=1&day={DAYS[2]}")
    with page.expect_download() as saved:
        frame.locator("#paths .csv").click()
    assert saved.value.suggested_filename == "paths.csv"


def test_a_run_and_a_dag_have_their_own_view(page: Page, run: DagRun) -> None:
    frame = panels(page, f"/dags/{run.dag_id}/runs/{run.run_id}/plugin/logline-run")
    expect(frame.locator("#run [data-fact=State]")).to_have_text("success")
    expect(frame.locator("#subject")).to_have_text(f"{run.dag_id} · {run.run_id}")
    frame = panels(page, "/dags/log_backfill/plugin/logline-dag")
    expect(frame.locator("#views a[aria-current=page]")).to_have_text("Pipeline")


@pytest.mark.usefixtures("run")
def test_a_stranger_gets_nothing_and_a_viewer_changes_nothing(airflow_stack: RunningStack) -> None:
    url = airflow_stack.config.airflow_url
    viewer = {"Authorization": f"Bearer {token_of(airflow_stack, 'viewer')}"}
    for route in ROUTES:
        address = f"{url}/logline/{route}"
        assert requests.get(address, timeout=60).status_code == 401, route
        assert requests.get(address, headers={"Authorization": "Bearer x.y.z"}, timeout=60).status_code == 403, route
        assert requests.get(address, headers=viewer, timeout=60).status_code in (200, 503), route
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert requests.request(method, address, headers=viewer, timeout=60).status_code == 405, route
    refused = requests.post(
        f"{url}/api/v2/dags/provision/dagRuns", json={"logical_date": None}, headers=viewer, timeout=60
    )
    assert refused.status_code == 403
