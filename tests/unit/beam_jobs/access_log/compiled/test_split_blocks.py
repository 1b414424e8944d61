"""Blocks cut into parts of so many lines."""

from hypothesis import given
from hypothesis import strategies as st

from beam_jobs.access_log.compiled.split_blocks import cut_lines


@given(st.lists(st.binary(max_size=40), max_size=40).map(b"\n".join), st.integers(1, 5), st.integers(0, 2**40))
def test_parts_are_whole_lines_and_make_up_the_block(block: bytes, max_lines: int, offset: int) -> None:
    parts = list(cut_lines(block, offset, max_lines))
    assert b"".join(bytes(data) for _, data in parts) == block
    assert all(bytes(data).endswith(b"\n") for _, data in parts[:-1])
    for start, data in parts:
        assert bytes(data).removesuffix(b"\n").count(b"\n") < max_lines
        assert block[start - offset :].startswith(bytes(data))


def test_a_block_of_few_lines_is_not_copied() -> None:
    block = b"a\nb"
    ((_, data),) = cut_lines(block, 0)
    assert data is block
