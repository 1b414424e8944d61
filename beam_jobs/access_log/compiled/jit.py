"""How functions of this package are compiled, and when compiled code on disk is reused.

numba keeps it in `$NUMBA_CACHE_DIR` if that is set, else in `__pycache__` beside the source, else in the user's cache
folder. It notices a change in the file of a compiled function, but not in the other files whose functions and constants
went into it. So a digest of the whole `access_log` package is made part of what numba compares.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a function at its first call, to code that releases the interpreter lock and is kept on disk."""
    try:
        dispatcher: Any = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        # numba can write to no cache folder: compile in every process.
        return cast(_Function, numba.njit(nogil=True)(function))
    # numba 0.68 has no public way to say what compiled code depends on.
    index = dispatcher._cache._cache_file
    index._source_stamp = (index._source_stamp, _package_digest())
    return cast(_Function, dispatcher)


def inlined(function: _Function) -> _Function:
    """Compile a function into the compiled functions that call it."""
    return cast(_Function, numba.njit(nogil=True, forceinline=True)(function))


@cache
def _package_digest() -> str:
    return folder_digest(Path(__file__).parents[1])


def folder_digest(folder: Path) -> str:
    """Return a digest of all Python files in a folder and in the folders inside it."""
    digest = hashlib.sha256()
    for source in sorted(folder.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()
