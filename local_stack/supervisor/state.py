"""The state of the stack on disk: written by the supervisor, read by everyone else."""

import contextlib
import dataclasses
import fcntl
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import psutil

from local_stack.config import StackConfig
from local_stack.supervisor.processes import belongs

STARTING, UP, DOWN, FAILED = "starting", "up", "down", "failed"


@dataclass
class ComponentState:
    """One component.

    Attributes:
        label: Name shown to people.
        log: File that takes its output.
        status: Waiting, starting, up, silent (left the last questions unanswered), done (a command that ended well),
            restarting, stopped or failed.
        pid: Its process, while there is one.
        seconds: How long it took to come up.
        restarts: How often it was started again.
        message: Why it was started again or failed, one line.
    """

    label: str
    log: str
    status: str = "waiting"
    pid: int | None = None
    seconds: float | None = None
    restarts: int = 0
    message: str = ""


@dataclass
class StackState:
    """The stack: its supervisor, ports, foreign Pub/Sub, components by name, and STARTING, UP, DOWN or FAILED."""

    status: str
    supervisor: int
    started: str
    airflow: bool
    ports: dict[str, int]
    other_pubsub: str
    components: dict[str, ComponentState] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        """Whether every component is up."""
        return self.status == UP and all(component.status in ("up", "done") for component in self.components.values())


def write_state(config: StackConfig, state: StackState) -> None:
    """Write the state in one step."""
    unfinished = config.state_file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(dataclasses.asdict(state), indent=1))
    unfinished.replace(config.state_file)


def read_state(config: StackConfig) -> StackState | None:
    """Return the state as last written, None where there is none (or none that this version reads)."""
    try:
        known = json.loads(config.state_file.read_text())
        components = {name: ComponentState(**component) for name, component in known.pop("components").items()}
        return StackState(**known, components=components)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def running_state(config: StackConfig) -> StackState | None:
    """Return the state of a stack whose supervisor lives, else None."""
    state = read_state(config)
    if state is None or not psutil.pid_exists(state.supervisor):
        return None
    try:
        return state if belongs(psutil.Process(state.supervisor), config.state_dir) else None
    except psutil.NoSuchProcess:
        return None


def running_config(config: StackConfig) -> StackConfig:
    """Return the settings with the addresses of the stack that runs in this state folder, if one does."""
    state = running_state(config)
    if state is None:
        return config
    return dataclasses.replace(config, ports={**config.ports, **state.ports}, other_pubsub=state.other_pubsub)


@contextlib.contextmanager
def supervisor_lock(state_dir: Path) -> Iterator[bool]:
    """Hold the state folder's lock; yields whether it was free. It ends with its process, however that ends."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with _opened(state_dir / "stack.lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _opened(path: Path) -> TextIO:
    return path.open("a")
