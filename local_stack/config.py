"""The settings of a local stack: its state folder, its ports and the names of its resources."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from logline_cli.errors import ClientError

REPOSITORY = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
BIGQUERY_MEMORY = "LOGLINE_BIGQUERY_MEMORY_MIB"
LEAST_BIGQUERY_MEMORY = 128
ENTRANCES = "LOGLINE_ENTRANCES"


class StackError(ClientError):
    """Something of the stack that the user has to know or fix, as one line of text."""


@dataclass(frozen=True)
class Port:
    """A port of the stack: the variable that sets it, its default, and who listens there."""

    variable: str
    default: int
    owner: str


PORTS = {
    "airflow": Port("LOGLINE_AIRFLOW_PORT", 8080, "Airflow"),
    "postgres": Port("LOGLINE_POSTGRES_PORT", 9032, "Airflow database"),
    "bigquery": Port("LOGLINE_BIGQUERY_PORT", 9050, "BigQuery emulator"),
    "bigquery_grpc": Port("LOGLINE_BIGQUERY_GRPC_PORT", 9060, "BigQuery emulator, gRPC"),
    "storage": Port("LOGLINE_GCS_PORT", 9023, "Cloud Storage emulator"),
    "pubsub": Port("LOGLINE_PUBSUB_PORT", 8085, "Pub/Sub emulator"),
    "dataflow": Port("LOGLINE_DATAFLOW_PORT", 9070, "Dataflow emulator"),
    "dataflow_grpc": Port("LOGLINE_DATAFLOW_GRPC_PORT", 9071, "Dataflow emulator, gRPC"),
}


@dataclass(frozen=True)
class StackConfig:
    """Settings of one stack.

    Attributes:
        state_dir: Absolute folder of all the stack's files.
        ports: Port number by name, the names of `PORTS`.
        project: Google Cloud project id.
        bucket: Cloud Storage bucket of logs, staging files and templates.
        dataset: BigQuery dataset of the tables.
        region: Dataflow region.
        location: BigQuery location.
        topic: Pub/Sub topic of the live log lines.
        stream_job: Name of the streaming job.
        temp_name: Bucket of staging and temporary files; empty: `bucket`.
        staging_name: BigQuery dataset of staging tables; empty: `dataset` and `_staging`.
        subscription: Pub/Sub subscription of the streaming job.
        arrivals_topic: Topic of the bucket's notifications.
        arrivals_subscription: Subscription of the DAG `arrivals`.
        other_pubsub: HOST:PORT of a Pub/Sub emulator that runs elsewhere; empty: the stack runs its own.
        bigquery_memory: MiB of tables and of queries that the BigQuery emulator holds in memory; None: its default.
        entrances: Port number by name where clients reach a server through a proxy, which a test has put before it.
    """

    state_dir: Path
    ports: Mapping[str, int]
    project: str = "logline-local"
    bucket: str = "logline-local"
    dataset: str = "logline"
    region: str = "us-central1"
    location: str = "US"
    topic: str = "log-lines"
    stream_job: str = "log-stream"
    temp_name: str = ""
    staging_name: str = ""
    subscription: str = "log-stream"
    arrivals_topic: str = "logline-arrivals"
    arrivals_subscription: str = "logline-arrivals"
    other_pubsub: str = ""
    bigquery_memory: int | None = None
    entrances: Mapping[str, int] = field(default_factory=dict)

    @property
    def temp_bucket(self) -> str:
        """Bucket of staging and temporary files, by default as the settings of the DAGs have it."""
        return self.temp_name or self.bucket

    @property
    def staging_dataset(self) -> str:
        """BigQuery dataset of staging tables, by default as the settings of the DAGs have it."""
        return self.staging_name or f"{self.dataset}_staging"

    @property
    def policy_file(self) -> Path:
        """Service accounts and their roles: `emulators.guard.iam`."""
        return self.state_dir / "policy.json"

    @property
    def logs_dir(self) -> Path:
        """Folder with one log file per component."""
        return self.state_dir / "logs"

    @property
    def clock_file(self) -> Path:
        """What tests set the emulators' clock by: `emulators.clock`."""
        return self.state_dir / "clock"

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor itself says."""
        return self.logs_dir / "supervisor.log"

    @property
    def state_file(self) -> Path:
        """What runs, as the supervisor last wrote it."""
        return self.state_dir / "stack.json"

    @property
    def airflow_home(self) -> Path:
        """Airflow's home: configuration, secrets, task logs."""
        return self.state_dir / "airflow"

    @property
    def task_logs_dir(self) -> Path:
        """Logs of Airflow's tasks and of its DAG files."""
        return self.airflow_home / "logs"

    @property
    def airflow_url(self) -> str:
        """Base URL of the Airflow UI and API."""
        return f"http://{HOST}:{self.ports['airflow']}"

    @property
    def pubsub_host(self) -> str:
        """HOST:PORT of Pub/Sub, as PUBSUB_EMULATOR_HOST has it."""
        return self.other_pubsub or self.entrance("pubsub")

    def url(self, name: str) -> str:
        """Return the base URL of the server behind a port of `PORTS`."""
        return f"http://{HOST}:{self.ports[name]}"

    def entrance(self, name: str) -> str:
        """Return HOST:PORT where clients reach the server behind a port of `PORTS`."""
        return f"{HOST}:{self.entrances.get(name, self.ports[name])}"


def read_config(environ: Mapping[str, str] = os.environ) -> StackConfig:
    """Read the settings from the LOGLINE_* variables, and PUBSUB_EMULATOR_HOST where it names another emulator.

    Raises:
        StackError: A port is not a port number, two servers share one, an address is malformed, or a memory is none.
    """
    ports: dict[str, int] = {}
    for name, port in PORTS.items():
        given = environ.get(port.variable, "").strip() or str(port.default)
        if not given.isdecimal() or not 0 < int(given) < 65536:
            raise StackError(f"{port.variable}={given} is no port number: set it to a number from 1 to 65535")
        for other, number in ports.items():
            if number == int(given):
                raise StackError(
                    f"port {given} is set for both the {PORTS[other].owner} and the {port.owner}: "
                    f"set {port.variable} to another number"
                )
        ports[name] = int(given)
    state_dir = Path(environ.get("LOGLINE_STATE_DIR") or REPOSITORY / ".local").expanduser().resolve()
    names = {
        field: environ[variable]
        for field, variable in (
            ("bucket", "LOGLINE_BUCKET"),
            ("dataset", "LOGLINE_DATASET"),
            ("region", "LOGLINE_REGION"),
            ("location", "LOGLINE_LOCATION"),
            ("topic", "LOGLINE_TOPIC"),
            ("stream_job", "LOGLINE_STREAM_JOB"),
            ("temp_name", "LOGLINE_TEMP_BUCKET"),
            ("staging_name", "LOGLINE_STAGING_DATASET"),
            ("subscription", "LOGLINE_SUBSCRIPTION"),
            ("arrivals_topic", "LOGLINE_ARRIVALS_TOPIC"),
            ("arrivals_subscription", "LOGLINE_ARRIVALS_SUBSCRIPTION"),
        )
        if environ.get(variable)
    }
    memory = environ.get(BIGQUERY_MEMORY, "").strip()
    if memory and (not memory.isdecimal() or int(memory) < LEAST_BIGQUERY_MEMORY):
        raise StackError(
            f"{BIGQUERY_MEMORY}={memory} is not a number of MiB: set it to {LEAST_BIGQUERY_MEMORY} or more"
        )
    config = StackConfig(
        state_dir=state_dir,
        ports=ports,
        bigquery_memory=int(memory) if memory else None,
        entrances=_read_entrances(environ.get(ENTRANCES, "")),
        **names,
    )
    pubsub_host = environ.get("PUBSUB_EMULATOR_HOST", "").strip()
    # What `make env` has exported is the stack's own.
    if pubsub_host in ("", config.pubsub_host):
        return config
    if host_and_port(pubsub_host) is None:
        raise StackError(f"PUBSUB_EMULATOR_HOST={pubsub_host} is no HOST:PORT: correct it, or unset it")
    return replace(config, other_pubsub=pubsub_host)


def _read_entrances(given: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in given.split():
        name, _, port = entry.partition("=")
        if name not in PORTS or not port.isdecimal():
            raise StackError(f"{ENTRANCES} has {entry}: write NAME=PORT, the names are {', '.join(PORTS)}")
        found[name] = int(port)
    return found


def host_and_port(address: str) -> tuple[str, int] | None:
    """Return the parts of HOST:PORT or [IPV6]:PORT, None for any other text."""
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    return (host, port) if host and port and parts.netloc == address else None
