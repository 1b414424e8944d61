"""Fixtures with real parts: the emulators of Google Cloud, a real Airflow, real logs.

Each is started once per session, when the first test asks for it, on free ports and in a folder of its own. What needs
Airflow is marked e2e: ``make test`` runs these tests and all others as four sessions side by side.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from local_stack.running import RunningStack, running_stack
from local_stack.supervisor import processes

PAUSED_DAGS = ("arrivals", "sweep")

# No deadline: machines may be busy, and benchmarks measure speed. CI draws the same cases each time, as
# Hypothesis's own profile for CI does; runs elsewhere and `make fuzz` draw new ones.
settings.register_profile("logline", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("logline")


# Before -m selects by markers.
@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Let Ctrl-C interrupt the sessions of `make test` too: a shell has what it starts with & ignore SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "airflow_stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The emulators of Google Cloud: `.env`, `.bucket`, `.storage()`, `.bigquery()`, `.dataflow()`."""
    yield from _stack(tmp_path_factory.mktemp("emulators"), airflow=False)


@pytest.fixture
def emulator_environment(emulators: RunningStack, monkeypatch: pytest.MonkeyPatch) -> RunningStack:
    """The emulators, with this process pointed at them for the length of a test."""
    for name, value in emulators.env.items():
        monkeypatch.setenv(name, value)
    return emulators


@pytest.fixture(scope="session")
def airflow_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The emulators and a real Airflow: `.airflow()` is its REST API.

    What starts backfills by itself is paused: tests count runs, and upload what cannot be read.
    """
    for stack in _stack(tmp_path_factory.mktemp("airflow_stack"), airflow=True):
        with stack.airflow() as api:
            for dag_id in PAUSED_DAGS:
                api.request("PATCH", f"/dags/{dag_id}", json={"is_paused": True})
        yield stack


@pytest.fixture(scope="session")
def real_logs() -> Path:
    """Folder of real access logs, from REAL_LOGS_DIR."""
    folder = os.environ.get("REAL_LOGS_DIR")
    if not folder:
        pytest.skip("REAL_LOGS_DIR is not set: point it at a folder of real access logs")
    return Path(folder)


def _stack(state_dir: Path, *, airflow: bool) -> Iterator[RunningStack]:
    with running_stack(state_dir, airflow=airflow) as stack:
        yield stack
    assert processes.members(stack.config.state_dir) == []
