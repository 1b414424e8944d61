"""SIMD primitives for compiled code: compare 64 bytes, load 8, copy 32.

Written as LLVM vector operations, so LLVM picks the instructions of the machine (AVX-512, AVX2, SSE2, NEON). They take
addresses, for passing arrays between compiled functions costs more than most of what these do. All bounds are the
caller's: an access may reach up to `PADDING` bytes past its address, whatever is there.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

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

_operation: Callable[[Callable[..., Any]], Any] = intrinsic

_BYTE = ir.IntType(8)
_WORD = ir.IntType(64)
_INDEX = ir.IntType(32)
_BYTES_32 = ir.VectorType(_BYTE, 32)
_BYTES_64 = ir.VectorType(_BYTE, 64)


def _pointer(builder: Any, address: Any, pointee: Any) -> Any:
    return builder.inttoptr(address, pointee.as_pointer())


@_operation
def address_of(_typing: Any, array: Any) -> Any:
    """Return the address of an array's first element."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ptrtoint(context.make_array(signature.args[0])(context, builder, arguments[0]).data, _WORD)

    return types.int64(array), build


@_operation
def matching(_typing: Any, address: Any, byte: Any) -> Any:
    """Return a mask of the 64 bytes from `address` on that equal `byte`: bit 0 is the first one's."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        undefined = ir.Constant(_BYTES_64, ir.Undefined)
        first = builder.insert_element(undefined, arguments[1], ir.Constant(_INDEX, 0))
        every = builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_INDEX, 64), [0] * 64))
        found = builder.load(_pointer(builder, arguments[0], _BYTES_64), align=1)
        return builder.bitcast(builder.icmp_unsigned("==", found, every), _WORD)

    return types.uint64(types.int64, types.uint8), build


@_operation
def not_ascii(_typing: Any, address: Any) -> Any:
    """Return a mask of the 64 bytes from `address` on that are 0x80 or above."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        found = builder.load(_pointer(builder, arguments[0], _BYTES_64), align=1)
        return builder.bitcast(builder.icmp_signed("<", found, ir.Constant(_BYTES_64, [0] * 64)), _WORD)

    return types.uint64(types.int64), build


@_operation
def not_printable(_typing: Any, address: Any) -> Any:
    """Return a mask of the 64 bytes from `address` on that are below 0x20, or 0x80 or above."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        found = builder.load(_pointer(builder, arguments[0], _BYTES_64), align=1)
        return builder.bitcast(builder.icmp_signed("<", found, ir.Constant(_BYTES_64, [0x20] * 64)), _WORD)

    return types.uint64(types.int64), build


@_operation
def load_byte(_typing: Any, address: Any) -> Any:
    """Return the byte at `address`."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.zext(builder.load(_pointer(builder, arguments[0], _BYTE)), _WORD)

    return types.int64(types.int64), build


@_operation
def load_word(_typing: Any, address: Any) -> Any:
    """Return the 8 bytes from `address` on as one number, the first byte lowest."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load(_pointer(builder, arguments[0], _WORD), align=1)

    return types.uint64(types.int64), build


@_operation
def load_number(_typing: Any, table: Any, index: Any) -> Any:
    """Return the signed number at an index of a table of 64-bit numbers that begins at the address `table`."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        address = builder.add(arguments[0], builder.shl(arguments[1], _WORD(3)))
        return builder.load(_pointer(builder, address, _WORD), align=1)

    return types.int64(types.int64, types.int64), build


@_operation
def store_int32(_typing: Any, address: Any, value: Any) -> Any:
    """Put a number of 32 bits at `address`."""

    def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.store(builder.trunc(arguments[1], _INDEX), _pointer(builder, arguments[0], _INDEX), align=4)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), build


@_operation
def store_word(_typing: Any, address: Any, value: Any) -> Any:
    """Put a number of 64 bits at `address`."""

    def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.store(arguments[1], _pointer(builder, arguments[0], _WORD), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), build


@_operation
def copy_32(_typing: Any, target: Any, source: Any) -> Any:
    """Copy 32 bytes from the address `source` to the address `target`."""
    return types.void(types.int64, types.int64), _copying(_BYTES_32)


@_operation
def copy_64(_typing: Any, target: Any, source: Any) -> Any:
    """Copy 64 bytes from the address `source` to the address `target`."""
    return types.void(types.int64, types.int64), _copying(_BYTES_64)


def _copying(pointee: Any) -> Callable[..., Any]:
    def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        found = builder.load(_pointer(builder, arguments[1], pointee), align=1)
        builder.store(found, _pointer(builder, arguments[0], pointee), align=1)
        return context.get_dummy_value()

    return build


@_operation
def equal_64(_typing: Any, one: Any, other: Any) -> Any:
    """Return a mask of the 64 bytes from `one` on that equal those from `other` on: bit 0 is the first one's."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        first, second = (builder.load(_pointer(builder, address, _BYTES_64), align=1) for address in arguments)
        return builder.bitcast(builder.icmp_unsigned("==", first, second), _WORD)

    return types.uint64(types.int64, types.int64), build


@_operation
def prefetch(_typing: Any, address: Any) -> Any:
    """Fetch the cache line of `address` from memory in the background; any address will do."""

    def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), _INDEX, _INDEX, _INDEX])
        function = builder.module.declare_intrinsic("llvm.prefetch", (_BYTE.as_pointer(),), kind)
        reading, into_all_caches, data = (ir.Constant(_INDEX, number) for number in (0, 3, 1))
        builder.call(function, [_pointer(builder, arguments[0], _BYTE), reading, into_all_caches, data])
        return context.get_dummy_value()

    return types.void(types.int64), build


@_operation
def lowest_bit(_typing: Any, mask: Any) -> Any:
    """Return the position of the lowest bit set in a mask that is not 0."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), build


@_operation
def count_bits(_typing: Any, mask: Any) -> Any:
    """Count the bits of a mask that are set."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), build
