"""The queries of the DAGs, as Airflow renders them and their tasks complete them."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import tests.airflow_environment  # noqa: F401 (before Airflow)
from tests.sql.analyzer.catalog import Catalog
from tests.sql.analyzer.scripts import Script, analyse
from tests.sql.analyzer.settings import Kind
from tests.sql.analyzer.tracing import Trace, TracedText

# isort: split
from airflow.sdk import DAG, BaseOperator
from google.cloud.bigquery import SchemaField, Table

from logline.backfill.units import SourceObject, described, plan_units
from logline.erasure.plan import Erasure
from logline.replay.plan import replay_names
from logline.settings import Settings
from logline.task_ids import BACKFILL_DAG, DECIDE, DECISION_KEY, ERASURE_DAG, PARSE, PLAN, REPLAY_DAG
from logline.warehouse import checks
from logline.warehouse.checks import Gate
from logline.warehouse.load import LoadManifestFilesOperator
from logline.warehouse.migrate_tables import Difference, MigrateTablesOperator, additions
from logline.warehouse.move_rejected_lines import NAME, TABLE_OF_0_1_0, MoveRejectedLinesOperator
from logline.warehouse.queries import Query

DAY = date(2015, 5, 17)
# The tasks that create tables which others read.
CREATING = (
    *("provision.create_tables", "provision.create_views", "dead_letter_replay.select_lines"),
    *("daily_summary.build_days: request_groups", "erasure.select: queries"),
)
# A column of each type of the API, as a schema file may add one.
NEW_COLUMNS = [
    SchemaField(f"new_{kind}_{mode}", kind, mode)
    for kind in ("BOOLEAN", "BYTES", "DATE", "FLOAT", "INTEGER", "STRING", "TIMESTAMP")
    for mode in ("NULLABLE", "REPEATED")
]
RUN_ID = "manual__2015-05-18T00:00:00+00:00"


def loaded(folder: Path) -> list[DAG]:
    """Return the DAGs of a folder, made with the settings that are in force."""
    dags = []
    for path in sorted(folder.glob("[!_]*.py")):
        spec = importlib.util.spec_from_file_location(f"analysed_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        dags += [value for value in vars(module).values() if isinstance(value, DAG)]
    return dags


class TaskInstance:
    """What templates ask of theirs."""

    run_id = RUN_ID
    map_index = 0
    try_number = 1

    def __init__(self, task: BaseOperator, bucket: str) -> None:
        self.task = task
        self.task_id = task.task_id
        self.dag_id = task.dag_id
        self._bucket = bucket

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        """Return what a task of a run would have left."""
        read = [SourceObject(f"{DAY}", "gs://logs/a.log", 1, 1)]
        units = described(plan_units(read, [], unit_bytes=1, bucket=self._bucket, run_id=RUN_ID))
        return {
            (BACKFILL_DAG, PLAN, "return_value"): units,
            (REPLAY_DAG, PLAN, "return_value"): asdict(replay_names(self._bucket, RUN_ID)),
            (REPLAY_DAG, PARSE, "return_value"): "2015-05-18_00_00_00-1",
            (ERASURE_DAG, PLAN, "return_value"): Erasure("0badcafe", f"{DAY}", f"{DAY}", "admin", "ab" * 32),
            ("stream_supervisor", DECIDE, DECISION_KEY): {"observed_at": "2015-05-18 00:00:00+00:00"},
        }[self.dag_id, task_ids, key]


class DagQueries:
    """The queries of all DAGs in one kind of settings, and what they read.

    Attributes:
        scripts: every query job of every task.
        staged: table by table of the staging dataset, the table whose columns it has.
    """

    def __init__(self, folder: Path, kind: Kind, trace: Trace) -> None:
        self.scripts: list[Script] = []
        self.staged: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._kind = kind
        self._trace = trace
        with kind.in_force():
            self.settings = Settings.from_environment()
            for dag in loaded(folder):
                for task in dag.tasks:
                    self._collect(dag, task)

    def catalog(self) -> Catalog:
        """Return the tables of the installation: those that are created, and the staging tables that are loaded."""
        catalog = Catalog()
        # A table before what reads it.
        for task in CREATING:
            for script in self.scripts:
                if script.name == task:
                    analyse(script, catalog)
            loaded = {into: catalog.tables[table] for into, table in self.staged.items() if table in catalog.tables}
            catalog.add(loaded)
        project = self.settings.project
        catalog.add({(project, *path): columns for path, columns in catalog.tables.items()})
        return catalog

    def _collect(self, dag: DAG, task: BaseOperator) -> None:
        params = {**dag.params.dump(), **self._kind.params.get(dag.dag_id, {})}
        ti = TaskInstance(task, self.settings.bucket)
        context = {
            "dag": dag,
            "dag_run": SimpleNamespace(run_after=datetime(2015, 5, 18, tzinfo=UTC)),
            "params": params,
            "run_id": RUN_ID,
            "task": task,
            "ti": ti,
            "task_instance": ti,
            # What the operators of daily_summary and late_lines add when they render their queries.
            **self._kind.portion.values(),
            "wanted": self._kind.wanted,
            "began": "TIMESTAMP '2015-05-19 00:00:00+00:00'",
        }
        environment = dag.get_template_env()
        self._trace.inline = f"dags/{Path(dag.fileloc).name} ({task.task_id})"
        self._trace.attach(environment)
        for field in task.template_fields:
            value = getattr(task, field)
            if any(isinstance(part, Query | Gate) for part in (value if type(value) is list else [value])) or (
                field == "configuration" and "query" in value
            ):
                self._keep(task, field, task.render_template(value, context, environment), context)
        if isinstance(task, LoadManifestFilesOperator):
            suffix = self._trace.text(task.render_template(task.suffix, context, environment)).text
            for table in task.tables:
                staged = (self.settings.staging_dataset, f"{table.into}_{suffix}")
                self.staged[staged] = (self.settings.dataset, table.columns_of)
        if isinstance(task, MoveRejectedLinesOperator):
            # The view has the columns of the table that it replaces.
            self.staged[self.settings.dataset, TABLE_OF_0_1_0] = (self.settings.dataset, NAME)
        if isinstance(task, MigrateTablesOperator):
            table = Table(f"{self.settings.project}.{self.settings.dataset}.{task.tables[0]}")
            for statement in additions(table, Difference(task.tables[0], new_columns=NEW_COLUMNS)):
                text = TracedText.of_file(statement, "plugins/logline/warehouse/migrate_tables.py")
                self.scripts.append(Script(f"{task.dag_id}.{task.task_id}: additions", text))

    def _keep(self, task: BaseOperator, field: str, rendered: Any, context: Mapping[str, Any]) -> None:
        name = f"{task.dag_id}.{task.task_id}"
        match rendered:
            case Query():
                self._add(f"{name}: {field}", rendered.job(self.settings)["query"])
            case Gate():
                for number, query in enumerate(_run(rendered, task, self.settings, context)):
                    self._add(f"{name}: {field} {('checks', 'record')[number]}", query.job(self.settings)["query"])
            case list():
                for part in rendered:
                    self._keep(task, field, part, context)
            case {"query": query}:
                self._add(name, query)

    def _add(self, name: str, query: Mapping[str, Any]) -> None:
        parameters = {
            self._trace.text(parameter["name"]).text: self._trace.text(parameter["parameterType"]["type"]).text
            for parameter in query.get("queryParameters", [])
        }
        self.scripts.append(Script(name, self._trace.text(query["query"]), parameters))


def _run(gate: Gate, task: BaseOperator, settings: Settings, context: Mapping[str, Any]) -> list[Query]:
    """Run a gate as its task does and return the queries that it would have run."""
    asked: list[Query] = []

    def fetch_rows(settings: Settings, query: Query) -> list[dict[str, Any]]:
        asked.append(query)
        return []

    if getattr(task, "manifest", None) is not None:
        gate = gate._replace(checks=gate.checks.with_strings(manifest=json.dumps({})))
    with patch.object(checks, "fetch_rows", fetch_rows):
        gate.run(settings, context)
    return asked
