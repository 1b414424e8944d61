from datetime import timedelta

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSensorTimeout

from logline.dataflow.operators import DataflowJobDoneSensor
from logline.sensors import SourceObjectsSensor
from logline.settings import Settings

SETTINGS = Settings.from_environment({"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logline-local"})
TIMED_OUT = ("__fail__", {"error": "Trigger timeout"})


@pytest.mark.parametrize(
    ("sensor", "line"),
    [
        (
            lambda: SourceObjectsSensor(
                task_id="a", bucket="b", object="logs/2026-06-01/*", timeout=timedelta(hours=18)
            ),
            "no object matches gs://b/logs/2026-06-01/* after 18 h: upload it, then clear this task",
        ),
        (
            lambda: DataflowJobDoneSensor(task_id="b", settings=SETTINGS, job_id="j1"),
            "Dataflow job j1 has not ended after 24 h: cancel it, then clear its launch",
        ),
    ],
)
def test_a_sensor_that_waited_in_vain_says_for_what(sensor, line):
    with DAG("d", schedule=None):
        task = sensor()
    with pytest.raises(AirflowSensorTimeout) as error:
        task.resume_execution(*TIMED_OUT, context={})
    assert str(error.value) == line
