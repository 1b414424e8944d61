"""What imports of large libraries cost."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Import without looking for garbage, and leave what was imported out of all later looks.

    Importing Beam makes half a million objects that stay; looking at them again and again is a fifth of its time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
