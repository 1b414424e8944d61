"""Runs of `stream_supervisor` in a process of its own that the endpoint switches point at the emulators.

Reads the arguments of `run` as one JSON object per line, and answers with one JSON object per line: the decision, the
tasks, what the last of them returned, and the line it failed with.
"""

import importlib
import json
import os
import sys
from types import SimpleNamespace
from typing import Any

import airflow_local_settings  # noqa: F401 (what Airflow imports at its start)
from airflow.sdk.exceptions import AirflowException

import dags.stream_supervisor


class TaskInstance:
    """Keeps the XComs of a run."""

    dag_id, task_id, run_id, map_index = "stream_supervisor", "decide", "run", -1

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = json.loads(json.dumps(value))

    def xcom_pull(self, task_ids: str | None = None, key: str = "return_value") -> Any:
        return self.pushed.get(key)


def run(environment: dict[str, str], conf: dict[str, Any], *, kill: bool, task: str | None) -> dict[str, Any]:
    """Decide, and carry the decision out with the tasks of the DAG, as far as Dataflow is concerned.

    Args:
        environment: the settings.
        conf: of the run.
        kill: kill each task after its work.
        task: the one to run, whatever was decided.
    """
    os.environ.update(environment)
    module = importlib.reload(dags.stream_supervisor)
    ti = TaskInstance()
    context: Any = {
        "ti": ti,
        "task_instance": ti,
        "run_id": f"manual__{os.urandom(4).hex()}",
        "params": {name: module.dag.params[name] for name in module.dag.params} | conf,
        "dag_run": SimpleNamespace(conf=conf),
        "dag": module.dag,
    }
    answer: dict[str, Any] = {"tasks": None, "failed": None, "decision": None}
    try:
        answer["tasks"] = tasks = module.supervise(module.SETTINGS, context)
        answer["decision"] = ti.pushed.get("decision")
        for task_id in [task] if task else tasks or []:
            if task_id in ("launch", "update", "drain") or (task_id == "check" and answer["decision"]["runbook"]):
                operator = module.dag.get_task(task_id)
                operator.render_template_fields(context | {"task": operator})
                answer["returned"] = operator.execute(context | {"task": operator})
                if kill:
                    operator.on_kill()
    except AirflowException as error:
        answer["failed"] = str(error)
    return answer


if __name__ == "__main__":
    answers = os.fdopen(int(sys.argv[1]), "w")  # Airflow logs to stdout
    for line in sys.stdin:
        asked = json.loads(line)
        answers.write(json.dumps(run(**asked)) + "\n")
        answers.flush()
