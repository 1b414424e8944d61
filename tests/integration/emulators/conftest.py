"""What tests of the emulators share."""

from collections.abc import Iterator

import pytest
from google.cloud import bigquery

from local_stack.running import RunningStack


@pytest.fixture(scope="module")
def client(request: pytest.FixtureRequest, emulators: RunningStack) -> Iterator[bigquery.Client]:
    """A BigQuery client, with the module's `DATASET`."""
    with emulators.bigquery() as client:
        client.create_dataset(request.module.DATASET)
        yield client
        client.delete_dataset(request.module.DATASET, delete_contents=True)
