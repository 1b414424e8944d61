"""Runs of the DAGs in this process, as Airflow's service account, one for each line of stdin: `DAG_ID CONF`.

Writes the state of each run as JSON to the file descriptor that its argument names: Airflow logs to stdout. `arrivals`
only pulls and acknowledges what its trigger would.
"""

import asyncio
import json
import os
import sys
from typing import Any

import airflow_local_settings  # noqa: F401 (what Airflow imports at its start)
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.providers.google.cloud.hooks.pubsub import PubSubAsyncHook
from airflow.utils.db import initdb

from logline.dataflow import operators
from logline.settings import Settings

SETTINGS = Settings.from_environment()
# Nothing is deferred: `dag.test` of Airflow 3.3.1 forgets with which arguments a task goes on.
operators.WORKER_SECONDS = 1800.0


def main() -> None:
    initdb()
    bag = DagBag()
    assert bag.import_errors == {}
    for dag in bag.dags.values():
        dag.deadline = None  # `dag.test` of Airflow 3.3.1 looks for it in the wrong table
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(bag, "dags-folder", None)
    answers = os.fdopen(int(sys.argv[1]), "w")
    for line in sys.stdin:
        dag_id, _, conf = line.strip().partition(" ")
        if dag_id == "arrivals":
            answer = {"heard": asyncio.run(heard())}
        else:
            answer = of_run(bag.dags[dag_id].test(run_conf=json.loads(conf)))
        print(json.dumps(answer), file=answers, flush=True)


def of_run(run: Any) -> dict[str, Any]:
    tasks = {f"{one.task_id}[{one.map_index}]": f"{one.state}" for one in run.get_task_instances()}
    return {"state": f"{run.state}", "tasks": tasks}


async def heard() -> int:
    hook, which = PubSubAsyncHook(), {"subscription": SETTINGS.arrivals_subscription, "project_id": SETTINGS.project}
    received = await hook.pull(**which, max_messages=100, return_immediately=False, timeout=60)
    await hook.acknowledge(**which, ack_ids=[one.ack_id for one in received])
    return len(received)


if __name__ == "__main__":
    main()
