"""Whether a component that was up still answers.

Questions are counted, not seconds: no clock that jumps and no machine that slept makes a component late. One that does
not answer while it uses the processor is busy, with a long query or on a loaded machine, and is given much longer.
"""

import threading
from collections import deque
from datetime import UTC, datetime

import psutil

from local_stack.supervisor.probes import Probe

PERIOD = 5.0
"""Seconds from one question to the next."""
IDLE_LIMIT = 6
"""Questions in a row that an idle component may leave unanswered: half a minute. Airflow's own limit is the same."""
BUSY_LIMIT = 120
"""Questions in a row that a busy one may: ten minutes."""

_IDLE_SECONDS = 0.1
"""Processor time within a period up to which a component counts as idle."""
_LOOK_BACK = 4
"""Questions within which a heartbeat must have come: 15 seconds, while Airflow's parts beat every 5."""


class Question:
    """A probe that is asked once, in a thread of its own.

    Attributes:
        answer: What it says; False until it has said something.
    """

    def __init__(self, probe: Probe, since: datetime) -> None:
        self.answer: bool | None = False
        self._probe, self._since = probe, since
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    @property
    def pending(self) -> bool:
        """Whether the answer is still awaited."""
        return self._thread.is_alive()

    def _ask(self) -> None:
        self.answer = self._probe(self._since)


class Liveness:
    """Asks one process of a component, from when it is up to its end.

    Args:
        probe: The component's.
        process: Its process.
        clock: The monotonic time.
    """

    def __init__(self, probe: Probe, process: psutil.Process, clock: float) -> None:
        self._probe = probe
        self._process = process
        self._question: Question | None = None
        self._times: deque[datetime] = deque([datetime.now(UTC)], maxlen=_LOOK_BACK)
        self._next = clock + PERIOD
        self._processor_seconds = self._used()
        self.unanswered = 0
        self._idle = 0

    @property
    def given_up(self) -> bool:
        """Whether it has left too many questions unanswered."""
        return self._idle >= IDLE_LIMIT or self.unanswered >= BUSY_LIMIT

    def step(self, clock: float) -> None:
        """Take note of the last question and ask the next one, when it is time.

        Args:
            clock: The monotonic time.
        """
        if clock < self._next:
            return
        self._next = clock + PERIOD
        if self._question is not None:
            self._note(self._question)
        if self._question is None or not self._question.pending:
            self._question = Question(self._probe, self._times[0])
            self._times.append(datetime.now(UTC))

    def _note(self, question: Question) -> None:
        before, self._processor_seconds = self._processor_seconds, self._used()
        if not question.pending and question.answer is not False:
            if question.answer:
                self.unanswered = self._idle = 0
            return
        self.unanswered += 1
        self._idle = self._idle + 1 if self._processor_seconds - before < _IDLE_SECONDS else 0

    def _used(self) -> float:
        try:
            times = self._process.cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)
