"""Starts the Pub/Sub emulator: `python -m emulators.pubsub --state-dir DIR`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from emulators.guard.rules import Guard, add_allowed_hosts
from emulators.pubsub.api.methods import unary_methods
from emulators.pubsub.api.rest import application
from emulators.pubsub.api.server import create_server
from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.log.store import StateError, Store
from emulators.pubsub.shared_port import FirstBytes

_GRACE_SECONDS = 5.0
#: Google's discovery client keeps its connection and fails when it finds it closed.
_KEEP_ALIVE_SECONDS = 600
#: In the state folder, which the process works in: the path of a Unix socket is limited to about 100 bytes.
_GRPC_SOCKET = "grpc.sock"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m emulators.pubsub",
        description="A local Pub/Sub that keeps its state. Point clients at it with PUBSUB_EMULATOR_HOST=HOST:PORT.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8085, help="port of gRPC and REST, 0 for a free one (default: %(default)s)"
    )
    add_allowed_hosts(parser)
    parser.add_argument("--state-dir", type=Path, required=True, help="folder of the state; created where missing")
    parser.add_argument(
        "--project",
        action="append",
        default=[],
        help="serve this project only, all others are NOT_FOUND (repeatable; default: every project)",
    )
    return parser.parse_args(argv)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    is_dual = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((host.strip("[]"), port), family=family, backlog=128, dualstack_ipv6=is_dual)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", error)
        raise StateError(f"cannot listen on {host}:{port} ({reason}): give another --host or --port") from None


async def _serve(store: Store, listener: socket.socket, arguments: argparse.Namespace) -> None:
    broker = Broker(store)
    methods = unary_methods(broker, arguments.project)
    grpc_server = create_server(broker, methods)
    http_state = ServerState()
    http_config = uvicorn.Config(
        application(methods, Guard(arguments.allowed_hosts)),
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
        grpc_server.add_insecure_port(f"unix:{_GRPC_SOCKET}")
        await grpc_server.start()
        server = await loop.create_server(lambda: FirstBytes(_GRPC_SOCKET, http_protocol), sock=listener)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        port = listener.getsockname()[1]
        print(f"Pub/Sub emulator listening on {arguments.host}:{port}, state in {arguments.state_dir}", flush=True)
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the emulator until SIGTERM or SIGINT.

    Returns:
        The exit code: 0 after a signal, 1 with one line on stderr where it cannot start or its state cannot be written.
    """
    arguments = _arguments(argv)
    try:
        with (
            _listen(arguments.host, arguments.port) as listener,
            contextlib.closing(Store(arguments.state_dir)) as store,
        ):
            os.chdir(arguments.state_dir)
            asyncio.run(_serve(store, listener, arguments))
    except StateError as error:
        print(f"Pub/Sub emulator: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
