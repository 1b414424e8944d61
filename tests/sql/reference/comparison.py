"""How the rows of two tables differ."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

Row = tuple[Any, ...]
_MOST_SHOWN = 3


def differences(names: Sequence[str], expected: Sequence[Row], found: Sequence[Row]) -> list[str]:
    """Return lines that say how multisets of rows differ; floats are alike within 1e-12 of their size."""
    missing, extra = _without_common(expected, found)
    for row in list(missing):
        alike = next((other for other in extra if _alike(row, other)), None)
        if alike is not None:
            missing.remove(row)
            extra.remove(alike)
    if not missing and not extra:
        return []
    lines = []
    if len(expected) != len(found):
        lines.append(f"{len(expected)} rows by the reference, {len(found)} by the local BigQuery")
    for row in missing[:_MOST_SHOWN]:
        nearest = max(extra, key=lambda other: sum(map(_alike, row, other)), default=None)
        if nearest is None:
            lines.append(f"missing: {dict(zip(names, row, strict=True))}")
        else:
            extra.remove(nearest)
            apart = [
                f"{name}: {value!r} by the reference, {other!r} by the local BigQuery"
                for name, value, other in zip(names, row, nearest, strict=True)
                if not _alike(value, other)
            ]
            lines.append(f"{'; '.join(apart)} in {dict(zip(names, row, strict=True))}")
    lines += [f"too many: {dict(zip(names, row, strict=True))}" for row in extra[: _MOST_SHOWN - len(missing)]]
    return lines


def _without_common(expected: Sequence[Row], found: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows that only one of both has; a value and one of another type are two."""
    left = Counter(map(repr, expected))
    right = Counter(map(repr, found))
    by_text = {repr(row): row for row in (*expected, *found)}
    return (
        [by_text[text] for text in (left - right).elements()],
        [by_text[text] for text in (right - left).elements()],
    )


def _alike(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float):
        return math.isclose(one, other, rel_tol=1e-12) or (math.isnan(one) and math.isnan(other))
    return bool(one == other)
