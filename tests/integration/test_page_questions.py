"""What people want to know of their logs, found on the page as somebody new to it would: by clicking and reading.

Each test is a question; its comments say which way leads to the answer, which is then compared with the tables.
"""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from google.cloud.bigquery import ScalarQueryParameter
from playwright.sync_api import BrowserContext, Page, expect

from beam_jobs.generate_logs import command as generate_logs
from local_stack.running import RunningStack
from logline.page import app as application
from tests.integration.served_page import chromium, served, settled, show, state_of, watched_page
from tests.sql.days import backfilled
from tests.sql.warehouse import Warehouse, portion_of

pytestmark = pytest.mark.integration

FIRST, LAST = date(2026, 11, 2), date(2026, 11, 3)
# Two days of the chosen seven.
DAYS = f"log_date BETWEEN '{FIRST}' AND '{LAST}'"


@pytest.fixture(scope="module")
def site(emulators: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Two days of a site with several hosts, crawlers, an attack and an outage, summarised and checked."""
    folder = tmp_path_factory.mktemp("site")
    options = (f"--start_date={FIRST}", "--days=2", "--lines_per_day=6000", "--site", "--format=nginx_amplify")
    assert generate_logs.main([f"--output={folder}/logs", *options]) == 0
    log = folder / "access.log"
    log.write_bytes(b"".join(path.read_bytes() for path in sorted(Path(folder, "logs").glob("2*/*"))))
    with emulators.bigquery() as client:
        warehouse = Warehouse(client)
        assert backfilled(log, folder / "out", warehouse) == [FIRST, LAST]
        # The days were built one after the other; the last gate looks at what was counted for both.
        warehouse.run(warehouse.sql("daily/request_groups.sql", portion_of(FIRST, LAST)))
        for gate in ("landing", "requests", "daily_summary"):
            note_checks(warehouse, gate)
        yield warehouse


def note_checks(warehouse: Warehouse, gate: str) -> None:
    """Run the checks of a gate and note them down as daily_summary does."""
    results = warehouse.run(warehouse.sql(f"{gate}/checks.sql", portion_of(FIRST, LAST)))
    task = {"dag_id": "daily_summary", "task_id": "build_days", "run_id": "run", "map_index": -1, "try_number": 1}
    said = {"gate": gate, "day": None, "task": json.dumps(task), "results": json.dumps(results, default=str)}
    parameters = [ScalarQueryParameter(name, "STRING", value) for name, value in said.items()]
    warehouse.run(warehouse.sql("quality_checks/record.sql"), parameters)


@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserContext]:
    with chromium() as context:
        yield context


@pytest.fixture
def page(
    site: Warehouse, browser: BrowserContext, emulator_environment: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Page]:
    """The page as it opens: seven days up to the newest that is over, the view Traffic."""
    monkeypatch.setattr(application, "states_of_dags", lambda dag_ids: [state_of(dag_id) for dag_id in dag_ids])
    monkeypatch.setattr(application, "latest_runs", lambda dag_id: [])
    with served(site.dataset) as address, watched_page(browser, address) as opened:
        show(opened, address)
        yield opened


def click_view(page: Page, title: str) -> None:
    page.locator("#views").get_by_role("link", name=title).click()
    settled(page)


def search(page: Page, section: str, text: str) -> None:
    page.locator(f"#{section}").get_by_role("searchbox").fill(text)


def sort_by(page: Page, section: str, heading: str) -> None:
    """Click on a heading: figures are then sorted from the largest."""
    page.locator(f"#{section}").get_by_role("button", name=heading, exact=True).click()


def read(page: Page, section: str) -> list[dict[str, str]]:
    """The rows of a table as they are shown, by the headings."""
    expect(page.locator(f"#{section} tbody tr").first).to_be_visible()
    return [
        {cell.get_attribute("data-title") or "": cell.inner_text() for cell in row.locator("td").all()}
        for row in page.locator(f"#{section} tbody tr").all()
    ]


def figure(page: Page, name: str) -> str:
    return page.locator(f"[data-figure='{name}'] .value").inner_text().replace("\N{NO-BREAK SPACE}", " ")


def number(text: str) -> int:
    return int(text.replace(",", ""))


def ask(site: Warehouse, sql: str) -> dict[str, Any]:
    """The first row of an answer; {days} stands for the days that are shown."""
    return site.run(sql.format(days=DAYS, dataset=site.dataset))[0]


def test_which_crawler_that_trains_an_ai_asks_most(page: Page, site: Warehouse) -> None:
    click_view(page, "Agents")
    # Kinds names them; a click shows those alone.
    page.locator("#kinds").get_by_role("button", name="AI training").click()
    settled(page)
    found = read(page, "agents")[0]
    held = ask(
        site,
        "SELECT agent_name, agent_operator, SUM(requests) AS requests FROM {dataset}.daily_agents "
        "WHERE {days} AND agent_kind = 'ai_training' GROUP BY 1, 2 ORDER BY 3 DESC",
    )
    assert (found["Agent"], found["Operator"]) == (held["agent_name"], held["agent_operator"])
    assert number(found["Requests"]) == held["requests"]


def test_how_much_of_the_traffic_is_assistants_that_act_for_people(page: Page, site: Warehouse) -> None:
    # The filter at the top has the kinds, the key figures then the share.
    page.get_by_label("Agents").select_option(label="AI assistant")
    settled(page)
    held = ask(
        site,
        "SELECT SUM(IF(agent_kind = 'ai_assistant', requests, 0)) / SUM(requests) AS share "
        "FROM {dataset}.daily_agents WHERE {days}",
    )
    assert figure(page, "Of all requests") == f"{100 * held['share']:.1f} %"


def test_whether_somebody_pretends_to_be_googlebot(page: Page, site: Warehouse) -> None:
    click_view(page, "Agents")
    page.locator("#agents").get_by_role("button", name="Show all").click()
    search(page, "agents", "Googlebot")
    (foreign,) = [row for row in read(page, "agents") if row["Addresses are"] == "not from its operator"]
    held = ask(
        site,
        "SELECT SUM(requests) AS requests FROM {dataset}.daily_agents "
        "WHERE {days} AND agent_name = 'Googlebot' AND NOT agent_verified",
    )
    assert number(foreign["Requests"]) == held["requests"]


def test_how_one_of_several_hosts_does(page: Page, site: Warehouse) -> None:
    page.locator("#hosts").get_by_role("button", name="shop.example.com").click()
    settled(page)
    expect(page.locator("#host")).to_have_value("shop.example.com")
    held = ask(
        site,
        "SELECT SUM(requests) AS requests, SUM(server_errors) / SUM(requests) AS failed FROM {dataset}.daily_hosts "
        "WHERE {days} AND host = 'shop.example.com'",
    )
    expect(page.locator("[data-figure=Requests] .value")).to_have_attribute("title", f"{held['requests']:,}")
    assert figure(page, "Server errors") == f"{100 * held['failed']:.1f} %"


def test_on_which_page_visits_begin_and_how_many_end_there(page: Page, site: Warehouse) -> None:
    click_view(page, "Audience")
    sort_by(page, "pages", "Entries")
    found = read(page, "pages")[0]
    held = ask(
        site,
        "SELECT host, path, SUM(entries) AS entries, SAFE_DIVIDE(SUM(bounces), SUM(entries)) AS left_at_once "
        "FROM {dataset}.daily_pages WHERE {days} GROUP BY 1, 2 ORDER BY 3 DESC",
    )
    assert (found["Page"], found["Host"], number(found["Entries"])) == (held["path"], held["host"], held["entries"])
    assert found["Bounced"] == f"{100 * held['left_at_once']:.1f}\N{NO-BREAK SPACE}%"


def test_how_many_visits_chatgpt_has_sent(page: Page, site: Warehouse) -> None:
    click_view(page, "Audience")
    search(page, "channels", "chatgpt")
    (found,) = read(page, "channels")
    held = ask(
        site,
        "SELECT SUM(visits) AS visits, ANY_VALUE(channel) AS channel FROM {dataset}.daily_channels "
        "WHERE {days} AND source = 'chatgpt.com'",
    )
    assert (found["Channel"], number(found["Visits"])) == ("AI", held["visits"])
    assert held["channel"] == "ai"


def test_which_own_page_has_a_broken_link(page: Page, site: Warehouse) -> None:
    click_view(page, "Errors and attacks")
    found = read(page, "broken-links")[0]
    held = ask(
        site,
        "SELECT referer, path, SUM(requests) AS requests FROM {dataset}.daily_errors "
        "WHERE {days} AND is_own_page AND status IN (404, 410) GROUP BY host, referer, path "
        "ORDER BY requests DESC, referer, host, path",
    )
    assert (found["Page"], found["Links to"]) == (held["referer"], held["path"])
    assert number(found["Requests"]) == held["requests"]


def test_what_failed_on_the_server_and_when(page: Page, site: Warehouse) -> None:
    click_view(page, "Errors and attacks")
    search(page, "failed", "502")
    found = read(page, "failed")[0]
    held = ask(
        site,
        "SELECT host, path, SUM(requests) AS requests, MIN(first_seen) AS first_seen FROM {dataset}.daily_errors "
        "WHERE {days} AND status = 502 GROUP BY 1, 2 ORDER BY requests DESC, host, path",
    )
    assert (found["Path"], found["Host"], number(found["Requests"])) == (held["path"], held["host"], held["requests"])
    assert found["First"] == f"{held['first_seen']:%Y-%m-%d %H:%M}"


def test_who_tries_to_break_in_and_whether_anything_was_answered(page: Page, site: Warehouse) -> None:
    # The line at the top says it before anybody has clicked; "show" leads to the table.
    held = ask(
        site,
        "SELECT SUM(requests) AS requests, SUM(answered) AS answered FROM {dataset}.daily_detections "
        "WHERE {days} AND severity IN ('high', 'critical')",
    )
    attacks = page.locator("#verdict li", has_text="looked like severe attacks")
    expect(attacks).to_contain_text(
        f"{held['requests']:,} requests looked like severe attacks, {held['answered']} of them were answered"
    )
    attacks.get_by_role("link", name="show").click()
    settled(page)
    severe = [row for row in read(page, "detections") if row["Severity"] in ("high", "critical")]
    assert sum(number(row["Requests"]) for row in severe) == held["requests"]
    assert sum(number(row["Answered"]) for row in severe) == held["answered"]


def test_which_path_of_the_shop_is_slowest(page: Page, site: Warehouse) -> None:
    page.locator("#hosts").get_by_role("button", name="shop.example.com").click()
    settled(page)
    click_view(page, "Speed")
    sort_by(page, "slow-paths", "p95")
    found = read(page, "slow-paths")[0]
    held = ask(
        site,
        "SELECT path, SUM(requests) AS requests, SUM(p95_duration_ms * requests) / SUM(requests) AS p95 "
        "FROM {dataset}.daily_paths WHERE {days} AND host = 'shop.example.com' GROUP BY path ORDER BY p95 DESC, path",
    )
    assert (found["Path"], number(found["Requests"])) == (held["path"], held["requests"])
    assert found["p95"].startswith(f"{held['p95'] / 1000:.1f}" if held["p95"] >= 10_000 else f"{held['p95']:,.0f}")


def test_whether_every_line_is_accounted_for(page: Page, site: Warehouse) -> None:
    expect(page.locator("#verdict")).to_contain_text("the numbers of 2 days agree")
    click_view(page, "Trust")
    for found in read(page, "balance"):
        day = LAST if found["Day"] == "Tue 3 Nov" else FIRST
        held = ask(
            site, f"SELECT lines, rejected, requests, status FROM {{dataset}}.reconciliation WHERE log_date = '{day}'"
        )
        assert found["Verdict"] == "agrees"
        assert (number(found["Lines"]), number(found["Rejected"])) == (held["lines"], held["rejected"])
        assert number(found["Requests"]) == held["requests"]
