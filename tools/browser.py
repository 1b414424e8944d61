"""A headless browser that is logged in to the Airflow of a stack."""

import configparser
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import jwt
import requests
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, sync_playwright

from local_stack.airflow.airflow_config import USER, airflow_secrets
from local_stack.running import RunningStack

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
# No requests to the outside; runs as the user who runs the tests.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


def token_of(stack: RunningStack, role: str = "admin") -> str:
    """Return a token of Airflow's simple auth manager: that of the stack's user, or one of another role made of it."""
    login = {"username": USER, "password": airflow_secrets(stack.config).password}
    answer = requests.post(f"{stack.config.airflow_url}/auth/token", json=login, timeout=60)
    token: str = answer.json()["access_token"]
    if role == "admin":
        return token
    config = configparser.RawConfigParser()
    config.read(stack.config.airflow_home / "airflow.cfg")
    claims = jwt.decode(token, options={"verify_signature": False}) | {"sub": role, "role": role}
    secret = config["api_auth"]["jwt_secret"].replace("%%", "%")
    return jwt.encode(claims, secret, algorithm=jwt.get_unverified_header(token)["alg"])


@dataclass
class Watched:
    """Faults of the pages that were open.

    Attributes:
        errors: Errors on the console of the page Logline, and its uncaught exceptions.
        strangers: Addresses outside the stack that were asked for.
    """

    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)


@contextmanager
def browsing(stack: RunningStack, token: str, **options: object) -> Iterator[tuple[BrowserContext, Watched]]:
    """Open a browser with the cookie of a user, and watch all its pages."""
    url, watched = stack.config.airflow_url, Watched()

    def heard(message: ConsoleMessage) -> None:
        # The page reports a busy BigQuery; that is not an error of the page.
        known = "status of 503" in message.text
        if message.type == "error" and "/logline/" in message.location.get("url", "") and not known:
            watched.errors.append(message.text)

    def watch(page: Page) -> None:
        page.on("console", heard)
        page.on("pageerror", lambda error: watched.errors.append(str(error)))

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        context = chromium.new_context(base_url=url, **options)  # type: ignore[arg-type]
        context.add_cookies([{"name": "_token", "value": token, "url": url}])
        context.on("page", watch)
        context.on(
            "request",
            lambda request: (
                None if request.url.startswith((f"{url}/", "data:", "blob:")) else watched.strangers.append(request.url)
            ),
        )
        yield context, watched
        context.close()
        chromium.close()
