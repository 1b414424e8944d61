"""JSON in texts of which something is taken, and values of the type JSON.

A text keeps its numbers as they stand in it, and is read no further than what is asked for. A value of the type JSON
has its keys in order, the first of those that are there twice, and its numbers as the shortest text of their value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from json.decoder import JSONDecoder, scanstring  # type: ignore[attr-defined]
from typing import Any

#: Texts in single quotes, as Python writes them, which BigQuery takes too.
_QUOTED = re.compile(r"""("(?:\\.|[^"\\])*")|'((?:\\.|[^'\\])*)'""", re.DOTALL)
_SPACE = re.compile(r"[ \t\n\r]*")
_STEP = re.compile(r"""\.([^.\[\]"'][^.\[\]]*)|\[(\d+|-\d+)\]|\."((?:\\.|[^"\\])*)"|\['((?:\\.|[^'\\])*)'\]""")
_KEY = re.compile(r"\w+")
_PLAIN_NAME = re.compile(r"[A-Za-z_][\w-]*")


class JsonNumber(str):
    """A number as it stands in a text."""


#: Reads numbers as they stand in a text.
READER = JSONDecoder(parse_float=JsonNumber, parse_int=JsonNumber)


@cache
def steps(path: str, is_legacy: bool) -> tuple[str | int, ...]:
    """Return the keys and indexes of a JSONPath.

    Args:
        path: From `$` on.
        is_legacy: As JSON_EXTRACT has it, with `['key']` where JSON_VALUE has `."key"`.

    Raises:
        ValueError: It is malformed.
    """
    if not path.startswith("$"):
        raise ValueError("JSONPath must start with '$'")
    found: list[str | int] = []
    position = 1
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None or step[4 if not is_legacy else 3] is not None:
            raise ValueError(f"Invalid token in JSONPath at: {path[position:]}")
        name, index, quoted, bracketed = step.groups()
        found.append(int(index) if index is not None else name or re.sub(r"\\(.)", r"\1", quoted or bracketed or ""))
        position = step.end()
    return tuple(found)


def native_path(path: str, is_legacy: bool) -> str | None:
    """Return a path as DuckDB reads it; None where it cannot."""
    found = steps(path, is_legacy)
    if all(step >= 0 if isinstance(step, int) else _PLAIN_NAME.fullmatch(step) for step in found):
        return "$" + "".join(f"[{step}]" if isinstance(step, int) else f'."{step}"' for step in found)
    return None


def found(text: str, path: str, is_legacy: bool) -> str | None:
    """Return what a path names in a text, as JSON; None where it names nothing or the text is malformed before it."""
    text = _QUOTED.sub(_double_quoted, text)
    try:
        position = _after_space(text, 0)
        for step in steps(path, is_legacy):
            position = _step(text, position, step)
            if position < 0:
                return None
        return written(READER.raw_decode(text, position)[0])
    except json.JSONDecodeError:
        return None


def _double_quoted(quoted: re.Match[str]) -> str:
    return quoted[1] or '"' + quoted[2].replace('"', '\\"').replace("\\'", "'") + '"'


def part(text: str, key: str) -> str | None:
    """Return what an object has under a key, as JSON."""
    value = READER.decode(text)
    return written(value[key]) if isinstance(value, dict) and key in value else None


def elements(text: str) -> list[str]:
    """Return the elements of an array, each as JSON."""
    return [written(element) for element in READER.decode(text)]


def _after_space(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position


def _step(text: str, position: int, step: str | int) -> int:
    """Return where a part of an object or array begins; -1 where it is not there."""
    if text[position : position + 1] not in ("{", "["):
        return -1
    is_object = text[position] == "{"
    wanted = str(step) if is_object else int(step) if isinstance(step, int) or step.isdecimal() else -1
    position = _after_space(text, position + 1)
    number = 0
    while text[position : position + 1] not in ("}", "]", ""):
        key: str | int = number
        if is_object:
            if text[position] != '"':
                raise json.JSONDecodeError("no key", text, position)
            key, position = scanstring(text, position + 1)
            position = _after_space(text, position)
            if text[position : position + 1] != ":":
                raise json.JSONDecodeError("no colon", text, position)
            position = _after_space(text, position + 1)
        if key == wanted:
            return position
        _, position = READER.raw_decode(text, position)
        position = _after_space(text, position)
        if text[position : position + 1] == ",":
            position = _after_space(text, position + 1)
        number += 1
    return -1


def written(value: Any, is_sorted: bool = False, indent: str | None = None) -> str:
    """Return a value as JSON, with its numbers as they are."""
    if isinstance(value, JsonNumber):
        return str(value)
    if not isinstance(value, dict | list) or not value:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    colon = ":" if indent is None else ": "
    if isinstance(value, dict):
        keys = sorted(value) if is_sorted else list(value)
        inner = None if indent is None else indent + "  "
        parts = [f"{json.dumps(key, ensure_ascii=False)}{colon}{written(value[key], is_sorted, inner)}" for key in keys]
    else:
        parts = [written(part, is_sorted, None if indent is None else indent + "  ") for part in value]
    begin, end = "{}" if isinstance(value, dict) else "[]"
    if indent is None:
        return begin + ",".join(parts) + end
    return f"{begin}\n{indent}  " + f",\n{indent}  ".join(parts) + f"\n{indent}{end}"


def parsed(text: str, is_rounded: bool) -> str | None:
    """Return a value of the type JSON; None where a text is malformed or, unless rounded, has a number too wide."""
    try:
        return written(normal(text, is_rounded), is_sorted=True)
    except ValueError:
        return None


def normal(text: str, is_rounded: bool = True) -> Any:
    """Return what a value of the type JSON has in it.

    Raises:
        ValueError: It is malformed or, unless rounded, has a number too wide.
    """

    def number(digits: str) -> JsonNumber:
        value = float(digits)
        if not is_rounded and Decimal(repr(value)) != Decimal(digits):
            raise ValueError(f"Input number: {digits} cannot round-trip through string representation")
        return JsonNumber(shortest(value))

    def integer(digits: str) -> JsonNumber:
        return JsonNumber(int(digits)) if -(2**63) <= int(digits) < 2**64 else number(digits)

    def constant(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    reader = JSONDecoder(parse_float=number, parse_int=integer, parse_constant=constant, object_pairs_hook=_first)
    return reader.decode(text)


def _first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(sorted(dict(reversed(pairs)).items()))


def shortest(value: float) -> str:
    """Return a number of the type JSON: of 1e15 and more with an exponent."""
    mantissa, exponent = f"{Decimal(repr(value)).normalize():E}".split("E")
    digits = mantissa.replace(".", "").lstrip("-")
    if value and not -5 < int(exponent) < 15:
        return f"{mantissa}e{exponent[0]}{int(exponent[1:]):02}"
    return (
        f"{value:.{max(len(digits) - 1 - int(exponent), 1)}f}" if value else "-0.0" if str(value)[0] == "-" else "0.0"
    )


def keys(text: str, depth: int) -> list[str]:
    """Return the paths of the keys of an object, down to a depth, in their order; not those within arrays."""
    return sorted(_keys(READER.decode(text), depth))


def _keys(value: Any, depth: int) -> Iterator[str]:
    if not isinstance(value, dict) or depth < 1:
        return
    for key, within in value.items():
        name = key if _KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
        yield name
        yield from (f"{name}.{path}" for path in _keys(within, depth - 1))
