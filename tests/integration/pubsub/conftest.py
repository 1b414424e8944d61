"""Every conformance test runs on our emulator and, where gcloud has it, on Google's."""

from collections.abc import Iterator

import pytest

from tests.integration.pubsub.targets import Target, running_emulator, running_google_emulator

GOOGLE_DIFFERS: dict[str, str] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "target" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.timeout(60))
        name, _, parameters = item.name.partition("[")
        reason = GOOGLE_DIFFERS.get(name)
        if reason and "google" in parameters:
            item.add_marker(pytest.mark.xfail(reason=f"Google's emulator 0.8.20: {reason}", strict=True))


@pytest.fixture(scope="session", params=["ours", "google"])
def emulator_address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "google":
        with running_google_emulator() as address:
            yield address
    else:
        with running_emulator(tmp_path_factory.mktemp("pubsub")) as emulator:
            yield emulator.address


@pytest.fixture(scope="session")
def clients(emulator_address: str) -> Iterator[Target]:
    target = Target(emulator_address)
    yield target
    target.close()


@pytest.fixture
def target(clients: Target) -> Target:
    return clients
