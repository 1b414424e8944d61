"""A stack for tests and benchmarks, on free ports and in a folder of its own, stopped at the end."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import psutil
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.storage import Client as StorageClient

from emulators.clock import set_ahead
from local_stack import launch
from local_stack.clients.airflow import AirflowApi
from local_stack.clients.dataflow import DataflowApi
from local_stack.config import PORTS, REPOSITORY, StackConfig, StackError
from local_stack.environment import client_environment, client_process_environment
from local_stack.ports import free_ports
from local_stack.supervisor import processes
from local_stack.supervisor.state import ComponentState, read_state
from local_stack.waiting import wait_for


@dataclass(frozen=True)
class RunningStack:
    """A stack that is up.

    Attributes:
        config: Its settings.
    """

    config: StackConfig

    @property
    def env(self) -> dict[str, str]:
        """The variables that point a process at it, as ``make env`` prints them."""
        return client_environment(self.config)

    @property
    def process_env(self) -> dict[str, str]:
        """The whole environment for a child process that uses it."""
        return client_process_environment(self.config)

    @property
    def bucket(self) -> str:
        """Name of the bucket of logs, staging files and templates (not created here)."""
        return self.config.bucket

    @property
    def dataset(self) -> str:
        """Name of the dataset of the tables (not created here)."""
        return self.config.dataset

    @property
    def project(self) -> str:
        """Google Cloud project id."""
        return self.config.project

    def component(self, name: str) -> ComponentState:
        """Return what the supervisor knows of a component, such as ``bigquery`` or ``airflow-scheduler``."""
        state = read_state(self.config)
        if state is None:
            raise StackError(f"no stack in {self.config.state_dir}")
        return state.components[name]

    def set_clock_ahead(self, ahead: timedelta) -> None:
        """Set the clock of its emulators, so that a test need not wait."""
        set_ahead(self.config.clock_file, ahead)

    def kill(self, name: str, *, seconds: float = 120, with_children: bool = False) -> None:
        """Kill a component with SIGKILL and wait until the supervisor has brought it up again.

        Args:
            name: The component.
            seconds: How long to wait at most.
            with_children: Kill all processes of its session: with Airflow's scheduler its workers and their tasks.

        Raises:
            StackError: It is not up within `seconds`.
        """
        before = self.component(name)
        leader = psutil.Process(before.pid)
        others = processes.group(leader.pid, self.config.state_dir) if with_children else []
        for process in (leader, *others):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

        def is_up_again() -> bool:
            now = self.component(name)
            return now.restarts != before.restarts and now.status == "up"

        wait_for(is_up_again, seconds=seconds, what=f"{before.label} to be up after it was killed", pause=0.1)

    def generate_logs(self, **options: object) -> str:
        """Write generated logs to `gs://BUCKET/logs`, and their truth to `gs://BUCKET/truth.json`: it is no log.

        Args:
            **options: Options of ``python -m beam_jobs.generate_logs``; True for one that takes no value.

        Returns:
            What the generator prints.

        Raises:
            StackError: It fails; the text is the last line of its stderr.
        """
        arguments = [f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items()]
        made = subprocess.run(
            [
                *(sys.executable, "-m", "beam_jobs.generate_logs", f"--output=gs://{self.bucket}/logs"),
                *(f"--truth=gs://{self.bucket}/truth.json", *arguments),
            ],
            env=self.process_env,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            reason = (made.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise StackError(f"the generator failed: {reason}")
        return made.stdout.strip()

    def airflow(self) -> AirflowApi:
        """Return a client of Airflow's REST API; close it when done."""
        return AirflowApi.of(self.config)

    def dataflow(self) -> DataflowApi:
        """Return a client of the Dataflow API; close it when done."""
        return DataflowApi.of(self.config)

    def storage(self) -> StorageClient:
        """Return a Cloud Storage client; close it when done."""
        return StorageClient(
            project=self.project,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options=ClientOptions(api_endpoint=self.config.url("storage")),
        )

    def bigquery(self) -> bigquery.Client:
        """Return a BigQuery client; close it when done."""
        return bigquery.Client(
            project=self.project,
            location=self.config.location,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options=ClientOptions(api_endpoint=self.config.url("bigquery")),
        )


@contextlib.contextmanager
def running_stack(
    state_dir: Path,
    *,
    airflow: bool,
    bigquery_memory: int | None = None,
    entrances: Mapping[str, int] = MappingProxyType({}),
    ports: Mapping[str, int] | None = None,
) -> Iterator[RunningStack]:
    """Start a stack on free ports and stop it at the end, also when this process is killed.

    Args:
        state_dir: Its folder.
        airflow: False for the emulators alone.
        bigquery_memory: As in `StackConfig`.
        entrances: As in `StackConfig`.
        ports: Those that the proxies of `entrances` lead to; None: any that are free.
    """
    ports = ports or dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    config = StackConfig(
        state_dir=state_dir.resolve(), ports=ports, bigquery_memory=bigquery_memory, entrances=entrances
    )
    try:
        launch.up(config, airflow=airflow, owner=os.getpid(), tell=print, watch=lambda _: None)
        yield RunningStack(config)
    finally:
        launch.down(config, tell=print)
