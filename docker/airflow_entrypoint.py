"""Start one of Airflow's services in its container; everything it needs may come up before or after it.

    airflow_entrypoint.py init | api-server | scheduler | dag-processor | triggerer | ANY AIRFLOW COMMAND

`init` migrates Airflow's database and records it there; the services wait for that, so they may start in any order. A
variable that is set but empty counts as not set. With the profile `gcp` among COMPOSE_PROFILES nothing points at the
emulators, and new DAGs wait until somebody unpauses them, since their jobs cost money.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import psycopg2

from emulators.guard.authorized_user import authorized_user

SERVICES = ("api-server", "scheduler", "dag-processor", "triggerer")
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


def main(command: list[str]) -> None:
    """Prepare the environment, wait, and become the service.

    Raises:
        StartError: Something is not set, or the database does not come up.
    """
    for name in [name for name, value in os.environ.items() if name.isupper() and not value]:
        del os.environ[name]
    choose_cloud()
    if command == ["init"]:
        initialise()
        return
    if command[0] in SERVICES:
        wait_for_database(migrated=True)
    if command[0] == "api-server":
        write_password()
    os.execvp("airflow", ["airflow", *command])  # noqa: S606 (no shell)


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
        main(sys.argv[1:])
    except (StartError, subprocess.CalledProcessError) as error:
        sys.exit(f"error: {error}")
