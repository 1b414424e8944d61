"""The one loop that waits for something."""

import time
from collections.abc import Callable
from typing import TypeVar

from local_stack.config import StackError

Found = TypeVar("Found")


def wait_for(check: Callable[[], Found | None], *, seconds: float, what: str, pause: float = 0.5) -> Found:
    """Check again and again until there is something.

    Args:
        check: Returns something true when there is.
        seconds: How long at most.
        what: What is awaited, for the error.
        pause: Seconds between two checks.

    Raises:
        StackError: There was nothing in time.
    """
    deadline = time.monotonic() + seconds
    while not (found := check()):
        if time.monotonic() > deadline:
            raise StackError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(pause)
    return found
