"""Memory for the arrays of a block."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def room(kind: type[Any], *shape: int) -> npt.NDArray[Any]:
    """Return an array of undefined values, in memory of Arrow's pool.

    The pool keeps what is freed for the next block. The C library's allocator gives arrays of megabytes back to the
    kernel, and every page of the next one costs a fault: a fifth of the time of a block
    (docs/decisions/0120-block-arrays-in-arrows-pool.md).
    """
    values = math.prod(shape)
    memory: Any = pa.allocate_buffer(values * np.dtype(kind).itemsize)
    return np.frombuffer(memory, kind, values).reshape(shape) if values else np.empty(shape, kind)
