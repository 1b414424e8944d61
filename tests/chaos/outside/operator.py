"""What somebody on call would do meanwhile: `make up` when nobody watches the parts, a run when no stream runs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Self

from local_stack import launch
from local_stack.running import RunningStack
from local_stack.supervisor.state import running_state
from logline_cli.errors import ClientError
from tests.chaos.outside import victims

_LOOK_SECONDS = 2.0
_STREAM_SECONDS = 30.0
"""From one run of stream_supervisor to the next while there is no stream; its schedule has one in five minutes."""


class Operator:
    """Looks after a stack until the block ends.

    Attributes:
        starts: How often `make up` was needed.
    """

    def __init__(self, stack: RunningStack, tell: Callable[[str], None]) -> None:
        self.starts = 0
        self._stack = stack
        self._tell = tell
        self._over = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._keep_up, self._keep_streaming)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _keep_up(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            if running_state(self._stack.config) is not None:
                continue
            self.starts += 1
            try:
                launch.up(self._stack.config, airflow=True, owner=os.getpid(), tell=self._tell, watch=lambda _: None)
            except ClientError as error:  # killed again meanwhile
                self._tell(f"make up: {error}")

    def _keep_streaming(self) -> None:
        last = 0.0
        while not self._over.wait(_LOOK_SECONDS):
            if time.monotonic() - last < _STREAM_SECONDS or victims.find(self._stack, victims.STREAM):
                continue
            try:
                with self._stack.airflow() as airflow:
                    airflow.trigger("stream_supervisor")
            except ClientError:
                continue
            last = time.monotonic()
