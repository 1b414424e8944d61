"""The DAGs and jobs as service accounts with the roles of the Terraform module: all pass, and no role is needless."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emulators.guard.iam import Access
from local_stack.clients.dataflow import DataflowApi, DataflowJob
from local_stack.config import REPOSITORY
from local_stack.service_accounts import BATCH, PUBLISHER, ROLES, email, policy, resources
from local_stack.waiting import wait_for
from tests.integration.permissions.conftest import DagRuns, World

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600)]

DAY = "2026-11-01"
LINE = b'192.0.2.7 - - [01/Nov/2026:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8.0"\n'
GRANTS = [(on, account, role) for on, given in ROLES.items() for account, roles in given.items() for role in roles]
NOTICED_BY_NO_EMULATOR = {
    ("project", "airflow", "roles/compute.viewer"): "Dataflow looks at network and machine type at the launch",
    ("temp_bucket", "stream", "roles/storage.objectUser"): "Beam's temporary files, of which a local runner has none",
}


@dataclass(frozen=True)
class Ran:
    """What ran, in what state it ended, and what was asked of the policy meanwhile."""

    states: Mapping[str, str]
    checks: Sequence[Mapping[str, Any]]


@pytest.fixture(scope="module")
def ran(world: World, dag_runs: DagRuns, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    states: dict[str, str] = {}

    def run(dag_id: str, passes: str, **conf: Any) -> None:
        """Run a DAG in which one task, at least, is not skipped."""
        answer = dag_runs.run(dag_id, **conf)
        states[f"{dag_id} {passes}"] = answer["state"] if answer["state"] != "success" else answer["tasks"][passes]

    with world.stack.storage() as storage, world.stack.bigquery() as client:
        client.create_dataset(world.config.staging_dataset)  # without an expiry, which `provision` then sets
        run("provision", "upload_templates[-1]")
        log = storage.bucket(world.config.bucket).blob(f"permitted/{DAY}/a.log")
        log.upload_from_string(LINE * 3 + b"no line\n")
        assert dag_runs.run("arrivals") == {"heard": 1}
        source = f"gs://{world.config.bucket}/permitted/{{date}}/*"
        run("log_backfill", "unit.land[0]", start_date=DAY, end_date=DAY, max_rejected_percent=100, source=source)
        launch_with_a_pattern(world, source.format(date=DAY))
        run("daily_summary", "build_days[-1]", day=DAY)
        run("stream_supervisor", "launch[-1]")
        publish(world, tmp_path_factory.mktemp("published"))
        landed = f"SELECT COUNT(*) AS n FROM {world.config.dataset}.streamed_requests WHERE log_date > '2000-01-01'"
        wait_for(lambda: next(iter(client.query_and_wait(landed))).n > 0, seconds=300, what="a streamed row", pause=1.0)
        run("stream_supervisor", "check[-1]")
        run("dead_letter_replay", "land[-1]")
        run("sweep", "check_overdue[-1]")
        run("late_lines", "reopen_days[-1]")
    with world.stack.dataflow() as dataflow:
        for job in dataflow.jobs(world.config.stream_job):
            dataflow.drain(job.id)
        eventually_ended(dataflow, world.config.stream_job)
    return Ran(states, world.checks())


def launch_with_a_pattern(world: World, source: str) -> None:
    """Launch a job by hand that lists its objects itself, and wait for its end."""
    parameters = {"source": source, "output": f"gs://{world.config.temp_bucket}/by-hand", "run_id": "by-hand"}
    body = {
        "jobName": "permitted-by-hand",
        "containerSpecGcsPath": f"gs://{world.config.bucket}/templates/backfill.json",
        "parameters": parameters,
        "environment": {"serviceAccountEmail": email(world.config, BATCH)},
    }
    with world.stack.dataflow() as dataflow:
        dataflow.launch(body)
        (job,) = eventually_ended(dataflow, body["jobName"])
    assert job.state == "JOB_STATE_DONE"


def eventually_ended(dataflow: DataflowApi, name: str) -> Sequence[DataflowJob]:
    wait_for(lambda: not any(one.is_active for one in dataflow.jobs(name)), seconds=300, what=f"the end of {name}")
    return dataflow.jobs(name)


def publish(world: World, folder: Path) -> None:
    topic = f"projects/{world.config.project}/topics/{world.config.topic}"
    subprocess.run(
        [
            *(sys.executable, "-m", "beam_jobs.generate_logs", "--publish", f"--topic={topic}"),
            *("--messages=20", "--rate=100", f"--truth={folder / 'truth.json'}"),
        ],
        env=world.environment(PUBLISHER),
        cwd=REPOSITORY,
        check=True,
    )


def test_everything_succeeds(ran: Ran) -> None:
    assert ran.states == dict.fromkeys(ran.states, "success")


def test_nothing_is_refused(ran: Ran) -> None:
    assert [one for one in ran.checks if not one["granted_by"]] == []


@pytest.mark.parametrize(("on", "account", "role"), GRANTS)
def test_without_a_role_something_is_refused(
    world: World, ran: Ran, tmp_path: Path, on: str, account: str, role: str
) -> None:
    caller, (resource, _) = email(world.config, account), resources(world.config)[on]
    needed = [one for one in ran.checks if (one["account"], one["granted_by"]) == (caller, [f"{role} on {resource}"])]
    if (on, account, role) in NOTICED_BY_NO_EMULATOR:
        assert needed == []
        return
    assert needed, "nothing needs it: take it away, or say why it is there"
    granted = policy(world.config)
    members = [f"serviceAccount:{caller}"]
    left = [
        one
        for one in granted["bindings"]
        if (one["resource"], one["role"], one["members"]) != (resource, role, members)
    ]
    assert len(left) == len(granted["bindings"]) - 1
    (tmp_path / "policy.json").write_text(json.dumps({**granted, "bindings": left}))
    without = Access(tmp_path / "policy.json").as_account(caller)
    assert not any(without.may(one["permission"], one["resource"]) for one in needed)
