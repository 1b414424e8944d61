"""Blocks of lines: any division of any bytes gives the same lines at the same offsets."""

import io
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beam_jobs.access_log.reading import line_blocks as lines
from beam_jobs.access_log.reading.line_blocks import LineBlock, read_block, split_stream

MAX_LINE_BYTES = 8
KEPT_BYTES = MAX_LINE_BYTES + 2  # a cut line keeps enough to be seen as too long, whatever ended it

# Newlines are frequent, so that lines and blocks of all lengths meet.
logs = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"bc", b"\r", b"\x00\xff", b"d" * 12, b"e" * 30])).map(b"".join)


def whole_lines(data: bytes) -> list[tuple[int, bytes]]:
    """Offset and bytes of each line with its terminator; a line that is too long is cut as the reader may cut it."""
    found, offset = [], 0
    for line in io.BytesIO(data):
        found.append((offset, line))
        offset += len(line)
    return found


def lines_of(blocks: Iterable[LineBlock]) -> list[tuple[int, bytes]]:
    return [(block.offset + offset, line) for block in blocks for offset, line in whole_lines(block.data)]


def agree(found: list[tuple[int, bytes]], expected: list[tuple[int, bytes]]) -> None:
    assert [offset for offset, _ in found] == [offset for offset, _ in expected]
    for (_, line), (_, whole) in zip(found, expected, strict=True):
        if line != whole:
            assert len(whole) > MAX_LINE_BYTES
            assert whole.startswith(line)
            assert len(line) == KEPT_BYTES


@given(data=logs, block_bytes=st.integers(1, 40), tail=st.integers(0, 9), step=st.integers(1, 9))
@example(data=b"e" * 30 + b"\na", block_bytes=10, tail=0, step=1)
@example(data=b"a\n\n\n", block_bytes=1, tail=0, step=1)
def test_blocks_of_a_plain_object_are_its_lines(data: bytes, block_bytes: int, tail: int, step: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_LINE_TAIL", tail)
        patch.setattr(lines, "READ_STEP", step)
        blocks = [
            read_block(
                lambda start, end: data[start:end],
                len(data),
                start,
                min(start + block_bytes, len(data)),
                MAX_LINE_BYTES,
            )
            for start in range(0, len(data), block_bytes)
        ]
    agree(lines_of(blocks), whole_lines(data))
    for start, block in zip(range(0, len(data), block_bytes), blocks, strict=True):
        assert all(start <= offset < start + block_bytes for offset, _ in lines_of([block]))
        assert len(block.data) <= block_bytes + KEPT_BYTES + tail + step


@given(data=logs, block_bytes=st.integers(1, 40), step=st.integers(1, 50))
def test_blocks_of_a_stream_are_its_lines(data: bytes, block_bytes: int, step: int) -> None:
    chunks = [data[start : start + step] for start in range(0, len(data), step)]
    blocks = list(split_stream(chunks, block_bytes, MAX_LINE_BYTES))
    agree(lines_of(blocks), whole_lines(data))
    assert all(len(block.data) <= max(block_bytes, KEPT_BYTES) + step for block in blocks)
