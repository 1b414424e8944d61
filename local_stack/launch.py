"""Start the stack and wait until it is up; stop it and what is left of it."""

import contextlib
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from local_stack.clients.airflow import AirflowApi
from local_stack.config import REPOSITORY, StackConfig, StackError
from local_stack.environment import component_environment
from local_stack.ports import answers, check_ports_free
from local_stack.private_files import own_folder
from local_stack.supervisor import logs, processes
from local_stack.supervisor.components import stack_components
from local_stack.supervisor.processes import is_frozen, wake
from local_stack.supervisor.shutdown import stop_components
from local_stack.supervisor.state import DOWN, FAILED, StackState, read_state, running_state

Tell = Callable[[str], None]
"""Takes one line for the user."""


def up(
    config: StackConfig,
    *,
    airflow: bool = True,
    owner: int | None = None,
    tell: Tell,
    watch: Callable[[StackState], None],
) -> StackState:
    """Start the stack and wait until every component is up; a stack that is up is left as it is.

    Args:
        config: Where it lives and listens.
        airflow: False starts the emulators alone.
        owner: Process number whose end also stops the stack.
        tell: Takes lines for the user.
        watch: Called with every state read while waiting.

    Returns:
        The state of the stack that is up.

    Raises:
        StackError: The state folder cannot be made private, a port is taken or a component does not come up: nothing
            is left running. Or a DAG file cannot be imported: the stack stays up, the Airflow UI shows the error.
    """
    state = running_state(config)
    if config.other_pubsub and not answers(config.other_pubsub):
        raise StackError(
            f"no Pub/Sub emulator answers at PUBSUB_EMULATOR_HOST={config.other_pubsub}: start it, or unset the "
            "variable to have one started here"
        )
    own_folder(config.state_dir)
    if state is None:
        if left := _stop_left_behind(config):
            tell(f"stopped what an earlier run had left behind (processes: {left})")
        _set_old_database_aside(config, tell)
        components = stack_components(config, airflow=airflow)
        check_ports_free(config, [port for component in components for port in component.ports])
        config.state_file.unlink(missing_ok=True)
        _start_supervisor(config, airflow=airflow, owner=owner)
    elif airflow and not state.airflow:
        raise StackError("the emulators run without Airflow: stop them first (make down), then start again")
    elif set(state.components) != {one.name for one in stack_components(config, airflow=state.airflow)}:
        raise StackError("a stack of another release runs here: stop it first (make down), then start again")
    if state is not None and is_frozen(supervisor := psutil.Process(state.supervisor)):
        wake(supervisor)
        tell("the supervisor was frozen: it goes on")
    if state is not None and state.is_well:
        tell("already up")
    else:
        state = _wait_until_up(config, watch)
    if airflow:
        with AirflowApi.of(config) as api:
            # Each file of the DAGs folder is named after its DAG.
            api.wait_for_dags({file.stem for file in (REPOSITORY / "dags").glob("[!_]*.py")}, seconds=600)
    return state


def down(config: StackConfig, *, tell: Tell) -> None:
    """Stop the stack: the supervisor stops its components; what then is left, also of a dead supervisor, is ended."""
    state = running_state(config)
    supervisor = psutil.Process(state.supervisor) if state and psutil.pid_exists(state.supervisor) else None
    if supervisor is not None:
        tell("stopping the stack ...")
        processes.stop([supervisor], grace=60)
    left = _stop_left_behind(config)
    if supervisor is None and left:
        tell(f"stopped what a dead supervisor had left behind (processes: {left})")
    tell("down" if supervisor or left else "nothing was running")


def _start_supervisor(config: StackConfig, *, airflow: bool, owner: int | None) -> None:
    options = [] if airflow else ["--without-airflow"]
    if owner is not None:
        options += ["--owner", str(owner)]
    processes.start(
        [sys.executable, "-m", "local_stack", "supervise", *options],
        environment=component_environment(config),
        log=config.supervisor_log,
    )


def _stop_left_behind(config: StackConfig) -> int:
    """Stop what a supervisor that was killed has left running; returns how many processes."""
    state = read_state(config)
    known = state.components if state else {}
    components = stack_components(config, airflow=True)
    return stop_components(
        config.state_dir,
        [
            (component, pid)
            for component in components
            if component.name in known and (pid := known[component.name].pid)
        ],
    )


def _set_old_database_aside(config: StackConfig, tell: Tell) -> None:
    """Rename the SQLite database of an earlier release, the file itself last."""
    old = config.airflow_home / "airflow.db"
    if not old.exists():
        return
    unused = old.with_name("airflow.db.unused")
    for suffix in ("-wal", "-shm", ""):  # the write-ahead log of an Airflow that was killed holds its last changes
        part = old.with_name(f"{old.name}{suffix}")
        if part.exists():
            part.replace(unused.with_name(f"{unused.name}{suffix}"))
    tell(
        "Airflow keeps its runs in PostgreSQL now: their history starts empty, the data tables stay; the old database "
        f"is {unused}"
    )
    if paused := _paused_dags(unused):
        tell(f"DAGs that were paused there are not any more, pause them again: {', '.join(paused)}")


def _paused_dags(database: Path) -> list[str]:
    try:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            rows = connection.execute("SELECT dag_id FROM dag WHERE is_paused AND NOT is_stale ORDER BY 1").fetchall()
    except sqlite3.Error:  # a database that Airflow had not finished
        return []
    return [str(dag_id) for (dag_id,) in rows]


def _wait_until_up(config: StackConfig, watch: Callable[[StackState], None]) -> StackState:
    silent_until = time.monotonic() + 60
    while True:
        state = read_state(config)
        if state is not None:
            watch(state)
            if state.is_well:
                return state
            if state.status in (FAILED, DOWN):
                raise StackError(_why(state))
        if running_state(config) is not None:
            silent_until = time.monotonic() + 20
        elif time.monotonic() > silent_until:
            log = config.supervisor_log
            raise StackError(f"the supervisor of the stack ended: {logs.last_lines(log)} (log: {log})")
        time.sleep(0.2)


def _why(state: StackState) -> str:
    for component in state.components.values():
        if component.status == "failed":
            return f"{component.message} (log: {component.log})"
    return "the stack was stopped while it was starting"
