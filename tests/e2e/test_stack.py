"""The local stack with a real Airflow."""

from collections.abc import Callable

import psutil
import pytest

from local_stack.airflow.airflow_config import PARALLELISM
from local_stack.clients.airflow import AirflowError
from local_stack.config import REPOSITORY
from local_stack.running import RunningStack
from local_stack.supervisor import processes
from local_stack.waiting import wait_for
from tests.conftest import PAUSED_DAGS
from tests.integration.test_stack import open_to_others

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


def test_every_dag_is_known_and_runs_when_triggered(airflow_stack: RunningStack):
    with airflow_stack.airflow() as api:
        dags = {dag["dag_id"]: dag["is_paused"] for dag in api.request("GET", "/dags")["dags"]}
        files = {path.stem for path in (REPOSITORY / "dags").glob("*.py")} - {"__init__"}
        assert dags == {dag_id: dag_id in PAUSED_DAGS for dag_id in files}
        run = api.wait_for_run(api.trigger("provision"), seconds=600)
        tasks = api.tasks(run.dag_id, run.run_id)
        assert {task.state for task in tasks} == {"success"}
        assert "create_bucket" in {task.task_id for task in tasks}
        assert all(api.log(run, task) for task in tasks)


def test_says_why_a_run_is_refused(airflow_stack: RunningStack):
    with airflow_stack.airflow() as api:
        with pytest.raises(AirflowError, match=r"refused POST /dags/nowhere/dagRuns \(404\): .*nowhere"):
            api.trigger("nowhere")
        with pytest.raises(AirflowError, match=r"\(400\): .*max_parallel_days"):
            api.trigger("log_backfill", {"max_parallel_days": "many"})
        with pytest.raises(AirflowError, match=r"\(400\): .*start_date: '2024-02-30' is not a 'date'"):
            api.trigger("log_backfill", {"start_date": "2024-02-30"})


def test_airflow_listens_on_loopback_only_and_all_its_processes_are_known(airflow_stack: RunningStack):
    ports = set(airflow_stack.config.ports.values())
    members = {process.pid for process in processes.members(airflow_stack.config.state_dir)}
    # PostgreSQL's processes are another user's where root starts them, and then hide what is theirs.
    listening = {
        connection.laddr
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and (connection.pid in members or connection.laddr.port in ports)
    }
    assert {address.ip for address in listening} <= {"127.0.0.1", "::ffff:127.0.0.1"}
    assert {address.port for address in listening} == ports

    def known_and_at_rest() -> bool:
        # Runs of the schedule come and go, and a worker at work bears the name of its task.
        members = processes.members(airflow_stack.config.state_dir)
        idle = sum("LocalExecutor" in " ".join(process.cmdline()) for process in members)
        known = {process.pid for process in members}
        return (
            idle == PARALLELISM
            and {child.pid for process in members for child in process.children(recursive=True)} <= known
        )

    wait_for(look_again_when_one_is_gone(known_and_at_rest), seconds=300, what="all workers idle and no stranger")


def test_all_files_are_for_their_owner_only(airflow_stack: RunningStack):
    state_dir = airflow_stack.config.state_dir
    written = {"/".join(path.relative_to(state_dir).parts[:2]) for path in state_dir.rglob("*") if path.is_file()}
    assert {"logs/airflow-scheduler.log", "airflow/logs", "airflow/airflow.cfg", "storage/index.sqlite3"} <= written
    assert open_to_others(state_dir) == []


def look_again_when_one_is_gone(look: Callable[[], bool]) -> Callable[[], bool]:
    def patient() -> bool:
        try:
            return look()
        except psutil.NoSuchProcess:
            return False

    return patient
