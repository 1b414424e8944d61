"""JSON of values of other types, as TO_JSON and TO_JSON_STRING make it."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

from emulators.bigquery.functions.json.texts import READER, JsonNumber, normal, shortest, written

#: Integers beyond are texts in TO_JSON_STRING: JavaScript would round them.
_EXACT = 2**53
_ELEMENTS = re.compile(r"(.*)\[\d*\]$", re.DOTALL)
_FIELD = re.compile(r'"((?:[^"]|"")*)"|(\S+)')


_INTERVAL = re.compile(
    r"(?:(-?\d+) years?)? ?(?:(-?\d+) months?)? ?(?:(-?\d+) days?)? ?(?:(-?)(\d+):(\d\d):(\d\d(?:\.\d+)?))?"
)


def of_value(text: str | None, kind: str, mode: str, is_pretty: bool) -> str:
    """Return a value as JSON.

    Args:
        text: What DuckDB's `to_json` makes of it.
        kind: Its type in DuckDB.
        mode: `string`, for TO_JSON_STRING; `json`, for TO_JSON; `wide`, for that with `stringify_wide_numbers`.
        is_pretty: With line breaks.
    """
    if text is None:
        return "null"
    value = _converter(kind, mode)(READER.decode(text))
    made = written(value, mode != "string", "" if is_pretty else None)
    return made.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029") if mode == "string" else made


@cache
def _converter(kind: str, mode: str) -> Callable[[Any], Any]:
    """Return what makes of a value of DuckDB's type what JSON has."""
    if array := _ELEMENTS.match(kind):
        of_element = _converter(array[1], mode)
        return lambda value: None if value is None else [of_element(element) for element in value]
    if kind.startswith("STRUCT("):
        of_fields = {name: _converter(of, mode) for name, of in _fields(kind[len("STRUCT(") : -1])}
        return lambda value: None if value is None else {name: of_fields[name](value[name]) for name in of_fields}
    convert = _SCALARS.get(kind.split("(")[0])
    if convert is None:
        return lambda value: value
    return lambda value: None if value is None else convert(value, mode)


def _fields(text: str) -> list[tuple[str, str]]:
    fields, depth, begin, is_quoted = [], 0, 0, False
    for position, character in enumerate(text + ","):
        is_quoted ^= character == '"'
        depth += 0 if is_quoted else (character == "(") - (character == ")")
        if character == "," and not depth and not is_quoted:
            field = text[begin:position].strip()
            name = _FIELD.match(field)
            if name and not field[name.end() :]:
                raise ValueError("JSON of a STRUCT with unnamed fields is not offered by the local BigQuery")
            if name:
                fields.append(((name[1] or name[2]).replace('""', '"'), field[name.end() :].strip()))
            begin = position + 1
    return fields


def _integer(value: str, mode: str) -> Any:
    return value if mode == "json" or abs(int(value)) <= _EXACT else str(value)


def _decimal(value: str, mode: str) -> Any:
    plain = value.rstrip("0").rstrip(".") if "." in value else value  # normalize() would round to 28 digits
    is_exact = "." not in plain and abs(int(plain)) <= _EXACT
    if mode == "json":
        return JsonNumber(plain if is_exact else shortest(float(plain)))
    return JsonNumber(plain) if is_exact or (mode == "wide" and float(plain) == Decimal(plain)) else plain


def _float(value: Any, mode: str) -> Any:
    number = float(value) + 0.0  # without the sign of zero
    if number != number or number in (float("inf"), float("-inf")):
        return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"
    if mode != "string":
        return JsonNumber(shortest(number))
    short = f"{number:.15g}"
    return JsonNumber(short if float(short) == number else f"{number:.17g}")


def _time(value: str, _: str) -> str:
    seconds, _dot, fraction = value.removesuffix("+00").partition(".")
    if fraction:
        seconds = f"{seconds}.{fraction:0<6}"
        seconds = seconds.removesuffix("000")
    return seconds.replace(" ", "T") + ("Z" if value.endswith("+00") else "")


def _bytes(value: str, _: str) -> str:
    return base64.b64encode(
        re.sub(r"\\x([0-9A-F]{2})", lambda byte: chr(int(byte[1], 16)), value).encode("latin1")
    ).decode()


def _interval(value: str, _: str) -> str:
    """Return an interval by ISO 8601."""
    found = _INTERVAL.fullmatch(value)
    if found is None:
        raise ValueError(f"JSON of the INTERVAL {value} is not offered by the local BigQuery")
    years, months, days, sign, *clock = found.groups()
    date = "".join(f"{part}{unit}" for part, unit in zip((years, months, days), "YMD", strict=True) if part)
    numbers = [number.lstrip("0").rstrip("." if "." not in number else "0.") for number in clock if number]
    time = "".join(
        f"{sign}{'0' if number.startswith('.') else ''}{number}{unit}"
        for number, unit in zip(numbers, "HMS", strict=False)
        if number
    )
    return f"P{date}{'T' + time if time else ''}" if date or time else "P0Y"


def _json(value: Any, _: str) -> Any:
    return normal(written(value))


_SCALARS: dict[str, Callable[[Any, str], Any]] = {
    "BIGINT": _integer,
    "INTEGER": _integer,
    "HUGEINT": _integer,
    "DECIMAL": _decimal,
    "DOUBLE": _float,
    "FLOAT": _float,
    "TIMESTAMP WITH TIME ZONE": _time,
    "TIMESTAMP": _time,
    "TIME": _time,
    "INTERVAL": _interval,
    "BLOB": _bytes,
    "JSON": _json,
}
