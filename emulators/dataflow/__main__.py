"""Start the Dataflow emulator: `python -m emulators.dataflow --state-dir DIR --project ID --image NAME=MODULE`."""

import argparse
import fcntl
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import grpc
import uvicorn

from emulators.dataflow.api import rest, rpc
from emulators.dataflow.api.service import DataflowService
from emulators.dataflow.jobs.store import JobStore
from emulators.dataflow.launch.confinement import Confinement
from emulators.dataflow.process.follower import JobFollower
from emulators.guard.rules import Guard, add_allowed_hosts
from emulators.guard.token import SHORTEST, Token

_ENDING_SIGNALS = {signal.SIGTERM, signal.SIGINT}
#: Google's discovery client keeps its connection and fails when it finds it closed, and Airflow's hook polls with one
#: client every 10 s: longer than a web server usually waits.
_KEEP_ALIVE_SECONDS = 600
#: Environment variable of the secret that callers send as an access token.
_TOKEN = "DATAFLOW_EMULATOR_TOKEN"  # noqa: S105 - its name
_STOPPED = "The Dataflow emulator was stopped while the job was active."


class StartError(Exception):
    """The emulator cannot start; the message is one line."""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m emulators.dataflow",
        description=f"A local Dataflow. {_TOKEN} holds the secret that callers send as their access token.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=9070, help="of the REST API (default: %(default)s)")
    parser.add_argument("--grpc-port", type=int, default=9071, help="of the gRPC API (default: %(default)s)")
    add_allowed_hosts(parser)
    parser.add_argument("--state-dir", type=Path, required=True, help="folder for the jobs, their logs and metrics")
    parser.add_argument("--project", required=True, help="the project it serves")
    parser.add_argument(
        "--image",
        type=_image,
        action="append",
        default=[],
        metavar="NAME=MODULE",
        help="the entry point that an image stands for; may be given again",
    )
    parser.add_argument(
        "--template-bucket",
        action="append",
        required=True,
        metavar="BUCKET",
        help="a bucket whose template specs may be launched; may be given again",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        action="append",
        default=[],
        help="a folder in which parameters may name files; may be given again (default: gs:// only)",
    )
    parser.add_argument(
        "--preload",
        action="append",
        default=[],
        metavar="MODULE",
        help="imported once and not by every job, such as one that an entry point imports; may be given again",
    )
    return parser.parse_args(arguments)


def _image(text: str) -> tuple[str, str]:
    name, _, module = text.partition("=")
    if not (name and module):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=MODULE, such as words=my_jobs.words")
    return name, module


def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT, then end all jobs as failed and leave no process behind.

    A SIGKILL leaves the jobs running; the next start on the same state folder goes on with them.

    Raises:
        StartError: A port or the state folder is taken, or there is no secret.
    """
    # Blocked before any thread starts, so that all of them leave these signals to the wait below.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)
    token = _token()
    state_dir = arguments.state_dir.resolve()
    lock = _lock(state_dir)
    listener = _listen(arguments.host, arguments.port)
    store = JobStore(state_dir / "jobs.sqlite3")
    follower = JobFollower(store, state_dir / "jobs", preload=arguments.preload)
    confinement = Confinement(arguments.template_bucket, arguments.folder)
    service = DataflowService(arguments.project, store, follower, dict(arguments.image), confinement)
    grpc_server = rpc.server(service, token)
    grpc_port = _add_port(grpc_server, arguments.host, arguments.grpc_port)
    http_server = uvicorn.Server(
        uvicorn.Config(
            rest.application(service, Guard(arguments.allowed_hosts), token),
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
    )
    http = threading.Thread(target=http_server.run, kwargs={"sockets": [listener]}, name="rest")

    follower.start()
    grpc_server.start()
    http.start()
    print(
        f"Dataflow emulator: REST on http://{arguments.host}:{listener.getsockname()[1]}, gRPC on "
        f"{arguments.host}:{grpc_port}, project {arguments.project}, state in {state_dir}",
        flush=True,
    )
    signal.sigwait(_ENDING_SIGNALS)

    http_server.should_exit = True
    http.join()
    grpc_server.stop(grace=1).wait()
    follower.stop(_STOPPED)
    store.close()
    os.close(lock)


def _token() -> Token:
    try:
        return Token(os.environ.get(_TOKEN, ""))
    except ValueError as error:
        raise StartError(f"{_TOKEN} must hold a secret of {SHORTEST} characters or more") from error


def _lock(state_dir: Path) -> int:
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        lock = os.open(state_dir / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise StartError(f"the state folder {state_dir} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StartError(f"another Dataflow emulator uses the state folder {state_dir}: stop it first") from error
    return lock


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        raise StartError(f"port {port} on {host} is not free ({error.strerror}): choose another --port") from error
    return listener


def _add_port(server: grpc.Server, host: str, port: int) -> int:
    try:
        return int(server.add_insecure_port(f"{host}:{port}"))
    except RuntimeError as error:
        raise StartError(f"port {port} on {host} is not free: choose another --grpc-port") from error


def main() -> None:
    """Run the command."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        serve(parse_arguments())
    except StartError as error:
        sys.exit(f"Dataflow emulator: {error}")


if __name__ == "__main__":
    main()
