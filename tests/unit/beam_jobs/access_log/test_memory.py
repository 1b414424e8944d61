"""Memory for arrays."""

import gc

import numpy as np
import pyarrow as pa
import pytest

from beam_jobs.access_log.memory import room


@pytest.mark.parametrize("shape", [(0,), (0, 2), (3,), (3, 4)])
def test_an_array_has_the_shape_and_kind_that_is_asked_for_and_can_be_written(shape: tuple[int, ...]) -> None:
    array = room(np.int32, *shape)
    array[:] = 7
    assert array.shape == shape
    assert array.dtype == np.int32
    assert (array == 7).all()


def test_the_memory_is_arrows_and_is_freed_with_the_array() -> None:
    gc.collect()
    before = pa.total_allocated_bytes()
    array = room(np.int64, 1 << 17)
    assert pa.total_allocated_bytes() - before == array.nbytes
    del array
    assert pa.total_allocated_bytes() == before
