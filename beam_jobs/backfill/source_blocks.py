"""Divide source objects into blocks: compression by magic bytes, format by the first lines."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, cast

from beam_jobs.access_log import FORMATS, FormatError, detect, get_format
from beam_jobs.access_log.formats.w3c import is_w3c
from beam_jobs.access_log.reading.compression import Compression
from beam_jobs.access_log.reading.content import Content
from beam_jobs.access_log.reading.content_errors import ContentError, CorruptError, TruncatedError
from beam_jobs.access_log.reading.line_blocks import READ_STEP, LineBlock, read_block, split_stream
from beam_jobs.access_log.reading.prefetch import ReadAhead
from beam_jobs.access_log.reading.range_file import RangeFile
from beam_jobs.backfill.options import BackfillSettings
from beam_jobs.options.job_parameters import AUTO_FORMAT
from beam_jobs.output.records import SourceFound, SourceWarning
from beam_jobs.storage.files import read_range
from beam_jobs.storage.objects import InputError, InputErrorType, StoredObject

_log = logging.getLogger("logline.backfill")
_SAMPLE_BYTES = 64 << 10
_PIECES_AHEAD = 16  # of 1 MiB at most: as much as a block is decompressed while the one before is parsed


@dataclass(frozen=True, slots=True)
class BlockTask:
    """What one element of the pipeline parses: the bytes [start, end) of a plain object, or all of a compressed one."""

    stored: StoredObject
    log_format: str
    compression: Compression | None
    start: int
    end: int


def plan_blocks(stored: StoredObject, settings: BackfillSettings) -> tuple[SourceFound, list[BlockTask]]:
    """Divide an object into blocks, after reading its first 64 KiB, or as much as they are of a compressed one.

    Returns:
        What was found out about the object, and its blocks; an empty object has none.

    Raises:
        InputError: it cannot be read, is damaged or no text, or its format is not known.
    """
    log_format = settings.log_format
    content = _content(stored, step=_SAMPLE_BYTES)
    sample = bytearray()
    with _content_errors(stored.uri):
        for piece in content:
            sample += piece
            if len(sample) >= _SAMPLE_BYTES:
                break
    if not sample:
        return SourceFound(stored.generation, stored.size, None if log_format == AUTO_FORMAT else log_format), []
    is_whole = len(sample) < _SAMPLE_BYTES
    name = log_format if log_format != AUTO_FORMAT else _detected(stored, bytes(sample), is_whole=is_whole)
    # What a `#Fields` line says holds up to the next one, wherever blocks end.
    step = stored.size if content.compression or is_w3c(get_format(name)) else settings.block_bytes
    tasks = [
        BlockTask(stored, name, content.compression, start, min(start + step, stored.size))
        for start in range(0, stored.size, step)
    ]
    return SourceFound(stored.generation, stored.size, name), tasks


def read_lines(task: BlockTask, settings: BackfillSettings) -> Iterator[LineBlock | SourceWarning]:
    """Read a task's lines: one block of a plain object, as many as it takes of a compressed object.

    Yields:
        The blocks, and last a warning if something of a compressed object was left out.

    Raises:
        InputError: the object cannot be read, has changed, or is truncated or damaged.
    """
    if task.compression is None:
        read = functools.partial(read_range, task.stored)
        if task.end - task.start > settings.block_bytes:
            yield from split_stream(iter(_content(task.stored)), settings.block_bytes, settings.max_line_bytes)
            return
        yield read_block(read, task.stored.size, task.start, task.end, settings.max_line_bytes)
        return
    content = _content(task.stored)
    with _content_errors(task.stored.uri), ReadAhead(iter(content), _PIECES_AHEAD) as decompressed:
        yield from split_stream(decompressed, settings.block_bytes, settings.max_line_bytes)
    if content.warning:
        _log.warning("%s: %s", task.stored.uri, content.warning)
        yield SourceWarning(content.warning)


def _content(stored: StoredObject, step: int = READ_STEP) -> Content:
    return Content(cast(IO[bytes], RangeFile(functools.partial(read_range, stored), stored.size)), step)


@contextlib.contextmanager
def _content_errors(uri: str) -> Iterator[None]:
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


def _detected(stored: StoredObject, sample: bytes, *, is_whole: bool) -> str:
    if is_whole and not sample.strip():
        return next(iter(FORMATS))  # blank lines are blank in every format
    try:
        detection = detect(sample)
    except FormatError as error:
        raise InputError(stored.uri, InputErrorType.UNKNOWN_FORMAT, str(error)) from error
    if detection.warning:
        _log.warning("%s: %s", stored.uri, detection.warning)
    return detection.log_format.name
