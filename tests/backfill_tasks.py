"""A run of `log_backfill`, its tasks executed one after the other in a process of its own, without Airflow's database.

Run it where variables point Airflow's hooks at emulators; `run_backfill` does. Its argument is a JSON object of
`params` of the DAG, and of limits in the place of the real ones: `max_objects` of a unit, `max_files` of a load job,
`block_bytes` of the jobs. Prints a JSON object for each task.
"""

from __future__ import annotations

import copy
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local_stack.config import REPOSITORY
from local_stack.running import RunningStack

PROVISION = ("create_bucket", "create_dataset", "create_staging_dataset", "create_tables", "create_views")
UNIT = ("parse", "load", "land", "report", "drop_staging")


def run_backfill(stack: RunningStack, params: dict[str, Any], **limits: int) -> list[dict[str, Any]]:
    """Provision, and run a backfill in a process of its own.

    Returns:
        For each task its id, its seconds, the seconds of CPU of this process, and what it returned.
    """
    paths = [str(REPOSITORY), str(REPOSITORY / "plugins"), str(REPOSITORY / "local_stack" / "airflow")]
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-m", "tests.backfill_tasks", json.dumps({"params": params, **limits})],
            env={**os.environ, **stack.env, "AIRFLOW_HOME": home, "PYTHONPATH": os.pathsep.join(paths)},
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"task":')]


class Run:
    """A run by hand.

    Args:
        dag: The DAG.
        run_id: Of the run.
        params: In the place of the DAG's.
    """

    def __init__(self, dag: Any, run_id: str, params: dict[str, Any]) -> None:
        self._dag = dag
        self._run_id = run_id
        self._params = {**dag.params.dump(), **params}
        self._dag_run = SimpleNamespace(
            conf=params,
            run_type="manual",
            logical_date=None,
            run_after=datetime.now(UTC),
            start_date=datetime.now(UTC),
        )
        self._left: dict[str, Any] = {}

    def execute(self, task_id: str, map_index: int = -1) -> Any:
        """Execute a task to its end, and print what it took."""
        from airflow.sdk.exceptions import TaskDeferred

        task = copy.copy(self._dag.get_task(task_id))
        context = self._context(task, map_index)
        task.render_template_fields(context)
        begun, cpu = time.monotonic(), time.process_time()
        method: Any = lambda: task.execute(context)  # noqa: E731
        while True:
            try:
                returned = method()
                break
            except TaskDeferred as deferred:
                time.sleep(1)
                method = lambda deferred=deferred: getattr(task, deferred.method_name)(  # noqa: E731
                    context, event={"status": "success", "message": ""}, **(deferred.kwargs or {})
                )
        self._left[task_id] = returned
        figures = {"seconds": round(time.monotonic() - begun, 1), "cpu": round(time.process_time() - cpu, 1)}
        print(json.dumps({"task": task_id, "map_index": map_index, **figures, "returned": returned}), flush=True)
        return returned

    def _context(self, task: Any, map_index: int) -> Any:
        ti = SimpleNamespace(
            dag_id=self._dag.dag_id,
            task_id=task.task_id,
            run_id=self._run_id,
            map_index=map_index,
            try_number=1,
            task=task,
            xcom_push=lambda key, value: None,
            xcom_pull=lambda task_ids, key="return_value": self._left[task_ids],
            # Without a database no other unit is seen: all begin at once.
            get_task_states=lambda **_: {},
        )
        return {
            "dag": self._dag,
            "dag_run": self._dag_run,
            "run_id": self._run_id,
            "params": self._params,
            "task": task,
            "ti": ti,
            "task_instance": ti,
            "outlet_events": defaultdict(lambda: SimpleNamespace(extra={})),
        }


def main(given: dict[str, Any]) -> None:
    """Run provision's tasks and the backfill's."""
    importlib.import_module("airflow_local_settings")  # what Airflow imports at its start

    import dags.log_backfill as backfill
    import dags.provision as provision
    from logline.backfill import units
    from logline.dataflow.templates import upload_template
    from logline.warehouse import load

    units.MAX_OBJECTS = given.get("max_objects", units.MAX_OBJECTS)
    load.MAX_FILES = given.get("max_files", load.MAX_FILES)
    tables = Run(provision.dag, "provision", {})
    for task_id in PROVISION:
        tables.execute(task_id)
    for path in provision.TEMPLATES:
        upload_template(provision.SETTINGS, Path(path))
    run = Run(backfill.dag, f"manual__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}", given["params"])
    planned = run.execute("plan")
    for number in range(len(planned)):
        for name in UNIT:
            if name == "parse" and "block_bytes" in given:
                parse: Any = backfill.dag.get_task("unit.parse")
                parameters = parse.body["launchParameter"]["parameters"]
                parameters["block_bytes"] = str(given["block_bytes"])
            run.execute(f"unit.{name}", number)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
