"""Operations of the clients that are installed here, against the emulators; `make clients` runs more."""

from pathlib import Path

import pytest

from local_stack.running import RunningStack
from tests.clients.case import Case, Client, Workspace
from tests.clients.outcomes import CLIENTS, new_name

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("client", "case"),
    [
        pytest.param(client, case, id=f"{client.name}: {case.operation}")
        for client in CLIENTS
        for case in client.cases[: 1 if client.is_slow else None]
    ],
)
def test_operation(emulator_environment: RunningStack, client: Client, case: Case, tmp_path: Path) -> None:
    if client.version() is None:
        pytest.skip(f"{client.name} is not installed")
    case.check(Workspace(tmp_path, new_name()))
