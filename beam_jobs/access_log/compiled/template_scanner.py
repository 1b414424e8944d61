"""The compiled fast path: from bytes to numbers and to where each text lies.

Anything that is not in its usual form is left to the reference reader, which defines what every field means; on all
lines that this module accepts the two agree. Texts with escapes, or with bytes above 0x7f, go through `unescape`.
"""

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.compiled import template_program as steps_of
from beam_jobs.access_log.compiled.jit import compiled, inlined
from beam_jobs.access_log.compiled.murmur3 import hash_lines
from beam_jobs.access_log.compiled.outputs import (
    ACCEPTED,
    DECLINED,
    ENCODED,
    FRAMED,
    MICROSECONDS,
    NANOSECONDS,
    NUMBERS,
    REWRITE,
    SIZE,
    STATUS,
    TOO_LONG,
    UNENDED,
    Outputs,
)
from beam_jobs.access_log.compiled.scan_claims import may_be_framed
from beam_jobs.access_log.compiled.scan_fields import closing_quote, find, is_blank, number
from beam_jobs.access_log.compiled.scan_times import END_OF_DAYS, NUMBERS_AND_DATES
from beam_jobs.access_log.compiled.simd import (
    AHEAD,
    PADDING,
    Number,
    address_of,
    int64,
    load_byte,
    load_number,
    load_word,
    lowest_bit,
    matching,
    not_ascii,
    prefetch,
    store_text,
    uint8,
    uint64,
)
from beam_jobs.access_log.compiled.template_fields import read_field

NO_COMMENT = 256
"""In place of a comment's first byte: nothing is a comment."""

# A step, see `Program`.
_KIND, _COLUMN, _SEPARATOR_BYTES, _QUOTES, _FLAGS, _UNIT, _WORD = range(7)
_STEP_BYTES = 8 * 7
_NO_SEPARATOR, _LATE_SEPARATOR = 0, 1
_HASHED_AT_ONCE = 256


@compiled
def scan(
    data: npt.NDArray[np.uint8],
    stop: int,
    origin: int,
    text_origin: int,
    max_line_bytes: int,
    comment: int,
    program: steps_of.Program,
    found: int,
    outputs: Outputs,
) -> tuple[int, int, int, int]:
    """Scan and hash lines until `stop`, one that ends within `PADDING` bytes of the end, or the outputs are full.

    Args:
        data: The bytes; every line ends in a newline.
        stop: No line begins here or behind.
        origin: Added to the bounds.
        text_origin: Added to where texts begin.
        max_line_bytes: A line with more bytes is too long.
        comment: The first byte of lines that count as blank, or `NO_COMMENT`.
        program: The steps of the format.
        found: How many lines that are not blank were found before.
        outputs: Filled in from `found` on; the values of lines that are not accepted are undefined.

    Returns:
        Where the first line begins that was not scanned, how many lines that are not blank were found in all, and of
        this call the lines and the blank ones.
    """
    verdicts, bounds, texts, hashes = outputs.verdicts, outputs.bounds, outputs.texts, outputs.hashes
    timestamps, statuses, sizes, durations = outputs.timestamps, outputs.statuses, outputs.sizes, outputs.durations
    numbers = np.full(NUMBERS_AND_DATES, -1, np.int64)
    # Addresses, for arrays are counted up and down at each call of a function, inlined or not.
    numbers_at, texts_at = address_of(numbers), address_of(texts)
    steps, steps_end = address_of(program.steps), program.steps.shape[0]
    separators = address_of(program.separators)
    absent, absent_end = address_of(program.absent), program.absent.size
    base = address_of(data)
    last = base + data.size - PADDING
    text_base = base - text_origin
    lines = blank = int64(0)
    hashed = int64(found)
    start = base
    while start < base + stop and found < verdicts.size:
        newline, odd = _end_of_line(start, last)
        if newline < 0:
            break
        lines += 1
        line_end = newline - int64(newline > start and load_byte(newline - 1) == 13)
        if line_end - start > max_line_bytes:
            verdict = TOO_LONG
        elif is_blank(start, line_end) or load_byte(start) == comment:
            blank += 1
            start = newline + 1
            continue
        elif may_be_framed(start, line_end):
            verdict = FRAMED
        else:
            for index in range(NUMBERS):
                numbers[index] = -1
            for index in range(absent_end):
                store_text(texts_at + found * texts.strides[0] + 8 * load_number(absent, index), int64(0), int64(-1))
            verdict = _read_line(
                start, line_end, odd != 0, steps, steps_end, separators, text_base,
                texts_at + found * texts.strides[0], numbers_at,
            )  # fmt: skip
        bounds[found, 0] = start - base + origin
        bounds[found, 1] = line_end - base + origin
        timestamps[found] = numbers[MICROSECONDS]
        statuses[found] = numbers[STATUS]
        sizes[found] = numbers[SIZE]
        durations[found] = np.nan if numbers[NANOSECONDS] < 0 else numbers[NANOSECONDS] / 1_000_000
        verdicts[found] = verdict
        found += 1
        start = newline + 1
        # The lines are still in the cache.
        if found - hashed == _HASHED_AT_ONCE:
            hash_lines(data, origin, bounds, hashed, found, hashes)
            hashed = found
    hash_lines(data, origin, bounds, hashed, found, hashes)
    return start - base, found, lines, blank


@inlined
def _end_of_line(start: int, last: int) -> tuple[int, int]:
    """Find the newline that ends a line, -1 where it is behind `last`; and whether the line holds odd bytes.

    Odd are backslashes and bytes above 0x7f; 0 stands for none.
    """
    odd = uint64(0)
    address = start
    while address <= last:
        prefetch(address + AHEAD)
        newline = matching(address, uint8(10))
        special = matching(address, uint8(92)) | not_ascii(address)
        if newline != 0:
            odd |= special & (newline ^ (newline - uint64(1)))
            address += lowest_bit(newline)
            return (address if address <= last else int64(-1)), odd
        odd |= special
        address += 64
    return int64(-1), odd


@inlined
def _read_line(
    start: int,
    line_end: int,
    is_odd: bool,
    steps: int,
    steps_end: int,
    separators: int,
    text_base: int,
    places: int,
    numbers: int,
) -> Number:
    """Read the fields of a line by the steps of a program; the verdict."""
    address = start
    for number_of_step in range(steps_end):
        step = steps + _STEP_BYTES * number_of_step
        kind = load_number(step, _KIND)
        column = load_number(step, _COLUMN)
        if kind == steps_of.PADDED:
            while load_byte(address) == 32:
                address += 1
        separator_bytes = load_number(step, _SEPARATOR_BYTES)
        flags = load_number(step, _FLAGS)
        end = line_end if separator_bytes == 0 else _field_end(address, line_end, is_odd, step, separators)
        if end == _NO_SEPARATOR:
            store_text(places, number_of_step, address - start)
            return int64(UNENDED)
        if end == _LATE_SEPARATOR or (
            kind <= steps_of.SKIPPED
            and (flags & steps_of.NO_SPACE_EVER or (separator_bytes == 0 and flags & steps_of.SPACES == 0))
            and find(address, 32, end) < end
        ):
            return int64(DECLINED)
        if flags & steps_of.NO_BLANK and (find(address, 32, end) < end or find(address, 9, end) < end):
            return int64(DECLINED)
        quoted = load_number(step, _QUOTES) != steps_of.UNQUOTED
        unit = load_number(step, _UNIT)
        if not read_field(kind, flags, column, unit, quoted, address, end, places, text_base, numbers):
            return int64(DECLINED)
        address = end + separator_bytes
    if steps_end == 0 or address != line_end:
        return int64(DECLINED)
    if uint64(load_number(numbers, MICROSECONDS)) >= uint64(END_OF_DAYS):
        return int64(DECLINED)
    return int64(REWRITE if is_odd or load_number(numbers, ENCODED) > 0 else ACCEPTED)


@inlined
def _field_end(address: int, line_end: int, is_odd: bool, step: int, separators: int) -> Number:
    """Find where the field ends that a separator follows, or return `_NO_SEPARATOR` or `_LATE_SEPARATOR`."""
    kind = load_number(step, _KIND)
    separator_bytes = load_number(step, _SEPARATOR_BYTES)
    quotes = load_number(step, _QUOTES)
    word = separators + 16 * load_number(step, _WORD)
    separator = load_word(word)
    if kind == steps_of.PREFIX:
        end = address
    elif is_odd and quotes == steps_of.QUOTED_WITH_ESCAPES:
        end = closing_quote(address, line_end)
    else:
        end = find(address, separator & uint64(0xFF), line_end)
        # A time may hold one space itself.
        if kind == steps_of.TIME and separator & uint64(0xFF) == 32:
            if load_byte(address + 20) in (44, 46):
                return int64(_LATE_SEPARATOR)
            if end == address + 20 and load_byte(end + 1) in (43, 45) and number(end + 2, 4) >= 0:
                end += 6
        elif kind == steps_of.ISO_TIME and end == address + 10 and separator & uint64(0xFF) == 32:
            end = find(end + 1, 32, line_end)
        elif kind == steps_of.CLIENT_LIST and quotes == steps_of.UNQUOTED and separator & uint64(0xFF) == 32:
            while end < line_end and load_byte(end - 1) == 44:
                end = find(end + 1, 32, line_end)
    if load_word(end) & load_word(word + 8) == separator and separator_bytes <= 8:
        return end
    if kind == steps_of.PREFIX or quotes == steps_of.QUOTED_WITH_ESCAPES:
        return end if _separator_at(end, word, separator_bytes) else int64(_NO_SEPARATOR)
    later = _separator_behind(end, line_end, word, separator_bytes)
    # What the bytes before a separator that came late mean is the reference reader's matter.
    if later != end and later != _NO_SEPARATOR and load_number(step, _FLAGS) & steps_of.SPACES == 0:
        return int64(_LATE_SEPARATOR)
    return later


@compiled
def _separator_at(address: int, word: int, length: int) -> bool:
    while length > 0:
        if load_word(address) & load_word(word + 8) != load_word(word):
            return False
        address += 8
        word += 16
        length -= 8
    return True


@compiled
def _separator_behind(address: int, line_end: int, word: int, length: int) -> Number:
    """Find the next separator, or return `_NO_SEPARATOR`."""
    while address < line_end:
        if _separator_at(address, word, length):
            return address
        address = find(address + 1, load_word(word) & uint64(0xFF), line_end)
    return int64(_NO_SEPARATOR)
