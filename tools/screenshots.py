"""Take the pictures of `docs/images` from a stack of their own: `make screenshots`.

A stack is started on free ports and photographed empty, then `make demo` runs on it, then the page is photographed as
Airflow shows it: every view, light, dark, on a phone, on a DAG and a run, after a failed run, and while BigQuery does
not answer. So are Airflow's own pages of a backfill, what the notebooks draw, and the run that reads the 366 days of
`make bench NAMES=year`. Before that, the report of `logline parse` is photographed, of the log in REAL_LOGS_DIR.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import cast

import nbformat
import psutil
from nbclient import NotebookClient
from PIL import Image
from playwright.sync_api import BrowserContext, Frame, Page, expect, sync_playwright

from benchmarks import year
from local_stack.running import RunningStack, running_stack
from tools.browser import CHROMIUM, FLAGS, browsing, token_of

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
WIDE, PHONE = {"width": 1360, "height": 900}, {"width": 390, "height": 844}
ANSWER_MS = 60_000
COLOURS = 256
ASSET = "logline://backfilled_requests"


def main() -> None:
    """Start, photograph, stop."""
    if CHROMIUM is None:
        sys.exit("there is no chromium on PATH: install it, or name one with CHROMIUM")
    expect.set_options(timeout=ANSWER_MS)
    if logs := os.environ.get("REAL_LOGS_DIR"):
        photograph_report(Path(logs))
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder), airflow=True) as stack:
        token = token_of(stack)
        with browsing(stack, token, viewport=WIDE, color_scheme="light") as (context, _):
            _photograph(context, "/plugin/logline", "page-empty")
        subprocess.run([sys.executable, "-m", "local_stack.demo"], env=stack.process_env, check=True)
        _filled(stack, token)


def photograph_report(logs: Path) -> None:
    """Write the picture of the top of the page that `logline parse --html` makes of a folder's log."""
    (log,) = logs.glob("*.log")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder, "report.html")
        subprocess.run(
            [sys.executable, "-m", "beam_jobs.access_log", log.name, "--html", str(page_file)],
            cwd=logs,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1160, "height": 1060}, color_scheme="light")
        page.goto(page_file.as_uri())
        _save(page.screenshot(), "report")
        browser.close()


def _filled(stack: RunningStack, token: str) -> None:
    with stack.airflow() as api:
        backfill = next(run for run in api.runs("log_backfill") if run.state == "success")
    run = f"/dags/log_backfill/runs/{backfill.run_id}"
    with browsing(stack, token, viewport=WIDE, color_scheme="light") as (context, _):
        _photograph(context, "/plugin/logline", "page-light", whole=True)
        for view in ("audience", "agents", "errors", "speed", "pipeline", "trust"):
            _photograph(context, f"/plugin/logline#view={view}", f"page-{view}", whole=True)
        _photograph(context, "/dags/log_backfill/plugin/logline-dag", "dag-view")
        _photograph(context, f"{run}/plugin/logline-run", "run-view")
    with browsing(stack, token, viewport=WIDE, color_scheme="dark") as (context, _):
        _photograph(context, "/plugin/logline", "page-dark", whole=True)
    with browsing(stack, token, viewport=PHONE, color_scheme="light") as (context, _):
        _photograph(context, "/logline/", "page-phone", whole=True)
    _airflows_own(stack, token, run)
    for notebook in ("traffic", "agents"):
        _draw_notebook(stack, notebook)
    bigquery = psutil.Process(stack.component("bigquery").pid)
    bigquery.suspend()
    try:
        with browsing(stack, token, viewport=WIDE, color_scheme="light") as (context, _):
            _photograph(context, "/plugin/logline", "page-degraded")
    finally:
        # The stack's supervisor may have started it anew meanwhile.
        with contextlib.suppress(psutil.NoSuchProcess):
            bigquery.resume()
    _photograph_a_year(stack, token)


def _airflows_own(stack: RunningStack, token: str, run: str) -> None:
    """Photograph Airflow's pages of `log_backfill`: the form of its Params, a run, a failed run, the asset."""
    with stack.airflow() as api:
        (asset,) = [each for each in api.request("GET", "/assets")["assets"] if each["name"] == ASSET]
    with browsing(stack, token, viewport=WIDE, color_scheme="light") as (context, _):
        context.set_default_timeout(ANSWER_MS)
        page = context.new_page()
        page.goto("/dags/log_backfill")
        page.get_by_role("button", name="Trigger Dag").click()
        expect(page.get_by_role("dialog").locator("input").first).to_be_visible()
        _settle_and_save(page, "airflow-trigger")
        page.goto(run)
        page.get_by_role("button", name="Expand all task groups").click()
        _settle_and_save(page, "airflow-run")
        page.goto(f"/assets/{asset['id']}")
        expect(page.locator(".react-flow__node").first).to_be_visible()
        _settle_and_save(page, "airflow-asset")
        page.close()
        with stack.airflow() as api:
            # There is no such bucket, which the first task says.
            failed = api.trigger("log_backfill", {"source": "gs://logs-of-somebody-else/*.log"})
            api.wait_for_run(failed, seconds=300)
        _photograph(context, f"/dags/log_backfill/runs/{failed.run_id}/plugin/logline-run", "run-failed")


def _photograph_a_year(stack: RunningStack, token: str) -> None:
    """Backfill a year by one trigger, and photograph the run."""
    year.upload(stack, year.FIRST, year.DAYS)
    last = year.FIRST + timedelta(days=year.DAYS - 1)
    with stack.airflow() as api:
        run = api.trigger("log_backfill", {"start_date": f"{year.FIRST}", "end_date": f"{last}"})
        api.wait_for_run(run, seconds=1800)
    with browsing(stack, token, viewport=WIDE, color_scheme="light") as (context, _):
        _photograph(context, f"/dags/log_backfill/runs/{run.run_id}/plugin/logline-run", "run-year")


def _draw_notebook(stack: RunningStack, name: str) -> None:
    """Run a notebook and keep what it draws, one drawing below the other."""
    file = ROOT / "notebooks" / f"{name}.ipynb"
    notebook = nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]  # nbformat has no types
    client = NotebookClient(notebook, timeout=300, kernel_name="python3")
    client.execute(env=stack.process_env)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    drawn = [
        Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"]))).convert("RGB")
        for output in outputs
        if "image/png" in output.get("data", {})
    ]
    sheet = Image.new("RGB", (max(one.width for one in drawn), sum(one.height for one in drawn)), "white")
    top = 0
    for one in drawn:
        sheet.paste(one, ((sheet.width - one.width) // 2, top))
        top += one.height
    picture = io.BytesIO()
    sheet.save(picture, "PNG")
    _save(picture.getvalue(), f"notebook-{name}")


def _settle_and_save(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(2000)
    _save(page.screenshot(), name)


def _save(picture: bytes, name: str) -> None:
    """Write a picture with few colours, a third of the bytes: the commonest as they are, and some for all others."""
    full = Image.open(io.BytesIO(picture)).convert("RGB")
    counted = sorted(full.getcolors(full.width * full.height) or [], reverse=True)
    common = [channel for _, colour in counted[: COLOURS // 2] for channel in cast(tuple[int, int, int], colour)]
    others = full.quantize(COLOURS // 2, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette(common + others)
    full.quantize(palette=palette, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)
    print(f"docs/images/{name}.png")


def _photograph(context: BrowserContext, path: str, name: str, *, whole: bool = False) -> None:
    """Open a page, wait for all its panels, and write its picture; as tall as the page within is, where `whole`."""
    page = context.new_page()
    page.goto(path)
    frame = _framed(page)
    expect(frame.locator("main > section").first).to_be_visible(timeout=ANSWER_MS)
    expect(frame.locator("body:not([aria-busy])")).to_be_attached(timeout=ANSWER_MS)
    if whole:
        inside = frame.evaluate("() => document.documentElement.scrollHeight")
        size = page.viewport_size or WIDE
        outside = page.evaluate("() => document.querySelector('iframe')?.getBoundingClientRect().top ?? 0")
        page.set_viewport_size({"width": size["width"], "height": int(inside + outside) + 16})
    # Charts follow the width they are given.
    page.wait_for_timeout(1500)
    _save(page.screenshot(), name)
    page.close()


def _framed(page: Page) -> Frame:
    if "/logline/" in page.url:
        return page.main_frame
    handle = page.locator("iframe[title='Logline']").element_handle(timeout=ANSWER_MS)
    frame = handle.content_frame() if handle else None
    if frame is None:
        raise RuntimeError(f"{page.url} shows no page Logline")
    return frame


if __name__ == "__main__":
    main()
