from datetime import timedelta

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSensorTimeout

from logline.dataflow.operators import DataflowJobDoneSensor
from logline.settings import Settings

SETTINGS = Settings.from_environment({"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logline-local"})


def test_a_sensor_that_waited_in_vain_says_for_what():
    with DAG("d", schedule=None):
        task = DataflowJobDoneSensor(task_id="b", settings=SETTINGS, job_id="j1", timeout=timedelta(hours=24))
    with pytest.raises(AirflowSensorTimeout) as error:
        task.resume_execution("__fail__", {"error": "Trigger timeout"}, context={})
    assert str(error.value) == "Dataflow job j1 has not ended after 24 h: cancel it, then clear its launch"
