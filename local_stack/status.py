"""What runs of a stack, as it is now: what its supervisor knows, and what its processes themselves show."""

import psutil

from local_stack.config import StackConfig
from local_stack.ports import answers
from local_stack.supervisor.processes import belongs, is_frozen, members
from local_stack.supervisor.state import ComponentState, read_state, running_state
from logline_cli.tables import counted

WELL, DOWN, NOT_WELL = 0, 3, 4


def describe(config: StackConfig) -> tuple[list[str], int]:
    """Return lines for people, and the exit code: 0 where all is up, 3 where nothing runs, 4 for anything between."""
    state = read_state(config)
    supervised = running_state(config) is not None
    if state is None or not (supervised or members(config.state_dir)):
        return ["down (make up starts the stack)"], DOWN
    lines, well = [], supervised
    for component in state.components.values():
        status = status_of(config, component)
        well = well and status in ("up", "done")
        restarts = f", {counted(component.restarts, 'restart')}" if component.restarts else ""
        pid = f", pid {component.pid}" if component.pid else ""
        lines.append(f"{component.label:<24} {status}{pid}{restarts}  {component.log}")
    if config.other_pubsub:
        found = "up" if answers(config.other_pubsub) else "does not answer"
        lines.append(f"{'Pub/Sub emulator':<24} {found}, not of this stack: PUBSUB_EMULATOR_HOST={config.other_pubsub}")
    if not supervised:
        lines.append(
            "no supervisor: these parts run on, but nobody restarts them (make up starts anew, make down stops them)"
        )
    elif is_frozen(psutil.Process(state.supervisor)):
        well = False
        lines.append(f"the supervisor (pid {state.supervisor}) is frozen: nobody restarts a part (make up wakes it)")
    return lines, WELL if well else NOT_WELL


def status_of(config: StackConfig, component: ComponentState) -> str:
    """Return what a component does now: its process may have ended or been frozen since the supervisor looked."""
    if component.pid is None:
        return component.status
    try:
        process = psutil.Process(component.pid)
        if not belongs(process, config.state_dir):
            return "ended"
        return "frozen" if is_frozen(process) else component.status
    except psutil.NoSuchProcess:
        return "ended"
