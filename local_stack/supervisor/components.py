"""What the local stack consists of: each component's command, its probe, and what has to be up before it."""

import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from local_stack.airflow import zygote
from local_stack.config import HOST, StackConfig
from local_stack.postgres import cluster_name
from local_stack.service_accounts import AIRFLOW
from local_stack.supervisor import probes
from local_stack.supervisor.probes import Probe

PRELOAD_AFTER = 15.0
"""Seconds after which the stack's other parts are up, and Beam is imported for the jobs to come."""


@dataclass(frozen=True)
class Component:
    """One process of the stack.

    Attributes:
        name: Short name, also that of its log file.
        label: Name shown to people.
        argv: Command line.
        log: File that takes its output.
        probe: Tells whether it is well; None for a command that has to end with exit code 0 instead.
        timeout: Seconds it may take to come up.
        after: Names of the components that have to be up before it starts.
        ports: Names of the ports it listens on.
        stop_signal: What asks it to end.
        cluster: Name of its PostgreSQL cluster, whose processes leave its session; empty where there is none.
        forked: Whether it is forked from the process that imports Airflow; only at its first start.
        imported: The last module that it waits for there; empty: it waits for all.
        account: The service account that it calls the emulators as.
    """

    name: str
    label: str
    argv: tuple[str, ...]
    log: Path
    probe: Probe | None
    timeout: float
    after: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    cluster: str = ""
    forked: bool = False
    imported: str = ""
    account: str = ""


def emulator_components(config: StackConfig) -> list[Component]:
    """Return the emulators of Google Cloud."""
    ports, data = config.ports, config.state_dir

    def emulator(name: str, label: str, probe: Probe, names: tuple[str, ...], *options: object) -> Component:
        argv = (sys.executable, "-m", f"emulators.{name}", "--host", HOST, "--port", str(ports[name]))
        policy = ("--policy", str(config.policy_file), "--access-log", str(config.logs_dir / f"{name}-access.jsonl"))
        return Component(
            name=name,
            label=label,
            argv=(*argv, *policy, *map(str, options)),
            log=config.logs_dir / f"{name}.log",
            probe=probe,
            timeout=90,
            ports=names,
        )

    pubsub = emulator(
        "pubsub", "Pub/Sub emulator", probes.grpc_answers(ports["pubsub"]), ("pubsub",), "--state-dir", data / "pubsub"
    )
    return [
        emulator(
            "storage",
            "Cloud Storage emulator",
            probes.http_answers(f"{config.url('storage')}/"),
            ("storage",),
            *("--data-dir", data / "storage"),
            *("--pubsub", config.pubsub_host),
        ),
        emulator(
            "bigquery",
            "BigQuery emulator",
            probes.both(
                probes.http_answers(f"{config.url('bigquery')}/healthz"), probes.grpc_answers(ports["bigquery_grpc"])
            ),
            ("bigquery", "bigquery_grpc"),
            *("--grpc-port", ports["bigquery_grpc"]),
            *("--data-dir", data / "bigquery"),
            *("--storage", f"http://{config.entrance('storage')}"),
            *("--project", config.project),
            *("--clock-file", config.clock_file),
            *(("--memory", config.bigquery_memory) if config.bigquery_memory else ()),
        ),
        *([] if config.other_pubsub else [pubsub]),
        emulator(
            "dataflow",
            "Dataflow emulator",
            probes.both(probes.http_answers(config.url("dataflow")), probes.grpc_answers(ports["dataflow_grpc"])),
            ("dataflow", "dataflow_grpc"),
            *("--grpc-port", ports["dataflow_grpc"]),
            *("--state-dir", data / "dataflow"),
            *("--project", config.project),
            *("--template-bucket", config.bucket),
            *("--image", "backfill=beam_jobs.backfill"),
            *("--image", "stream=beam_jobs.stream"),
            *("--image", "replay=beam_jobs.replay"),
            *("--preload", "beam_jobs.preload", "--preload-after", PRELOAD_AFTER),
            *("--clock-file", config.clock_file),
        ),
    ]


def airflow_components(config: StackConfig) -> list[Component]:
    """Return Airflow: its database, its tables brought up to date, API server, scheduler, DAG processor, triggerer.

    Tasks talk to the API server and to the emulators, triggers to the emulators: what starts them starts after these.
    """

    def airflow(
        name: str,
        label: str,
        *options: str,
        probe: Probe | None,
        after: tuple[str, ...],
        ports: tuple[str, ...] = (),
        imported: str = "",
    ) -> Component:
        return Component(
            name=name,
            label=label,
            argv=(sys.executable, "-m", "airflow", *options),
            log=config.logs_dir / f"{name}.log",
            probe=probe,
            timeout=240,
            after=after,
            ports=ports,
            forked=True,
            imported=imported,
            account=AIRFLOW,
        )

    emulators = tuple(emulator.name for emulator in emulator_components(config))
    return [
        Component(
            name="postgres",
            label="Airflow database",
            argv=(sys.executable, "-m", "local_stack.postgres"),
            log=config.logs_dir / "postgres.log",
            probe=probes.postgres_answers(config),
            timeout=90,
            ports=("postgres",),
            stop_signal=signal.SIGINT,  # SIGTERM would wait for its clients
            cluster=cluster_name(config.state_dir),
        ),
        airflow(
            "airflow-database",
            "Airflow tables",
            *("db", "migrate"),
            probe=None,
            after=("postgres",),
            imported=zygote.DATABASE[-1],
        ),
        airflow(
            "airflow-api-server",
            "Airflow UI and API",
            "api-server",
            probe=probes.http_answers(f"{config.airflow_url}/api/v2/version", holding=b'"version"'),
            after=("airflow-database",),
            ports=("airflow",),
        ),
        # Without their log servers, which bind to every address; the API server reads the log files itself.
        airflow(
            "airflow-scheduler",
            "Airflow scheduler",
            *("scheduler", "--skip-serve-logs"),
            probe=probes.airflow_beats(config, "SchedulerJob"),
            after=("airflow-api-server", *emulators),
        ),
        airflow(
            "airflow-dag-processor",
            "Airflow DAG processor",
            "dag-processor",
            probe=probes.airflow_beats(config, "DagProcessorJob"),
            after=("airflow-database",),
        ),
        airflow(
            "airflow-triggerer",
            "Airflow triggerer",
            *("triggerer", "--skip-serve-logs"),
            probe=probes.airflow_beats(config, "TriggererJob"),
            after=("airflow-database", *emulators),
        ),
    ]


def stack_components(config: StackConfig, *, airflow: bool) -> list[Component]:
    """Return the components in the order they start.

    Args:
        config: The stack.
        airflow: False for the emulators alone.
    """
    return emulator_components(config) + (airflow_components(config) if airflow else [])
