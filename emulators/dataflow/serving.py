"""The emulator as a process: from its ports and its state to an end that leaves no job running."""

import argparse
import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import grpc
import uvicorn

from emulators.dataflow.access_files import AccessFiles
from emulators.dataflow.api import rest, rpc
from emulators.dataflow.api.service import DataflowService
from emulators.dataflow.jobs.job import CLOCK
from emulators.dataflow.jobs.store import JobStore
from emulators.dataflow.launch.confinement import Confinement
from emulators.dataflow.process.follower import JobFollower
from emulators.guard.iam import Access
from emulators.guard.rules import Guard
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


def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT, then end all jobs as failed and leave no process behind.

    A SIGKILL leaves the jobs running; the next start on the same state folder goes on with them.

    Raises:
        StartError: A port or the state folder is taken, the secret is too short, or the jobs' Python cannot run them.
    """
    _require_python(arguments.python)
    given_token = _token(os.environ[_TOKEN]) if _TOKEN in os.environ else None
    # Blocked before any thread starts, so that all of them leave these signals to the wait below.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)
    with contextlib.ExitStack() as stack:
        folder = arguments.state_dir or stack.enter_context(tempfile.TemporaryDirectory(prefix="dataflow-emulator-"))
        state_dir = Path(folder).resolve()
        stack.callback(os.close, _lock(state_dir))
        _serve(arguments, state_dir, given_token)


def _serve(arguments: argparse.Namespace, state_dir: Path, given_token: Token | None) -> None:
    CLOCK.follow(arguments.clock_file)
    access_files = AccessFiles(state_dir)
    token = given_token or Token(access_files.secret())
    access = Access(arguments.policy, arguments.access_log)
    listener = _listen(arguments.host, arguments.port)
    store = JobStore(state_dir / "jobs.sqlite3")
    follower = JobFollower(
        store,
        state_dir / "jobs",
        access,
        preload=arguments.preload,
        preload_after=arguments.preload_after,
        launch_seconds=arguments.launch_seconds,
    )
    buckets = dict(arguments.template_bucket)
    service = DataflowService(
        arguments.project,
        store,
        follower,
        dict(arguments.image),
        Confinement(buckets, arguments.folder),
        template_folders={name: folder for name, folder in buckets.items() if folder},
        python=arguments.python,
        most_jobs=arguments.most_jobs,
        access=access,
    )
    grpc_server = rpc.server(service, token, access)
    grpc_port = _add_port(grpc_server, arguments.host, arguments.grpc_port)
    http_server = uvicorn.Server(
        uvicorn.Config(
            rest.application(service, Guard(arguments.allowed_hosts), token, access),
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
    endpoint = f"http://{arguments.host}:{listener.getsockname()[1]}"
    exports = [
        f"export DATAFLOW_EMULATOR_HOST={endpoint}",
        f"export CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAFLOW={endpoint}/",
        *(() if given_token else access_files.exports()),
    ]
    print(
        f"Dataflow emulator: REST on {endpoint}, gRPC on {arguments.host}:{grpc_port}, project {arguments.project}, "
        f"state in {state_dir}",
        *exports,
        sep="\n",
        flush=True,
    )
    signal.sigwait(_ENDING_SIGNALS)

    http_server.should_exit = True
    http.join()
    grpc_server.stop(grace=1).wait()
    follower.stop(_STOPPED)
    store.close()


def _require_python(program: str) -> None:
    """Fail now rather than at each job."""
    try:
        # -P came with 3.11: jobs do not look for modules in the folder where they run.
        ended = subprocess.run([program, "-P", "-c", ""], capture_output=True, check=False)
    except OSError as error:
        raise StartError(f"--python {program} does not start: {error.strerror}") from error
    if ended.returncode:
        raise StartError(f"--python {program} cannot run the jobs: name a Python of version 3.11 or newer")


def _token(secret: str) -> Token:
    try:
        return Token(secret)
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
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", error)
        raise StartError(f"port {port} on {host} is not free ({reason}): choose another --port") from error
    return listener


def _add_port(server: grpc.Server, host: str, port: int) -> int:
    try:
        # gRPC would log several lines, and take the lower 16 bits of a port that is none.
        socket.create_server((host, port)).close()
        return int(server.add_insecure_port(f"{host}:{port}"))
    except (OSError, OverflowError, RuntimeError) as error:
        raise StartError(f"port {port} on {host} is not free ({error}): choose another --grpc-port") from error
