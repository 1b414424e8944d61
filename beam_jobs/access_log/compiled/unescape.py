r"""Unescaping of texts: escapes are read back, and bytes that are not UTF-8 become `\xhh`.

The compiled form of `reference.values.read_text` and of the percent-decoding in `reference.template_reader`.
"""

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.compiled import template_program as steps_of
from beam_jobs.access_log.compiled.jit import compiled, inlined
from beam_jobs.access_log.compiled.simd import (
    Number,
    address_of,
    copy_64_replacing,
    int64,
    load_byte,
    matching,
    not_ascii,
    uint8,
)

WORST_GROWTH = 4
"""How many bytes a byte can become."""

_VERBATIM, _BACKSLASHES = steps_of.VERBATIM, steps_of.BACKSLASHES
_PERCENT_SIGNS, _PLUS_SIGNS = steps_of.PERCENT_SIGNS, steps_of.PLUS_SIGNS
_HEXADECIMAL = np.frombuffer(b"0123456789abcdef", np.uint8)


@compiled
def rewrite(
    block: npt.NDArray[np.uint8],
    tail: npt.NDArray[np.uint8],
    lines: npt.NDArray[np.int64],
    texts: npt.NDArray[np.int32],
    rewritten: npt.NDArray[np.int64],
    origin: int,
    output: npt.NDArray[np.uint8],
) -> Number:
    """Rewrite the texts of some lines where they have to be.

    Args:
        block: The bytes of the block.
        tail: Those that texts lie in which begin at the block's size or behind.
        lines: The lines.
        texts: See `Outputs`; changed where a text is rewritten.
        rewritten: See `Program`.
        origin: Where texts begin that lie at the beginning of `output`.
        output: Room for `WORST_GROWTH` times the texts of these lines.

    Returns:
        How many bytes of `output` are used.
    """
    in_block = address_of(block)
    in_tail = address_of(tail) - block.size
    used = int64(0)
    for line in lines:
        for column in range(rewritten.size):
            length = int64(texts[line, 2 * column + 1])
            if length <= 0:
                continue
            begin = int64(texts[line, 2 * column])
            start = begin + (in_block if begin < block.size else in_tail)
            if _is_plain(start, start + length, rewritten[column]):
                continue
            end = _written(start, start + length, rewritten[column], output, used)
            texts[line, 2 * column] = origin + used
            texts[line, 2 * column + 1] = end - used
            used = end
    return used


@inlined
def _is_plain(start: int, end: int, mode: int) -> bool:
    escape = uint8(92) if mode == _BACKSLASHES else uint8(37) if mode == _PERCENT_SIGNS else uint8(43)
    address = start
    while address < end:
        special = not_ascii(address)
        if mode != _VERBATIM:
            special |= matching(address, escape)
        if end - address < 64:
            special &= (np.uint64(1) << np.uint64(end - address)) - np.uint64(1)
        if special != 0:
            return False
        address += 64
    return True


@inlined
def _written(start: int, end: int, mode: int, output: npt.NDArray[np.uint8], used: int) -> Number:
    """Write a text to `output` from `used` on; returns where it ends."""
    # A percent-encoded byte may be part of a character, so those are decoded first, to where the text will lie.
    if mode == _PERCENT_SIGNS:
        target = used + 3 * (end - start)
        decoded = target
        address = start
        while address < end:
            byte = load_byte(address)
            if byte == 37 and address + 2 < end:
                high = _nibble(load_byte(address + 1))
                low = _nibble(load_byte(address + 2))
                if high >= 0 and low >= 0:
                    byte = high * 16 + low
                    address += 2
            output[decoded] = byte
            decoded += 1
            address += 1
        start = address_of(output) + target
        end = address_of(output) + decoded
    address = start
    if mode == _PLUS_SIGNS:
        # Most texts are ASCII: the rest of the loop then has nothing left to do.
        while address < end and not_ascii(address) == 0:
            copy_64_replacing(address_of(output) + used, address, uint8(43), uint8(32))
            used += min(end - address, 64)
            address += 64
    while address < end:
        byte = load_byte(address)
        if byte < 128:
            if mode == _BACKSLASHES and byte == 92 and address + 1 < end and load_byte(address + 1) in (34, 92):
                address += 1
                byte = load_byte(address)
            elif mode == _PLUS_SIGNS and byte == 43:
                byte = int64(32)
            output[used] = byte
            used += 1
            address += 1
            continue
        size = _utf8_bytes(address, end)
        if size == 0:
            output[used] = 92
            output[used + 1] = 120
            output[used + 2] = _HEXADECIMAL[byte >> 4]
            output[used + 3] = _HEXADECIMAL[byte & 15]
            used += 4
            address += 1
        else:
            for number in range(size):
                output[used + number] = load_byte(address + number)
            used += size
            address += size
    return used


@inlined
def _nibble(byte: int) -> Number:
    if 48 <= byte <= 57:
        return int64(byte - 48)
    letter = byte | 32
    return int64(letter - 87) if 97 <= letter <= 102 else int64(-1)


@inlined
def _utf8_bytes(address: int, end: int) -> Number:
    """Return the bytes of the UTF-8 character that begins here (RFC 3629 section 4), 0 if none does."""
    lead = load_byte(address)
    size = int64(2 if 0xC2 <= lead <= 0xDF else 3 if 0xE0 <= lead <= 0xEF else 4 if 0xF0 <= lead <= 0xF4 else 0)
    if size == 0 or address + size > end:
        return int64(0)
    second = load_byte(address + 1)
    least = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
    most = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
    if second < least or second > most:
        return int64(0)
    for number in range(2, size):
        if load_byte(address + number) & 0xC0 != 0x80:
            return int64(0)
    return size
