"""A local Cloud Storage: gcp-storage-emulator with its objects on disk.

``python -m emulators.storage --port 9023 --data-dir DIR``

gcp-storage-emulator 2026.7.19 answers one request at a time, so one client that reads slowly stops all others; it
reads a whole object for every range of it, rewrites a resumable upload for every chunk, and a kill in the middle of
a write leaves half an object or half an index. Here requests have threads, ranges and chunks cost what they hold, and
a write is there whole or not at all. Its handlers, and with them the API, are used as they are.
"""

import argparse
import logging
import mmap
import signal
import threading
from collections.abc import Callable, Sequence
from functools import partial, wraps
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import gcp_storage_emulator.server
from gcp_storage_emulator.exceptions import BadRequest
from gcp_storage_emulator.handlers.objects import download
from gcp_storage_emulator.server import HANDLERS, RequestHandler
from gcp_storage_emulator.storage import RESUMABLE_DIR, Storage, _FileStore

from emulators.guard.http_server import guarded
from emulators.guard.rules import Guard, add_allowed_hosts

OBJECTS = ".cloudstorage"
"""Folder below the data folder where ``bucket/object`` lies as a plain file (cf. ``settings.STORAGE_DIR``)."""

_UNFINISHED = ".unfinished"

_UPLOADS = r"/upload/|(/storage/v1)?/b/[^/]+/o\?(.*&)?uploadType=|/(?!(storage|upload|download|batch|b)/)[^/]+/."
"""Targets of uploads: the JSON API's, those of clients that leave out `/upload`, and the XML API's `/bucket/object`."""


class WholeFiles(_FileStore):  # type: ignore[misc]
    """Files that are written whole or not at all."""

    def write_bytes(self, rel: str, content: bytes) -> None:
        """Write a file beside its place, then move it there in one step."""
        path: Path = self._disk_path(rel)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._disk_path(_UNFINISHED)
        unfinished.write_bytes(content)
        unfinished.replace(path)


class DiskStorage(Storage):  # type: ignore[misc]
    """Objects on disk; a chunk of a resumable upload is appended to those before it."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir=str(data_dir))
        self._store = WholeFiles(use_memory=False, root=data_dir / OBJECTS)

    def get_resumable_byte_count(self, file_id: str) -> int:
        """Return how many bytes of a resumable upload have arrived."""
        path = self._resumable_path(file_id)
        return path.stat().st_size if path.is_file() else 0

    def add_to_resumable_upload(
        self, file_id: str, content: bytes, total_size: int | None = None, expected_start: int | None = None
    ) -> bytes | None:
        """Append a chunk to a resumable upload.

        Returns:
            The whole object when all its bytes have arrived, else None.

        Raises:
            BadRequest: The chunk does not start where the last one ended.
        """
        size = self.get_resumable_byte_count(file_id)
        if expected_start is not None and expected_start != size:
            raise BadRequest(f"Invalid Content-Range start: expected {size}, got {expected_start}")
        path = self._resumable_path(file_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(content or b"")
        if total_size is None or size + len(content or b"") < total_size:
            return None
        return path.read_bytes()[:total_size]

    def path(self, bucket_name: str, file_name: str) -> Path:
        """Return where an object's bytes lie."""
        path: Path = self._store._disk_path(self._object_path(bucket_name, file_name))
        return path

    def _resumable_path(self, file_id: str) -> Path:
        return self.path(RESUMABLE_DIR, self.safe_id(file_id))


class MappedObjects:
    """What a download asks of a storage, with an object's bytes mapped: a slice of them costs what it holds."""

    def __init__(self, storage: DiskStorage) -> None:
        self._storage = storage

    def get_file(self, bucket_name: str, file_name: str) -> bytes | mmap.mmap:
        """Return an object's bytes; one that is replaced meanwhile keeps those it had."""
        if self.get_file_obj(bucket_name, file_name)["size"] == "0":
            return b""
        path = self._storage.path(bucket_name, file_name)
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def get_file_obj(self, bucket_name: str, file_name: str) -> dict[str, str]:
        """Return an object's resource.

        Raises:
            NotFound: There is no such object.
        """
        resource: dict[str, str] = self._storage.get_file_obj(bucket_name, file_name)
        return resource


def _one_at_a_time(handler: Callable[..., None], lock: threading.Lock) -> Callable[..., None]:
    @wraps(handler)
    def locked(request: Any, response: Any, storage: DiskStorage) -> None:
        _ = request.data  # the body is read before the lock is taken, the answer is sent after it is given back
        with lock:
            handler(request, response, MappedObjects(storage) if handler is download else storage)

    return locked


def serve(*, host: str, port: int, allowed_hosts: Sequence[str], data_dir: Path) -> None:
    """Serve Cloud Storage's JSON API until SIGTERM or SIGINT.

    Args:
        host: Address to bind to.
        port: Port to bind to; ``GET /`` answers OK.
        allowed_hosts: Names beside those of loopback by which clients reach it.
        data_dir: Folder of the objects, created where missing.
    """
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(levelname)s %(message)s")
    storage = DiskStorage(data_dir.resolve())
    lock = threading.Lock()
    # Whatever asks for this address empties the storage, be it a link.
    handlers = tuple((path, methods) for path, methods in HANDLERS if path != "^/wipe$")
    vars(gcp_storage_emulator.server)["HANDLERS"] = handlers
    for _, methods in handlers:
        for method, handler in methods.items():
            methods[method] = _one_at_a_time(handler, lock)
    request_handler: Callable[..., Any] = guarded(RequestHandler, Guard(allowed_hosts, uploads=_UPLOADS))
    server = ThreadingHTTPServer((host, port), partial(request_handler, storage))
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: threading.Thread(target=server.shutdown).start())
    with server:
        server.serve_forever()
    with lock:  # a write that has begun ends first
        logging.shutdown()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m emulators.storage", description="Cloud Storage emulator")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9023)
    add_allowed_hosts(parser)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of the objects")
    serve(**vars(parser.parse_args()))
