"""The emulator as a process: from a free port to a clean end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import os
import signal
import socket
import tempfile

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from emulators.guard.iam import Access
from emulators.guard.rules import Guard
from emulators.pubsub.api.methods import unary_methods
from emulators.pubsub.api.rest import application
from emulators.pubsub.api.server import create_server
from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.errors import PubsubError
from emulators.pubsub.log.store import StateError, Store
from emulators.pubsub.provisioning import provision
from emulators.pubsub.shared_port import FirstBytes

_GRACE_SECONDS = 5.0
#: Google's discovery client keeps its connection and fails when it finds it closed.
_KEEP_ALIVE_SECONDS = 600
#: In the folder that the process works in: the path of a Unix socket is limited to about 100 bytes.
_GRPC_SOCKET = "grpc.sock"


class StartError(Exception):
    """The emulator cannot start or go on; the message is one line."""


def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        StartError: The port, the state or a topic cannot be had, or the state cannot be written any more.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_listen(arguments.host, arguments.port))
        try:
            store = stack.enter_context(contextlib.closing(Store(arguments.state_dir)))
            temporary = tempfile.TemporaryDirectory(prefix="pubsub-emulator-")
            os.chdir(arguments.state_dir or stack.enter_context(temporary))
            asyncio.run(_serve(store, listener, arguments))
        except StateError as error:
            raise StartError(str(error)) from error


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    is_dual = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((host.strip("[]"), port), family=family, backlog=128, dualstack_ipv6=is_dual)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", error)
        raise StartError(f"cannot listen on {host}:{port} ({reason}): give another --host or --port") from None


async def _serve(store: Store, listener: socket.socket, arguments: argparse.Namespace) -> None:
    broker = Broker(store)
    methods = unary_methods(broker, arguments.project)
    access = Access(arguments.policy, arguments.access_log)
    grpc_server = create_server(broker, methods, access)
    http_state = ServerState()
    http_config = uvicorn.Config(
        application(methods, Guard(arguments.allowed_hosts), access),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    http_protocol = functools.partial(H11Protocol, http_config, http_state, {})
    loop = asyncio.get_running_loop()
    try:
        await _provision(broker, arguments)
        grpc_server.add_insecure_port(f"unix:{_GRPC_SOCKET}")
        await grpc_server.start()
        server = await loop.create_server(lambda: FirstBytes(_GRPC_SOCKET, http_protocol), sock=listener)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        address = f"{arguments.host}:{listener.getsockname()[1]}"
        state = arguments.state_dir or "memory: --state-dir keeps it"
        print(f"Pub/Sub emulator listening on {address}, state in {state}")
        print(f"export PUBSUB_EMULATOR_HOST={address}", flush=True)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([stopping, broker.journal.task], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        server.close()
        broker.begin_closing()
        for connection in list(http_state.connections):
            connection.shutdown()
        await grpc_server.stop(_GRACE_SECONDS)
        if http_state.tasks:
            await asyncio.wait(http_state.tasks, timeout=_GRACE_SECONDS)
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
