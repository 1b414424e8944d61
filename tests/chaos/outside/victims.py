"""The processes of a stack that are killed and frozen, by the names that the schedule has for them.

| name | process |
|---|---|
| a component's, such as `bigquery` | the one that the supervisor watches |
| `supervisor` | the one that watches |
| `database session` | any other of PostgreSQL's |
| `zygote` | those that have imported Airflow or the jobs, to be forked |
| `worker` | of the scheduler's executor, at work or idle |
| `task` | the process of a task that is at work |
| `triggers` | what the triggerer's triggers run in |
| `batch job`, `stream` | what a Dataflow job runs in, its watcher too |
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

import psutil

from local_stack.running import RunningStack
from local_stack.supervisor import processes
from local_stack.supervisor.state import StackState, read_state

SUPERVISOR = "supervisor"
STREAM = "stream"


def find(
    stack: RunningStack, victim: str, members: Callable[[], Iterable[psutil.Process]] | None = None
) -> list[psutil.Process]:
    """Return the processes of this name that are there now, in the order of their numbers.

    Args:
        stack: The stack.
        victim: The name.
        members: Returns all processes of the stack, where the caller knows them: to look for them takes a while.
    """
    state = read_state(stack.config)
    if state is None:
        return []
    if victim == SUPERVISOR:
        return _alive([state.supervisor], stack)
    if victim in state.components:
        component = state.components[victim]
        return _alive([component.pid], stack) if component.pid and component.status in ("up", "silent") else []
    all_of_them = members() if members else processes.members(stack.config.state_dir)
    found = [process for process in all_of_them if _is(process, victim, state)]
    return sorted(found, key=lambda process: process.pid)


def components(stack: RunningStack) -> list[str]:
    """Return the names of the parts that stay up."""
    state = read_state(stack.config)
    return [name for name, one in state.components.items() if one.status != "done"] if state else []


def title(process: psutil.Process) -> str:
    """Return the command line of a process, empty for one that is gone."""
    try:
        return " ".join(process.cmdline())
    except (psutil.Error, OSError):
        return ""


def _alive(numbers: Iterable[int], stack: RunningStack) -> list[psutil.Process]:
    found = []
    for number in numbers:
        try:
            process = psutil.Process(number)
        except psutil.NoSuchProcess:
            continue
        if processes.belongs(process, stack.config.state_dir):
            found.append(process)
    return found


def _is(process: psutil.Process, victim: str, state: StackState) -> bool:
    command = title(process)
    if victim == "database session":
        return command.startswith("postgres: ")
    if victim == "zygote":
        return ".zygote " in f"{command} "
    if victim == STREAM:
        return " -m beam_jobs.stream " in command
    if victim == "batch job":
        return " -m beam_jobs.backfill " in command
    try:
        leader = os.getsid(process.pid)
    except OSError:
        return False
    parent = "airflow-triggerer" if victim == "triggers" else "airflow-scheduler"
    if leader != state.components[parent].pid or process.pid == leader:
        return False
    if victim == "triggers":
        return True
    return victim == "worker" if "LocalExecutor" in command else victim == "task"
