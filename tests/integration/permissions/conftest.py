"""A world in which everybody calls as the service account that the Terraform module gives him."""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

from emulators.guard.iam import Access
from local_stack.config import REPOSITORY, StackConfig
from local_stack.environment import client_process_environment
from local_stack.private_files import write_private
from local_stack.running import RunningStack
from local_stack.service_accounts import AIRFLOW, policy, write_policy

SERVICES = ("bigquery", "dataflow", "pubsub", "storage")


@dataclass
class World:
    """The emulators of the session with names of their own, which no other test uses.

    Attributes:
        stack: the emulators; by its own secret it may do everything.
        config: the names.
    """

    stack: RunningStack
    config: StackConfig
    logged: dict[str, int] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        """The settings of the DAGs that differ from the stack's."""
        config = self.config
        return {
            "LOGLINE_DATASET": config.dataset,
            "LOGLINE_TEMP_BUCKET": config.temp_bucket,
            "LOGLINE_TOPIC": config.topic,
            "LOGLINE_SUBSCRIPTION": config.subscription,
            "LOGLINE_ARRIVALS_TOPIC": config.arrivals_topic,
            "LOGLINE_ARRIVALS_SUBSCRIPTION": config.arrivals_subscription,
            "LOGLINE_STREAM_JOB": config.stream_job,
            "LOGLINE_SOURCE": f"gs://{config.bucket}/permitted/{{date}}/**",
        }

    def environment(self, account: str) -> dict[str, str]:
        """Return the environment of a process that calls as an account."""
        return {**client_process_environment(self.config, account=account), **self.names}

    def checks(self) -> list[dict[str, Any]]:
        """Return what the emulators have asked of the policy since the last time."""
        found = []
        for service in SERVICES:
            log = self.config.logs_dir / f"{service}-access.jsonl"
            lines = log.read_text().splitlines() if log.exists() else []
            found += [{"service": service, **json.loads(line)} for line in lines[self.logged.get(service, 0) :]]
            self.logged[service] = len(lines)
        return found

    def access(self) -> Access:
        """Return what judges by the policy as it is."""
        return Access(self.config.policy_file)


class DagRuns:
    """A process that runs DAGs as Airflow's account."""

    def __init__(self, stdin: IO[str], stdout: IO[str]) -> None:
        self._stdin, self._stdout = stdin, stdout

    def run(self, dag_id: str, **conf: Any) -> dict[str, Any]:
        """Run a DAG; return the states of the run and of its tasks."""
        print(dag_id, json.dumps(conf), file=self._stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._stdout.readline())
        return answer


@pytest.fixture(scope="module")
def world(emulators: RunningStack) -> Iterator[World]:
    config = dataclasses.replace(
        emulators.config,
        dataset="permitted",
        temp_name=f"{emulators.bucket}-temp",
        topic="permitted-lines",
        subscription="permitted-stream",
        arrivals_topic="permitted-arrivals",
        arrivals_subscription="permitted-arrivals",
        stream_job="permitted-stream",
    )
    made = World(emulators, config)
    made.checks()
    write_private(config.policy_file, json.dumps(policy(config)))
    yield made
    write_policy(emulators.config)


@pytest.fixture(scope="module")
def dag_runs(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagRuns]:
    environment = world.environment(AIRFLOW)
    paths = [environment["PYTHONPATH"], str(REPOSITORY / "plugins")]
    home = tmp_path_factory.mktemp("airflow")
    answers, answered = os.pipe()
    with (
        os.fdopen(answers) as read,
        (home / "output.log").open("w") as output,
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("dag_runs.py")), str(answered)],
            env={
                **environment,
                "AIRFLOW_HOME": str(home),
                "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
                "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
                "PYTHONPATH": os.pathsep.join(paths),
            },
            pass_fds=[answered],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        os.close(answered)
        assert process.stdin
        yield DagRuns(process.stdin, read)
        process.kill()
