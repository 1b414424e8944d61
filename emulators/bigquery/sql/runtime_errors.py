"""Divisions by zero and indexes out of bounds that fail, for the BigQuery emulator, and `SAFE.` that makes them NULL.

DuckDB answers `MOD(1, 0)` and `[1][OFFSET(5)]` with NULL, and counts a negative index from the end. bqemulator 1.4.0
mends `/` alone, without regard to a NULL that is divided, and loses `SAFE.` on its way. SQLGlot makes operators of
`MOD()` and `DIV()`, without the parentheses that `2 * MOD(a, b)` and `DIV(a, b + 1)` need then, gives the element
before `array[OFFSET(n)]`, which counts from 0, where `n` is no literal, and reads one subscript of several.
"""

import re
from typing import Any

from bqemulator.domain.errors import DomainError, InvalidQueryError
from bqemulator.jobs import executor
from bqemulator.sql import translator
from sqlglot import expressions as exp
from sqlglot import generator
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.parsers.bigquery import BigQueryParser

from emulators.bigquery.parsing import own_statements

_MAY_FAIL = re.compile(r"[/\[]|\b(?:MOD|DIV)\s*\(", re.IGNORECASE)
#: A message of a function in Python, as DuckDB tells it.
_IN_PYTHON = re.compile(
    r"Python exception occurred while executing the UDF: ValueError: (?P<message>.*?)\s+At:", re.DOTALL
)
_DIVISIONS = (exp.Div, exp.IntDiv, exp.Mod)


def raise_errors(sql: str) -> str:
    """Return a statement whose divisions by zero and indexes out of bounds fail."""
    statements = own_statements(sql) if _MAY_FAIL.search(sql) else []
    nodes = [node for statement in statements for node in statement.find_all(exp.Bracket, *_DIVISIONS)]
    for node in reversed(nodes):
        if isinstance(node, exp.Bracket):
            _check_index(node)
            continue
        if isinstance(node, exp.Mod | exp.IntDiv):
            for operand in (node.left, node.right):
                if isinstance(operand, exp.Binary):
                    operand.replace(exp.paren(operand.copy()))
        if isinstance(node.parent, exp.Try):
            node.parent.replace(exp.paren(node.copy()))  # DuckDB gives NULL there, and has no error() within TRY()
        else:
            _check_divisor(node)
    return ";\n".join(statement.sql(dialect="bigquery") for statement in statements) if nodes else sql


def _check_divisor(division: exp.Expr) -> None:
    dividend, divisor = division.this, division.expression
    if divisor.is_number and float(divisor.to_py()) != 0:
        if not isinstance(division, exp.Div):
            division.replace(exp.paren(division.copy()))
        return
    wrong = divisor.copy().eq(0)
    # NULL / 0 is NULL; what costs much to look at twice fails then.
    if not dividend.find(exp.Query, *_DIVISIONS) and not dividend.is_number:
        wrong = exp.and_(wrong, dividend.copy().is_(exp.null()).not_())
    _replace(division, wrong, _error("Division by zero", division), division.copy())


def _check_index(element: exp.Bracket) -> None:
    (index,), first, is_safe = element.expressions, element.args.get("offset", 0), element.args.get("safe")
    if index.is_string:
        return  # a field of JSON
    if isinstance(index, exp.Anonymous) and (subscript := BigQueryParser.BRACKET_OFFSETS.get(index.name.upper())):
        (first, is_safe), (index,) = subscript, index.expressions
    position = index.copy()
    if first == 0:
        position = exp.Literal.number(index.to_py() + 1) if index.is_number else exp.paren(position) + 1
    found = exp.Bracket(this=element.this.copy(), expressions=[position], offset=1, safe=is_safe)
    too_small = position.copy() < 1
    if not is_safe:
        wrong = exp.or_(too_small, position.copy() > exp.ArraySize(this=element.this.copy()))
        _replace(element, wrong, _error("Array index is out of bounds", element), found)
    elif position.is_number and position.to_py() > 0:
        element.replace(exp.paren(found))
    else:
        _replace(element, too_small, exp.null(), found)


def _replace(node: exp.Expr, condition: exp.Expr, then: exp.Expr, otherwise: exp.Expr) -> None:
    node.replace(exp.paren(exp.case().when(condition, then).else_(otherwise)))


def _error(message: str, failing: exp.Expr) -> exp.Expr:
    # Within TRY() it must not become NULL: DuckDB refuses its own error() there.
    name = "error" if failing.find_ancestor(exp.Try) else "bq_error"
    return exp.Anonymous(this=name, expressions=[exp.Literal.string(message)])


def _try(made: Any, node: exp.Try) -> str:
    return str(made.func("TRY", node.this))


def patch() -> None:
    """Put this in the place of bqemulator's step, and let statements that are written again keep `SAFE.`.

    What a function in Python refuses is told without where it stands.
    """
    translate = vars(executor)["translate_runtime_error"]

    def tell(error: BaseException, *, duckdb_sql: str | None = None) -> DomainError:
        if found := _IN_PYTHON.search(str(error)):
            return InvalidQueryError(found["message"], location="query")
        told: DomainError = translate(error, duckdb_sql=duckdb_sql)
        return told

    vars(executor)["translate_runtime_error"] = tell
    vars(translator)["rewrite_division_by_zero"] = raise_errors
    # Not by TRY_SUPPORTED, which is compiled in; what a generator calls for which node is kept from its first use.
    BigQuery.generator_class.TRANSFORMS[exp.Try] = _try
    generator._DISPATCH_CACHE.pop(BigQuery.generator_class, None)
