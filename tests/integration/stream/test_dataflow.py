"""What the job submits to Dataflow, as the Dataflow emulator stores it."""

import os
import subprocess
import sys
from typing import Any

import pytest
from googleapiclient.discovery import build
from googleapiclient.http import build_http

from emulators.stack.running import RunningStack
from tests.integration.stream.world import REPOSITORY, Stream

pytestmark = pytest.mark.integration


def test_the_submitted_job_streams_at_least_once_within_bounds(emulators: RunningStack, stream: Stream) -> None:
    storage = emulators.storage()
    bucket = storage.bucket("stream-submission")
    if not bucket.exists():
        bucket.create()
    endpoint = emulators.env["DATAFLOW_EMULATOR_HOST"].replace("127.0.0.1", "localhost")
    command = [sys.executable, "-m", "beam_jobs.stream", *stream.options, "--runner=DataflowRunner", "--no_auth"]
    command += [f"--project={emulators.project}", "--region=us-central1", f"--temp_location=gs://{bucket.name}/tmp"]
    command += [f"--dataflow_endpoint={endpoint}", "--job_name=log-stream", "--max_num_workers=3"]
    environment = {**os.environ, **emulators.env, **stream.world.endpoints}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    api = build("dataflow", "v1b3", http=build_http(), client_options={"api_endpoint": endpoint})
    jobs = api.projects().locations().jobs()
    listed = jobs.list(
        projectId=emulators.project, location="us-central1", name="log-stream", view="JOB_VIEW_ALL"
    ).execute()
    job: dict[str, Any] = listed["jobs"][0]
    assert job["type"] == "JOB_TYPE_STREAMING"
    options = job["environment"]["sdkPipelineOptions"]["options"]
    assert options["enable_streaming_engine"] is True
    assert options["dataflow_service_options"] == ["streaming_mode_at_least_once"]
    assert job["environment"]["workerPools"][0]["autoscalingSettings"]["maxNumWorkers"] == 3
    pipeline = next(blob for blob in bucket.list_blobs() if blob.name.endswith("pipeline.pb")).download_as_bytes()
    for part in (b"beam:transform:pubsub_read:v1", stream.subscription.encode(), b"Append to BigQuery/Append"):
        assert part in pipeline
    storage.close()
