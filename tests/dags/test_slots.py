"""The stream's supervisor never queues behind other DAGs: shown by Airflow's own scheduler, on a database of its own.

Nothing runs here: the scheduler picks tasks from the database for an executor that keeps what it is given.
"""

import configparser
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from local_stack.airflow.airflow_config import write_airflow_config
from local_stack.config import PORTS, StackConfig
from tests.airflow_environment import ROOT

STREAM = "stream_supervisor"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def most_at_once(dag):
    """How many tasks of a DAG Airflow starts at once; both limits hold for every run that it starts by itself."""
    return dag.max_active_runs * dag.max_active_tasks


def needed(dags):
    return sum(most_at_once(dag) for dag in dags.values())


def test_wherever_airflow_runs_all_dags_together_leave_slots_for_the_stream(dags, tmp_path):
    environment = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))["x-airflow"]["environment"]
    (containers,) = re.findall(r"^\$\{AIRFLOW_PARALLELISM:-(\d+)\}$", environment["AIRFLOW__CORE__PARALLELISM"])
    assert int(containers) >= needed(dags)
    config = StackConfig(state_dir=tmp_path, ports={name: port.default for name, port in PORTS.items()})
    write_airflow_config(config)
    laptop = configparser.RawConfigParser()
    laptop.read(config.airflow_home / "airflow.cfg")
    assert laptop.getint("core", "parallelism") >= needed(dags)
    # Elsewhere users see to it themselves.
    said = re.findall(r"at least (\d+) tasks at once", (ROOT / "docs/deploy.md").read_text(encoding="utf-8"))
    assert {int(number) for number in said} == {needed(dags)}


@pytest.fixture(scope="module")
def database(dag_bag, dags):
    """Airflow's tables, with the DAGs in them."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import sync_bag_to_db
    from airflow.utils.db import initdb

    initdb()
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(dag_bag, "dags-folder", None)


@pytest.fixture
def session(database):
    """A session whose changes are undone."""
    from airflow import settings

    with settings.Session() as session:
        yield session
        session.rollback()


class Airflow:
    """A scheduler, and an executor with some slots whose tasks never end."""

    def __init__(self, session, slots):
        from airflow.executors.base_executor import BaseExecutor
        from airflow.executors.executor_utils import ExecutorName
        from airflow.jobs.job import Job
        from airflow.jobs.scheduler_job_runner import SchedulerJobRunner

        self.session = session
        self.executor = BaseExecutor(parallelism=slots)
        self.executor.name = ExecutorName("airflow.executors.local_executor.LocalExecutor", "LocalExecutor")
        self.scheduler = SchedulerJobRunner(Job(), executors=[self.executor])

    def start_runs(self, dag_id, count):
        """Start runs of a DAG whose every task is ready, the mapped ones for many units."""
        from airflow.models.serialized_dag import SerializedDagModel
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.state import DagRunState, TaskInstanceState
        from airflow.utils.types import DagRunTriggeredByType, DagRunType

        dag = SerializedDagModel.get_dag(dag_id, session=self.session)
        for number in range(count):
            run = dag.create_dagrun(
                run_id=f"manual__{number}",
                logical_date=NOW - timedelta(days=number),
                run_after=NOW,
                run_type=DagRunType.MANUAL,
                triggered_by=DagRunTriggeredByType.TEST,
                state=DagRunState.RUNNING,
                session=self.session,
            )
            for ti in list(run.get_task_instances(session=self.session)):
                task = dag.get_task(ti.task_id)
                ti.state = TaskInstanceState.SCHEDULED
                if task.get_closest_mapped_task_group() is not None:
                    ti.map_index = 0
                    for index in range(1, 30):
                        day = TaskInstance(
                            task, dag_version_id=ti.dag_version_id, run_id=ti.run_id, map_index=index,
                            state=TaskInstanceState.SCHEDULED,
                        )  # fmt: skip
                        self.session.add(day)
        self.session.flush()

    def pick(self):
        """Let the scheduler hand all it will to the executor, and return these tasks in its order."""
        from airflow.utils.state import TaskInstanceState

        picked = []
        while free := self.executor.slots_available:
            found = self.scheduler._executable_task_instances_to_queued(free, session=self.session)
            if not found:
                break
            for ti in found:
                ti.state = TaskInstanceState.RUNNING
                self.executor.running.add(ti.key)
            self.session.flush()
            picked += found
        return picked

    def finish(self, ti):
        ti.state = "success"
        self.executor.running.remove(ti.key)
        self.session.flush()


def test_with_every_run_of_every_other_dag_at_work_the_stream_starts_at_once(dags, session):
    airflow = Airflow(session, needed(dags))
    others = [dag for dag in dags.values() if dag.dag_id != STREAM]
    for dag in others:
        airflow.start_runs(dag.dag_id, dag.max_active_runs)
    busy = Counter(ti.dag_id for ti in airflow.pick())
    assert all(0 < busy[dag.dag_id] <= most_at_once(dag) for dag in others)
    assert busy["log_backfill"] == most_at_once(dags["log_backfill"])
    airflow.start_runs(STREAM, 1)
    assert [ti.dag_id for ti in airflow.pick()][:2] == [STREAM, STREAM]


def test_where_slots_are_few_the_next_one_is_the_streams(dags, session):
    airflow = Airflow(session, 2)
    for dag_id in ("log_backfill", "daily_summary"):
        airflow.start_runs(dag_id, dags[dag_id].max_active_runs)
    busy = airflow.pick()
    assert len(busy) == 2
    airflow.start_runs(STREAM, 1)
    assert airflow.pick() == []
    for ti in busy:
        airflow.finish(ti)
        (next_one,) = airflow.pick()
        assert next_one.dag_id == STREAM


def test_units_that_have_begun_go_before_those_that_wait(session):
    airflow = Airflow(session, 40)
    airflow.start_runs("log_backfill", 1)
    picked = []
    for _ in range(10):
        found = airflow.pick()
        picked += found
        for ti in found:
            airflow.finish(ti)
    units = [ti.map_index for ti in picked]
    assert units == sorted(units)
