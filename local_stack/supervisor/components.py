"""What the local stack consists of: each component's command, its probe, and what has to be up before it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from local_stack.config import HOST, StackConfig
from local_stack.supervisor import probes


@dataclass(frozen=True)
class Component:
    """One process of the stack.

    Attributes:
        name: Short name, also that of its log file.
        label: Name shown to people.
        argv: Command line.
        log: File that takes its output.
        probe: Tells whether it is up; None for a command that has to end with exit code 0 instead.
        timeout: Seconds it may take to come up.
        after: Names of the components that have to be up before it starts.
        ports: Names of the ports it listens on.
    """

    name: str
    label: str
    argv: tuple[str, ...]
    log: Path
    probe: Callable[[datetime], bool] | None
    timeout: float
    after: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()


def emulator_components(config: StackConfig) -> list[Component]:
    """Return the emulators of Google Cloud."""
    ports, data = config.ports, config.state_dir

    def emulator(
        name: str, label: str, probe: Callable[[datetime], bool], names: tuple[str, ...], *options: object
    ) -> Component:
        argv = (sys.executable, "-m", f"emulators.{name}", "--host", HOST, "--port", str(ports[name]))
        return Component(
            name=name,
            label=label,
            argv=(*argv, *map(str, options)),
            log=config.logs_dir / f"{name}.log",
            probe=probe,
            timeout=90,
            ports=names,
        )

    pubsub = emulator(
        "pubsub", "Pub/Sub emulator", probes.listens(ports["pubsub"]), ("pubsub",), "--state-dir", data / "pubsub"
    )
    return [
        emulator(
            "storage",
            "Cloud Storage emulator",
            probes.http_ok(f"{config.url('storage')}/"),
            ("storage",),
            *("--data-dir", data / "storage"),
        ),
        emulator(
            "bigquery",
            "BigQuery emulator",
            probes.both(probes.http_ok(f"{config.url('bigquery')}/healthz"), probes.listens(ports["bigquery_grpc"])),
            ("bigquery", "bigquery_grpc"),
            *("--grpc-port", ports["bigquery_grpc"]),
            *("--data-dir", data / "bigquery"),
            *("--storage", config.url("storage")),
            *("--project", config.project),
        ),
        *([] if config.other_pubsub else [pubsub]),
        emulator(
            "dataflow",
            "Dataflow emulator",
            probes.listens(ports["dataflow"], ports["dataflow_grpc"]),
            ("dataflow", "dataflow_grpc"),
            *("--grpc-port", ports["dataflow_grpc"]),
            *("--state-dir", data / "dataflow"),
            *("--project", config.project),
            *("--image", "backfill=beam_jobs.backfill"),
            *("--image", "stream=beam_jobs.stream"),
            *("--image", "replay=beam_jobs.replay"),
        ),
    ]


def airflow_components(config: StackConfig) -> list[Component]:
    """Return Airflow: its database brought up to date, then API server, scheduler, DAG processor, triggerer."""

    def airflow(
        name: str, label: str, *options: str, probe: Callable[[datetime], bool] | None, **more: object
    ) -> Component:
        return Component(
            name=name,
            label=label,
            argv=(sys.executable, "-m", "airflow", *options),
            log=config.logs_dir / f"{name}.log",
            probe=probe,
            timeout=240,
            **more,  # type: ignore[arg-type]
        )

    reports = partial(probes.airflow_reports, config)
    migrated = {"after": ("airflow-database",)}
    return [
        airflow("airflow-database", "Airflow database", "db", "migrate", probe=None),
        airflow(
            "airflow-api-server",
            "Airflow UI and API",
            "api-server",
            probe=probes.http_ok(f"{config.airflow_url}/api/v2/monitor/health"),
            ports=("airflow",),
            **migrated,
        ),
        # Without their log servers, which bind to every address; the API server reads the log files itself.
        airflow(
            "airflow-scheduler",
            "Airflow scheduler",
            *("scheduler", "--skip-serve-logs"),
            probe=reports("scheduler"),
            **migrated,
        ),
        airflow(
            "airflow-dag-processor",
            "Airflow DAG processor",
            "dag-processor",
            probe=reports("dag_processor"),
            **migrated,
        ),
        airflow(
            "airflow-triggerer",
            "Airflow triggerer",
            *("triggerer", "--skip-serve-logs"),
            probe=reports("triggerer"),
            **migrated,
        ),
    ]


def stack_components(config: StackConfig, *, airflow: bool) -> list[Component]:
    """Return the components in the order they start.

    Args:
        config: The stack.
        airflow: False for the emulators alone.
    """
    return emulator_components(config) + (airflow_components(config) if airflow else [])
