"""The operators, sensors and triggers of Airflow's Google provider against the emulators, unmodified."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emulators.guard.authorized_user import authorized_user
from local_stack.running import RunningStack
from tests.integration.emulators.dataflow.conftest import PROJECT, REPOSITORY, SPEC, TOKEN, Emulator

pytestmark = pytest.mark.integration

needs_beam_provider = pytest.mark.skipif(
    importlib.util.find_spec("airflow.providers") is None
    or importlib.util.find_spec("airflow.providers.apache") is None,
    reason="DataflowHook of provider 22.8.0 imports apache-airflow-providers-apache-beam, which is not installed",
)


def call(folder: Path, environment: dict[str, str], *names: str) -> dict[str, dict[str, Any]]:
    """Run functions of airflow_calls.py in one process; their results by name."""
    run = subprocess.run(
        [sys.executable, Path(__file__).with_name("airflow_calls.py"), *names],
        env={
            **os.environ,
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
            "PYTHONPATH": f"{REPOSITORY / 'local_stack' / 'airflow'}{os.pathsep}{REPOSITORY}",
            "NO_GCE_CHECK": "true",
            "TMPDIR": str(folder),  # the emulator lets jobs use files below it
            **environment,
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    results: dict[str, dict[str, Any]] = json.loads(run.stdout.splitlines()[-1])
    return results


def connection(project: str) -> dict[str, str]:
    extra = {"credential_config_file": authorized_user(TOKEN), "project": project, "num_retries": 0}
    return {
        "GOOGLE_CLOUD_PROJECT": project,
        "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": json.dumps({"conn_type": "google_cloud_platform", "extra": extra}),
    }


DATAFLOW_CALLS = {
    "start_and_wait_in_a_sensor": {"returned": [False, "success", True]},
    "start_and_wait_in_the_operator": {"returned": "JOB_STATE_DONE"},
    "start_a_job_that_fails": {
        "returned": ["error", "Job with id 'ID' is already in terminal state: JOB_STATE_FAILED"]
    },
    "start_deferred": {"returned": "success"},
    "stop": {"returned": "success"},
    "poll_for_long": {
        "returned": {"statuses": ["success"] * 4, "more_connections": 0, "more_than_10_MB": False},
    },
    "read_metrics_and_messages": {"returned": [[5, 5], ["ERROR:root:loud"], [5, 5], ["ERROR:root:loud"]]},
}


@pytest.fixture(scope="module")
def dataflow_results(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    environment = {
        **connection(PROJECT),
        "TEST_SPEC": SPEC,
        "DATAFLOW_EMULATOR_HOST": emulator.endpoint,
        "DATAFLOW_EMULATOR_GRPC_HOST": emulator.grpc_target,
    }
    return call(tmp_path_factory.mktemp("airflow"), environment, *DATAFLOW_CALLS, "start_twice")


@needs_beam_provider
@pytest.mark.parametrize("name", DATAFLOW_CALLS)
def test_dataflow(dataflow_results: dict[str, dict[str, Any]], name: str) -> None:
    assert dataflow_results[name] == DATAFLOW_CALLS[name]


@needs_beam_provider
def test_the_operator_meets_the_duplicate_guard(dataflow_results: dict[str, dict[str, Any]]) -> None:
    raised = dataflow_results["start_twice"]["raised"]
    assert raised.startswith("HttpError: <HttpError 409 ")
    assert "There is already an active job named twice." in raised


STORE_CALLS = {
    "check_values_in_bigquery": {"returned": "checked"},
    "read_a_job_of_bigquery_in_a_trigger": {"returned": "42"},
    "find_objects_in_a_trigger": {"returned": [True, ["logs/a.log"]]},
}


@pytest.fixture(scope="module")
def store_results(emulators: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return call(tmp_path_factory.mktemp("airflow"), emulators.env, *STORE_CALLS)


@pytest.mark.parametrize("name", STORE_CALLS)
def test_bigquery_and_cloud_storage(store_results: dict[str, dict[str, Any]], name: str) -> None:
    assert store_results[name] == STORE_CALLS[name]
