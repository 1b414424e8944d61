"""The variables that point a process at a local stack."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from local_stack.config import BIGQUERY_MEMORY, ENTRANCES, HOST, PORTS, REPOSITORY, StackConfig
from local_stack.credentials import access_token, credentials_file
from local_stack.google_cloud_cli import google_cloud_cli
from local_stack.service_accounts import BATCH, STREAM, account_credentials, account_token, email

MARK = "LOGLINE_STACK_PROCESS"
"""Every process of a stack carries its state folder here, and no other process does: see supervisor/processes.py."""


def client_environment(config: StackConfig, account: str = "") -> dict[str, str]:
    """Return the variables that point Google's clients, Airflow and logline at the emulators, with their secret.

    Args:
        config: The stack.
        account: The service account that calls them, whose jobs then run as theirs; empty: who has the stack's secret.
    """
    token = account_token(config, account) if account else access_token(config)
    credentials = str(account_credentials(config, account) if account else credentials_file(config))
    connection = {
        "conn_type": "google_cloud_platform",
        "extra": {"credential_config_file": credentials, "project": config.project, "num_retries": 0},
    }
    return {
        "GOOGLE_APPLICATION_CREDENTIALS": credentials,
        "GOOGLE_CLOUD_PROJECT": config.project,
        "NO_GCE_CHECK": "true",
        "STORAGE_EMULATOR_HOST": f"http://{config.entrance('storage')}",
        "BIGQUERY_EMULATOR_HOST": f"http://{config.entrance('bigquery')}",
        "BIGQUERY_EMULATOR_GRPC_HOST": config.entrance("bigquery_grpc"),
        "PUBSUB_EMULATOR_HOST": config.pubsub_host,
        "DATAFLOW_EMULATOR_HOST": f"http://{config.entrance('dataflow')}",
        "DATAFLOW_EMULATOR_GRPC_HOST": config.entrance("dataflow_grpc"),
        "DATAFLOW_EMULATOR_TOKEN": token,
        **google_cloud_cli(config),
        **_accounts_of_jobs(config, account),
        "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": json.dumps(connection, separators=(",", ":")),
        "AIRFLOW_HOME": str(config.airflow_home),
        "LOGLINE_STATE_DIR": str(config.state_dir),
        "LOGLINE_BUCKET": config.bucket,
        "LOGLINE_DATASET": config.dataset,
        "LOGLINE_REGION": config.region,
        "LOGLINE_LOCATION": config.location,
        "LOGLINE_TOPIC": config.topic,
        "LOGLINE_STREAM_JOB": config.stream_job,
        # The emulator has no console: what its API says of the job.
        "LOGLINE_JOB_PAGE": f"{config.url('dataflow')}/v1b3/projects/{{project}}/locations/{{region}}/jobs/{{job_id}}",
        "LOGLINE_POLL_SECONDS": "1",
        **({BIGQUERY_MEMORY: str(config.bigquery_memory)} if config.bigquery_memory else {}),
        **(
            {ENTRANCES: " ".join(f"{name}={port}" for name, port in config.entrances.items())}
            if config.entrances
            else {}
        ),
        **{port.variable: str(config.ports[name]) for name, port in PORTS.items()},
    }


def _accounts_of_jobs(config: StackConfig, account: str) -> dict[str, str]:
    if not account:
        return {}
    return {
        "LOGLINE_SERVICE_ACCOUNT": email(config, BATCH),
        "LOGLINE_STREAM_SERVICE_ACCOUNT": email(config, STREAM),
    }


def search_paths(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what a process finds programs, modules and the emulators by.

    PATH begins with the virtual environment, PYTHONPATH with the repository and Airflow's endpoint switches, and
    NO_PROXY keeps a proxy of the network out of the way to this machine.
    """
    binaries = Path(sys.prefix) / "bin"
    modules = [str(REPOSITORY), str(REPOSITORY / "local_stack" / "airflow")]
    return {
        "PATH": _in_front([str(binaries)], environ.get("PATH", "")),
        "PYTHONPATH": _in_front(modules, environ.get("PYTHONPATH", "")),
        "NO_PROXY": _in_front([HOST, "localhost"], environ.get("NO_PROXY", ""), separator=","),
    }


def client_process_environment(
    config: StackConfig, environ: Mapping[str, str] = os.environ, account: str = ""
) -> dict[str, str]:
    """Return the whole environment of a process that uses the stack, as a service account where one is named.

    What the caller's shell says about Airflow, PostgreSQL or credentials of Google Cloud does not reach it.
    """
    inherited = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("AIRFLOW_", "_AIRFLOW_", "BQEMU_", "PG")) and name != "PYTHONHOME"
    }
    return {**inherited, **client_environment(config, account), **search_paths(environ)}


def component_environment(
    config: StackConfig, environ: Mapping[str, str] = os.environ, account: str = ""
) -> dict[str, str]:
    """Return the whole environment of a process of the stack, that of Airflow as its service account."""
    return {
        **client_process_environment(config, environ, account),
        "PYTHONUNBUFFERED": "1",
        # setproctitle, which Airflow calls, would otherwise overwrite the memory where the mark stands.
        "SPT_NOENV": "1",
        MARK: str(config.state_dir),
    }


def _in_front(entries: list[str], path: str, separator: str = os.pathsep) -> str:
    rest = [entry for entry in path.split(separator) if entry and entry not in entries]
    return separator.join([*entries, *rest])
