"""Progress while the stack starts: a line for each component that is up, and what is still awaited."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

from local_stack.supervisor.state import StackState

_WORDS = {"up": "up", "done": "ready", "restarting": "failed, starting it again", "failed": "failed"}


class Progress:
    """Prints a line whenever a component changes; on a terminal a spinner names those still awaited."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._spinner: Status | None = self._console.status("starting ...") if self._console.is_terminal else None
        self._begun = time.monotonic()
        self._shown: dict[str, tuple[str, int]] = {}

    def __enter__(self) -> Self:
        if self._spinner:
            self._spinner.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._spinner:
            self._spinner.stop()

    def line(self, text: str) -> None:
        """Print a line above the spinner."""
        self._console.print(text, markup=False)

    def show(self, state: StackState) -> None:
        """Print what changed since the last state."""
        for name, component in state.components.items():
            seen = (component.status, component.restarts)
            if component.status in _WORDS and self._shown.get(name) != seen:
                self._shown[name] = seen
                elapsed = time.monotonic() - self._begun
                self.line(f"{elapsed:6.1f} s  {component.label} {_WORDS[component.status]}")
        if self._spinner:
            awaited = [c.label for c in state.components.values() if c.status not in ("up", "done")]
            self._spinner.update("waiting for " + ", ".join(awaited) if awaited else "up")
