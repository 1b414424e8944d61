"""What the page's application lets through, without Airflow around it."""

import posixpath
import re

import pytest
from airflow.api_fastapi.app import create_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from fastapi.testclient import TestClient

from logline.page import files
from logline.page.app import build, visible_dags
from logline.settings import Settings
from logline.task_ids import DAGS

SETTINGS = Settings.from_environment({"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logline-local"})
APP = build(SETTINGS)
QUERY = {"first_day": "2026-11-22", "last_day": "2026-11-28", "run_id": "r", "dag_id": "log_backfill", "host": "a"}
ROUTES = {route.path.replace("{name:path}", "page.js"): sorted(route.methods) for route in APP.routes}


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
    answer = anonymous.get(path, params=QUERY)
    assert answer.status_code == 401, path
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]


def test_nothing_describes_the_routes_to_strangers(anonymous):
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert anonymous.get(path).status_code == 404


def test_there_are_the_page_s_files_and_no_others(somebody):
    page = somebody.get("/").text
    assert "VERSION" not in page
    named = set(re.findall(r'(?:src|href)="static/([^?"]+)\?v=([0-9a-f]{12})"', page))
    assert named == {(name, files.version()) for name in ("loading.js", "page.js", "page.css", "vendor/uplot.css")}
    for name in files.paths():
        answer = somebody.get(f"/static/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        for imported, version in re.findall(r'from "(\.[^?"]+)\?v=([^"]+)"', answer.text):
            assert posixpath.normpath(posixpath.join(posixpath.dirname(name), imported)) in files.paths()
            assert version == files.version()
    for name in ("index.html", "..%2Fapp.py", "../app.py", "vendor/README.md", "nothing.js"):
        assert somebody.get(f"/static/{name}").status_code == 404


def test_nothing_of_the_page_comes_from_elsewhere():
    # The vendored library has addresses in its comments; tests/e2e sees what is asked for.
    own = [path for path in files.paths().values() if path.parent.name != "vendor"]
    for path in [*own, files.HERE / "index.html"]:
        addresses = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text(encoding="utf-8"))
        assert addresses == [], path.name


def test_the_page_says_which_version_of_the_library_it_ships():
    said = (files.HERE / "vendor" / "README.md").read_text(encoding="utf-8").split(",")[0]
    library = files.content(files.HERE / "vendor" / "uplot.js")
    name, version = said.split()
    assert f"{name} (v{version})" in library
    assert "MIT" in (files.HERE / "vendor" / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/statuses", {"first_day": "2026-11-01"}),
        ("/api/statuses", {"first_day": "2026-11-01; DROP TABLE x", "last_day": "2026-11-02"}),
        ("/api/hours", {"first_day": "2026-02-30", "last_day": "2026-03-01"}),
        ("/api/hours", {"first_day": "2026-03-02", "last_day": "2026-03-01"}),
        ("/api/hours", {"first_day": "2016-03-02", "last_day": "2026-03-01"}),
        ("/api/paths", {"first_day": "2026-03-01", "last_day": "2026-03-01", "by": "password"}),
        ("/api/agents", {"first_day": "2026-03-01", "last_day": "2026-03-01", "kind": "x" * 41}),
        ("/api/host_days", {}),
        ("/api/hours", {"first_day": "2026-03-01", "last_day": "2026-03-01", "host": "x" * 254}),
        ("/api/days", {"now": "2026-03-01"}),
        ("/api/ledger", {"run_id": "x" * 251}),
    ],
)
def test_what_a_user_may_say_is_typed(somebody, path, query):
    assert somebody.get(path, params=query).status_code == 422


@pytest.mark.parametrize(("role", "visible"), [("viewer", DAGS), (None, ())])
def test_of_the_dags_each_sees_those_that_they_may(role, visible):
    create_auth_manager()
    assert visible_dags(SimpleAuthManagerUser(username="somebody", role=role)) == visible
