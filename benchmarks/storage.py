"""Uploads to the local Cloud Storage: what one costs where it holds few objects and where it holds many."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from local_stack.ports import free_ports
from local_stack.waiting import wait_for

_CONTENT = b"x" * 1000
_SIZES = (10, 1_000, 10_000)
_RUNS = 500


def main() -> None:
    """Print the processor time of an upload at each size: of one object, again and again."""
    for size in _SIZES:
        with _server() as (url, server):
            options = ClientOptions(api_endpoint=url)
            client = Client(project="logline-local", credentials=AnonymousCredentials(), client_options=options)
            bucket = client.create_bucket("benchmark")
            for number in range(size):
                bucket.blob(f"logs/{number}").upload_from_string(_CONTENT)
            before = sum(server.cpu_times()[:2])
            for _ in range(_RUNS):
                bucket.blob("logs/0").upload_from_string(_CONTENT)
            milliseconds = 1000 * (sum(server.cpu_times()[:2]) - before) / _RUNS
            print(f"an upload of 1 kB beside {size:,} objects: {milliseconds:.2f} ms of the server's processor time")


@contextmanager
def _server() -> Iterator[tuple[str, psutil.Process]]:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "emulators.storage", "--port", str(port), "--data-dir", folder]
        server = subprocess.Popen(command)
        try:
            wait_for(lambda: _answers(url), seconds=60, what="the Cloud Storage emulator")
            yield url, psutil.Process(server.pid)
        finally:
            server.terminate()
            server.wait()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url).close()
    except urllib.error.URLError:
        return False
    return True
