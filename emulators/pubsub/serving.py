"""The emulator as a process: from a free port to a clean end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import socket

from emulators.pubsub.api.server import create_server
from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.errors import PubsubError
from emulators.pubsub.log.store import StateError, Store
from emulators.pubsub.provisioning import provision

_GRACE_SECONDS = 5.0


class StartError(Exception):
    """The emulator cannot start or go on; the message is one line."""


def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        StartError: The port, the state or a topic cannot be had, or the state cannot be written any more.
    """
    _require_free(arguments.host, arguments.port)
    try:
        with contextlib.closing(Store(arguments.state_dir)) as store:
            asyncio.run(_serve(store, arguments))
    except StateError as error:
        raise StartError(str(error)) from error


def _require_free(host: str, port: int) -> None:
    """Fail with one line where gRPC would log several before it fails."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host.strip("[]"), port), family=family).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", error)
        raise StartError(f"cannot listen on {host}:{port} ({reason}): give another --host or --port") from None


async def _serve(store: Store, arguments: argparse.Namespace) -> None:
    broker = Broker(store)
    server = create_server(broker, arguments.project)
    try:
        await _provision(broker, arguments)
        bound = server.add_insecure_port(f"{arguments.host}:{arguments.port}")
        await server.start()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        state = arguments.state_dir or "memory: --state-dir keeps it"
        print(f"Pub/Sub emulator listening on {arguments.host}:{bound}, state in {state}")
        print(f"export PUBSUB_EMULATOR_HOST={arguments.host}:{bound}", flush=True)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([stopping, broker.journal.task], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        broker.begin_closing()
        await server.stop(_GRACE_SECONDS)
        if broker.journal.task.done():
            await broker.journal.task
    finally:
        await broker.close()


async def _provision(broker: Broker, arguments: argparse.Namespace) -> None:
    for project in arguments.project:
        for topic, subscription in arguments.topics:
            try:
                await provision(broker, project, topic, subscription)
            except PubsubError as error:
                wanted = ":".join(filter(None, (topic, subscription)))
                raise StartError(f"--topic {wanted}: {error.message}") from error
