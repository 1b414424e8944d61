"""Divide source objects into blocks: compression by magic bytes, format by the first lines."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from beam_jobs.access_log import FORMATS, FormatError, detect
from beam_jobs.access_log.reading.line_blocks import (
    GZIP_MAGIC,
    CorruptGzipError,
    LineBlock,
    TruncatedGzipError,
    gunzip,
    read_block,
    read_steps,
    split_stream,
)
from beam_jobs.access_log.reading.prefetch import ReadAhead
from beam_jobs.backfill.options import BackfillSettings
from beam_jobs.options.job_parameters import AUTO_FORMAT
from beam_jobs.output.records import SourceFound
from beam_jobs.storage.files import read_range
from beam_jobs.storage.objects import InputError, InputErrorType, StoredObject

_log = logging.getLogger("logline.backfill")
_SAMPLE_BYTES = 64 << 10
_PIECES_AHEAD = 16  # of 1 MiB at most: as much as a block is decompressed while the one before is parsed


@dataclass(frozen=True, slots=True)
class BlockTask:
    """What one element of the pipeline parses: the bytes [start, end) of a plain object, or all of a gzip object."""

    stored: StoredObject
    log_format: str
    is_gzip: bool
    start: int
    end: int


def plan_blocks(stored: StoredObject, settings: BackfillSettings) -> tuple[SourceFound, list[BlockTask]]:
    """Divide an object into blocks, after reading its first 64 KiB.

    Returns:
        What was found out about the object, and its blocks; an empty object has none.

    Raises:
        InputError: it cannot be read, is damaged, or its format is not known.
    """
    log_format = settings.log_format
    head = read_range(stored, 0, _SAMPLE_BYTES)
    is_gzip = head.startswith(GZIP_MAGIC)
    sample = _decompressed_head(stored, head) if is_gzip else head
    if not sample and len(head) == stored.size:
        return SourceFound(stored.generation, stored.size, None if log_format == AUTO_FORMAT else log_format), []
    name = log_format if log_format != AUTO_FORMAT else _detected(stored, sample, is_whole=len(head) == stored.size)
    step = stored.size if is_gzip else settings.block_bytes
    tasks = [
        BlockTask(stored, name, is_gzip, start, min(start + step, stored.size)) for start in range(0, stored.size, step)
    ]
    return SourceFound(stored.generation, stored.size, name), tasks


def read_lines(task: BlockTask, settings: BackfillSettings) -> Iterator[LineBlock]:
    """Read a task's lines: one block of a plain object, as many as it takes of a gzip object.

    Raises:
        InputError: the object cannot be read, has changed, or its gzip stream is truncated or damaged.
    """
    read = functools.partial(read_range, task.stored)
    if not task.is_gzip:
        yield read_block(read, task.stored.size, task.start, task.end, settings.max_line_bytes)
        return
    pieces = gunzip(read_steps(read, task.stored.size))
    with _GzipErrors(task.stored.uri), ReadAhead(pieces, _PIECES_AHEAD) as decompressed:
        yield from split_stream(decompressed, settings.block_bytes, settings.max_line_bytes)


class _GzipErrors:
    """Turns errors of a gzip stream into input errors."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, TruncatedGzipError):
            raise InputError(self._uri, InputErrorType.TRUNCATED_GZIP, str(error)) from error
        if isinstance(error, CorruptGzipError):
            raise InputError(self._uri, InputErrorType.CORRUPT_GZIP, str(error)) from error


def _decompressed_head(stored: StoredObject, head: bytes) -> bytes:
    sample = bytearray()
    try:
        with _GzipErrors(stored.uri):
            for piece in gunzip([head]):
                sample += piece
                if len(sample) >= _SAMPLE_BYTES:
                    break
    except InputError as error:
        if error.error_type is not InputErrorType.TRUNCATED_GZIP or len(head) == stored.size:
            raise
    return bytes(sample)


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
