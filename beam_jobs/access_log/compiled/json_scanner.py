"""The compiled fast path over JSON lines: one walk over a line's tokens, the wanted keys known by their bytes.

Servers write all lines with the same keys in the same order. So what stands between the values of a line is kept, and
as far as that of the next line is the same, byte for byte, only its values are looked at.

It checks the grammar of RFC 8259, so that what it accepts is valid JSON. A wanted text with an escape or a byte above
0x7f, a wanted key that comes twice, and every value that is not in its usual form leave the line to the slow path of
`reference/json_reader.py`, which defines what a line means.
"""

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.compiled.jit import compiled, inlined
from beam_jobs.access_log.compiled.json_program import MULTIPLIERS, JsonProgram, Reading
from beam_jobs.access_log.compiled.json_tokens import mark, number_end, skip_spaces, string_end
from beam_jobs.access_log.compiled.json_values import (
    NUMBERS,
    RANKS,
    TEXTS,
    TIME_RANK,
    UNFILLED,
    read_value,
)
from beam_jobs.access_log.compiled.outputs import ACCEPTED, DECLINED, Outputs
from beam_jobs.access_log.compiled.same_bytes import is_same
from beam_jobs.access_log.compiled.simd import (
    Number,
    address_of,
    int64,
    load_byte,
    load_number,
    load_word,
    store_int32,
    store_word,
    uint64,
)

_OBJECT = int(Reading.OBJECT)
_MAX_DEPTH = 60
_MAX_WORDS = 1024
_K0, _K1, _K2, _K3, _K4 = (uint64(factor) for factor in MULTIPLIERS)
_ALL = uint64(0xFFFFFFFFFFFFFFFF)
_TRUE = uint64(int.from_bytes(b"true", "little"))
_ALSE = uint64(int.from_bytes(b"alse", "little"))
_NULL = uint64(int.from_bytes(b"null", "little"))
_FOUR_BYTES = uint64(0xFFFFFFFF)
_MAX_STEPS = 96
_MAX_KEPT_DEPTH = 8
# The shape of a line: a few words, and for each value that is a text or a number a step of some words.
_STEPS, _END, _END_BYTES, _STEP_WORDS = 0, 1, 2, 16
# A step: the bytes before the value, how many, is it a text, the wanted key; then how it is behind the value.
_BEFORE, _BEFORE_BYTES, _IS_TEXT, _WANTED, _DEPTH, _SEEN, _GROUPS, _NODES = range(8)
# What the value before was, in the walk over a line.
_FIRST, _AFTER, _NEXT = range(3)


@compiled
def scan_json(
    data: npt.NDArray[np.uint8],
    count: int,
    program: JsonProgram,
    outputs: Outputs,
) -> None:
    """Read those of the first `count` lines that are declined so far.

    Args:
        data: The bytes, of which `PADDING` more can be read behind each of these lines.
        count: How many lines.
        program: The wanted keys of the format.
        outputs: The lines; filled in for those that are accepted.
    """
    entries, keys, slots, groups = program.entries, program.keys, program.slots, program.groups
    verdicts, bounds, texts = outputs.verdicts, outputs.bounds, outputs.texts
    timestamps, dates, durations = outputs.timestamps, outputs.dates, outputs.durations
    statuses, sizes = outputs.statuses, outputs.sizes
    base = address_of(data)
    ranks = np.empty(RANKS, np.int64)
    nodes = np.empty(_MAX_DEPTH + 1, np.int64)
    numbers = np.full(NUMBERS, -1, np.int64)
    quotes = np.empty(_MAX_WORDS, np.uint64)
    odd = np.empty(_MAX_WORDS, np.uint64)
    shape = np.empty((_MAX_STEPS + 1) * _STEP_WORDS, np.int64)
    shape[_STEPS], shape[_END_BYTES] = 0, -1
    # Addresses, for arrays are counted up and down at each call of a function, inlined or not.
    quotes_at, odd_at, nodes_at = address_of(quotes), address_of(odd), address_of(nodes)
    ranks_at, numbers_at, shape_at = address_of(ranks), address_of(numbers), address_of(shape)
    entries_at, keys_at, slots_at = address_of(entries), address_of(keys), address_of(slots)
    for line in range(count):
        start = base + int64(bounds[line, 0])
        end = base + int64(bounds[line, 1])
        if verdicts[line] != DECLINED or end - start > 64 * _MAX_WORDS:
            continue
        places = address_of(texts) + line * texts.strides[0]
        for column in range(RANKS):
            ranks[column] = UNFILLED
        for column in range(TEXTS):
            store_int32(places + 8 * column + 4, int64(-1))
        numbers[:4] = -1
        is_odd = mark(start, end, quotes_at, odd_at)
        if not _walk(
            start, end, base, quotes_at, odd_at, is_odd, entries_at, keys_at, slots_at, groups, nodes_at, ranks_at,
            places, numbers_at, shape_at,
        ):  # fmt: skip
            continue
        timestamps[line] = numbers[0]
        dates[line] = numbers[0] // 86_400_000_000
        statuses[line] = numbers[1]
        sizes[line] = numbers[2]
        durations[line] = np.nan if numbers[3] < 0 else numbers[3] / 1_000_000
        verdicts[line] = ACCEPTED


@inlined
def _walk(
    start: int,
    end: int,
    base: int,
    quotes: int,
    odd: int,
    is_odd: bool,
    entries: int,
    keys: int,
    slots: int,
    groups: int,
    nodes: int,
    ranks: int,
    places: int,
    numbers: int,
    shape: int,
) -> Number:
    """Walk over the tokens of a line; return whether it is accepted.

    `nodes` holds, per open object or array, the number of the object, -1 for an object in which nothing is wanted, -2
    for an array, and -3 and less for an array whose first element is the value of the wanted key -3 - node.

    The `shape` is that of a line before; from where this line differs on, its own takes that one's place.
    """
    # A line with escapes is walked over token by token.
    steps = int64(0) if is_odd else load_number(shape, _STEPS)
    is_kept = not is_odd
    step = int64(0)
    before = address = start
    depth = int64(0)
    state = _FIRST
    seen = uint64(0)
    found_groups = int64(0)
    value = value_end = start
    wanted = int64(-1)
    is_followed = steps > 0
    is_begun = False
    while True:
        if is_followed:
            at = shape + 8 * _STEP_WORDS * (step + 1)
            if step == steps:
                if load_number(shape, _END_BYTES) == end - address and is_same(
                    address, load_number(shape, _END), end - address
                ):
                    return load_number(ranks, TIME_RANK) < UNFILLED
                is_followed = False
            else:
                value = address + load_number(at, _BEFORE_BYTES)
                value_end = _followed_end(at, address, start, end, quotes, odd)
                is_followed = value_end >= 0
            if is_followed:
                wanted = load_number(at, _WANTED)
                if wanted >= 0 and not read_value(value, value_end, wanted, entries, base, ranks, places, numbers):
                    return False
                address = value_end + load_number(at, _IS_TEXT)
                step += 1
                continue
            store_word(shape + 8 * _STEPS, step)
            store_word(shape + 8 * _END_BYTES, int64(-1))
            before = address
            if step > 0:
                depth = load_number(at, _DEPTH - _STEP_WORDS)
                seen = load_word(at + 8 * (_SEEN - _STEP_WORDS))
                found_groups = load_number(at, _GROUPS - _STEP_WORDS)
                for level in range(depth + 1):
                    store_word(nodes + 8 * level, load_word(at + 8 * (_NODES - _STEP_WORDS + level)))
                state = _AFTER
                is_begun = True
        if not is_begun:
            is_begun = True
            address = skip_spaces(start, end)
            if address == end or load_byte(address) != 123:
                return False
            address += 1
            store_word(nodes, int64(0))
        address = skip_spaces(address, end)
        if address >= end:
            return False
        byte = load_byte(address)
        node = load_number(nodes, depth)
        closing = 125 if node >= -1 else 93
        if state == _AFTER:
            if byte == 44:
                address = skip_spaces(address + 1, end)
                if address >= end:
                    return False
                byte = load_byte(address)
                state = _NEXT
            elif byte != closing:
                return False
        if byte == closing and state != _NEXT:
            address += 1
            if depth == 0:
                break
            depth -= 1
            state = _AFTER
            continue
        wanted = int64(-1)
        if node >= -1:
            if byte != 34:
                return False
            key_end, is_plain = string_end(address + 1, start, end, quotes, odd, is_odd)
            if key_end < 0:
                return False
            if node >= 0:
                if not is_plain:
                    return False
                wanted = _find_key(address + 1, key_end - address - 1, node, entries, keys, slots)
                if wanted >= 0:
                    if (seen >> uint64(wanted)) & uint64(1):
                        return False
                    seen |= uint64(1) << uint64(wanted)
                    found_groups |= load_number(entries, 6 * wanted + 5)
            address = skip_spaces(key_end + 1, end)
            if address >= end or load_byte(address) != 58:
                return False
            address = skip_spaces(address + 1, end)
            if address >= end:
                return False
            byte = load_byte(address)
        elif node <= -3:
            wanted = -3 - node
            store_word(nodes + 8 * depth, int64(-2))
        state = _AFTER
        value = value_end = address
        if byte == 34:
            value = address + 1
            value_end, is_plain = string_end(value, start, end, quotes, odd, is_odd)
            if value_end < 0 or (wanted >= 0 and not is_plain):
                return False
            address = value_end + 1
        elif byte in (123, 91):
            if depth == _MAX_DEPTH:
                return False
            inner = _inner_node(byte, wanted, node, entries)
            if inner == 0:
                return False
            depth += 1
            store_word(nodes + 8 * depth, inner)
            state = _FIRST
            address += 1
            continue
        elif byte == 45 or (byte >= 48 and byte <= 57):
            address = number_end(value, end)
            if address < 0:
                return False
            value_end = address
        else:
            address = _literal_end(address, wanted)
            if address < 0 or address > end:
                return False
        # Nothing, for null, is no value either.
        if wanted >= 0 and not read_value(value, value_end, wanted, entries, base, ranks, places, numbers):
            return False
        is_kept = is_kept and step < _MAX_STEPS and depth <= _MAX_KEPT_DEPTH
        if is_kept and (byte == 34 or value_end > value):
            at = shape + 8 * _STEP_WORDS * (step + 1)
            _keep_step(at, before, value - before, address - value_end, wanted, depth, seen, found_groups, nodes)
            step += 1
            before = address
            store_word(shape + 8 * _STEPS, step)
    if skip_spaces(address, end) != end or found_groups != groups:
        return False
    if is_kept:
        store_word(shape + 8 * _END, before)
        store_word(shape + 8 * _END_BYTES, end - before)
    return load_number(ranks, TIME_RANK) < UNFILLED


@inlined
def _followed_end(step: int, address: int, start: int, end: int, quotes: int, odd: int) -> Number:
    """Return where the next value ends if what stands before it is as in the line before; else -1."""
    length = load_number(step, _BEFORE_BYTES)
    value = address + length
    if value >= end or not is_same(address, load_number(step, _BEFORE), length):
        return int64(-1)
    if load_number(step, _IS_TEXT) != 0:
        value_end, _ = string_end(value, start, end, quotes, odd, False)
        return value_end
    return number_end(value, end)


@inlined
def _keep_step(
    step: int,
    before: int,
    before_bytes: int,
    is_text: int,
    wanted: int,
    depth: int,
    seen: int,
    found_groups: int,
    nodes: int,
) -> None:
    """Store a step of the shape: the value just read, and how things stand behind it."""
    store_word(step + 8 * _BEFORE, before)
    store_word(step + 8 * _BEFORE_BYTES, before_bytes)
    store_word(step + 8 * _IS_TEXT, is_text)
    store_word(step + 8 * _WANTED, wanted)
    store_word(step + 8 * _DEPTH, depth)
    store_word(step + 8 * _SEEN, seen)
    store_word(step + 8 * _GROUPS, found_groups)
    for level in range(depth + 1):
        store_word(step + 8 * (_NODES + level), load_word(nodes + 8 * level))


@inlined
def _inner_node(byte: int, wanted: int, node: int, entries: int) -> Number:
    """Return the node of the object or array that begins with a byte as a value inside `node`; 0 declines the line."""
    if wanted < 0:
        return int64(-1 if byte == 123 else -2)
    if load_number(entries, 6 * wanted + 2) == _OBJECT:
        return wanted + 1 if byte == 123 else int64(0)
    return -3 - wanted if byte == 91 and node >= -1 else int64(0)


@inlined
def _literal_end(address: int, wanted: int) -> Number:
    """Return the address behind `null`, or behind `true` or `false` if no value is wanted; else -1."""
    word = load_word(address) & _FOUR_BYTES
    if word == _NULL:
        return address + 4
    if wanted >= 0:
        return int64(-1)
    if word == _TRUE:
        return address + 4
    if load_byte(address) == 102 and load_word(address + 1) & _FOUR_BYTES == _ALSE:
        return address + 5
    return int64(-1)


@inlined
def _find_key(
    address: int,
    length: int,
    node: int,
    entries: int,
    keys: int,
    slots: int,
) -> Number:
    """Return the index of the wanted key in an object, or -1."""
    if length > 32:
        return int64(-1)
    word0 = _key_word(address, length)
    word1 = _key_word(address + 8, length - 8)
    word2 = _key_word(address + 16, length - 16)
    word3 = _key_word(address + 24, length - 24)
    mixed = word0 ^ (word1 * _K1) ^ (word2 * _K2) ^ (word3 * _K3)
    slot = int64(((mixed + uint64(node) * _K4 + uint64(length)) * _K0) >> uint64(56))
    index = load_number(slots, slot)
    while index >= 0:
        key = keys + 32 * index
        if (
            load_number(entries, 6 * index) == node
            and load_number(entries, 6 * index + 1) == length
            and load_word(key) == word0
            and load_word(key + 8) == word1
            and load_word(key + 16) == word2
            and load_word(key + 24) == word3
        ):
            return index
        slot = (slot + 1) & 255
        index = load_number(slots, slot)
    return int64(-1)


@inlined
def _key_word(address: int, length: int) -> Number:
    if length <= 0:
        return uint64(0)
    if length >= 8:
        return load_word(address)
    return load_word(address) & (_ALL >> uint64(8 * (8 - length)))
