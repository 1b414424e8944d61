"""What the page's application lets through, without Airflow around it."""

import re

import pytest
from fastapi.testclient import TestClient

from logline.page import files
from logline.page.app import build
from logline.settings import Settings

SETTINGS = Settings.from_environment({"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logline-local"})
APP = build(SETTINGS)
VALUES = {"name": "page.js", "of": "paths"}
QUERY = {"day": "2026-11-22", "first_day": "2026-11-22", "run_id": "r", "dag_id": "log_backfill"}
ROUTES = {route.path: sorted(route.methods) for route in APP.routes}


@pytest.fixture
def anonymous():
    # Not as a context manager: nothing is warmed up.
    return TestClient(APP)


@pytest.fixture
def somebody(anonymous):
    for route in APP.routes:
        for dependency in route.dependencies:
            APP.dependency_overrides[dependency.dependency] = lambda: None
    yield anonymous
    APP.dependency_overrides.clear()


@pytest.mark.parametrize("path", ROUTES)
def test_every_route_reads_only_and_wants_a_user(anonymous, path):
    assert ROUTES[path] == ["GET"]
    answer = anonymous.get(path.format(**VALUES), params=QUERY)
    assert answer.status_code == 401, path
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]


def test_nothing_describes_the_routes_to_strangers(anonymous):
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert anonymous.get(path).status_code == 404


def test_there_are_the_page_s_files_and_no_others(somebody):
    page = somebody.get("/").text
    assert "VERSION" not in page
    named = set(re.findall(r'(?:src|href)="static/([^?"]+)\?v=([0-9a-f]{12})"', page))
    assert named == {(name, files.version()) for name in ("page.js", "page.css")}
    for name in files.paths():
        answer = somebody.get(f"/static/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        for imported in re.findall(r'from "\./([^?"]+)\?v=([^"]+)"', answer.text):
            assert imported[0] in files.paths()
            assert imported[1] == files.version()
    for name in ("index.html", "..%2Fapp.py", "nothing.js"):
        assert somebody.get(f"/static/{name}").status_code == 404


def test_nothing_of_the_page_comes_from_elsewhere():
    for path in [*files.paths().values(), files.HERE / "index.html"]:
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text(encoding="utf-8")))
        assert addresses <= {"http://www.w3.org"}, path.name


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/traffic", {"days": "8"}),
        ("/api/traffic", {"days": "30; DROP TABLE x"}),
        ("/api/hours", {"day": "2026-02-30"}),
        ("/api/hours", {}),
        ("/api/top/passwords", {"day": "2026-11-22"}),
        ("/api/reconciliation", {"first_day": "' OR 1=1"}),
        ("/api/ledger", {"run_id": "x" * 251}),
    ],
)
def test_what_a_user_may_say_is_typed(somebody, path, query):
    assert somebody.get(path, params=query).status_code == 422
