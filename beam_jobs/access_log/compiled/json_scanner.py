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
from beam_jobs.access_log.compiled.json_program import COLUMNS, ENTRY_WORDS, JsonProgram, Reading
from beam_jobs.access_log.compiled.json_tokens import (
    Keys,
    Line,
    find_key,
    literal_end,
    mark,
    number_end,
    skip_spaces,
    string_end,
)
from beam_jobs.access_log.compiled.json_values import UNFILLED, Values, has_time, read_value
from beam_jobs.access_log.compiled.outputs import (
    ACCEPTED,
    DECLINED,
    MICROSECONDS,
    NANOSECONDS,
    NUMBERS,
    SIZE,
    STATUS,
    Outputs,
)
from beam_jobs.access_log.compiled.scan_times import NUMBERS_AND_DATES
from beam_jobs.access_log.compiled.simd import (
    Number,
    address_of,
    int64,
    is_same,
    load_byte,
    load_number,
    load_word,
    store_number,
    store_text,
    uint64,
)

_OBJECT = int(Reading.OBJECT)
_MAX_DEPTH = 60
_MAX_WORDS = 1024
_MAX_STEPS = 96
_MAX_KEPT_DEPTH = 8
# The shape of a line: a few words, and for each value that is a text or a number a step of some words.
_STEPS, _END, _END_BYTES, _STEP_WORDS = 0, 1, 2, 16
# A step: the bytes before the value, how many, is it a text, the wanted key; then how it is behind the value. That is
# how deep it is, the wanted keys seen so far, and the node of each open object or array: the number of the object, -1
# for an object in which nothing is wanted, -2 for an array, and -3 and less for an array whose first element is the
# value of the wanted key -3 - node.
_BEFORE, _BEFORE_BYTES, _IS_TEXT, _WANTED, _DEPTH, _SEEN, _SEEN_BEYOND, _NODES = range(8)
# What the value before was, in the walk over a line.
_FIRST, _AFTER, _NEXT = range(3)


@compiled
def scan_json(
    data: npt.NDArray[np.uint8],
    count: int,
    program: JsonProgram,
    outputs: Outputs,
) -> None:
    """Read those of the first `count` lines that are declined so far; behind each, `PADDING` bytes can be read."""
    verdicts, bounds, texts = outputs.verdicts, outputs.bounds, outputs.texts
    timestamps, statuses, sizes, durations = outputs.timestamps, outputs.statuses, outputs.sizes, outputs.durations
    base = address_of(data)
    ranks = np.empty(COLUMNS, np.int64)
    numbers = np.full(NUMBERS_AND_DATES, -1, np.int64)
    quotes = np.empty(_MAX_WORDS, np.uint64)
    odd = np.empty(_MAX_WORDS, np.uint64)
    state = np.zeros(_NODES + _MAX_DEPTH + 1, np.int64)
    shape = np.zeros((_MAX_STEPS + 1) * _STEP_WORDS, np.int64)
    # Addresses, for arrays are counted up and down at each call of a function, inlined or not.
    quotes_at, odd_at, state_at, shape_at = address_of(quotes), address_of(odd), address_of(state), address_of(shape)
    ranks_at, numbers_at = address_of(ranks), address_of(numbers)
    entries, groups = address_of(program.entries), address_of(program.groups)
    keys = Keys(entries, address_of(program.keys), address_of(program.slots), groups, program.groups.size)
    for number in range(count):
        start = base + int64(bounds[number, 0])
        end = base + int64(bounds[number, 1])
        if verdicts[number] != DECLINED or end - start > 64 * _MAX_WORDS:
            continue
        values = Values(entries, base, ranks_at, address_of(texts) + number * texts.strides[0], numbers_at)
        for column in range(COLUMNS):
            ranks[column] = UNFILLED
        for column in range(texts.shape[1] // 2):
            store_text(values.texts + 8 * column, int64(0), int64(-1))
        for index in range(NUMBERS):
            numbers[index] = -1
        line = Line(start, end, quotes_at, odd_at, mark(start, end, quotes_at, odd_at))
        step, address = _follow(line, values, shape_at)
        if step < 0 or (address < end and not _walk(line, address, step, keys, values, state_at, shape_at)):
            continue
        if has_time(values):
            timestamps[number] = numbers[MICROSECONDS]
            statuses[number] = numbers[STATUS]
            sizes[number] = numbers[SIZE]
            durations[number] = np.nan if numbers[NANOSECONDS] < 0 else numbers[NANOSECONDS] / 1_000_000
            verdicts[number] = ACCEPTED


@inlined
def _follow(line: Line, values: Values, shape: int) -> tuple[int, int]:
    """Read the values of a line as far as it has the shape of the one before.

    Return the steps taken, -1 where the line is declined, and the address behind them: the line's end, if all is alike.
    """
    # A line with escapes is walked over token by token.
    steps = int64(0) if line.is_odd else load_number(shape, _STEPS)
    address = line.start
    for step in range(steps):
        at = shape + 8 * _STEP_WORDS * (step + 1)
        value = address + load_number(at, _BEFORE_BYTES)
        value_end = int64(-1)
        if value < line.end and is_same(address, load_number(at, _BEFORE), value - address):
            value_end = _value_end(value, load_number(at, _IS_TEXT) != 0, line)
        if value_end < 0:
            return (step if address < line.end else int64(-1)), address
        wanted = load_number(at, _WANTED)
        if wanted >= 0 and not read_value(value, value_end, wanted, values):
            return int64(-1), address
        address = value_end + load_number(at, _IS_TEXT)
    left = line.end - address
    if steps > 0 and load_number(shape, _END_BYTES) == left and is_same(address, load_number(shape, _END), left):
        return steps, line.end
    return (steps if left > 0 else int64(-1)), address


@inlined
def _value_end(value: int, is_text: bool, line: Line) -> Number:
    """Return where a text or a number ends, or -1."""
    if is_text:
        end, _ = string_end(value, line)
        return end
    return number_end(value, line.end)


@inlined
def _walk(line: Line, address: int, step: int, keys: Keys, values: Values, state: int, shape: int) -> bool:
    """Walk over the tokens of a line from behind a step on; return whether it is valid and has what it must have.

    The `shape` is that of a line before; from the step on, this line's takes that one's place.
    """
    is_kept = not line.is_odd
    if is_kept:
        store_number(shape, _STEPS, step)
        store_number(shape, _END_BYTES, int64(-1))
    before = address
    depth = int64(0)
    last = _FIRST
    if step > 0:
        depth = load_number(shape + 8 * _STEP_WORDS * step, _DEPTH)
        _copy_state(shape + 8 * _STEP_WORDS * step, state, depth)
        last = _AFTER
    else:
        store_number(state, _SEEN, int64(0))
        store_number(state, _SEEN_BEYOND, int64(0))
        store_number(state, _NODES, int64(0))
        address = skip_spaces(address, line.end)
        if address == line.end or load_byte(address) != 123:
            return False
        address += 1
    while True:
        address = skip_spaces(address, line.end)
        if address >= line.end:
            return False
        byte = load_byte(address)
        node = load_number(state, _NODES + depth)
        closing = 125 if node >= -1 else 93
        if byte == closing and last != _NEXT:
            address += 1
            if depth == 0:
                break
            depth -= 1
            last = _AFTER
            continue
        if last == _AFTER:
            if byte != 44:
                return False
            address += 1
            last = _NEXT
            continue
        wanted = int64(-1)
        if node >= -1:
            address, wanted = _read_key(address, node, line, keys, state)
            if address < 0:
                return False
            byte = load_byte(address)
        elif node <= -3:
            wanted = -3 - node
            store_number(state, _NODES + depth, int64(-2))
        if byte in (123, 91):
            inner = _inner_node(byte, wanted, node, keys.entries)
            if inner == 0 or depth == _MAX_DEPTH:
                return False
            depth += 1
            store_number(state, _NODES + depth, inner)
            last = _FIRST
            address += 1
            continue
        last = _AFTER
        is_text = int64(byte == 34)
        value = address + is_text
        value_end, address = _read_scalar(value, byte, wanted, line)
        if address < 0 or (wanted >= 0 and not read_value(value, value_end, wanted, values)):
            return False
        is_kept = is_kept and step < _MAX_STEPS and depth <= _MAX_KEPT_DEPTH
        if is_kept and value_end + is_text > value:
            step += 1
            at = shape + 8 * _STEP_WORDS * step
            store_number(at, _BEFORE, before)
            store_number(at, _BEFORE_BYTES, value - before)
            store_number(at, _IS_TEXT, is_text)
            store_number(at, _WANTED, wanted)
            store_number(state, _DEPTH, depth)
            _copy_state(state, at, depth)
            store_number(shape, _STEPS, step)
            before = address
    seen = load_word(state + 8 * _SEEN)
    for group in range(keys.group_count):
        if seen & load_word(keys.groups + 8 * group) == 0:
            return False
    if skip_spaces(address, line.end) != line.end:
        return False
    if is_kept:
        store_number(shape, _END, before)
        store_number(shape, _END_BYTES, line.end - before)
    return True


@inlined
def _copy_state(source: int, target: int, depth: int) -> None:
    for word in range(_DEPTH, _NODES + depth + 1):
        store_number(target, word, load_number(source, word))


@inlined
def _read_key(address: int, node: int, line: Line, keys: Keys, state: int) -> tuple[int, int]:
    """Read a key and its colon; return the address of its value, -1 to decline the line, and the wanted key or -1."""
    nothing = int64(-1)
    if load_byte(address) != 34:
        return nothing, nothing
    key_end, is_plain = string_end(address + 1, line)
    if key_end < 0 or (node >= 0 and not is_plain):
        return nothing, nothing
    wanted = find_key(address + 1, key_end - address - 1, node, keys) if node >= 0 else nothing
    if wanted >= 0:
        word = _SEEN + (wanted >> 6)
        seen = load_word(state + 8 * word)
        bit = uint64(1) << uint64(wanted & 63)
        if seen & bit != 0:
            return nothing, nothing
        store_number(state, word, seen | bit)
    address = skip_spaces(key_end + 1, line.end)
    if address >= line.end or load_byte(address) != 58:
        return nothing, nothing
    address = skip_spaces(address + 1, line.end)
    return (address if address < line.end else nothing), wanted


@inlined
def _inner_node(byte: int, wanted: int, node: int, entries: int) -> Number:
    """Return the node of the object or array that begins with a byte as a value inside `node`; 0 declines the line."""
    if wanted < 0:
        return int64(-1 if byte == 123 else -2)
    if load_number(entries + 8 * ENTRY_WORDS * wanted, 2) == _OBJECT:
        return wanted + 1 if byte == 123 else int64(0)
    return -3 - wanted if byte == 91 and node >= -1 else int64(0)


@inlined
def _read_scalar(value: int, byte: int, wanted: int, line: Line) -> tuple[int, int]:
    """Return where a text, number or literal that begins with a byte ends, and the address behind it, -1 to decline.

    `null` ends where it begins: that is no value either.
    """
    if byte == 34:
        end, is_plain = string_end(value, line)
        return end, (end + 1 if end >= 0 and (wanted < 0 or is_plain) else int64(-1))
    if byte == 45 or (byte >= 48 and byte <= 57):
        end = number_end(value, line.end)
        return end, end
    return value, literal_end(value, line.end, wanted)
