"""Values as FORMAT prints them for %t, and for %T as literals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

_INTEGERS = frozenset(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"))
_PLAIN = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\\": r"\\"}
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\\]")
_UNPRINTABLE_BYTE = re.compile(r"[\x00-\x1f\x7f-\xff\\]")
_FIELD = re.compile(r'\s*(?:"(?:[^"]|"")*"|\w+)\s+(?P<type>.*)', re.DOTALL)


def is_integer(kind: str) -> bool:
    """Tell whether a type of DuckDB is one of whole numbers."""
    return kind in _INTEGERS


def is_decimal(kind: str) -> bool:
    """Tell whether a type of DuckDB is one of decimal numbers."""
    return kind.startswith("DECIMAL")


def printed(kind: str, value: Any, is_literal: bool) -> str:
    """Return a value as a text.

    Args:
        kind: Its type in DuckDB.
        value: Or None.
        is_literal: As it stands in a statement.

    Raises:
        ValueError: It is of a type that is not offered.
    """
    if value is None:
        return "NULL"
    if kind.endswith("[]"):
        return f"[{', '.join(printed(kind[:-2], element, is_literal) for element in value)}]"
    if kind.startswith("STRUCT("):
        parts = value.values() if isinstance(value, dict) else value
        fields = zip(_fields(kind), parts, strict=True)
        texts = [printed(field, part, is_literal) for field, part in fields]
        return f"{'STRUCT' if is_literal and len(texts) == 1 else ''}({', '.join(texts)})"
    text, name = _text(kind, value)
    if not is_literal:
        return text
    if kind == "VARCHAR":
        return _quoted(value, _UNPRINTABLE, _PLAIN)
    if kind == "BLOB":
        return f"b{_quoted(value.decode('latin-1'), _UNPRINTABLE_BYTE, {chr(92): chr(92) * 2})}"
    if kind == "JSON":
        return f"JSON {_quoted(text, _UNPRINTABLE, _PLAIN)}"
    if isinstance(value, float) and text.lstrip("-")[0].isalpha():
        return f'CAST("{text}" AS FLOAT64)'
    return f'{name} "{text}"' if name else text


def as_json(text: str, is_pretty: bool = False) -> str:
    """Return JSON without spaces, or on lines of its own."""
    value = json.loads(text)
    if is_pretty:
        return json.dumps(value, ensure_ascii=False, indent=2)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def number_text(value: float) -> str:
    """Return the text of a number of floating point: of 15 digits, or of 17 where these are another number."""
    text = f"{value:.15g}"
    if float(text) != value and value == value:
        text = f"{value:.17g}"
    return f"{text}.0" if text.lstrip("-").isdigit() else text


def _text(kind: str, value: Any) -> tuple[str, str]:
    """Return a value of a simple type as a text, and the name of its type before a literal."""
    match value:
        case bool():
            return str(value).lower(), ""
        case int():
            return str(value), ""
        case float():
            return number_text(value), ""
        case Decimal():
            text = f"{value:f}"
            scale = int(kind.rstrip(")").rpartition(",")[2])
            return text.rstrip("0").rstrip(".") if "." in text else text, "BIGNUMERIC" if scale > 9 else "NUMERIC"
        case bytes():
            return re.sub("[\"'`]", r"\\\g<0>", _UNPRINTABLE_BYTE.sub(_escape, value.decode("latin-1"))), ""
        case str():
            return (as_json(value) if kind == "JSON" else value), ""
        case datetime():
            zone = "+00" if kind != "TIMESTAMP" else ""
            text = value.replace(tzinfo=None).isoformat(" ", "seconds") + _fraction(value.microsecond) + zone
            return text, "TIMESTAMP" if zone else "DATETIME"
        case date():
            return value.isoformat(), "DATE"
        case time():
            return value.isoformat("seconds") + _fraction(value.microsecond), "TIME"
    raise ValueError(f"FORMAT of {kind} is not offered by the local BigQuery")


def _fraction(microseconds: int) -> str:
    if microseconds == 0:
        return ""
    return f".{microseconds:06}" if microseconds % 1000 else f".{microseconds // 1000:03}"


def _escape(found: re.Match[str]) -> str:
    return r"\\" if found[0] == "\\" else f"\\x{ord(found[0]):02x}"


def _quoted(text: str, unprintable: re.Pattern[str], plain: dict[str, str]) -> str:
    quote = "'" if '"' in text and "'" not in text else '"'
    escaped = unprintable.sub(lambda found: plain.get(found[0]) or _escape(found), text)
    return quote + escaped.replace(quote, f"\\{quote}") + quote


def _fields(kind: str) -> Iterator[str]:
    """Yield the types of a STRUCT's fields, from `STRUCT(a BIGINT, "b c" VARCHAR[])`."""
    depth, start = 0, len("STRUCT(")
    is_quoted = False
    for at in range(start, len(kind)):
        character = kind[at]
        is_quoted ^= character == '"'
        if is_quoted:
            continue
        if depth == 0 and character in ",)":
            field = _FIELD.match(kind[start:at])
            yield field["type"] if field else kind[start:at].strip()
            start = at + 1
        depth += (character == "(") - (character == ")")
