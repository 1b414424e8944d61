"""Start the Pub/Sub emulator: `python -m emulators.pubsub`."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from emulators.guard.iam import add_policy
from emulators.guard.rules import add_allowed_hosts
from emulators.pubsub import __version__


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; --help explains the options\n")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _OneLineParser(
        prog="pubsub-emulator",
        description="A local Pub/Sub. Point clients at it with PUBSUB_EMULATOR_HOST=HOST:PORT.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8085, help="port of gRPC and REST, 0 for a free one (default: %(default)s)"
    )
    add_allowed_hosts(parser)
    parser.add_argument(
        "--state-dir",
        type=Path,
        metavar="FOLDER",
        help="keeps the state over restarts; created where missing (default: in memory, nothing is kept)",
    )
    parser.add_argument(
        "--project",
        action="append",
        default=[],
        metavar="ID",
        help="serve this project only, all others are NOT_FOUND (repeatable; default: every project)",
    )
    parser.add_argument(
        "--topic",
        type=_topic,
        action="append",
        default=[],
        dest="topics",
        metavar="TOPIC[:SUBSCRIPTION]",
        help="create this topic of --project, and a subscription to it, unless they exist (repeatable)",
    )
    add_policy(parser)
    arguments = parser.parse_args(argv)
    if arguments.topics and not arguments.project:
        parser.error("--topic needs the --project that it belongs to")
    return arguments


def _topic(text: str) -> tuple[str, str | None]:
    topic, colon, subscription = text.partition(":")
    if not topic or (colon and not subscription):
        raise argparse.ArgumentTypeError(f"{text!r} is neither TOPIC nor TOPIC:SUBSCRIPTION, such as orders:billing")
    return topic, subscription or None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the emulator until SIGTERM or SIGINT.

    Returns:
        The exit code: 0 after a signal, 1 with one line on stderr where it cannot start or its state cannot be written.
    """
    arguments = _arguments(argv)
    # Not before: --help does not wait for gRPC.
    from emulators.pubsub.serving import StartError, serve

    try:
        serve(arguments)
    except StartError as error:
        print(f"Pub/Sub emulator: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
