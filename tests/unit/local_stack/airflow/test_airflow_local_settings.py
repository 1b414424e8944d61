"""Airflow's endpoint switches, in processes of their own: they change modules for good."""

import os
import subprocess
import sys
from pathlib import Path

SWITCHES = Path(__file__).parents[4] / "local_stack" / "airflow"
SHOW = """
import sys, airflow_local_settings
loaded = {"airflow", "google.cloud.bigquery", "gcloud.aio.bigquery", "grpc"} & set(sys.modules)
from google.cloud.bigquery import Client
from gcloud.aio.bigquery import Job
job = Job(session=object(), token=object())
print(loaded or None, Client._ensure_bqstorage_client.__module__, job._api_root, job._api_is_dev)
"""


def show(**variables: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.endswith(("_HOST", "PYTHONPATH"))}
    environment |= {"PYTHONPATH": str(SWITCHES), **variables}
    run = subprocess.run([sys.executable, "-c", SHOW], env=environment, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_without_the_variables_nothing_is_switched() -> None:
    real = "None google.cloud.bigquery.client https://www.googleapis.com/bigquery/v2 False"
    assert show(BIGQUERY_EMULATOR_HOST="") == real


def test_bigquery_is_switched_when_it_is_imported() -> None:
    switched = "None airflow_local_settings http://127.0.0.1:9050/bigquery/v2 True"
    assert show(BIGQUERY_EMULATOR_HOST="http://127.0.0.1:9050/") == switched
