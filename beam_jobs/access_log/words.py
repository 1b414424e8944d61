r"""Many bytes at a time, for compiled code: 64 compared, 8 loaded or 32 copied by one instruction or few.

Written as LLVM vector operations, so LLVM picks the instructions of the machine (AVX-512, AVX2, SSE2, NEON). All bounds
are the caller's: an access may reach up to `PADDING` bytes past the index, whatever is there.

Compiled code is cached on disk, where numba keeps it: `__pycache__` beside the source, where that cannot be written
`$NUMBA_CACHE_DIR` or the user's cache folder. numba notices a change in the file of a compiled function, not in other
files that the function uses: so the compiled modules use nothing of each other, and who changes this file touches them.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

PADDING = 64
"""How many bytes past an index these operations may touch."""

Number: TypeAlias = Any
"""A machine number in compiled code, whose type follows from what it is made of."""

int64: Any = numba.int64
uint8: Any = numba.uint8
uint64: Any = numba.uint64
"""Number types for compiled code; a signed and an unsigned number together would become a float."""

_Function = TypeVar("_Function", bound=Callable[..., Any])
_operation: Callable[[Callable[..., Any]], Any] = intrinsic

_BYTE = ir.IntType(8)
_WORD = ir.IntType(64)
_INDEX = ir.IntType(32)
_BYTES_32 = ir.VectorType(_BYTE, 32)
_BYTES_64 = ir.VectorType(_BYTE, 64)


def compiled(function: _Function) -> _Function:
    """Compiles a function at its first call, lets go of the interpreter lock in it, and keeps the result on disk."""
    try:
        return cast(_Function, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:
        # No folder that numba could cache in can be written: compile in every process.
        return cast(_Function, numba.njit(nogil=True)(function))


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any, pointee: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), pointee.as_pointer())


@_operation
def matching(_typing: Any, array: Any, index: Any, byte: Any) -> Any:
    """Which of the 64 bytes from `index` on equal `byte`: bit 0 is the first one's."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1], _BYTES_64)
        undefined = ir.Constant(_BYTES_64, ir.Undefined)
        first = builder.insert_element(undefined, arguments[2], ir.Constant(_INDEX, 0))
        every = builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_INDEX, 64), [0] * 64))
        return builder.bitcast(builder.icmp_unsigned("==", builder.load(pointer, align=1), every), _WORD)

    return types.uint64(array, types.int64, types.uint8), build


@_operation
def not_ascii(_typing: Any, array: Any, index: Any) -> Any:
    """Which of the 64 bytes from `index` on are 0x80 or above."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1], _BYTES_64)
        zero = ir.Constant(_BYTES_64, [0] * 64)
        return builder.bitcast(builder.icmp_signed("<", builder.load(pointer, align=1), zero), _WORD)

    return types.uint64(array, types.int64), build


@_operation
def load_word(_typing: Any, array: Any, index: Any) -> Any:
    """The 8 bytes from `index` on as one number, the first byte lowest."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1], _WORD)
        return builder.load(pointer, align=1)

    return types.uint64(array, types.int64), build


@_operation
def copy_32(_typing: Any, target: Any, target_index: Any, source: Any, source_index: Any) -> Any:
    """Copies 32 bytes."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to = _pointer(context, builder, signature.args[0], arguments[0], arguments[1], _BYTES_32)
        from_ = _pointer(context, builder, signature.args[2], arguments[2], arguments[3], _BYTES_32)
        builder.store(builder.load(from_, align=1), to, align=1)
        return context.get_dummy_value()

    return types.void(target, types.int64, source, types.int64), build


@_operation
def lowest_bit(_typing: Any, mask: Any) -> Any:
    """The position of the lowest bit set in a mask that is not 0."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), build


@_operation
def count_bits(_typing: Any, mask: Any) -> Any:
    """How many bits of a mask are set."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), build
