"""Launches of three minutes, as the service's are: nothing is launched twice, no slot is held, each wait is told of."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_stack.running import RunningStack, running_stack
from logline.dataflow.templates import container_spec
from logline.settings import Settings
from tests.airflow_environment import ROOT
from tests.integration.submission.posting import DATASET, METADATA, make_targets

pytestmark = pytest.mark.integration

LINE = b'192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8.0"\n'
DAY_HOURS = 24.0


@pytest.fixture(scope="module")
def slow_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Emulators whose launches take three minutes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATAFLOW_EMULATOR_LAUNCH_SECONDS", "180")
        with running_stack(tmp_path_factory.mktemp("slow"), airflow=False) as stack:
            yield stack


@pytest.fixture(scope="module")
def called(slow_stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    make_targets(slow_stack)
    names = {"LOGLINE_DATASET": DATASET, "LOGLINE_SUBSCRIPTION": "submission", "LOGLINE_STREAM_JOB": "slow-stream"}
    settings = Settings.from_environment({**slow_stack.env, **names})
    with slow_stack.storage() as storage, slow_stack.bigquery() as client:
        bucket = storage.bucket(slow_stack.bucket)
        bucket.blob("logs/a.log").upload_from_string(LINE * 10)
        for job, metadata in METADATA.items():
            bucket.blob(f"templates/{job}.json").upload_from_string(container_spec(settings, metadata))
        columns = "'a:1' AS event_id, 'backfill' AS source, 'gs://logs/a.log' AS source_uri, 7 AS source_offset"
        client.query_and_wait(
            f"CREATE TABLE {DATASET}.slow AS SELECT {columns}, b'no line' AS raw_line, 'combined' AS log_format"
        )
    paths = [str(ROOT), str(ROOT / "plugins"), str(ROOT / "local_stack" / "airflow")]
    run = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("slow_launch_calls.py")), "parse", "replay", "stream"],
        env={
            **os.environ,
            **slow_stack.env,
            **names,
            "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
            "PYTHONPATH": os.pathsep.join(paths),
            "TEST_CLOCK": str(slow_stack.config.clock_file),
            "TEST_LINES": f"{slow_stack.project}.{DATASET}.slow",
            "TEST_SOURCE": f"gs://{slow_stack.bucket}/logs/a.log",
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=560,
    )
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("task", ["parse", "replay"])
def test_a_batch_job_is_launched_once_and_waited_for_without_a_slot(called: dict[str, Any], task: str) -> None:
    told = called[task].pop("told")
    assert called[task] == {"same job": True, "jobs": 1, "hours": DAY_HOURS}
    assert told[:2] == ["JOB_STATE_QUEUED", "JOB_STATE_PENDING"]


def test_the_supervisor_waits_for_the_stream_and_launches_no_other(called: dict[str, Any]) -> None:
    assert called["stream"] == {
        "before": ["launch", None],
        "decided": [["wait", None], ["wait", None], ["wait", None], ["keep", None]],
        "jobs": 1,
    }
