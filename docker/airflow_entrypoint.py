"""Start one of Airflow's services in its container; everything it needs may come up before or after it.

    airflow_entrypoint.py init | api-server | scheduler | dag-processor | triggerer | ANY AIRFLOW COMMAND

`init` migrates Airflow's database and records it there; the services wait for that, so they may start in any order. A
variable that is set but empty counts as not set. With the profile `gcp` among COMPOSE_PROFILES nothing points at the
emulators, and new DAGs wait until somebody unpauses them, since their jobs cost money.

A scheduler, DAG processor or triggerer that hangs is killed, so that its container starts again: engines start a
container again whose process ended, not one that is unhealthy.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import psycopg2

from emulators.guard.authorized_user import authorized_user

SERVICES = ("api-server", "scheduler", "dag-processor", "triggerer")
BEATING = {"scheduler": "SchedulerJob", "dag-processor": "DagProcessorJob", "triggerer": "TriggererJob"}
"""Those with a heartbeat, each with its job_type in Airflow's table `job`."""
ASK_SECONDS = 10
STILL_SECONDS = 180
"""After so long without a new heartbeat a service hangs: Airflow's beat every 5 s."""
TOKEN = "DATAFLOW_EMULATOR_TOKEN"  # noqa: S105 (its name)
EMULATORS = (
    *("STORAGE_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "DATAFLOW_EMULATOR_HOST"),
    *("BIGQUERY_EMULATOR_GRPC_HOST", "DATAFLOW_EMULATOR_GRPC_HOST", TOKEN, "NO_GCE_CHECK"),
)
CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
WAIT_SECONDS = 600
DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


class StartError(Exception):
    """The service cannot start; the message is one line."""


def main(command: list[str]) -> int:
    """Prepare the environment, wait, and run the service; returns its exit code.

    Raises:
        StartError: Something is not set, or the database does not come up.
    """
    for name in [name for name, value in os.environ.items() if name.isupper() and not value]:
        del os.environ[name]
    choose_cloud()
    if command == ["init"]:
        initialise()
        return 0
    if command[0] in SERVICES:
        wait_for_database(migrated=True)
    if command[0] == "api-server":
        write_password()
    if command[0] not in BEATING:
        os.execvp("airflow", ["airflow", *command])  # noqa: S606 (no shell)
    return run_while_it_beats(command)


def choose_cloud() -> None:
    """Point the clients at the emulators or at Google Cloud.

    Raises:
        StartError: The user's own project, bucket or credentials are missing, or the emulators' token.
    """
    project, bucket = os.environ.get("GOOGLE_CLOUD_PROJECT", ""), os.environ.get("LOGLINE_BUCKET", "")
    if "gcp" not in os.environ.get("COMPOSE_PROFILES", "").split(","):
        os.environ.pop(CREDENTIALS, None)
        os.environ.setdefault("LOGLINE_POLL_SECONDS", "1")
        token = os.environ.get(TOKEN)
        if not token:
            raise StartError(f"{TOKEN} is not set: run make secrets")
        extra = {"credential_config_file": authorized_user(token), "project": project, "num_retries": 0}
    else:
        for name in EMULATORS:
            os.environ.pop(name, None)
        for name, value in (("LOGLINE_PROJECT", project), ("LOGLINE_BUCKET", bucket)):
            if not value or value == "logline-local":
                raise StartError(f"{name} is not set: COMPOSE_PROFILES has gcp, so .env must name your own")
        credentials = Path(os.environ.get(CREDENTIALS, ""))
        if not (credentials.is_file() and os.access(credentials, os.R_OK)):
            raise StartError(
                "GOOGLE_APPLICATION_CREDENTIALS is not set: COMPOSE_PROFILES has gcp, so .env must name a file with "
                "credentials that user 1000 may read"
            )
        os.environ["AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"] = "True"
        extra = {"project": project}
    os.environ["AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT"] = json.dumps({"conn_type": "google_cloud_platform", "extra": extra})


def initialise() -> None:
    """Bring the database up to date, and note in it for which release of Airflow."""
    wait_for_database(migrated=False)
    subprocess.run(["airflow", "db", "migrate"], check=True)
    connection = connect()
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS logline")
        cursor.execute("CREATE TABLE IF NOT EXISTS logline.migrated (airflow text PRIMARY KEY)")
        cursor.execute("INSERT INTO logline.migrated VALUES (%s) ON CONFLICT DO NOTHING", (version("apache-airflow"),))
    connection.close()


def wait_for_database(*, migrated: bool) -> None:
    """Wait until the database answers, and where asked until `init` has done its work.

    Raises:
        StartError: It has not within WAIT_SECONDS.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    said = ""
    while True:
        reason = what_is_missing(migrated=migrated)
        if not reason:
            return
        if reason != said:
            print(f"waiting: {reason}", file=sys.stderr, flush=True)
            said = reason
        if time.monotonic() > deadline:
            raise StartError(f"not within {WAIT_SECONDS} s: {reason}")
        time.sleep(1)


def what_is_missing(*, migrated: bool) -> str:
    """Return what the database lacks, as one line; empty where it is ready."""
    try:
        connection = connect()
    except psycopg2.OperationalError as error:
        return f"the database does not answer: {str(error).strip().splitlines()[0]}"
    try:
        if migrated:
            with connection.cursor() as cursor:
                cursor.execute("SELECT to_regclass('logline.migrated')")
                if cursor.fetchone() == (None,):
                    return "the service init has not migrated the database yet"
                cursor.execute("SELECT 1 FROM logline.migrated WHERE airflow = %s", (version("apache-airflow"),))
                if cursor.fetchone() is None:
                    return f"the service init has not migrated the database to Airflow {version('apache-airflow')} yet"
    finally:
        connection.close()
    return ""


def run_while_it_beats(command: list[str]) -> int:
    """Run a service of Airflow, pass on the signals to end, and kill it when its heartbeat stands still.

    Returns:
        Its exit code, that of a shell where a signal ended it.
    """
    service = subprocess.Popen(["airflow", *command], start_new_session=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: service.send_signal(received))
    threading.Thread(target=kill_when_still, args=(service.pid, command[0]), daemon=True).start()
    code = service.wait()
    return code if code >= 0 else 128 - code


def kill_when_still(group: int, service: str) -> None:
    """Kill a service's process group when STILL_SECONDS have passed without a new heartbeat.

    They are counted here, and only while the database answers: a machine that slept, or a database that was away, is no
    fault of the service.
    """
    beat, since = latest_beat(service), time.monotonic()
    while time.monotonic() - since < STILL_SECONDS:
        time.sleep(ASK_SECONDS)
        now = latest_beat(service)
        if now is None or now != beat:
            beat, since = now, time.monotonic()
    said = f"error: {service} hangs: no heartbeat for {STILL_SECONDS} s; it is killed, to be started again"
    print(said, file=sys.stderr, flush=True)
    os.killpg(group, signal.SIGKILL)


def latest_beat(service: str) -> str | None:
    """Return the last heartbeat of a service on this host: "" where there is none, None without a database."""
    try:
        with closing(connect()) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT MAX(latest_heartbeat)::text FROM job WHERE job_type = %s AND hostname = %s",
                (BEATING[service], socket.gethostname()),
            )
            return cursor.fetchone()[0] or ""
    except psycopg2.Error:
        return None


def connect() -> psycopg2.extensions.connection:
    """Open a connection to Airflow's database."""
    return psycopg2.connect(os.environ[DATABASE].replace("postgresql+psycopg2://", "postgresql://"), connect_timeout=5)


def write_password() -> None:
    """Write the password file of Airflow's simple auth manager, which only this user can read."""
    path = Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    path.touch(mode=0o600)
    path.write_text(json.dumps({"admin": os.environ.pop("LOGLINE_ADMIN_PASSWORD")}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (StartError, subprocess.CalledProcessError) as error:
        sys.exit(f"error: {error}")
