from collections.abc import Iterator

import pytest

from emulators.stack.running import RunningStack
from tests.sql.warehouse import Warehouse


@pytest.fixture(scope="session")
def shared_warehouse(emulators: RunningStack) -> Iterator[Warehouse]:
    client = emulators.bigquery()
    yield Warehouse(client)
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
    yield Warehouse(client)
    client.close()
