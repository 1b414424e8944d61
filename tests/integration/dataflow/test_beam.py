"""Real Beam: a pipeline's counters as metrics, and what DataflowRunner posts."""

import os
import subprocess
import sys
from typing import Any

import pytest

from tests.integration.dataflow.conftest import BUCKET, JOBS, LOCATION, PROJECT, REPOSITORY, Emulator

pytestmark = pytest.mark.integration


def test_the_counters_of_a_pipeline_are_metrics(emulator: Emulator) -> None:
    job_id = emulator.launch("words", spec=f"gs://{BUCKET}/templates/words.json")
    assert emulator.wait(job_id) == "DONE", emulator.messages(job_id)
    metrics = emulator.jobs.getMetrics(projectId=PROJECT, location=LOCATION, jobId=job_id).execute()["metrics"]
    found = [one for one in metrics if one["name"]["name"] == "seen" and "tentative" not in one["name"]["context"]]
    assert [(one["name"]["context"], one["scalar"]) for one in found] == [({"namespace": "words", "step": "Split"}, 6)]


def submit(emulator: Emulator, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the pipeline with DataflowRunner, the way it is submitted without a template."""
    command = [sys.executable, "-m", f"{JOBS}.words", "--runner=DataflowRunner", "--no_auth", f"--job_name={name}"]
    command += [f"--dataflow_endpoint=http://localhost:{emulator.port}", f"--project={PROJECT}"]
    command += [f"--region={LOCATION}", f"--temp_location=gs://{BUCKET}/tmp", *options]
    environment = {**os.environ, "STORAGE_EMULATOR_HOST": emulator.storage, "NO_GCE_CHECK": "true"}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


def test_a_posted_job_is_stored_and_not_run(emulator: Emulator) -> None:
    run = submit(emulator, "posted", "--max_num_workers=3")
    assert run.returncode != 0
    assert "The Dataflow emulator stores a posted pipeline and does not execute it" in run.stderr
    jobs = emulator.jobs.list(projectId=PROJECT, location=LOCATION, name="posted", view="JOB_VIEW_ALL").execute()
    job: dict[str, Any] = jobs["jobs"][0]
    assert (job["type"], job["currentState"]) == ("JOB_TYPE_BATCH", "JOB_STATE_FAILED")
    options = job["environment"]["sdkPipelineOptions"]["options"]
    assert options["max_num_workers"] == 3
    assert job["environment"]["workerPools"][0]["autoscalingSettings"]["maxNumWorkers"] == 3
