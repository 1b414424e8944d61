"""SIMD primitives for compiled code: compare 64 bytes, load 8, copy 64.

Written as LLVM vector operations, so LLVM picks the instructions of the machine (AVX-512, AVX2, SSE2, NEON). They take
addresses, for passing arrays between compiled functions costs more than most of what these do. All bounds are the
caller's: an access may reach up to `PADDING` bytes past its address, whatever is there.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from beam_jobs.access_log.compiled.jit import inlined

PADDING = 64
"""How many bytes past an address these operations may touch."""

AHEAD = 4096
"""How many bytes ahead of the work a walk through memory prefetches: the processor itself hardly looks past a page."""

Number: TypeAlias = Any
"""A machine number in compiled code, whose type follows from what it is made of."""

int64: Any = numba.int64
uint8: Any = numba.uint8
uint64: Any = numba.uint64
"""Number types for compiled code; a signed and an unsigned number together would become a float."""

ALL_BITS: Any = uint64(0xFFFFFFFFFFFFFFFF)

_BYTE = ir.IntType(8)
_WORD = ir.IntType(64)
_INDEX = ir.IntType(32)
_BYTES_64 = ir.VectorType(_BYTE, 64)


def _operation(result: Any, *parameters: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make an operation of these types from a function that writes its instructions."""

    def operation_of(write: Callable[..., Any]) -> Any:
        def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            written = write(builder, *arguments)
            return context.get_dummy_value() if result is types.void else written

        @functools.wraps(write)
        def typed(_typing: Any, *_types: Any) -> Any:
            return result(*parameters), build

        return intrinsic(typed)

    return operation_of


def _pointer(builder: Any, address: Any, pointee: Any) -> Any:
    return builder.inttoptr(address, pointee.as_pointer())


def _load(builder: Any, address: Any, pointee: Any) -> Any:
    return builder.load(_pointer(builder, address, pointee), align=1)


def _store(builder: Any, address: Any, value: Any) -> None:
    builder.store(value, _pointer(builder, address, value.type), align=1)


def _below(builder: Any, address: Any, limit: int) -> Any:
    """Write a mask of the 64 bytes that are below a limit, as signed numbers."""
    limits = ir.Constant(_BYTES_64, [limit] * 64)
    return builder.bitcast(builder.icmp_signed("<", _load(builder, address, _BYTES_64), limits), _WORD)


def _address_of(_typing: Any, array: Any) -> Any:
    """Return the address of an array's first element."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ptrtoint(context.make_array(signature.args[0])(context, builder, arguments[0]).data, _WORD)

    return types.int64(array), build


address_of: Any = intrinsic(_address_of)


def _splat(builder: Any, byte: Any) -> Any:
    """Write 64 times the same byte."""
    undefined = ir.Constant(_BYTES_64, ir.Undefined)
    first = builder.insert_element(undefined, byte, ir.Constant(_INDEX, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_INDEX, 64), [0] * 64))


def _compared(builder: Any, comparison: str, address: Any, byte: Any) -> Any:
    """Write a mask of the 64 bytes from `address` on that compare so with `byte`."""
    loaded = _load(builder, address, _BYTES_64)
    return builder.bitcast(builder.icmp_unsigned(comparison, loaded, _splat(builder, byte)), _WORD)


@_operation(types.uint64, types.int64, types.uint8)
def matching(builder: Any, address: Any, byte: Any) -> Any:
    """Return a mask of the 64 bytes from `address` on that equal `byte`: bit 0 is the first one's."""
    return _compared(builder, "==", address, byte)


@_operation(types.uint64, types.int64, types.uint8)
def at_least(builder: Any, address: Any, byte: Any) -> Any:
    """Return a mask of the 64 bytes from `address` on that are `byte` or above: bit 0 is the first one's."""
    return _compared(builder, ">=", address, byte)


@_operation(types.void, types.int64, types.int64, types.uint8, types.uint8)
def copy_64_replacing(builder: Any, target: Any, source: Any, byte: Any, other: Any) -> None:
    """Copy 64 bytes from the address `source` to the address `target`, with `other` in place of `byte`."""
    loaded = _load(builder, source, _BYTES_64)
    equal = builder.icmp_unsigned("==", loaded, _splat(builder, byte))
    _store(builder, target, builder.select(equal, _splat(builder, other), loaded))


@_operation(types.uint64, types.int64)
def not_ascii(builder: Any, address: Any) -> Any:
    """Return a mask of the 64 bytes from `address` on that are 0x80 or above."""
    return _below(builder, address, 0)


@_operation(types.uint64, types.int64)
def not_printable(builder: Any, address: Any) -> Any:
    """Return a mask of the 64 bytes from `address` on that are below 0x20, or 0x80 or above."""
    return _below(builder, address, 0x20)


@_operation(types.uint64, types.int64, types.int64)
def equal_64(builder: Any, one: Any, other: Any) -> Any:
    """Return a mask of the 64 bytes from `one` on that equal those from `other` on: bit 0 is the first one's."""
    first, second = _load(builder, one, _BYTES_64), _load(builder, other, _BYTES_64)
    return builder.bitcast(builder.icmp_unsigned("==", first, second), _WORD)


@_operation(types.int64, types.int64)
def load_byte(builder: Any, address: Any) -> Any:
    """Return the byte at `address`."""
    return builder.zext(_load(builder, address, _BYTE), _WORD)


@_operation(types.uint64, types.int64)
def load_word(builder: Any, address: Any) -> Any:
    """Return the 8 bytes from `address` on as one number, the first byte lowest."""
    return _load(builder, address, _WORD)


@_operation(types.int64, types.int64, types.int64)
def load_number(builder: Any, table: Any, index: Any) -> Any:
    """Return the signed number at an index of a table of 64-bit numbers that begins at the address `table`."""
    return _load(builder, builder.add(table, builder.shl(index, _WORD(3))), _WORD)


@_operation(types.void, types.int64, types.int64, types.int64)
def store_number(builder: Any, table: Any, index: Any, value: Any) -> None:
    """Put a number at an index of a table of 64-bit numbers that begins at the address `table`."""
    _store(builder, builder.add(table, builder.shl(index, _WORD(3))), value)


@_operation(types.void, types.int64, types.int64, types.int64)
def store_text(builder: Any, place: Any, begin: Any, length: Any) -> None:
    """Put where a text begins and how many bytes it has, -1 for null, at an address: two numbers of 32 bits."""
    _store(builder, place, builder.trunc(begin, _INDEX))
    _store(builder, builder.add(place, _WORD(4)), builder.trunc(length, _INDEX))


@_operation(types.void, types.int64, types.int64)
def copy_64(builder: Any, target: Any, source: Any) -> None:
    """Copy 64 bytes from the address `source` to the address `target`."""
    _store(builder, target, _load(builder, source, _BYTES_64))


@_operation(types.void, types.int64)
def prefetch(builder: Any, address: Any) -> None:
    """Fetch the cache line of `address` from memory in the background; any address will do."""
    kind = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), _INDEX, _INDEX, _INDEX])
    function = builder.module.declare_intrinsic("llvm.prefetch", (_BYTE.as_pointer(),), kind)
    reading, into_all_caches, data = (ir.Constant(_INDEX, number) for number in (0, 3, 1))
    builder.call(function, [_pointer(builder, address, _BYTE), reading, into_all_caches, data])


@_operation(types.int64, types.uint64)
def lowest_bit(builder: Any, mask: Any) -> Any:
    """Return the position of the lowest bit set in a mask that is not 0."""
    return builder.cttz(mask, ir.Constant(ir.IntType(1), 1))


@_operation(types.int64, types.uint64)
def count_bits(builder: Any, mask: Any) -> Any:
    """Count the bits of a mask that are set."""
    return builder.ctpop(mask)


@inlined
def is_same(one: int, other: int, length: int) -> bool:
    """Whether `length` bytes at two addresses are the same."""
    while length > 0:
        equal = equal_64(one, other)
        if length < 64:
            equal |= ALL_BITS << uint64(length)
        if equal != ALL_BITS:
            return False
        one += 64
        other += 64
        length -= 64
    return True
