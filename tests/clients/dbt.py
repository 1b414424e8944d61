"""dbt: a project of a seed, two models and tests; and the project `docs/dbt`, whose sources are logline's tables."""

import os
import shutil
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from local_stack.config import REPOSITORY
from tests.clients.bq import rows
from tests.clients.case import Client, Workspace, program

VERSION = "import importlib.metadata; print('of', importlib.metadata.version('dbt-bigquery'))"


@cache
def version() -> str | None:
    """Return the adapter's version; `dbt --version` would ask PyPI for newer ones."""
    dbt = shutil.which("dbt")
    return program(str(Path(dbt).with_name("python")), "-c", VERSION)() if dbt else None


DBT = Client("dbt-bigquery", "BigQuery", version)

PROJECT = {
    "dbt_project.yml": """\
name: traffic
version: "1.0"
profile: local
""",
    "seeds/hits.csv": "path,status\n/,200\n/,200\n/a,404\n",
    "models/by_path.sql": """\
{{ config(materialized="incremental", unique_key="path") }}
SELECT path, COUNT(*) AS hits, COUNTIF(status >= 400) AS errors FROM {{ ref("hits") }} GROUP BY path
""",
    "models/busiest.sql": """\
{{ config(materialized="view") }}
SELECT path FROM {{ ref("by_path") }} ORDER BY hits DESC LIMIT 1
""",
    "models/models.yml": """\
models:
  - name: by_path
    columns:
      - {name: path, data_tests: [unique, not_null]}
""",
}


def project(work: Workspace) -> Path:
    """Write the project and a profile whose dataset is the workspace's."""
    for name, content in PROJECT.items():
        work.file(name, content)
    return profile(work)


def profile(work: Workspace) -> Path:
    """Write a profile whose dataset is the workspace's; returns the folder."""
    target = f"{{type: bigquery, method: oauth, project: {os.environ['GOOGLE_CLOUD_PROJECT']}, dataset: {work.name}"
    work.file(
        "profiles.yml",
        f"local: &local\n  target: local\n  outputs:\n    local: {target}, threads: 1}}\nlogline: *local\n",
    )
    return work.folder


@DBT.case("build: seed, models (incremental, view), tests; run")
def build(work: Workspace) -> None:
    folder = project(work)
    for command in ("build", "run"):  # the second time the incremental model is merged
        work.run("dbt", "--no-send-anonymous-usage-stats", command, "--project-dir", folder, "--profiles-dir", folder)
    assert rows(f"SELECT * FROM {work.name}.by_path ORDER BY path") == [
        {"path": "/", "hits": 2, "errors": 0},
        {"path": "/a", "hits": 1, "errors": 1},
    ]
    assert rows(f"SELECT * FROM {work.name}.busiest") == [{"path": "/"}]


@DBT.case("build: a model over sources, the tables of logline, with their tests")
def sources(work: Workspace) -> None:
    folder = profile(work)
    shutil.copytree(REPOSITORY / "docs" / "dbt", folder, dirs_exist_ok=True)
    templates = Environment(loader=FileSystemLoader(REPOSITORY / "dags"), autoescape=False)
    tables = "".join(
        templates.get_template(f"sql/daily/{table}/schema.sql").render(dataset=work.name)
        for table in ("daily_summary", "hourly_traffic")
    )
    hours = ", ".join(
        f"(DATE '2026-11-02', TIMESTAMP '2026-11-02 {hour}:00:00+00', 100, 0, 9, 1, {errors})"
        for hour, errors in (("09", 1), ("10", 40), ("11", 2))
    )
    rows(
        f"CREATE SCHEMA {work.name}; {tables} INSERT INTO {work.name}.hourly_traffic "
        f"(log_date, hour, requests, bots, bytes, unique_visitors, errors) VALUES {hours}"
    )
    options = ["--vars", f"{{logline_dataset: {work.name}}}", "--project-dir", folder, "--profiles-dir", folder]
    work.run("dbt", "--no-send-anonymous-usage-stats", "build", *options)
    assert rows(f"SELECT EXTRACT(HOUR FROM hour) AS hour, error_rate FROM {work.name}.worst_hours") == [
        {"hour": 10, "error_rate": 0.4}
    ]
