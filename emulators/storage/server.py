"""A local Cloud Storage: its JSON API over a folder.

``python -m emulators.storage --port 9023 --data-dir DIR``

It keeps objects as the service does: any name, one generation after the other, each there as a whole or not at all
whenever the process is killed, and tells Pub/Sub of each change that somebody wants to know of (`--pubsub`). It leaves
out what logs and batch jobs do without: access control, versions, holds, retention, soft deletion and signed addresses.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from emulators.guard.asgi import GuardedApplication
from emulators.guard.iam import Access, add_policy
from emulators.guard.rules import Guard, add_allowed_hosts
from emulators.storage.api import application
from emulators.storage.pubsub import Deliveries, PubSub
from emulators.storage.store import ObjectStore

_FORMER_LAYOUT = ".cloudstorage"
_UPLOADS = r"/upload/|(/storage/v1)?/b/[^/]+/o\?(.*&)?uploadType=|/(?!(storage|upload|download|batch|b)/)[^/]+/."
"""Targets of uploads: the JSON API's, those of clients that leave out `/upload`, and the XML API's `/bucket/object`."""


def serve(
    *,
    host: str,
    port: int,
    allowed_hosts: Sequence[str],
    data_dir: Path,
    pubsub: str | None,
    policy: Path | None,
    access_log: Path | None,
) -> None:
    """Serve Cloud Storage's JSON API until SIGTERM or SIGINT.

    Args:
        host: Address to bind to.
        port: Port to bind to; ``GET /`` answers OK.
        allowed_hosts: Names beside those of loopback by which clients reach it.
        data_dir: Folder of the objects, created where missing.
        pubsub: HOST:PORT of Pub/Sub, which takes the notifications; None for none.
        policy: As `Access` has it.
        access_log: Likewise.
    """
    if (data_dir / _FORMER_LAYOUT).exists():
        sys.exit(f"{data_dir} holds objects of an earlier version, which this one cannot read: delete it (make clean)")
    store = ObjectStore(data_dir.resolve())
    access = Access(policy, access_log)
    topics = PubSub(pubsub, access) if pubsub else None
    deliveries = Deliveries(store.notifications, topics) if topics else None
    if deliveries:
        deliveries.start()
    uvicorn.run(
        GuardedApplication(application(store, topics), Guard(allowed_hosts, uploads=_UPLOADS), access=access),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
    )
    if deliveries:
        deliveries.stop()
    store.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m emulators.storage", description="Cloud Storage emulator")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9023)
    add_allowed_hosts(parser)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of the objects")
    parser.add_argument("--pubsub", metavar="HOST:PORT", help="Pub/Sub, which takes the notifications of buckets")
    add_policy(parser)
    serve(**vars(parser.parse_args()))
