"""Both sides beside each other."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from tests.integration.emulators.googlesql.local import LocalBigQuery, is_same
from tests.integration.emulators.googlesql.reference import Rows, Value, evaluate, query
from tests.sql.reference.evaluator import NotEvaluatedError

HERE = Path(__file__).parent
AREAS = sorted(path.stem for path in HERE.glob("*.yaml") if path.stem != "values")
#: Expressions of one query.
_TOGETHER = 25
_HOLE = re.compile(r"\{(\w+)\}")
_ORDERED = re.compile(r"ORDER BY [^()]*$")

Expected = Literal["agrees", "refused", "differs"]
Verdict = Literal["same", "both refuse", "refused", "accepted", "different", "unknown"]


@dataclass(frozen=True)
class Compared:
    """An expression on both sides.

    Attributes:
        verdict: `refused`: by the local BigQuery alone; `accepted`: by it alone; `unknown`: the reference
            implementation lacks it.
    """

    template: str
    expression: str
    reference: Value | NotEvaluatedError
    local: Value | NotEvaluatedError
    verdict: Verdict

    def __str__(self) -> str:
        return f"{self.expression}: {self.verdict}: reference {_said(self.reference)}, here {_said(self.local)}"


@cache
def area(name: str) -> dict[Expected, Any]:
    """Return the templates of an area by what is expected of them; those of `differs` have a reason."""
    found: dict[Expected, Any] = yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


@cache
def values() -> dict[str, list[str]]:
    """Return the values to put into templates, by the name of their hole."""
    found: dict[str, list[str]] = yaml.safe_load((HERE / "values.yaml").read_text(encoding="utf-8"))
    return found


def expressions(template: str, most: int) -> list[str]:
    """Return at most so many expressions of a template: the same ones each time."""
    # Texts and holes take turns.
    parts = [values()[part] if place % 2 else [part] for place, part in enumerate(_HOLE.split(template))]
    found = ["".join(filled) for filled in itertools.product(*parts)]
    return random.Random(template).sample(found, most) if len(found) > most else found


def compared_area(local: LocalBigQuery, name: str, most: int, only: str = "") -> Iterator[tuple[Expected, Compared]]:
    """Compare the templates of an area that have a text in them, with so many expressions of each.

    Yields:
        What its file expects of a template, and what was found of one of its expressions.
    """
    for expected, templates in area(name).items():
        wanted = [template for template in templates if only in template]
        found = _compare_queries(local, wanted) if name == "queries" else compare(local, wanted, most)
        yield from ((expected, one) for one in found)


def as_expected(expected: Expected, one: Compared) -> bool:
    """Tell whether an expression turned out as its area's file expects."""
    return (
        expected == "differs" or one.verdict in ("same", "both refuse") or (expected, one.verdict) == ("refused",) * 2
    )


def _compare_queries(local: LocalBigQuery, queries: Iterable[str]) -> Iterator[Compared]:
    """Compare names, types and rows of what queries give; rows in their order where the query has one."""
    for sql in queries:
        reference, here = _answer(query, sql), _answer(local.query, sql)
        yield Compared(sql, sql, reference, here, _verdict(reference, here))


def _answer(ask: Callable[[str], Rows], sql: str) -> Value | NotEvaluatedError:
    try:
        columns, rows = ask(sql)
    except NotEvaluatedError as refused:
        return refused
    return Value(str(columns), rows if _ORDERED.search(sql) else sorted(rows, key=repr))


def compare(local: LocalBigQuery, templates: Iterable[str], most: int) -> Iterator[Compared]:
    """Compare templates, with so many expressions of each."""
    asked = [(template, expression) for template in templates for expression in expressions(template, most)]
    here = [(template, expression, _reference(expression)) for template, expression in asked]
    with_value = [one for one in here if isinstance(one[2], Value)]
    for start in range(0, len(with_value), _TOGETHER):
        together = with_value[start : start + _TOGETHER]
        answers = _local(local, [expression for _, expression, _ in together])
        for (template, expression, found), mine in zip(together, answers, strict=True):
            yield Compared(template, expression, found, mine, _verdict(found, mine))
    for template, expression, refused in here:
        if isinstance(refused, NotEvaluatedError):
            (mine,) = _local(local, [expression])
            yield Compared(template, expression, refused, mine, _verdict(refused, mine))


def _reference(expression: str) -> Value | NotEvaluatedError:
    try:
        return evaluate(expression)
    except NotEvaluatedError as refused:
        return refused


def _local(local: LocalBigQuery, asked: list[str]) -> list[Value | NotEvaluatedError]:
    try:
        return list(local.evaluate(asked))
    except NotEvaluatedError as refused:
        if len(asked) == 1:
            return [refused]
        half = len(asked) // 2
        return _local(local, asked[:half]) + _local(local, asked[half:])


def _verdict(reference: Value | NotEvaluatedError, local: Value | NotEvaluatedError) -> Verdict:
    if isinstance(reference, NotEvaluatedError):
        if "Unsupported" in str(reference):
            return "unknown"
        return "both refuse" if isinstance(local, NotEvaluatedError) else "accepted"
    if isinstance(local, NotEvaluatedError):
        return "refused"
    is_equal = reference.type == local.type and is_same(reference.value, local.value)
    return "same" if is_equal else "different"


def _said(side: Value | NotEvaluatedError) -> str:
    return f"refuses ({side})" if isinstance(side, NotEvaluatedError) else f"{side.type} {side.value!r}"
