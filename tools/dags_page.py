"""Write `docs/dags.md`, and the Params that `logline backfill` takes, from the DAGs: `make generate`.

What a DAG is for, its Params and its tasks come from the DAG itself. Runs with the repository and `plugins` on
PYTHONPATH; Airflow is pointed at a home of its own that is deleted afterwards.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
PAGE = Path(__file__).parents[1] / "docs" / "dags.md"
PARAMS = REPOSITORY / "logline_cli" / "backfill_params.json"
HEAD = """# DAGs

<!-- From the DAG files by make generate: change it there. -->

Each DAG's page in the Airflow UI says the same. Trigger one there, with a form, or from a shell.
"""
# Read in the order of use.
ORDER = ("provision", "log_backfill", "stream_supervisor", "daily_summary")
# The only settings of the installation described; the tests load the DAGs with the same.
ENVIRONMENT = {"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logline-local"}


def page(dags: Mapping[str, Any]) -> str:
    """Return the whole page.

    Args:
        dags: the DAGs by id.
    """
    known = sorted(dags, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    return "\n".join([HEAD, *(_section(dags[name]) for name in known)])


def params(dag: Any) -> str:
    """Return the Params of a DAG as JSON: name, type, description, default, and their limits."""
    found = []
    for name in dag.params:
        param = dag.params.get_param(name)
        kinds = param.schema["type"]
        kind = kinds if isinstance(kinds, str) else next(kind for kind in kinds if kind != "null")
        limits = {key: param.schema[key] for key in ("format", "minimum", "maximum", "enum") if key in param.schema}
        about = " ".join(param.description.split())
        found.append({"name": name, "type": kind, "description": about, "default": param.value, **limits})
    return json.dumps(found, indent=1) + "\n"


def _section(dag: Any) -> str:
    parts = [f"## {dag.dag_id}\n", dag.doc_md.strip() + "\n", f"Starts: {_schedule(dag)}.\n"]
    names = list(dag.params)
    if names:
        parts.append("| Param | what | default |\n|---|---|---|")
        for name in names:
            param = dag.params.get_param(name)
            default = "empty" if param.value is None else f"`{json.dumps(param.value)}`"
            choices = ", ".join(f"`{choice}`" for choice in param.schema.get("enum", []))
            about = " ".join(param.description.split()) + (f" One of {choices}." if choices else "")
            parts.append(f"| `{name}` | {_cell(about)} | {_cell(default)} |")
        parts.append("")
    tasks = [task for task in dag.topological_sort() if task.task_id]
    parts.append("Tasks: " + ", ".join(f"`{task.task_id}`" for task in tasks) + ".\n")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*") if not text.startswith("`") else text.replace("|", "\\|")


def _schedule(dag: Any) -> str:
    if dag.schedule is None:
        return "by hand only"
    expression = getattr(dag.timetable, "expression", None)
    when = f"at `{expression}` (UTC)" if expression else "after an event of an asset"
    return f"by itself {when}, and by hand"


def main() -> None:
    """Load the DAGs and write the page."""
    with tempfile.TemporaryDirectory(prefix="logline-airflow-") as home:
        # Airflow reads its environment when first imported.
        for name in [name for name in os.environ if name.startswith(("AIRFLOW_", "LOGLINE_"))]:
            del os.environ[name]
        folders = {"AIRFLOW__CORE__DAGS_FOLDER": "dags", "AIRFLOW__CORE__PLUGINS_FOLDER": "plugins"}
        os.environ.update({name: str(REPOSITORY / folder) for name, folder in folders.items()})
        os.environ.update(ENVIRONMENT | {"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"})
        # The first file imports Google's operators: seconds on a quiet machine.
        os.environ["AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT"] = "300"
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(REPOSITORY / "dags")
        if bag.import_errors:
            raise SystemExit("\n".join(f"{path}: {error}" for path, error in bag.import_errors.items()))
        PAGE.write_text(page(bag.dags), encoding="utf-8")
        PARAMS.write_text(params(bag.dags["log_backfill"]), encoding="utf-8")


if __name__ == "__main__":
    main()
