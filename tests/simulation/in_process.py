"""A stack without servers: requests of Google's clients to Cloud Storage and BigQuery are answered right here."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import requests
from urllib3 import HTTPResponse

from emulators.storage.api import application
from emulators.storage.store import ObjectStore
from local_stack.config import HOST, PORTS, StackConfig
from local_stack.running import RunningStack
from tests.simulation.bigquery import BigQuery


class Services:
    """Answers the requests of this process's clients.

    Args:
        config: Its ports name the services.
        folder: Takes the objects of Cloud Storage.
    """

    def __init__(self, config: StackConfig, folder: Path) -> None:
        self._config = config
        self._store = ObjectStore(folder)
        self._storage = application(self._store, None)
        self._loop = asyncio.new_event_loop()
        self._lock = threading.RLock()
        self.bigquery = BigQuery(self._content)

    def close(self) -> None:
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        self._store.close()

    def send(self, adapter: Any, request: requests.PreparedRequest) -> requests.Response:
        """Answer a request that an adapter was to send."""
        url = urlsplit(str(request.url))
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        if not isinstance(body, bytes):
            body = body.read()
        given = {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        method = str(request.method)
        headers: dict[str, str] = {}
        with self._lock:
            if url.port == self._config.ports["storage"]:
                given["host"] = url.netloc
                status, headers, content = self._stored(method, url.path, url.query, given, body)
            elif url.port == self._config.ports["bigquery"]:
                status, content = self.bigquery.answer(method, url.path, given, body)
                headers = {"content-type": "application/json"}
            else:
                raise ConnectionError(f"no service at {request.url}")
        raw = HTTPResponse(BytesIO(content), headers, status, preload_content=False)
        return adapter.build_response(request, raw)

    def _content(self, uri: str) -> bytes:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        with self._store.open(bucket, name)[1] as file:
            return bytes(file.read())

    def _stored(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        scope = {
            "type": "http",
            # From this version on nobody waits for the end of a connection.
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "method": method,
            "path": path,
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        }
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            messages.append(message)

        self._loop.run_until_complete(self._storage(scope, receive, send))
        answered = {name.decode("latin-1"): value.decode("latin-1") for name, value in messages[0]["headers"]}
        return messages[0]["status"], answered, b"".join(message.get("body", b"") for message in messages[1:])


@contextmanager
def in_process_stack() -> Iterator[RunningStack]:
    """Point this process at services of its own, until the end."""
    with (
        tempfile.TemporaryDirectory(prefix="logline-simulated-") as folder,
        socket.create_server((HOST, 0)) as listener,
    ):
        # Jobs look whether somebody listens before they ask for anything.
        ports = {name: 1 + number for number, name in enumerate(PORTS)} | {"storage": listener.getsockname()[1]}
        stack = RunningStack(StackConfig(state_dir=Path(folder).resolve(), ports=ports))
        services = Services(stack.config, Path(folder) / "objects")

        def send(adapter: Any, request: requests.PreparedRequest, **_: Any) -> requests.Response:
            return services.send(adapter, request)

        with patch.dict(os.environ, stack.env), patch.object(requests.adapters.HTTPAdapter, "send", send):
            try:
                yield stack
            finally:
                services.close()
