"""``python -m local_stack up | down | status | env``: the local stack from the command line."""

import argparse
import logging
import os
import shlex
import sys

from local_stack import launch, status
from local_stack.airflow.airflow_config import USER, airflow_secrets, write_airflow_config
from local_stack.config import StackConfig, StackError, read_config
from local_stack.environment import client_environment, search_paths
from local_stack.private_files import UMASK, check_owner, own_folder, write_private
from local_stack.progress import Progress
from local_stack.service_accounts import write_policy
from local_stack.supervisor.components import stack_components
from local_stack.supervisor.state import read_state, running_config, supervisor_lock
from local_stack.supervisor.supervisor import Supervisor
from logline_cli import connection
from logline_cli.connection import Connection
from logline_cli.errors import ClientError


def main() -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local_stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("up", "start the stack and wait until it is up"),
        ("supervise", "run the stack in the foreground (up does this in the background)"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--without-airflow", action="store_true", help="the emulators alone")
        command.add_argument("--owner", type=int, metavar="PID", help="stop the stack when this process has ended")
    commands.add_parser("down", help="stop the stack; its data stays")
    commands.add_parser(
        "status", help="what runs, and where; exit code 0: all is up, 3: down, 4: something is not well"
    )
    commands.add_parser("env", help="print the exports that point a shell at the stack")
    given = parser.parse_args()
    try:
        config = read_config()
        check_owner(config.state_dir)
        config = running_config(config)
        if given.command == "up":
            return _up(config, airflow=not given.without_airflow, owner=given.owner)
        if given.command == "supervise":
            return _supervise(config, airflow=not given.without_airflow, owner=given.owner)
        return {"down": _down, "status": _status, "env": _env}[given.command](config)
    except ClientError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; make status tells what runs, make down stops it", file=sys.stderr)
        return 130


def _up(config: StackConfig, *, airflow: bool, owner: int | None) -> int:
    with Progress() as progress:
        launch.up(config, airflow=airflow, owner=owner, tell=progress.line, watch=progress.show)
    if airflow:
        _print_airflow(config)
    return 0


def _supervise(config: StackConfig, *, airflow: bool, owner: int | None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    os.umask(UMASK)
    own_folder(config.state_dir)
    with supervisor_lock(config.state_dir) as free:
        if not free:
            raise StackError(f"a supervisor for {config.state_dir} runs already")
        write_policy(config)
        if airflow:
            write_airflow_config(config)
            write_private(config.state_dir / connection.FILE, _connection(config).text())
        components = stack_components(config, airflow=airflow)
        return Supervisor(config, components, airflow=airflow, owner=owner).run()


def _down(config: StackConfig) -> int:
    launch.down(config, tell=print)
    return 0


def _status(config: StackConfig) -> int:
    lines, code = status.describe(config)
    print("\n".join(lines))
    state = read_state(config)
    if code != status.DOWN and state is not None and state.airflow:
        _print_airflow(config)
    return code


def _env(config: StackConfig) -> int:
    for name, value in {**client_environment(config), **search_paths()}.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _connection(config: StackConfig) -> Connection:
    """Return what the command `logline` needs to find the stack."""
    return Connection(
        airflow_url=config.airflow_url,
        user=USER,
        password=airflow_secrets(config).password,
        storage_url=config.url("storage"),
        bucket=config.bucket,
    )


def _print_airflow(config: StackConfig) -> None:
    print(f"Airflow: {config.airflow_url}  user {USER}  password {airflow_secrets(config).password}")


if __name__ == "__main__":
    sys.exit(main())
