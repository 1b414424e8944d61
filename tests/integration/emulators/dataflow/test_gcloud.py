"""The `gcloud dataflow` commands, wherever gcloud is installed."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.emulators.dataflow.conftest import LOCATION, PROJECT, SPEC, TOKEN, Emulator

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed"),
]


@pytest.fixture(scope="module")
def environment(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    token_file = tmp_path_factory.mktemp("token") / "access-token"
    token_file.write_text(TOKEN)
    return {
        **os.environ,
        "CLOUDSDK_CONFIG": str(tmp_path_factory.mktemp("gcloud")),
        "CLOUDSDK_CORE_PROJECT": PROJECT,
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(token_file),
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAFLOW": f"{emulator.endpoint}/",
    }


def gcloud(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["gcloud", "dataflow", *arguments, "--region", LOCATION, "--format", "json"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def answer(run: subprocess.CompletedProcess[str]) -> Any:
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout or "null")


def test_run_list_show_and_cancel(emulator: Emulator, environment: dict[str, str], gate: Path) -> None:
    launched = answer(
        gcloud(
            environment,
            *("flex-template", "run", "from-gcloud", "--template-file-gcs-location", SPEC),
            *("--parameters", f"until={gate}", "--max-workers", "2", "--additional-user-labels", "team=web"),
        )
    )
    job_id = launched["job"]["id"]
    emulator.wait(job_id, "RUNNING")
    active = answer(gcloud(environment, "jobs", "list", "--status", "active"))
    assert ("from-gcloud", "Running") in {(job["name"], job["state"]) for job in active}
    shown = answer(gcloud(environment, "jobs", "show", job_id))
    assert (shown["id"], shown["state"], shown["type"]) == (job_id, "Running", "Batch")

    cancelled = gcloud(environment, "jobs", "cancel", job_id)
    assert f"Cancelled job [{job_id}]" in cancelled.stderr
    assert emulator.wait(job_id) == "CANCELLED"


def test_errors_reach_the_user(environment: dict[str, str]) -> None:
    run = gcloud(environment, "flex-template", "run", "bad", "--template-file-gcs-location", f"{SPEC}.none")
    assert run.returncode == 1
    assert "Unable to open template file" in run.stderr
