"""Blocks of lines: any division of any bytes gives the same lines at the same offsets."""

import gzip
import io
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from isal import igzip_lib

from beam_jobs.access_log.reading import line_blocks as lines
from beam_jobs.access_log.reading.line_blocks import (
    CorruptGzipError,
    LineBlock,
    TruncatedGzipError,
    gunzip,
    read_block,
    split_stream,
)

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


@given(
    members=st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    padding=st.integers(0, 3),
    step=st.integers(1, 64),
)
def test_gunzip_reads_every_member(members: list[bytes], padding: int, step: int) -> None:
    data = b"".join(gzip.compress(member) for member in members) + b"\0" * padding
    assert b"".join(gunzip(data[start : start + step] for start in range(0, len(data), step))) == b"".join(members)


def test_gunzip_reads_a_header_with_a_file_name() -> None:
    stream = io.BytesIO()
    with gzip.GzipFile("access.log", "wb", fileobj=stream, mtime=1) as target:
        target.write(b"a line\n")
    assert b"".join(gunzip([stream.getvalue()])) == b"a line\n"


def test_gunzip_of_a_bomb_stays_small() -> None:
    pieces = gunzip([gzip.compress(bytes(50_000_000))])
    sizes = [len(piece) for piece in pieces]
    assert sum(sizes) == 50_000_000
    assert max(sizes) <= lines.READ_STEP


@given(member=st.binary(max_size=300), data=st.data(), step=st.integers(1, 64))
def test_gunzip_of_a_truncated_stream_is_refused(member: bytes, data: st.DataObject, step: int) -> None:
    whole = gzip.compress(member)
    cut = whole[: data.draw(st.integers(1, len(whole) - 1))]
    with pytest.raises(TruncatedGzipError, match="ends too early"):
        list(gunzip(cut[start : start + step] for start in range(0, len(cut), step)))


@pytest.mark.parametrize("position", [-1, -5, 12, 40])
def test_gunzip_of_a_damaged_stream_is_refused(position: int) -> None:
    damaged = bytearray(gzip.compress(bytes(range(256)) * 4, mtime=0))
    damaged[position] ^= 0xFF
    with pytest.raises((CorruptGzipError, TruncatedGzipError)):
        list(gunzip([bytes(damaged)]))


def test_gunzip_refuses_what_follows_the_last_member() -> None:
    with pytest.raises(CorruptGzipError, match="damaged"):
        list(gunzip([gzip.compress(b"a\n") + b"this is no gzip member"]))


def test_isal_checks_the_checksum() -> None:
    damaged = bytearray(gzip.compress(b"a line\n", mtime=0))
    damaged[-8] ^= 1
    with pytest.raises(igzip_lib.IsalError):
        igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP).decompress(bytes(damaged))
