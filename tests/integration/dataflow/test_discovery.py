"""The REST API through Google's discovery client, as Airflow's DataflowHook uses it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.integration.dataflow.conftest import BUCKET, LOCATION, PROJECT, SPEC, Emulator

pytestmark = pytest.mark.integration


def refused(call: Any, **arguments: Any) -> HttpError:
    with pytest.raises(HttpError) as refusal:
        call(**arguments)
    return refusal.value


def test_a_launch_runs_the_entry_point_to_done(emulator: Emulator, tmp_path: Path) -> None:
    shown = tmp_path / "shown.json"
    answer = emulator.send_launch(
        {
            "jobName": "shown",
            "containerSpecGcsPath": SPEC,
            "parameters": {"show": str(shown), "last_words": "a b=c"},
            "environment": {
                "tempLocation": "gs://elsewhere/temp",
                "maxWorkers": 3,
                "additionalExperiments": ["one", "two"],
                "enableStreamingEngine": True,
                "additionalUserLabels": {"run": "r1"},
                "additionalPipelineOptions": ["--last=1"],
            },
        }
    )["job"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d_\d\d_\d\d-\d{19,20}", answer["id"])
    assert answer["name"] == "shown"
    assert answer["projectId"] == PROJECT
    assert "currentState" not in answer

    assert emulator.wait(answer["id"]) == "DONE"
    child = json.loads(shown.read_text())
    assert child["arguments"] == [
        "--runner=FnApiRunner",
        "--job_name=shown",
        f"--project={PROJECT}",
        f"--region={LOCATION}",
        "--temp_location=gs://elsewhere/temp",
        "--experiments=one",
        "--experiments=two",
        "--enable_streaming_engine",
        "--max_num_workers=3",
        "--labels=run=r1",
        f"--show={shown}",
        "--last_words=a b=c",
        "--last=1",
    ]
    assert child["environment"]["DATAFLOW_EMULATOR_JOB_ID"] == answer["id"]
    job = emulator.get(answer["id"])
    assert job["type"] == "JOB_TYPE_BATCH"
    assert job["labels"] == {"run": "r1"}
    assert job["environment"]["sdkPipelineOptions"]["options"]["show"] == str(shown)
    assert job["createTime"] == job["startTime"] < job["currentStateTime"]
    folder = emulator.state_dir / "jobs" / answer["id"]
    assert (folder / "stdout.log").read_text() == "printed to stdout\n"


def test_the_default_temp_location_is_in_the_templates_bucket(emulator: Emulator) -> None:
    job = emulator.get(emulator.launch("temporary"))
    assert job["environment"]["sdkPipelineOptions"]["options"]["temp_location"] == f"gs://{BUCKET}/tmp"
