"""Retries of calls to Google Cloud."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError

CALLERS_FAULT = (exceptions.InvalidArgument, exceptions.OutOfRange)
"""Errors of a wrong request, which another attempt would not help."""

_LOG_SECONDS = 10.0
_log = logging.getLogger("logline.stream")
T = TypeVar("T")


class RetriesExhaustedError(Exception):
    """A call kept failing until its retry policy gave up."""


@dataclass(frozen=True)
class RetryPolicy:
    """Retry failed calls after a pause that doubles.

    Attributes:
        first_pause: seconds before the second attempt.
        longest_pause: seconds.
        seconds: how long to go on; None for no limit.
        final: errors that are raised at once.
        abort: once set, failed calls are not retried.
        clock: gives seconds.
    """

    first_pause: float = 0.1
    longest_pause: float = 5.0
    seconds: float | None = None
    final: tuple[type[Exception], ...] = CALLERS_FAULT
    abort: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], float] = time.monotonic  # noqa: TID251 (what it is where no simulation gives another)

    def call(self, what: str, function: Callable[[], T], retried: Callable[[], None] = lambda: None) -> T:
        """Call the function until it succeeds.

        Args:
            what: names the call in the log.
            function: what to call.
            retried: called before every attempt but the first.

        Raises:
            RetriesExhaustedError: time is up, or `abort` is set.
            Exception: one that is final, or that is not an error of Google Cloud.
        """
        started = self.clock()
        logged = None
        pause = self.first_pause
        while True:
            try:
                result = function()
            except self.final:
                raise
            except (exceptions.GoogleAPIError, GoogleAuthError) as error:
                now = self.clock()
                if self.abort.is_set() or (self.seconds is not None and now - started + pause > self.seconds):
                    raise RetriesExhaustedError(f"{what} failed: {first_line(error)}") from error
                if logged is None or now - logged > _LOG_SECONDS:
                    _log.warning("%s fails, trying again until it works: %s", what, first_line(error))
                    logged = now
            else:
                if logged is not None:
                    _log.info("%s works again after %.1f s", what, self.clock() - started)
                return result
            self.abort.wait(pause)
            pause = min(2 * pause, self.longest_pause)
            retried()


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    message = error.message if isinstance(error, exceptions.GoogleAPICallError) else str(error)
    return str(message).strip().partition("\n")[0] or type(error).__name__
