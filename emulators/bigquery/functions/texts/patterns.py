"""LIKE and regular expressions."""

from __future__ import annotations

import re
from functools import reduce

from sqlglot import expressions as exp

from emulators.bigquery.functions.macros import Calls, Functions, macro, refuse, shows_bytes
from emulators.bigquery.functions.texts.strings import call_of

FUNCTIONS: Functions = ()


_ESCAPED = re.compile(r"\\Q.*?(?:\\E|\Z)|\\.", re.DOTALL)
_BRACKETS = re.compile(r"\[\^?\]?(?:\[:[a-z^]+:\]|[^\]])*\]", re.DOTALL)
_GROUP = re.compile(r"\((?!\?(?!P?<))")
_REWRITE = re.compile(r"(?:[^\\]|\\[0-9\\])*", re.DOTALL)
_GROUP_NUMBER = re.compile(r"\\([0-9])")


def _literal(node: exp.Expr) -> str | None:
    """Return a pattern that is written as such, of texts."""
    return node.name if isinstance(node, exp.Literal | exp.RawString) and not shows_bytes(node) else None


def _groups(pattern: str) -> int:
    """Return how many groups of a pattern capture something."""
    return len(_GROUP.findall(_BRACKETS.sub("", _ESCAPED.sub("", pattern))))


def _captured(pattern: str) -> exp.Expr:
    """Return the pattern with a group that captures what is to be extracted."""
    groups = _groups(pattern)
    if groups > 1:
        raise refuse("Regular expressions passed into extraction functions must not have more than 1 capturing group")
    return exp.Literal.string(pattern if groups else f"({pattern})")


def _like(node: exp.Expr, _: bool) -> exp.Expr | None:
    """Return LIKE with a backslash as BigQuery has it; what a text without one matches, DuckDB finds faster itself."""
    patterns, negate = node.args["expression"], bool(node.args.get("negate"))
    if isinstance(patterns, exp.Any | exp.All) and isinstance(patterns.this, exp.Tuple | exp.Paren):
        one = patterns.this
        chosen = one.expressions if isinstance(one, exp.Tuple) else [one.this]
        tests: list[exp.Expr] = [_test(node.this, pattern, negate) for pattern in chosen]
        join = exp.or_ if isinstance(patterns, exp.Any) else exp.and_
        return exp.paren(reduce(lambda left, right: join(left, right), tests))
    if _is_plain(patterns):
        return None
    return exp.paren(_test(node.this, patterns, negate))


def _test(value: exp.Expr, pattern: exp.Expr, negate: bool) -> exp.Expr:
    test: exp.Expr = (
        exp.paren(exp.Like(this=value.copy(), expression=pattern.copy()))
        if _is_plain(pattern)
        else macro("bq_like", value, pattern)
    )
    return exp.Not(this=test) if negate else test


def _is_plain(pattern: exp.Expr) -> bool:
    return isinstance(pattern, exp.Literal | exp.RawString) and "\\" not in pattern.name


def _contains(node: exp.Expr, _: bool) -> exp.Expr | None:
    if isinstance(node.expression, exp.Literal | exp.RawString):
        return None
    return macro("bq_regexp_contains", node.this, node.expression)


def _extract(node: exp.Expr, is_safe: bool) -> exp.Expr:
    position, number = node.args.get("position"), node.args.get("occurrence")
    if position is None and not is_safe and (pattern := _literal(node.expression)) is not None:
        return macro("bq_regexp_first_of", node.this, _captured(pattern))
    if position is None:
        return macro("bq_regexp_extract", node.this, node.expression)
    return macro("bq_regexp_extract_nth", node.this, node.expression, position, number or 1, is_safe)


def _replace(node: exp.Expr, is_safe: bool) -> exp.Expr:
    pattern, rewrite = _literal(node.expression), _literal(node.args["replacement"])
    if pattern is None or rewrite is None or is_safe or not _is_rewrite(pattern, rewrite):
        return macro("bq_regexp_replace", node.this, node.expression, node.args["replacement"], is_safe)
    return macro("bq_regexp_replace_all", node.this, node.expression, node.args["replacement"])


def _is_rewrite(pattern: str, rewrite: str) -> bool:
    if not _REWRITE.fullmatch(rewrite):
        return False
    numbers = _GROUP_NUMBER.findall(rewrite.replace("\\\\", ""))
    return max(map(int, numbers), default=0) <= _groups(pattern)


def _position(node: exp.Expr, is_safe: bool) -> exp.Expr:
    given = [node.args.get(part) for part in ("position", "occurrence", "option")]
    defaults = [default if argument is None else argument for argument, default in zip(given, (1, 1, 0), strict=True)]
    return macro("bq_regexp_instr", node.this, node.expression, *defaults, is_safe)


CALLS: Calls = {
    exp.Like: _like,
    exp.RegexpLike: _contains,
    exp.RegexpExtract: _extract,
    exp.RegexpExtractAll: call_of("bq_regexp_extract_all", "this", "expression"),
    exp.RegexpReplace: _replace,
    exp.RegexpInstr: _position,
}
