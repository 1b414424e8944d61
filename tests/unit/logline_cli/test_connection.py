"""Where the pipeline is, and how to log in."""

from pathlib import Path

import pytest

from logline_cli import connection as module
from logline_cli.connection import FILE, Connection, connection, storage_connection
from logline_cli.errors import ClientError

URL = "https://airflow.example"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """A local stack of the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "elsewhere" / "logline_cli" / "connection.py"))
    local = Connection("http://127.0.0.1:8080", password="p", storage_url="http://127.0.0.1:9023", bucket="b")
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / FILE).write_text(local.text())
    return local


def test_nothing_need_be_typed_beside_a_local_stack(stack: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert connection(None, None, {}) == stack
    assert storage_connection(None, {}) == stack
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert connection(None, None, {}) == stack
    assert connection(None, None, {"LOGLINE_STATE_DIR": str(tmp_path / ".local")}) == stack


@pytest.mark.usefixtures("stack")
def test_what_is_given_comes_before_the_variables_and_these_before_the_local_stack():
    environ = {"LOGLINE_AIRFLOW_URL": "https://other.example", "LOGLINE_AIRFLOW_TOKEN": "t1"}
    assert connection(URL, "t2", environ) == Connection(URL, "t2")
    assert connection(None, None, environ) == Connection("https://other.example", "t1")
    logged_in = {"LOGLINE_AIRFLOW_USER": "me", "LOGLINE_AIRFLOW_PASSWORD": "secret"}
    assert connection(URL, None, logged_in) == Connection(URL, user="me", password="secret")
    # The local stack's secrets go nowhere else.
    assert storage_connection(None, environ | {"LOGLINE_BUCKET": "mine"}) == Connection("", bucket="mine")


def test_files_go_where_the_backfill_looks_for_them(stack: Connection):
    assert storage_connection(f"{stack.airflow_url}/", {}) == stack
    assert storage_connection(None, {"LOGLINE_AIRFLOW_URL": stack.airflow_url}) == stack
    assert storage_connection(URL, {"LOGLINE_BUCKET": "mine"}) == Connection("", bucket="mine")
    assert storage_connection("http://127.0.0.1:1", {}) == Connection("")
    assert storage_connection("http://[::1", {}) == Connection("")
    assert storage_connection(None, {"STORAGE_EMULATOR_HOST": "http://127.0.0.1:2"}) == Connection("")


@pytest.mark.parametrize(
    ("url", "environ", "line"),
    [
        (
            None,
            {},
            "no local stack found: start it (make up), or name an Airflow with --airflow-url or LOGLINE_AIRFLOW_URL",
        ),
        (
            "airflow.example",
            {},
            "'airflow.example' is not the address of an Airflow: write http:// or https:// and its host",
        ),
        (URL, {}, f"nothing says how to log in at {URL}: set LOGLINE_AIRFLOW_TOKEN, or LOGLINE_AIRFLOW_USER and"),
    ],
)
def test_a_missing_address_or_login_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str | None, environ: dict[str, str], line: str
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "logline_cli" / "connection.py"))
    with pytest.raises(ClientError) as error:
        connection(url, None, environ)
    assert str(error.value).startswith(line)


def test_a_file_of_another_release_is_one_line(stack: Connection, tmp_path: Path):
    (tmp_path / ".local" / FILE).write_text('{"url": 1}')
    with pytest.raises(ClientError, match=r"connection\.json cannot be used \(TypeError\): run make up as its owner"):
        connection(None, None, {})
