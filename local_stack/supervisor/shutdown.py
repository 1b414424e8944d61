"""Stop the components of a stack in order, whoever has started them."""

import logging
from collections.abc import Sequence
from pathlib import Path

from local_stack.supervisor import processes
from local_stack.supervisor.components import Component

_log = logging.getLogger(__name__)


def stop_components(state_dir: Path, started: Sequence[tuple[Component, int]]) -> int:
    """Stop first the components that need others, then those they need, then whatever is left of the stack.

    Args:
        state_dir: The stack's folder.
        started: Each component with the process that leads its session.

    Returns:
        How many processes were found.
    """
    count = len(processes.members(state_dir))
    for dependent, grace in ((True, 6.0), (False, 15.0)):
        level = [(component, leader) for component, leader in started if bool(component.after) == dependent]
        signals = {leader: component.stop_signal for component, leader in level}
        # Only the leader is asked: a task of Airflow that is killed is run again at the next start,
        # one that is asked to end is marked failed.
        asked = [process for process in processes.members(state_dir) if process.pid in signals]
        for process in processes.stop(asked, grace=grace, signals=signals):
            _log.info("pid %d had to be killed", process.pid)
        for component, leader in level:
            processes.stop(processes.group(leader, state_dir, cluster=component.cluster), grace=0)
    processes.stop_all(state_dir, grace=2)
    return count
