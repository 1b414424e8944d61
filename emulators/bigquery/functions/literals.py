r"""Literals of text and bytes, written so that SQLGlot and DuckDB read what BigQuery does.

SQLGlot 30.11.0 keeps `\x41` and `\u00e9` as they are, cannot tell them from those behind another backslash, and has
no raw bytes. DuckDB reads other escapes of bytes, and no byte above 127.

https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#escape_sequences
"""

from __future__ import annotations

import re

from bqemulator.domain.errors import InvalidQueryError

_ESCAPE = re.compile(
    r"\\(?:[xX](?P<hex>[0-9a-fA-F]{2})|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<octal>[0-3][0-7]{2})"
    r"|(?P<plain>[abfnrtv\\?\"'`])|(?P<other>.))",
    re.DOTALL,
)
_PLAIN = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_AGAIN = {"\n": r"\n", "\r": r"\r", "\\": r"\\"}


def plain_literal(prefix: str, literal: str) -> str:
    """Return an expression for a literal.

    Args:
        prefix: `b`, `r`, both or none.
        literal: With its quotes.

    Raises:
        InvalidQueryError: An escape sequence is none of BigQuery's.
    """
    kind = prefix.lower()
    if "b" in kind:
        return _from_hex(literal, is_raw="r" in kind)
    if "r" in kind or "\\" not in literal or literal.startswith("`"):
        return prefix + literal
    return _ESCAPE.sub(lambda found: _again(found, literal[0]), literal)


def _from_hex(literal: str, is_raw: bool) -> str:
    quotes = 3 if literal[:3] in ("'''", '"""') else 1
    # Other characters stand for their bytes in UTF-8, escapes for one byte each.
    text = literal[quotes:-quotes].encode().decode("latin-1")
    value = text if is_raw else _ESCAPE.sub(_character, text)
    return f"FROM_HEX('{value.encode('latin-1').hex()}')"


def _again(found: re.Match[str], quote: str) -> str:
    character = _character(found)
    if character == "\0":
        raise InvalidQueryError("A NUL in a literal is not offered by the local BigQuery", location="query")
    return f"\\{quote}" if character == quote else _AGAIN.get(character, character)


def _character(found: re.Match[str]) -> str:
    if found["plain"]:
        return _PLAIN.get(found["plain"], found["plain"])
    if found["other"]:
        raise InvalidQueryError(f"Syntax error: Illegal escape sequence: {found[0]}", location="query")
    digits = found["hex"] or found["short"] or found["long"]
    return chr(int(digits, 16) if digits else int(found["octal"], 8))
