"""House rules, checked over every DAG."""

import ast
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.dags.conftest import ROOT

FILES = sorted(path for path in (ROOT / "dags").glob("*.py") if path.name != "__init__.py")


def tasks(dags):
    return [task for dag in dags.values() for task in dag.tasks]


def strings(value):
    """All strings in a template field."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for part in value.values() for text in strings(part)]
    if isinstance(value, list | tuple):
        return [text for part in value for text in strings(part)]
    return []


def templates(task):
    """Every templated string of a task, mapped or not."""
    return [text for name in task.template_fields for text in strings(getattr(task, name, None))]


def test_every_file_holds_the_dag_it_is_named_after(dags):
    assert sorted(dags) == [path.stem for path in FILES]


def test_every_dag_explains_itself(dags):
    for dag in dags.values():
        assert dag.description, dag.dag_id
        assert dag.doc_md, dag.dag_id
        assert len(dag.doc_md) > 400, f"{dag.dag_id}: the module docstring is the operator's manual"
        assert "logline" in dag.tags
        assert f"airflow dags trigger {dag.dag_id}" in dag.doc_md


def test_every_param_has_type_title_description_and_default(dags):
    for dag in dags.values():
        for name in dag.params:
            param = dag.params.get_param(name)
            assert param.schema.get("type"), f"{dag.dag_id}.{name}"
            assert param.schema.get("title"), f"{dag.dag_id}.{name}"
            assert param.description, f"{dag.dag_id}.{name}"
            assert param.has_value or "null" in param.schema["type"], f"{dag.dag_id}.{name} has no default"


def test_every_dag_limits_its_runs_and_never_catches_up(dags):
    for dag in dags.values():
        assert 1 <= dag.max_active_runs <= 4, dag.dag_id
        assert not dag.catchup, dag.dag_id


def test_every_task_has_an_owner_and_a_name_that_reads(dags):
    for task in tasks(dags):
        assert task.owner == "logline", task.task_id
        name = task.task_id.rpartition(".")[2]
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name), task.task_id


def test_every_task_retries_what_may_pass(dags):
    for task in tasks(dags):
        if task.dag_id == "stream_supervisor":
            assert task.retries == 0, "its next run is the retry, and looks anew before it acts"
            continue
        assert task.retries >= 2, task.task_id
        assert task.retry_delay <= timedelta(minutes=1), task.task_id


def test_no_dag_has_a_cycle(dags):
    for dag in dags.values():
        assert len(dag.topological_sort()) == len(dag.tasks)


def test_no_date_comes_from_the_data_interval(dags):
    forbidden = re.compile(r"data_interval|\bds\b|\bts\b|execution_date|prev_|next_|logical_date")
    for task in tasks(dags):
        for text in templates(task):
            assert not forbidden.search(re.sub(r"'[^']*'", "", text)), f"{task.task_id}: {text}"


def test_queries_carry_a_price_limit_and_a_day(dags):
    for dag in ("log_backfill", "daily_summary", "stream_supervisor"):
        for task in dags[dag].tasks:
            configuration = getattr(task, "configuration", None)
            if configuration and "query" in configuration:
                assert configuration["query"]["maximumBytesBilled"] == "1000000000000", task.task_id
                assert configuration["labels"]["logline-day"], task.task_id
                assert configuration["query"]["useLegacySql"] is False, task.task_id


def test_a_cleared_query_task_runs_its_query_again(dags):
    from airflow.providers.google.cloud.operators.bigquery import BigQueryInsertJobOperator

    inserts = [task for task in tasks(dags) if isinstance(task, BigQueryInsertJobOperator)]
    assert inserts
    assert all(task.durable is False for task in inserts)


def test_tasks_that_change_shared_tables_run_one_at_a_time(dags):
    changing = [
        task
        for dag in ("log_backfill", "daily_summary")
        for task in dags[dag].tasks
        if any("replace" in text and "sql" in text for text in templates(task))
    ]
    assert sorted(task.task_id for task in changing) == ["day.replace", "rebuild_daily_tables", "rebuild_requests"]
    assert all(task.max_active_tis_per_dag == 1 for task in changing)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_dag_files_are_wiring_only(path: Path):
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not [name for name in imported if name.split(".")[0] in ("apache_beam", "beam_jobs", "emulators", "os")]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.If | ast.Try | ast.While)], (
        "logic in a DAG file"
    )
    assert not re.search(r"EMULATOR|localhost|127\.0\.0\.1", source)
    code = source.replace(ast.get_docstring(tree, clean=False) or "", "")
    assert not re.search(r"\b(SELECT|INSERT|DELETE|CREATE TABLE)\b", code), "SQL belongs into dags/sql"


def test_importing_dag_files_loads_nothing_but_the_provider():
    """The cold import is the provider's, which the scheduler has loaded; nothing of ours may come on top."""
    program = (
        "import sys\n"
        "import airflow.providers.google.cloud.operators.bigquery, airflow.providers.google.cloud.operators.dataflow\n"
        "import airflow.providers.google.cloud.operators.gcs, airflow.providers.google.cloud.sensors.dataflow\n"
        "import airflow.providers.google.cloud.sensors.gcs, airflow.providers.google.cloud.transfers.gcs_to_bigquery\n"
        "import airflow.providers.standard.operators.hitl\n"
        "before = set(sys.modules)\n"
        "import dags.log_backfill, dags.daily_summary, dags.provision, dags.stream_supervisor\n"
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before}))\n"
    )
    paths = [str(ROOT), str(ROOT / "plugins"), *filter(None, [os.environ.get("PYTHONPATH")])]
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        check=True,
        capture_output=True,
        text=True,
        timeout=200,
    )
    added = set(ast.literal_eval(run.stdout.splitlines()[-1]))
    assert {"dags", "logline"} <= added
    assert not added & {"apache_beam", "faker", "numba", "numpy", "pandas", "pyarrow"}


def test_every_failed_task_of_a_dag_that_runs_by_itself_tells_the_notifiers(dags):
    from logline.alerts import AlertNotifier

    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    for dag in dags.values():
        for task in dag.tasks if dag.schedule else ():
            (notifier,) = task.on_failure_callback
            assert isinstance(notifier, AlertNotifier), task.task_id
            heading = notifier.runbook.replace("-", "[- ]")
            assert re.search(f"^## {heading}$", text, re.MULTILINE | re.IGNORECASE), notifier.runbook


def test_a_nightly_backfill_has_a_deadline_that_the_triggerer_can_tell_of(dags):
    from logline.alerts import missed_deadline

    (deadline,) = dags["log_backfill"].deadline
    assert deadline.callback.path == f"{missed_deadline.__module__}.{missed_deadline.__qualname__}"
    assert deadline.interval == timedelta(hours=6)


def test_days_are_chosen_from_a_calendar(dags):
    for dag in dags.values():
        for name in dag.params:
            if name == "day" or name.endswith("_date"):
                assert dag.params.get_param(name).schema.get("format") == "date", f"{dag.dag_id}.{name}"
