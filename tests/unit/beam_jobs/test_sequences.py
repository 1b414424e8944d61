import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_jobs.sequences import bisect, chunks_of


@given(st.lists(st.binary(max_size=9)), st.integers(1, 20), st.integers(1, 5))
def test_chunks_hold_all_items_in_order_and_end_at_a_bound(items: list[bytes], most_bytes: int, most: int) -> None:
    chunks = list(chunks_of(items, len, most_bytes=most_bytes, most_items=most))
    assert [item for chunk in chunks for item in chunk] == items
    for chunk in chunks:
        assert 1 <= len(chunk) <= most
        assert sum(map(len, chunk[:-1])) < most_bytes
    assert all(len(chunk) == most or sum(map(len, chunk)) >= most_bytes for chunk in chunks[:-1])


@given(st.lists(st.booleans(), min_size=1))
def test_items_at_fault_stand_alone_and_all_others_are_worked_on(faulty: list[bool]) -> None:
    def work(indices: object) -> list[int]:
        if any(faulty[index] for index in indices):  # type: ignore[attr-defined]
            raise ValueError(len(indices))  # type: ignore[arg-type]
        return list(indices)  # type: ignore[call-overload]

    parts = list(bisect(range(len(faulty)), work, ValueError, lambda index, error: [-1 - index]))
    assert [index if index >= 0 else -1 - index for part in parts for index in part] == list(range(len(faulty)))
    assert {-1 - index for part in parts for index in part if index < 0} == {i for i, bad in enumerate(faulty) if bad}


@pytest.mark.parametrize("error", [MemoryError, KeyError])
def test_what_no_item_caused_is_raised(error: type[Exception]) -> None:
    def work(_items: object) -> None:
        raise error

    faults = Exception if error is MemoryError else ValueError
    with pytest.raises(error):
        list(bisect([1, 2], work, faults, lambda _item, _error: None))
