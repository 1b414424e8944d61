"""Real Beam: a pipeline's counters as metrics, and what DataflowRunner posts."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emulators.guard.authorized_user import authorized_user
from tests.integration.emulators.dataflow.conftest import BUCKET, JOBS, LOCATION, PROJECT, REPOSITORY, TOKEN, Emulator

pytestmark = pytest.mark.integration


def test_the_counters_of_a_pipeline_are_metrics(emulator: Emulator) -> None:
    job_id = emulator.launch("words", spec=f"gs://{BUCKET}/templates/words.json")
    assert emulator.wait(job_id) == "DONE", emulator.messages(job_id)
    metrics = emulator.jobs.getMetrics(projectId=PROJECT, location=LOCATION, jobId=job_id).execute()["metrics"]
    found = [one for one in metrics if one["name"]["name"] == "seen" and "tentative" not in one["name"]["context"]]
    assert [(one["name"]["context"], one["scalar"]) for one in found] == [({"namespace": "words", "step": "Split"}, 6)]


def test_a_posted_job_is_stored_and_not_run(emulator: Emulator, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials.json"
    credentials.write_text(json.dumps(authorized_user(TOKEN)))
    command = [sys.executable, "-m", f"{JOBS}.words", "--submit_only", "--runner=DataflowRunner"]
    command += [f"--dataflow_endpoint=http://localhost:{emulator.port}", f"--project={PROJECT}"]
    command += [f"--region={LOCATION}", f"--temp_location=gs://{BUCKET}/tmp", "--job_name=posted"]
    environment = {**os.environ, "STORAGE_EMULATOR_HOST": emulator.storage, "NO_GCE_CHECK": "true"}
    environment["GOOGLE_APPLICATION_CREDENTIALS"] = str(credentials)
    subprocess.run([*command, "--max_num_workers=3"], cwd=REPOSITORY, env=environment, check=True)

    jobs = emulator.jobs.list(projectId=PROJECT, location=LOCATION, name="posted", view="JOB_VIEW_ALL").execute()
    job: dict[str, Any] = jobs["jobs"][0]
    assert (job["type"], job["currentState"]) == ("JOB_TYPE_BATCH", "JOB_STATE_FAILED")
    options = job["environment"]["sdkPipelineOptions"]["options"]
    assert options["max_num_workers"] == 3
    assert job["environment"]["workerPools"][0]["autoscalingSettings"]["maxNumWorkers"] == 3
    (error,) = emulator.errors(job["id"])
    assert error.startswith("The Dataflow emulator stores a posted pipeline and does not execute it")
