"""Texts found in a column by a byte."""

from typing import Any

import pyarrow as pa
import pytest

from beam_jobs.access_log.arrow.strings import rows_with


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [None, None],
        ["", "=", "", "a==b", None, "=" * 70, "b"],
        ["x" * 63, "=", "x" * 200 + "=", "", "", "a="],
        [*["plain"] * 500, "last="],
    ],
)
@pytest.mark.parametrize("first", [0, 1, 3])
def test_texts_that_hold_a_byte(texts: list[str | None], first: int) -> None:
    column: Any = pa.array(texts, pa.string())
    kept = texts[first:-1]
    assert rows_with(column.slice(min(first, len(texts)), len(kept)), ord("=")).tolist() == [
        row for row, text in enumerate(kept) if text and "=" in text
    ]
