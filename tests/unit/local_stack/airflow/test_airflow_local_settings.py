"""Airflow's endpoint switches. Those that change modules for good run in processes of their own."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from google.cloud.dataflow_v1beta3 import JobsV1Beta3AsyncClient, MessagesV1Beta3AsyncClient

from local_stack.airflow.airflow_local_settings import _shared_clients

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


def test_all_polls_of_an_event_loop_share_one_client_of_each_class() -> None:
    initialize_client = _shared_clients("127.0.0.1:9")

    async def poll() -> None:
        classes = (JobsV1Beta3AsyncClient, MessagesV1Beta3AsyncClient)
        clients = {await initialize_client(None, one) for _ in range(1_000) for one in classes}
        assert {type(client) for client in clients} == set(classes)
        assert len(clients) == 2
        assert [len(client.transport.grpc_channel._unary_unary_interceptors) for client in clients] == [1, 1]
        for client in clients:
            await client.transport.close()

    for _ in range(2):  # a client is of no use in another event loop
        asyncio.run(poll())
