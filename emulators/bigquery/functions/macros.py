"""Calls of macros."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bqemulator.domain.errors import InvalidQueryError
from sqlglot import expressions as exp

#: What becomes of a node, with or without `SAFE.` before it: another one, or None where it can stay as it is.
Call = Callable[[exp.Expr, bool], exp.Expr | None]
#: By the class of a node, or the name of a function that SQLGlot does not know.
Calls = Mapping[type[exp.Expr] | str, Call]
#: Functions in Python: the name, the function, and the options of DuckDB's `create_function`.
Functions = tuple[tuple[str, Callable[..., Any], dict[str, Any]], ...]

_OF_BYTES = (
    *(exp.Unhex, exp.ByteString, exp.HexString, exp.FromBase64, exp.FromBase32, exp.CodePointsToBytes, exp.NetFunc),
    *(exp.MD5, exp.MD5Digest, exp.SHA, exp.SHA1Digest, exp.SHA2, exp.SHA2Digest),
)


def macro(name: str, *arguments: exp.Expr | str | int | bool | None) -> exp.Expr:
    """Return a call of a macro; texts and numbers become literals."""
    return exp.Anonymous(this=name, expressions=[_argument(argument) for argument in arguments])


def shows_bytes(node: exp.Expr) -> bool:
    """Tell whether a statement has BYTES that show, as a literal, a cast or a function; of columns no type is known."""
    statement = node.root()
    if "shows_bytes" not in statement.meta:
        statement.meta["shows_bytes"] = any(map(_is_of_bytes, statement.walk()))
    return bool(statement.meta["shows_bytes"])


def _is_of_bytes(node: exp.Expr) -> bool:
    if isinstance(node, exp.Cast | exp.TryCast):
        return bool(node.args["to"].is_type("binary", "varbinary"))
    return isinstance(node, _OF_BYTES)


def refuse(reason: str) -> InvalidQueryError:
    """Return the error of what a query must not ask for."""
    return InvalidQueryError(reason, location="query")


def _argument(value: exp.Expr | str | int | bool | None) -> exp.Expr:
    return value.copy() if isinstance(value, exp.Expr) else exp.convert(value)
