"""Uploads to the local Cloud Storage: what one costs in a small bucket and in a large one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from statistics import median

from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from local_stack.ports import free_ports
from local_stack.waiting import wait_for

_CONTENT = b"x" * 1000
_SIZES = (10, 1_000, 10_000)
_MEASURED = 200


def main() -> None:
    """Fill a bucket, and print the median time of 200 uploads at each size: of one object, again and again."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "emulators.storage", "--port", str(port), "--data-dir", folder]
        server = subprocess.Popen(command)
        try:
            wait_for(lambda: _answers(url), seconds=60, what="the Cloud Storage emulator")
            options = ClientOptions(api_endpoint=url)
            client = Client(project="logline-local", credentials=AnonymousCredentials(), client_options=options)
            bucket = client.create_bucket("benchmark")
            objects = 1
            for size in _SIZES:
                for number in range(objects, size):
                    bucket.blob(f"logs/{number}").upload_from_string(_CONTENT)
                objects = size
                seconds = []
                for _ in range(_MEASURED):
                    start = time.perf_counter()
                    bucket.blob("logs/0").upload_from_string(_CONTENT)
                    seconds.append(time.perf_counter() - start)
                print(f"an upload of 1 kB to a bucket of {size:,} objects: {1000 * median(seconds):.1f} ms (median)")
        finally:
            server.terminate()
            server.wait()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url).close()
    except urllib.error.URLError:
        return False
    return True
