"""What the C library keeps of freed memory goes back to the system, for the BigQuery emulator: see docs/decisions/0203.

Both functions do nothing where the C library is not glibc.
"""

import asyncio
import ctypes

_LIBC = ctypes.CDLL(None)
_M_ARENA_MAX = -8


def share_one_arena() -> None:
    """Let all threads that start from now on use the first arena: of others, glibc trims no end."""
    if mallopt := getattr(_LIBC, "mallopt", None):
        mallopt(_M_ARENA_MAX, 1)


async def trim(seconds: float) -> None:
    """Give back every free page, again and again after so many seconds."""
    while malloc_trim := getattr(_LIBC, "malloc_trim", None):
        await asyncio.sleep(seconds)
        await asyncio.to_thread(malloc_trim, 0)
