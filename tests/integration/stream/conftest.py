from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.stream.world import Stream, World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(tmp_path_factory.mktemp("stream"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def stream(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stream]:
    """A stream of one's own, with this process pointed at the emulators."""
    for name, value in world.endpoints.items():
        monkeypatch.setenv(name, value)
    opened = Stream(world, tmp_path)
    try:
        yield opened
    finally:
        opened.close()
