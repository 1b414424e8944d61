"""House rules, checked over every DAG."""

import ast
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.airflow_environment import ROOT

LABELS = {"airflow-dag", "airflow-task", "logline-day"}
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


def test_every_task_says_in_the_ui_what_it_does(dags):
    shown = {task.task_display_name for task in tasks(dags)}
    assert [name for name in shown if not re.fullmatch("[A-Z][^_.]+ .+[^.]", name)] == []


def test_formats_are_a_list_that_takes_a_string_of_ones_own(dags):
    from logline.log_formats import log_formats

    for dag_id in ("log_backfill", "dead_letter_replay"):
        param = dags[dag_id].params.get_param("log_format")
        # The form shows a list of what begins like the value that is there.
        assert (param.resolve(), param.schema["examples"]) == (None, list(log_formats("backfill")))
        assert param.resolve('%h %l "%r"') == '%h %l "%r"'


def test_the_pages_of_assets_lead_to_their_tables(dags):
    scheduled = [asset for dag in dags.values() if isinstance(dag.schedule, list) for asset in dag.schedule]
    found = {asset.name: asset for asset in scheduled}
    assert set(found) == {"logline://backfilled_requests", "logline://log_objects"}
    for asset in found.values():
        assert all(name.count(".") == 2 for name in asset.extra["tables"])
        assert asset.extra["page"].endswith("/plugin/logline#view=pipeline")


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


def query_jobs(task):
    """Every configuration of a BigQuery query job in a task's template fields."""
    from logline.settings import Settings
    from logline.warehouse.queries import Query

    settings = Settings.from_environment()

    def within(value):
        if isinstance(value, Query):
            return [value.job(settings)]
        if isinstance(value, dict):
            return [value] if "useLegacySql" in (value.get("query") or {}) else []
        return [job for part in value for job in within(part)] if isinstance(value, list | tuple) else []

    return [job for name in task.template_fields for job in within(getattr(task, name, None))]


def test_every_query_carries_a_price_limit_and_labels(dags):
    from airflow.providers.google.cloud.operators.bigquery import BigQueryInsertJobOperator

    found = {task: query_jobs(task) for task in tasks(dags)}
    assert all(jobs for task, jobs in found.items() if isinstance(task, BigQueryInsertJobOperator))
    assert {task.dag_id for task, jobs in found.items() if jobs} == set(dags)
    for task, jobs in found.items():
        for job in jobs:
            assert job["query"]["maximumBytesBilled"] == "1000000000000", task.task_id
            assert job["query"]["useLegacySql"] is False, task.task_id
            assert set(job["labels"]) == LABELS, task.task_id


def test_every_operator_that_talks_to_bigquery_is_known(dags):
    """A new kind of operator has to say how its jobs get limit and labels."""
    with_jobs = {type(task).__name__ for task in tasks(dags) if query_jobs(task) or hasattr(task, "job_labels")}
    without = {"BigQueryCreateEmptyDatasetOperator"}
    named = {type(task).__name__ for task in tasks(dags) if "BigQuery" in "".join(map(repr, type(task).__mro__))}
    assert named <= with_jobs | without


def test_every_load_and_dataflow_job_carries_labels(dags):
    from airflow.providers.google.cloud.operators.dataflow import DataflowStartFlexTemplateOperator

    from logline.warehouse.load import LoadManifestFilesOperator

    loads = [task for task in tasks(dags) if isinstance(task, LoadManifestFilesOperator)]
    launches = [task for task in tasks(dags) if isinstance(task, DataflowStartFlexTemplateOperator)]
    assert loads
    assert launches
    assert all(set(task.job_labels) == LABELS for task in loads)
    for task in launches:
        environment = task.body["launchParameter"]["environment"]
        assert set(environment["additionalUserLabels"]) >= LABELS, task.task_id


def test_labels_are_what_both_services_take():
    """Cf. cloud.google.com/bigquery/docs/labels-intro#requirements."""
    from jinja2 import Environment

    from logline.labels import job_labels

    named = {"dag": {"dag_id": "log_backfill"}, "task": {"task_id": "unit.parse"}}
    rendered = {
        name: Environment(autoescape=False).from_string(value).render(named)
        for name, value in job_labels("2015-05-17").items()
    }
    assert rendered == {
        "airflow-dag": "log_backfill",
        "airflow-task": "unit-parse",
        "logline-day": "2015-05-17",
    }
    assert all(re.fullmatch(r"[a-z0-9_-]{1,63}", value) for value in rendered.values())


def test_a_cleared_query_task_runs_its_query_again(dags):
    from airflow.providers.google.cloud.operators.bigquery import BigQueryInsertJobOperator

    inserts = [task for task in tasks(dags) if isinstance(task, BigQueryInsertJobOperator)]
    assert inserts
    assert all(task.durable is False for task in inserts)


def test_staging_tables_are_dropped_in_all_outcomes(dags):
    from logline.warehouse.load import LoadManifestFilesOperator

    for dag_id, drop in (("log_backfill", "unit.drop_staging"), ("dead_letter_replay", "drop_staging")):
        teardown = dags[dag_id].get_task(drop)
        assert teardown.is_teardown
        staged = {
            task.task_id
            for task in dags[dag_id].tasks
            if isinstance(task, LoadManifestFilesOperator)
            or any("CREATE OR REPLACE TABLE" in text or "select.sql" in text for text in templates(task))
        }
        assert staged
        assert staged <= {task.task_id for task in dags[dag_id].tasks if task.is_setup}
        assert staged <= teardown.upstream_task_ids


def test_tasks_that_change_shared_tables_run_one_at_a_time(dags):
    changing = [
        task
        for dag in ("log_backfill", "daily_summary", "dead_letter_replay")
        for task in dags[dag].tasks
        if any(re.search(r"sql/.*(replace|land)", text) for text in templates(task))
    ]
    assert sorted(task.task_id for task in changing) == [
        *("build_days", "land", "unit.land"),
    ]
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
    assert not [
        name
        for name in imported
        if name.split(".")[0] in ("apache_beam", "beam_jobs", "emulators", "local_stack", "os")
    ]
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
        "import airflow.providers.google.cloud.triggers.gcs\n"
        "import airflow.providers.standard.operators.hitl, airflow.providers.standard.operators.trigger_dagrun\n"
        "before = set(sys.modules)\n"
        "import dags.log_backfill, dags.daily_summary, dags.provision, dags.stream_supervisor\n"
        "import dags.dead_letter_replay, dags.late_lines, dags.sweep, dags.arrivals, dags.erasure\n"
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before}))\n"
    )
    paths = [str(ROOT), str(ROOT / "plugins"), *filter(None, [os.environ.get("PYTHONPATH")])]
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        check=True,
        capture_output=True,
        text=True,
        timeout=400,
    )
    added = set(ast.literal_eval(run.stdout.splitlines()[-1]))
    assert {"dags", "logline"} <= added
    assert not added & {"apache_beam", "faker", "numba", "numpy", "pandas", "pyarrow"}


def test_every_failed_task_of_a_dag_that_runs_by_itself_tells_the_notifiers(dags):
    from logline.alerts import AlertNotifier
    from logline.failures import keep_reason

    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    for dag in dags.values():
        assert all(keep_reason in task.on_failure_callback for task in dag.tasks), dag.dag_id
        for task in dag.tasks if dag.schedule else ():
            _, notifier = task.on_failure_callback
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


def test_the_ids_that_files_share_are_those_of_the_dags(dags):
    from logline import task_ids
    from logline.stream.decide import Action

    assert set(task_ids.DAGS) == set(dags)
    backfill, stream = dags[task_ids.BACKFILL_DAG], dags[task_ids.STREAM_DAG]
    names = (task_ids.PARSE, task_ids.LOAD, task_ids.LAND, task_ids.REPORT, task_ids.DROP_STAGING)
    assert [task_ids.PLAN, *(f"{task_ids.UNIT_GROUP}.{name}" for name in names)] == [
        task.task_id for task in backfill.topological_sort()
    ]
    assert task_ids.PLAN in dags[task_ids.REPLAY_DAG].task_ids
    changes = (task_ids.UPDATE, task_ids.DRAIN)
    assert {str(action) for action in Action} >= {task_ids.LAUNCH, *changes}
    assert set(stream.task_ids) == {
        *(task_ids.DECIDE, task_ids.LAUNCH, task_ids.CHECK, task_ids.RECORD, *changes),
        *(task_ids.APPROVE + change for change in changes),
    }
