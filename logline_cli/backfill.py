"""`logline backfill`: start a run of log_backfill, follow it, and say what became of the lines."""

import argparse
import signal
from collections.abc import Mapping
from typing import Any

from logline_cli.airflow import AirflowApi, AirflowError, DagRun
from logline_cli.connection import Connection, connection
from logline_cli.errors import ClientError, UsageError
from logline_cli.options import PARAMS
from logline_cli.progress import Screen, follow
from logline_cli.tables import text_table

DAG = "log_backfill"
_MOST_OBJECTS = 20


def run(options: argparse.Namespace) -> int:
    """Run the subcommand and return its exit code."""
    conf = {param["name"]: value for param in PARAMS if (value := getattr(options, param["name"])) is not None}
    if options.prefix is not None and "source" in conf:
        raise UsageError("--prefix and --source name the same thing: give one of them")
    if "start_date" in conf and "end_date" in conf and conf["end_date"] < conf["start_date"]:
        raise UsageError(f"--to {conf['end_date']} is before --from {conf['start_date']}: swap them")
    where = connection(options.airflow_url, options.token)
    return backfill(where, conf, Screen(), prefix=options.prefix, detach=options.detach)


def backfill(
    where: Connection, conf: dict[str, Any], screen: Screen, *, prefix: str | None = None, detach: bool = False
) -> int:
    """Start a run and follow it.

    Args:
        where: the installation.
        conf: values of the DAG's Params.
        screen: takes the progress.
        prefix: a folder of logline's own bucket, with a folder for each day, to read from.
        detach: whether to leave the run alone once it has started.

    Returns:
        The exit code.

    Raises:
        ClientError: the run cannot be started.
    """
    with AirflowApi.at(where) as api:
        dag = _dag(api, where)
        if prefix is not None:
            conf["source"] = f"gs://{_bucket(dag)}/{prefix.strip('/')}/{{date}}/*"
        started = api.trigger(DAG, conf)
        screen.line(f"{DAG} {started.run_id}: {api.run_url(started)}")
        if detach:
            return 0
        try:
            ended = follow(api, started, screen)
        except KeyboardInterrupt:
            screen.line(f"interrupted; the run goes on: logline status, or {api.run_url(started)}")
            return 128 + signal.SIGINT
        except AirflowError as error:
            raise ClientError(f"{error}; the run may go on: {api.run_url(started)}") from error
        _show_result(api, ended, screen, dry_run=bool(conf.get("dry_run")))
    return 0 if ended.state == "success" else 1


def _dag(api: AirflowApi, where: Connection) -> Mapping[str, Any]:
    try:
        dag = api.dag(DAG)
    except AirflowError as error:
        if error.status == 404:
            raise ClientError(
                f"the Airflow at {where.airflow_url} has no DAG {DAG}: name logline's, or wait until it has read its "
                "DAGs"
            ) from None
        raise
    if dag["is_paused"]:
        raise ClientError(f"{DAG} is paused, its runs would wait: unpause it at {where.airflow_url}/dags/{DAG}")
    return dag


def _bucket(dag: Mapping[str, Any]) -> str:
    source: str = dag["params"]["source"]["value"]
    return source.removeprefix("gs://").partition("/")[0]


def _show_result(api: AirflowApi, run: DagRun, screen: Screen, *, dry_run: bool) -> None:
    if dry_run and run.state == "success":
        screen.line(_listed(api, run))
        return
    objects = _ledger(api, run)
    if objects:
        names = ("lines", "good", "rejected", "blank", "bytes")
        rows = [
            (row["source_uri"], "not read" if row.get("error_message") else row["log_format"], *(row[n] for n in names))
            for row in objects[:_MOST_OBJECTS]
        ]
        screen.line(text_table(("object", "format", "lines", "rows", "rejected", "blank", "bytes"), rows))
        if len(objects) > _MOST_OBJECTS:
            screen.line(f"... and {len(objects) - _MOST_OBJECTS} more objects: {api.run_url(run)}/plugin/logline-run")
    screen.line(run.note or f"{run.state}: {api.run_url(run)}")
    if run.state == "success":
        screen.line("daily_summary rebuilds these days now: logline status")


def _ledger(api: AirflowApi, run: DagRun) -> list[Mapping[str, Any]]:
    try:
        found = api.page("ledger", run_id=run.run_id)
    except AirflowError:  # the run's note has the sums
        return []
    objects: list[Mapping[str, Any]] = found["objects"] if found else []
    return objects


def _listed(api: AirflowApi, run: DagRun) -> str:
    """Return what a dry run would read, from the log of its plan."""
    plan = next(task for task in api.tasks(run.dag_id, run.run_id) if task.task_id == "plan")
    log = api.log(run, plan)
    _, _, listed = log.partition("info: What this run reads\n")
    lines = []
    for line in listed.splitlines():
        if line.startswith(("info: ", "error: ", "warning: ")):
            break
        lines.append(line)
    return "\n".join(["What this run would read", *lines])
