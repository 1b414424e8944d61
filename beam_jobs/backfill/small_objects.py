"""Small objects: many of them are one element of the pipeline, are parsed as one block and share their files."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from beam_jobs.access_log import BlockParser
from beam_jobs.access_log.compiled.split_blocks import MAX_LINES
from beam_jobs.access_log.formats.mixed import MixedFormat
from beam_jobs.access_log.formats.w3c import is_w3c
from beam_jobs.access_log.reading.content import Content
from beam_jobs.backfill.options import BackfillSettings
from beam_jobs.backfill.source_blocks import SAMPLE_BYTES, BlockTask, find_format, first_bytes
from beam_jobs.output.identity import LineOrigins
from beam_jobs.output.parquet_files import ParsedLines
from beam_jobs.output.records import SourceFound
from beam_jobs.sequences import chunks_of
from beam_jobs.storage.objects import StoredObject

MAX_OBJECTS = 1000
"""How many objects one element has at most."""

_log = logging.getLogger("logline.backfill")
_COMPRESSED_NAMES = (".gz", ".bz2", ".xz", ".zst", ".zip")
_LIKELY_RATIO = 5  # access logs in gzip, at least; what is compressed is told by its bytes, and these are not read yet


@dataclass(frozen=True, slots=True)
class SmallObjects:
    """Objects of about one block together, as one element of the pipeline."""

    objects: tuple[StoredObject, ...]


@dataclass(frozen=True, slots=True)
class SmallObject:
    """An object that was read.

    Attributes:
        stored: the object.
        found: what was found out about it.
        content: its lines, decompressed.
        lines: how many they are.
        warning: what was left out of it, if anything.
    """

    stored: StoredObject
    found: SourceFound
    content: bytes
    lines: int
    warning: str | None


@dataclass(frozen=True, slots=True)
class LargerObject:
    """An object that holds more than a block, though that could not be told from its size.

    Attributes:
        found: what was found out about it.
        task: what reads it in blocks.
    """

    found: SourceFound
    task: BlockTask


def pack(objects: Sequence[StoredObject], block_bytes: int) -> Iterator[StoredObject | SmallObjects]:
    """Yield the objects of more than a block, and the others packed, in their order."""
    small = []
    for stored in objects:
        if _likely_bytes(stored) > block_bytes:
            yield stored
        else:
            small.append(stored)
    for packed in chunks_of(small, _likely_bytes, most_bytes=block_bytes, most_items=MAX_OBJECTS):
        yield SmallObjects(tuple(packed))


def open_small(stored: StoredObject, stored_bytes: bytes, settings: BackfillSettings) -> SmallObject | LargerObject:
    """Decompress an object that was read as a whole, and find its format.

    Raises:
        InputError: it is damaged or no text, or its format is not known.
    """
    content = Content(io.BytesIO(stored_bytes), SAMPLE_BYTES)
    lines = first_bytes(content, max(settings.block_bytes, SAMPLE_BYTES) + 1, stored.uri)
    found = find_format(stored, lines[:SAMPLE_BYTES], settings)
    number = count_lines(lines)
    if found.log_format is not None and (len(lines) > settings.block_bytes or number > MAX_LINES):
        return LargerObject(found, BlockTask(stored, found.log_format, content.compression, 0, stored.size))
    if content.warning:
        _log.warning("%s: %s", stored.uri, content.warning)
    return SmallObject(stored, found, lines, number, content.warning)


def blocks_of(objects: Iterable[SmallObject], block_bytes: int) -> Iterator[list[SmallObject]]:
    """Divide objects into blocks of `block_bytes` and `MAX_LINES` at most."""
    block: list[SmallObject] = []
    size = lines = 0
    for small in objects:
        size, lines = size + len(small.content), lines + small.lines
        if block and (size > block_bytes or lines > MAX_LINES):
            yield block
            block, size, lines = [], len(small.content), small.lines
        block.append(small)
    if block:
        yield block


def parse_block(block: Sequence[SmallObject], parsers: Mapping[str, BlockParser]) -> list[ParsedLines]:
    """Parse objects, those of one format together wherever that cannot change what is read.

    Args:
        block: the objects.
        parsers: the parser of each of their formats.
    """
    of_format: dict[str, list[SmallObject]] = {}
    for small in block:
        if small.found.log_format is not None:
            of_format.setdefault(small.found.log_format, []).append(small)
    parsed: list[ParsedLines] = []
    for log_format, objects in of_format.items():
        parser = parsers[log_format]
        together = _parse_together(parser, objects) if len(objects) > 1 else None
        parsed += [together] if together else [_parse_alone(parser, small) for small in objects]
    return parsed


def count_lines(content: bytes) -> int:
    """Count lines, the last of which may lack its newline."""
    return content.count(b"\n") + (not content.endswith(b"\n") if content else 0)


def _parse_together(parser: BlockParser, objects: Sequence[SmallObject]) -> ParsedLines | None:
    """Parse the lines of objects as one block; None where a line may be read by what stands in another object."""
    if isinstance(parser.log_format, MixedFormat) or is_w3c(parser.log_format):
        return None
    contents = [_ended(small.content) for small in objects]
    parsed = parser.parse(b"".join(contents))
    # A collector may have cut a line, and the next line of the block would be taken for its rest.
    if parsed.frames:
        return None
    starts = np.cumsum([0, *map(len, contents[:-1])])
    origins = LineOrigins([small.stored for small in objects], starts)
    return ParsedLines(parsed, origins, [small.lines for small in objects])


def _parse_alone(parser: BlockParser, small: SmallObject) -> ParsedLines:
    return ParsedLines.of(parser.parse(small.content), small.stored)


def _ended(content: bytes) -> bytes:
    return content if content.endswith(b"\n") or not content else content + b"\n"


def _likely_bytes(stored: StoredObject) -> int:
    return stored.size * (_LIKELY_RATIO if stored.uri.lower().endswith(_COMPRESSED_NAMES) else 1)
