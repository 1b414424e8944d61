"""Divide source objects into blocks: compression by magic bytes, format by the first lines."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, NamedTuple, cast

from beam_jobs.access_log import FORMATS, FormatError, get_format, recognise
from beam_jobs.access_log.formats.w3c import is_w3c
from beam_jobs.access_log.reading.compression import Compression
from beam_jobs.access_log.reading.content import Content
from beam_jobs.access_log.reading.content_errors import ContentError, CorruptError, TruncatedError
from beam_jobs.access_log.reading.line_blocks import RangeReader, read_block, split_stream
from beam_jobs.access_log.reading.prefetch import LargeRanges, ReadAhead
from beam_jobs.access_log.reading.range_file import RangeFile
from beam_jobs.backfill.options import BackfillSettings
from beam_jobs.options.job_parameters import AUTO_FORMAT
from beam_jobs.output.records import SourceFound, SourceWarning
from beam_jobs.storage.files import read_range
from beam_jobs.storage.objects import InputError, InputErrorType, StoredObject

SAMPLE_BYTES = 64 << 10
"""How much of an object's content its format is told from."""

_log = logging.getLogger("logline.backfill")
_RANGE_BYTES = 16 << 20  # of a compressed object, in one request
_PIECES_AHEAD = 16  # of 1 MiB at most: as much as a block is decompressed while the one before is parsed


@dataclass(frozen=True, slots=True)
class BlockTask:
    """What one element of the pipeline parses: the bytes [start, end) of a plain object, or all of a compressed one."""

    stored: StoredObject
    log_format: str
    compression: Compression | None
    start: int
    end: int


class SourceBlock(NamedTuple):
    """A block of lines of an object.

    Attributes:
        offset: as of a `LineBlock`.
        data: the lines.
        source_bytes: how much of the object, as it is stored, was read since the block before.
    """

    offset: int
    data: bytes | memoryview
    source_bytes: int


def plan_blocks(stored: StoredObject, settings: BackfillSettings) -> tuple[SourceFound, list[BlockTask]]:
    """Divide an object into blocks, after reading its first 64 KiB, or as much as they are of a compressed one.

    Returns:
        What was found out about the object, and its blocks; an empty object has none.

    Raises:
        InputError: it cannot be read, is damaged or no text, or its format is not known.
    """
    content = Content(_file(functools.partial(read_range, stored), stored.size), SAMPLE_BYTES)
    sample = first_bytes(content, SAMPLE_BYTES, stored.uri)
    found = find_format(stored, sample, settings)
    if not sample or found.log_format is None:
        return found, []
    # What a `#Fields` line says holds up to the next one, wherever blocks end.
    is_whole = content.compression is not None or is_w3c(get_format(found.log_format))
    step = stored.size if is_whole else settings.block_bytes
    tasks = [
        BlockTask(stored, found.log_format, content.compression, start, min(start + step, stored.size))
        for start in range(0, stored.size, step)
    ]
    return found, tasks


def first_bytes(content: Content, least: int, uri: str) -> bytes:
    """Return the first bytes of an object's content, decompressed: so many of them at least, or all.

    Raises:
        InputError: it is damaged or no text.
    """
    first = bytearray()
    with content_errors(uri):
        for piece in content:
            first += piece
            if len(first) >= least:
                break
    return bytes(first)


def find_format(stored: StoredObject, sample: bytes, settings: BackfillSettings) -> SourceFound:
    """Tell the format of an object from its first bytes, decompressed; an empty one has none unless it is given.

    Args:
        stored: the object.
        sample: `SAMPLE_BYTES` of it at least, or all.
        settings: the format to read it as may be given.

    Raises:
        InputError: the format is not known.
    """
    name: str | None = settings.log_format
    if name == AUTO_FORMAT:
        name = _recognised(stored, sample) if sample else None
    return SourceFound(stored.generation, stored.size, name)


def read_blocks(task: BlockTask, settings: BackfillSettings) -> Iterator[SourceBlock | SourceWarning]:
    """Read a task's lines: one block of a plain object, as many as it takes of a compressed object.

    Yields:
        The blocks, and last a warning if something of a compressed object was left out.

    Raises:
        InputError: the object cannot be read, has changed, or is truncated or damaged.
    """
    stored, read = task.stored, functools.partial(read_range, task.stored)
    if task.compression is None and task.end - task.start <= settings.block_bytes:
        block = read_block(read, stored.size, task.start, task.end, settings.max_line_bytes)
        yield SourceBlock(*block, task.end - task.start)
        return
    with content_errors(stored.uri), LargeRanges(read, stored.size, _RANGE_BYTES) as ranges:
        file = _file(ranges, stored.size)
        content = Content(file)
        counted = 0
        with ReadAhead(iter(content), _PIECES_AHEAD) as pieces:
            for block in split_stream(pieces, settings.block_bytes, settings.max_line_bytes):
                position = max(file.tell(), counted)
                yield SourceBlock(*block, position - counted)
                counted = position
    if content.warning:
        _log.warning("%s: %s", stored.uri, content.warning)
        yield SourceWarning(content.warning)


@contextlib.contextmanager
def content_errors(uri: str) -> Iterator[None]:
    """Turn errors of an object's content into input errors."""
    try:
        yield
    except TruncatedError as error:
        is_gzip = error.compression == Compression.GZIP
        kind = InputErrorType.TRUNCATED_GZIP if is_gzip else InputErrorType.TRUNCATED
        raise InputError(uri, kind, f"{error}; upload it again") from error
    except CorruptError as error:
        is_gzip = error.compression == Compression.GZIP
        kind = InputErrorType.CORRUPT_GZIP if is_gzip else InputErrorType.CORRUPT
        raise InputError(uri, kind, f"{error}; upload it again") from error
    except ContentError as error:
        raise InputError(uri, InputErrorType.UNSUPPORTED, str(error)) from error


def _file(read: RangeReader, size: int) -> IO[bytes]:
    return cast(IO[bytes], RangeFile(read, size))


def _recognised(stored: StoredObject, sample: bytes) -> str:
    if len(sample) < SAMPLE_BYTES and not sample.strip():
        return next(iter(FORMATS))  # blank lines are blank in every format
    try:
        detection = recognise(sample)
    except FormatError as error:
        raise InputError(stored.uri, InputErrorType.UNKNOWN_FORMAT, str(error)) from error
    if detection.warning:
        _log.warning("%s: %s", stored.uri, detection.warning)
    return detection.log_format.name
