"""Starts the Pub/Sub emulator: `python -m emulators.pubsub --state-dir DIR`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from emulators.pubsub.api.server import create_server
from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.log.store import StateError, Store

_GRACE_SECONDS = 5.0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m emulators.pubsub",
        description="A local Pub/Sub that keeps its state. Point clients at it with PUBSUB_EMULATOR_HOST=HOST:PORT.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8085, help="port, 0 for a free one (default: %(default)s)")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder of the state; created where missing")
    parser.add_argument(
        "--project",
        action="append",
        default=[],
        help="serve this project only, all others are NOT_FOUND (repeatable; default: every project)",
    )
    return parser.parse_args(argv)


def _require_free(host: str, port: int) -> None:
    """Fail with one line where gRPC would log several before it fails."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host.strip("[]"), port), family=family).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", error)
        raise StateError(f"cannot listen on {host}:{port} ({reason}): give another --host or --port") from None


async def _serve(store: Store, arguments: argparse.Namespace) -> None:
    broker = Broker(store)
    server = create_server(broker, arguments.project)
    try:
        bound = server.add_insecure_port(f"{arguments.host}:{arguments.port}")
        await server.start()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        print(f"Pub/Sub emulator listening on {arguments.host}:{bound}, state in {arguments.state_dir}", flush=True)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([stopping, broker.journal.task], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        broker.begin_closing()
        await server.stop(_GRACE_SECONDS)
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
        _require_free(arguments.host, arguments.port)
        with contextlib.closing(Store(arguments.state_dir)) as store:
            asyncio.run(_serve(store, arguments))
    except StateError as error:
        print(f"Pub/Sub emulator: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
