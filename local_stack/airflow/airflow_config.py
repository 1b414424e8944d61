"""Airflow's settings on the local stack, written to airflow.cfg in its home, and its secrets."""

import base64
import configparser
import io
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from local_stack.config import HOST, REPOSITORY, StackConfig
from local_stack.postgres import sqlalchemy_url
from local_stack.private_files import write_private

USER = "admin"

PARALLELISM = 24
"""Tasks at once: more than all DAGs together start, so that the stream's supervisor always finds a slot."""


@dataclass(frozen=True)
class AirflowSecrets:
    """What Airflow signs and encrypts with, and the password of its user; made once per state folder."""

    jwt_secret: str
    api_secret_key: str
    fernet_key: str
    password: str


def airflow_secrets(config: StackConfig) -> AirflowSecrets:
    """Return the secrets of this state folder; the first call makes them (a file only its owner can read)."""
    path = config.airflow_home / "secrets.json"
    if path.exists():
        return AirflowSecrets(**json.loads(path.read_text()))
    made = AirflowSecrets(
        jwt_secret=secrets.token_urlsafe(64),
        api_secret_key=secrets.token_urlsafe(64),
        fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        password=secrets.token_urlsafe(12),
    )
    write_private(path, json.dumps(asdict(made)))
    return made


def write_airflow_config(config: StackConfig) -> None:
    """Write airflow.cfg and the password file of Airflow's simple auth manager."""
    known = airflow_secrets(config)
    passwords = config.airflow_home / "passwords.json"
    write_private(passwords, json.dumps({USER: known.password}) + "\n")
    parser = configparser.RawConfigParser()
    parser.read_dict(_settings(config, known, passwords))
    text = io.StringIO()
    parser.write(text)
    write_private(config.airflow_home / "airflow.cfg", text.getvalue())


def _settings(config: StackConfig, known: AirflowSecrets, passwords: Path) -> dict[str, dict[str, str]]:
    settings: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": REPOSITORY / "dags",
            "plugins_folder": REPOSITORY / "plugins",
            "executor": "LocalExecutor",
            "parallelism": PARALLELISM,
            "load_examples": False,
            "dags_are_paused_at_creation": False,
            "fernet_key": known.fernet_key,
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_passwords_file": passwords,
            "execution_api_server_url": f"http://{config.entrance('airflow')}/execution/",
            # The default asks a name server.
            "hostname_callable": "socket.gethostname",
            # A DAG file imports Google's operators: seconds on a quiet machine, more while everything starts.
            "dagbag_import_timeout": 300,
        },
        "database": {
            "sql_alchemy_conn": sqlalchemy_url(config),
            "sql_alchemy_session_maker": "local_stack.airflow.database_sessions.session_maker",
        },
        "api": {
            "host": HOST,
            "port": config.ports["airflow"],
            "base_url": config.airflow_url,
            "workers": 1,
            "secret_key": known.api_secret_key,
            "instance_name": "logline",
        },
        "api_auth": {"jwt_secret": known.jwt_secret},
        "scheduler": {
            # How long a finished task waits for its successor, at most.
            "scheduler_idle_sleep_time": 0.2,
            # A killed worker's task fails after a minute instead of five,
            "task_instance_heartbeat_timeout": 60,
            # and the tasks of a killed scheduler run again half a minute after its last heartbeat.
            "orphaned_tasks_check_interval": 30,
        },
        "dag_processor": {
            "refresh_interval": 10,
            # An edited file is parsed at the next refresh; an unchanged one need not be, again and again.
            "min_file_process_interval": 300,
            "stale_dag_threshold": 300,
            "dag_file_processor_timeout": 360,
        },
        "workers": {"execution_api_timeout": 30},
        "logging": {
            "base_log_folder": config.task_logs_dir,
            "dag_processor_child_process_log_directory": config.task_logs_dir / "dag_processor",
            "file_task_handler_new_folder_permissions": "0o700",
            "file_task_handler_new_file_permissions": "0o600",
            "colored_console_log": False,
        },
    }
    # Airflow expands %-sequences of airflow.cfg.
    return {
        section: {name: str(value).replace("%", "%%") for name, value in options.items()}
        for section, options in settings.items()
    }
