"""The page in a real browser, over a real BigQuery emulator; Airflow and its permissions are left to tests/e2e."""

import csv
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from local_stack.ports import free_ports
from local_stack.running import RunningStack
from logline.page import app as application
from logline.task_ids import DAGS
from tests.integration.served_page import LAST, chromium, served, settled, show, state_of, watched_page
from tests.sql.warehouse import Warehouse

pytestmark = pytest.mark.integration

DAYS = [LAST - timedelta(days=number) for number in range(14)]


@pytest.fixture(scope="module")
def warehouse(emulators: RunningStack) -> Iterator[Warehouse]:
    client = emulators.bigquery()
    filled = Warehouse(client)
    # The later week has twice the requests of the one before, and half of its errors.
    weeks = [(day, 200 if number < 7 else 100, 1 if number < 7 else 2) for number, day in enumerate(DAYS)]
    filled.load(
        {
            "daily_summary": [
                {"log_date": day, "requests": requests, "bytes": 1000, "unique_visitors": 10, "client_errors": errors}
                for day, requests, errors in weeks
            ],
            "daily_statuses": [{"log_date": day, "status": 200, "requests": n, "bytes": 1} for day, n, _ in weeks],
            "daily_agents": [
                {"log_date": LAST, "agent_kind": "browser", "requests": 150, "bytes": 1},
                {
                    "log_date": LAST,
                    "agent_kind": "search_engine",
                    "agent_name": "Googlebot",
                    "requests": 40,
                    "bytes": 1,
                },
                {"log_date": LAST, "agent_kind": "ai_training", "agent_name": "GPTBot", "requests": 10, "bytes": 1},
            ],
            "daily_paths": [{"log_date": LAST, "path": f"/{n}", "requests": n, "bytes": n} for n in range(1, 31)]
            + [{"log_date": LAST, "path": "/<img src=x onerror=alert(1)>", "requests": 99, "bytes": 1}]
            + [{"log_date": LAST, "path": "=HYPERLINK(1)", "requests": 98, "bytes": 1}],
        },
        {},
    )
    yield filled
    client.close()


@pytest.fixture
def address(warehouse: Warehouse, emulator_environment: RunningStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(application, "states_of_dags", lambda dag_ids: [state_of(dag_id) for dag_id in dag_ids])
    monkeypatch.setattr(application, "latest_runs", lambda dag_id: [])
    with served(warehouse.dataset) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserContext]:
    with chromium() as context:
        yield context


@pytest.fixture
def page(browser: BrowserContext, address: str) -> Iterator[Page]:
    with watched_page(browser, address) as opened:
        yield opened


def figure(page: Page, name: str) -> list[str]:
    """A key figure, and its change where it is compared with one."""
    shown = page.locator(f"[data-figure='{name}']").locator(".value, .change").all_inner_texts()
    return [text.replace("\N{NO-BREAK SPACE}", " ") for text in shown]


def first_cells(page: Page, section: str) -> list[str]:
    return [row.locator("td").first.inner_text() for row in page.locator(f"#{section} tbody tr").all()]


def test_figures_are_those_of_the_tables_and_compared_with_the_week_before(page: Page, address: str) -> None:
    show(page, address)
    assert figure(page, "Requests") == ["1.4K", "+100 % from 700"]
    assert figure(page, "Visitors a day") == ["10", "±0.0 % from 10"]
    assert figure(page, "Client errors") == ["0.5 %", "\N{MINUS SIGN}1.5 pp from 2.0 %"]
    expect(page.locator("#verdict .line")).to_have_text("All is well")
    expect(page.locator("#verdict")).to_contain_text("the stream has not been looked at within a day")
    rows = [row.locator("td").all_inner_texts()[:2] for row in page.locator("#paths tbody tr").all()[:3]]
    # What a log line holds is text.
    assert rows == [["/<img src=x onerror=alert(1)>", "99"], ["=HYPERLINK(1)", "98"], ["/30", "30"]]
    for chart in ("requests", "statuses"):
        expect(page.locator(f"#{chart} canvas")).to_be_visible()


def test_filters_are_kept_in_the_address(page: Page, address: str) -> None:
    show(page, address)
    page.locator("#days").select_option("1")
    settled(page)
    assert figure(page, "Requests") == ["200", "+100 % from 100"]
    page.locator("#day").select_option(f"{DAYS[7]}")
    settled(page)
    assert figure(page, "Requests") == ["100"]
    expect(page.locator(".comparison")).to_have_text(
        f"Not compared with {DAYS[7] - timedelta(days=7)}, of which nothing is summarised."
    )
    assert first_cells(page, "paths") == []
    expect(page.locator("#paths .empty")).to_be_visible()
    page.locator("#views a", has_text="Agents").click()
    settled(page)
    assert page.url.endswith(f"#view=agents&days=1&day={DAYS[7]}")
    show(page, address, "view=agents&days=30&kind=search_engine")
    assert first_cells(page, "agents") == ["Googlebot"]
    page.locator("#kind").select_option("")
    settled(page)
    assert first_cells(page, "agents") == ["Googlebot", "GPTBot"]
    assert page.url.endswith("#view=agents&days=30")


def test_a_kind_of_agents_has_its_own_figures_and_what_is_not_split_by_it_says_so(page: Page, address: str) -> None:
    show(page, address, "days=1&kind=search_engine")
    assert figure(page, "Requests")[0] == "40"
    assert figure(page, "Of all requests")[0] == "20.0 %"
    expect(page.locator("#requests .tags")).to_be_empty()
    expect(page.locator("#statuses .tags")).to_have_text("not by agent")
    page.locator("#kind").select_option("")
    settled(page)
    assert figure(page, "Requests")[0] == "200"
    expect(page.locator("main .tags .pill")).to_have_count(0)
    page.keyboard.press("7")
    expect(page.locator("#kind")).to_be_disabled()


def test_figures_of_what_was_chosen_before_are_dimmed_until_those_of_what_is_chosen_now_are_there(
    page: Page, address: str
) -> None:
    show(page, address, "days=1")
    held: list[Route] = []
    page.route(f"**/api/agent_days?*first_day={DAYS[7]}*", lambda route: held.append(route))
    page.locator("#kind").select_option("search_engine")
    expect(page.locator("body[aria-busy] #figures.waiting [data-figure='Requests'] .value")).to_have_text("200")
    while not held:
        page.wait_for_timeout(20)
    for route in held:
        route.continue_()
    settled(page)
    expect(page.locator("#figures.waiting")).to_have_count(0)
    assert figure(page, "Requests")[0] == "40"


def test_a_table_is_searched_sorted_and_saved(page: Page, address: str) -> None:
    show(page, address)
    table = page.locator("#paths")
    assert len(first_cells(page, "paths")) == 15
    table.get_by_role("button", name="Show all 32").click()
    assert len(first_cells(page, "paths")) == 32
    table.get_by_role("button", name="Requests").click()
    expect(table.locator("th[aria-sort=descending]")).to_have_text("Requests")
    table.get_by_role("button", name="Requests").click()
    assert first_cells(page, "paths")[0] == "/1"
    table.get_by_role("searchbox").fill("IMG")
    assert first_cells(page, "paths") == ["/<img src=x onerror=alert(1)>"]
    with page.expect_download() as saved:
        table.get_by_role("button", name="CSV").click()
    with open(saved.value.path(), newline="", encoding="utf-8") as file:  # noqa: PTH123 (Playwright gives a path)
        rows = list(csv.DictReader(file))
    assert (len(rows), rows[0]["Requests"]) == (32, "99")
    # No formula for a spreadsheet.
    assert rows[1]["Path"] == "'=HYPERLINK(1)"


def test_a_page_whose_script_did_not_come_says_so_and_loads_again(page: Page, address: str) -> None:
    page.route("**/verdict.js*", lambda route: route.abort("connectionreset"), times=1)
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator("#verdict")).to_contain_text("A part of this page did not come")
    settled(page)
    assert figure(page, "Requests")[0]


def test_keys_do_what_the_dialog_says(page: Page, address: str) -> None:
    show(page, address)
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    page.keyboard.press("3")
    expect(page.locator("#views a[aria-current=page]")).to_have_text("Agents")
    page.keyboard.press("d")
    settled(page)
    assert figure(page, "Requests")[0] == "200"
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#day")).to_have_value(f"{DAYS[1]}")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#day")).to_have_value(f"{LAST}")
    page.keyboard.press("1")
    settled(page)
    page.keyboard.press("/")
    expect(page.locator("#paths input[type=search]")).to_be_focused()
    page.keyboard.type("31")
    expect(page.locator("#views a[aria-current=page]")).to_have_text("Traffic")


def test_a_key_right_after_the_dialog_closed_is_no_key_of_the_dialog(page: Page, address: str) -> None:
    show(page, address)
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_be_visible()
    page.keyboard.press("3")
    # No frame is drawn between the two, as on a slow machine: the dialog's button still has the focus.
    page.evaluate("""() => {
        document.querySelector("dialog").close();
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "2", bubbles: true }));
    }""")
    expect(page.locator("#views a[aria-current=page]")).to_have_text("Audience")


def test_every_view_says_what_is_empty_and_why(page: Page, address: str) -> None:
    for view, words in {
        "audience": ["No visits in these days", "No request came from another site", "Nobody on the last day"],
        "errors": ["No request failed in these days", "No scanner that names itself"],
        "speed": ["These logs have no durations"],
        "pipeline": [
            "The stream was not looked at within a day",
            "No backfill yet",
            "Every object in the bucket has been read",
        ],
        "trust": ["None of these days has been built", "No line of these days was rejected"],
    }.items():
        show(page, address, f"view={view}")
        for sentence in words:
            expect(page.locator("main")).to_contain_text(sentence)


def test_a_failed_run_changes_the_verdict(page: Page, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = state_of("sweep", state="failed", failed=[{"task": "look", "reason": "the bucket is gone", "log": "/log"}])
    monkeypatch.setattr(application, "states_of_dags", lambda dag_ids: [failed])
    show(page, address)
    expect(page.locator("#verdict .line")).to_contain_text("the last run of sweep failed")
    expect(page.locator("#verdict .line a").first).to_have_text("look: the bucket is gone")
    expect(page.locator("#verdict .line a").first).to_have_attribute("href", "/dags/sweep/runs/r")


@pytest.mark.usefixtures("emulator_environment")
def test_before_provision_the_page_says_what_to_do(browser: BrowserContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "states_of_dags", lambda dag_ids: [])
    with served("nowhere") as address:
        page = browser.new_page()
        show(page, address)
        expect(page.locator("#verdict .line")).to_have_text("Nothing has been provisioned yet: run provision once")
        expect(page.locator("#figures li")).to_have_count(3)
        expect(page.locator("#figures li").first).to_contain_text("Trigger provision once")
        # What the first steps say, no section says again.
        expect(page.locator("main > section:visible")).to_have_count(0)
        page.close()


@pytest.mark.usefixtures("emulator_environment")
def test_a_bigquery_that_is_down_is_said_once_and_airflow_is_shown_all_the_same(
    browser: BrowserContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    monkeypatch.setattr(application, "states_of_dags", lambda dag_ids: [state_of(dag_id) for dag_id in dag_ids])
    monkeypatch.setattr(application, "latest_runs", lambda dag_id: [state_of(dag_id)["latest"]])
    with served("logline") as address:
        page = browser.new_page()
        show(page, address, "view=pipeline")
        expect(page.locator("#verdict .line")).to_contain_text(
            "not everything can be seen now: BigQuery cannot be reached"
        )
        expect(page.locator("#unread .notice")).to_have_text("BigQuery cannot be reached")
        assert first_cells(page, "dags") == list(DAGS)
        assert len(first_cells(page, "backfills")) == 1
        page.close()
