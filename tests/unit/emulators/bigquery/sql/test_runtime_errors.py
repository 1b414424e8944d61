"""What fails and what is NULL when DuckDB runs it."""

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest
from bqemulator.sql import translator
from bqemulator.sql.translator import SQLTranslator
from sqlglot import expressions as exp
from sqlglot.dialects.bigquery import BigQuery

from emulators.bigquery.functions import nested
from emulators.bigquery.functions.texts import strings
from emulators.bigquery.sql import runtime_errors

Ask = Callable[[str], Any]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Return the value of an expression over a row."""
    monkeypatch.setattr(translator, "rewrite_division_by_zero", translator.rewrite_division_by_zero)
    monkeypatch.setitem(BigQuery.generator_class.TRANSFORMS, exp.Try, None)
    runtime_errors.patch()
    row = "SELECT 7 AS a, 2 AS b, 0 AS zero, NULL AS nothing, [1, 2] AS l, -1 AS minus, STRUCT([1, 2] AS l) AS s"
    with duckdb.connect() as connection:
        connection.create_function("bq_fail", strings.fail, ["VARCHAR"], "VARCHAR")
        connection.execute(next(nested.macros()))

        def value(expression: str) -> Any:
            sql = SQLTranslator().translate(f"SELECT {expression} FROM ({row})").value
            ((found,),) = connection.execute(sql).fetchall()
            return found

        yield value


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        *((sql, "Division by zero") for sql in ("1 / 0", "a / zero", "a / (b - 2)", "0 / 0", "a / 0.0", "a / -0.0")),
        *((sql, "Division by zero") for sql in ("MOD(a, 0)", "MOD(a, zero)", "DIV(a, b - 2)", "1 / MOD(a, 7)")),
        *((sql, "Division by zero") for sql in ("MOD(a / 0, 2)", "a / zero / b", "SAFE.DIV(a / zero, 2)")),
        ("SAFE.LN(a / b)", "TRY can not be used"),  # DuckDB cannot fail for an argument alone
        *((sql, "out of bounds") for sql in ("[1][OFFSET(1)]", "l[OFFSET(2)]", "l[OFFSET(minus)]", "l[OFFSET(a - 8)]")),
        *((sql, "out of bounds") for sql in ("l[ORDINAL(0)]", "l[ORDINAL(3)]", "s.l[OFFSET(2)]")),
        *(
            (sql, "out of bounds")
            for sql in ("SPLIT('a:b', ':')[OFFSET(2)]", "[l[OFFSET(2)]][OFFSET(0)]", "l[2]", "l[minus]")
        ),
    ],
)
def test_fails(ask: Ask, expression: str, why: str) -> None:
    with pytest.raises(duckdb.Error, match=why):
        ask(expression)


@pytest.mark.parametrize(
    "expression",
    [
        *("nothing / 0", "a / nothing", "MOD(nothing, 0)", "DIV(nothing, zero)", "l[OFFSET(nothing)]"),
        *("SAFE.MOD(a, 0)", "SAFE.DIV(a, zero)", "SAFE_DIVIDE(a, 0)", "SAFE.LN(-1)", "SAFE.LN(zero)"),
        *("l[SAFE_OFFSET(2)]", "l[SAFE_OFFSET(minus)]", "l[SAFE_OFFSET(-2)]", "l[SAFE_ORDINAL(0)]"),
        *("l[SAFE_ORDINAL(-1)]", "IF(FALSE, a / 0, NULL)", "CASE WHEN zero != 0 THEN a / zero END"),
    ],
)
def test_is_null(ask: Ask, expression: str) -> None:
    assert ask(expression) is None


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        *(("a / b", 3.5), ("MOD(a, b)", 1), ("DIV(a, b)", 3), ("DIV(-7, 2)", -3), ("MOD(-7, 2)", -1)),
        *(("2 * MOD(a, b)", 2), ("10 - MOD(a, 5)", 8), ("100 / MOD(a, 5)", 50), ("8 / DIV(a, b + 1)", 4)),
        *(("DIV(a, b + 1)", 2), ("DIV(10, MOD(a, 4))", 3), ("MOD(a + b, b * 2)", 1), ("DIV(a, b) / DIV(4, b)", 1.5)),
        *(("SAFE.DIV(10, MOD(a, 4))", 3), ("2 * SAFE.MOD(a, b)", 2), ("a / b / b", 1.75), ("SAFE.LN(1)", 0)),
        *(("l[OFFSET(1)]", 2), ("l[ORDINAL(1)]", 1), ("l[OFFSET(b - 1)]", 2), ("l[SAFE_OFFSET(0)]", 1)),
        *(("s.l[OFFSET(1)]", 2), ("SPLIT('a:b', ':')[OFFSET(1)]", "b"), ("[[1], [2]][OFFSET(1)][OFFSET(0)]", 2)),
        *(("l[b - 1]", 2), ("l[0]", 1), ("l[ORDINAL(b)]", 2), ("[[1], [2]][SAFE_OFFSET(1)][ORDINAL(1)]", 2)),
        *(("ARRAY<INT64>[1, 2][OFFSET(b - 1)]", 2), ("l[SAFE_OFFSET(b - 1)]", 2), ("[s][OFFSET(0)].l[OFFSET(1)]", 2)),
    ],
)
def test_value(ask: Ask, expression: str, value: object) -> None:
    assert ask(expression) == value
