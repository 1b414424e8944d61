"""The page Logline in a real browser, without an Airflow around it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from logline.page import app as application
from logline.settings import Settings
from logline.task_ids import DAGS
from tools.browser import CHROMIUM, FLAGS

LAST = date(2015, 5, 24)
ANSWER_MS = 120_000
expect.set_options(timeout=ANSWER_MS)


@contextmanager
def served(dataset: str) -> Iterator[str]:
    """The address of the page of an installation, whoever looks."""
    settings = Settings.from_environment(
        {"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logline-local", "LOGLINE_DATASET": dataset}
    )
    app = application.build(settings)
    for route in app.routes:
        for dependency in route.dependant.dependencies:
            app.dependency_overrides[dependency.call] = lambda: DAGS
    outer = FastAPI()
    outer.mount("/logline", app)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(outer, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/logline/"
        finally:
            server.should_exit = True
            thread.join()


def state_of(dag_id: str, **latest: object) -> dict[str, object]:
    run = {
        "run_id": "r",
        "state": "success",
        "ended": f"{LAST}T00:00:00+00:00",
        "note": "done",
        "failed": [],
        "conf": {},
    }
    return {"dag_id": dag_id, "is_running": False, "latest": run | latest}


@contextmanager
def chromium() -> Iterator[BrowserContext]:
    """A browser; the test is skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on PATH: install it, or name one with CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        context = browser.new_context(viewport={"width": 1200, "height": 900}, accept_downloads=True)
        context.set_default_timeout(ANSWER_MS)
        try:
            yield context
        finally:
            browser.close()


@contextmanager
def watched_page(browser: BrowserContext, address: str) -> Iterator[Page]:
    """A new page that has to end without an error and without having asked anybody else."""
    faults: list[str] = []
    opened = browser.new_page()
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    opened.on(
        "request", lambda asked: None if asked.url.startswith((address, "data:", "blob:")) else faults.append(asked.url)
    )
    yield opened
    opened.close()
    assert faults == []


def show(page: Page, address: str, chosen: str = "") -> None:
    page.goto("about:blank")
    page.goto(f"{address}#{chosen}")
    settled(page)


def settled(page: Page) -> None:
    expect(page.locator("body:not([aria-busy])")).to_be_attached()
