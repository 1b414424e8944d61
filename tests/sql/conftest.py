import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from google.cloud import bigquery

from beam_jobs.generate_logs import command as generate_logs
from local_stack.running import RunningStack
from tests.sql.days import backfilled
from tests.sql.reference.warehouse import Evaluated, ReferenceWarehouse
from tests.sql.warehouse import Warehouse

# Of REFERENCE=1: what the reference implementation of GoogleSQL has evaluated beside the local BigQuery.
EVALUATED = Evaluated()
GENERATED_LINES = int(os.environ.get("PROOF_LINES", "20000"))


def new_warehouse(client: bigquery.Client) -> Warehouse:
    """A warehouse; with REFERENCE=1 one that compares."""
    return ReferenceWarehouse(client, EVALUATED) if os.environ.get("REFERENCE") else Warehouse(client)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not os.environ.get("REFERENCE"):
        return
    terminalreporter.section("evaluated by the reference")
    for line in EVALUATED.lines():
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def shared_warehouse(emulators: RunningStack) -> Iterator[Warehouse]:
    client = emulators.bigquery()
    yield new_warehouse(client)
    client.close()


@pytest.fixture
def warehouse(shared_warehouse: Warehouse) -> Iterator[Warehouse]:
    """Empty tables."""
    yield shared_warehouse
    shared_warehouse.clear()


@pytest.fixture
def own_warehouse(emulators: RunningStack) -> Iterator[Warehouse]:
    """Empty tables that no other test uses."""
    client = emulators.bigquery()
    yield new_warehouse(client)
    client.close()


class SummarisedLog(NamedTuple):
    """The days of a log in a warehouse of their own, and the log; not to be changed."""

    warehouse: Warehouse
    log: bytes


@pytest.fixture(scope="session")
def generated_days(emulators: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SummarisedLog]:
    """Two days of generated lines."""
    log = _generated(tmp_path_factory.mktemp("generated_days"), "--format=combined")
    with emulators.bigquery() as client:
        yield _summarised(log, log.parent / "out", new_warehouse(client), days=2)


@pytest.fixture(scope="session")
def site_days(emulators: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SummarisedLog]:
    """Two days of a believable site, with hosts and durations."""
    log = _generated(tmp_path_factory.mktemp("site_days"), "--site", "--format=nginx_amplify")
    with emulators.bigquery() as client:
        yield _summarised(log, log.parent / "out", new_warehouse(client), days=2)


@pytest.fixture(scope="session")
def real_days(
    emulators: RunningStack, real_logs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SummarisedLog]:
    """Four days of a real log."""
    with emulators.bigquery() as client:
        log = real_logs / "semicomplete-2015-05.access.log"
        yield _summarised(log, tmp_path_factory.mktemp("real_days"), new_warehouse(client), days=4)


def _generated(folder: Path, *options: str) -> Path:
    """Generate a log of two working days, of which 2 % of the lines are bad."""
    options = ("--days=2", f"--lines_per_day={GENERATED_LINES // 2}", "--bad_share=0.02", *options)
    assert generate_logs.main(["--start_date=2026-11-02", f"--output={folder}/logs", *options]) == 0
    log = folder / "access.log"
    log.write_bytes(b"".join(path.read_bytes() for path in sorted(folder.glob("logs/2*/*"))))
    return log


def _summarised(log: Path, folder: Path, warehouse: Warehouse, *, days: int) -> SummarisedLog:
    assert len(backfilled(log, folder, warehouse)) == days
    return SummarisedLog(warehouse, log.read_bytes())
