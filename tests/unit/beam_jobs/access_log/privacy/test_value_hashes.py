"""Hashes of rows by their values, beside their definition in plain Python."""

from typing import Any

import mmh3
import pyarrow as pa
import pytest

from beam_jobs.access_log.privacy.value_hashes import hash_rows

NUMBERS: list[list[int | None]] = [[1, None, -1, 2**62] * 200, [None] * 800]
TEXTS: list[list[str | None]] = [
    ["", None, "a" * 63, "b" * 200] * 200,
    [None] * 800,
    [*["c"] * 799, "long" * 50_000],
    [f"{number}\u00e9" for number in range(800)],
]


def defined(numbers: list[int | None], texts: list[str | None]) -> bytes:
    written = b"".join((-(2**63) if one is None else one).to_bytes(8, "little", signed=True) for one in numbers)
    for text in texts:
        written += b"\0\x1f" if text is None else b"\1" + text.encode() + b"\x1f"
    return mmh3.hash_bytes(written)


@pytest.mark.parametrize(("first", "rows"), [(0, 800), (3, 797), (790, 9), (5, 0)])
def test_hashes_are_those_of_the_definition(first: int, rows: int) -> None:
    def sliced(values: list[Any], kind: pa.DataType) -> Any:
        column: Any = pa.array(values, kind)
        return column.slice(first, rows)

    found = hash_rows(
        [sliced(values, pa.int64()) for values in NUMBERS], [sliced(values, pa.string()) for values in TEXTS]
    )
    assert found.to_pylist() == [
        defined([values[row] for values in NUMBERS], [values[row] for values in TEXTS])
        for row in range(first, first + rows)
    ]
