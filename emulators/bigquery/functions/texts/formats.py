"""FORMAT.

https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions#format_string
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import lru_cache
from typing import Any, NamedTuple

from sqlglot import expressions as exp

from emulators.bigquery.functions.macros import Calls, Functions, macro, refuse
from emulators.bigquery.functions.texts.printing import as_json, is_decimal, is_integer, printed

_SPECIFIER = re.compile(r"%(?P<flags>[-+ #0']*)(?P<width>\d+|\*)?(?:\.(?P<digits>\*|\d*))?(?P<kind>.)|%", re.DOTALL)
_KINDS = "diouxXfFeEgGpPstT%"


class _Specifier(NamedTuple):
    flags: str
    width: str
    digits: str | None
    kind: str

    @property
    def taken(self) -> int:
        """Arguments that it takes."""
        return (self.kind != "%") + (self.width == "*") + (self.digits == "*")


@lru_cache(maxsize=256)
def parsed(pattern: str) -> tuple[str | _Specifier, ...]:
    """Return the parts of a pattern: texts and specifiers.

    Raises:
        ValueError: It has none of these.
    """
    parts: list[str | _Specifier] = []
    end = 0
    for found in _SPECIFIER.finditer(pattern):
        parts.append(pattern[end : found.start()])
        end = found.end()
        if found["kind"] is None or found["kind"] not in _KINDS:
            raise ValueError(f'Invalid format specifier in FORMAT string: "{pattern}"')
        parts.append(_Specifier(found["flags"], found["width"] or "", found["digits"], found["kind"]))
    return (*parts, pattern[end:])


def formatted(*given: Any) -> str | None:
    """Return what FORMAT makes of arguments, or None where one is NULL that may not be.

    Args:
        given: A pattern, and of each argument its type in DuckDB and the value.

    Raises:
        ValueError: A specifier does not fit to its argument.
    """
    pattern, *typed = given
    if pattern is None:
        return None
    parts = parsed(pattern)
    _check_count(parts, pattern, len(typed) // 2)
    arguments = iter(zip(typed[::2], typed[1::2], strict=True))
    texts = [part if isinstance(part, str) else _text(part, arguments) for part in parts]
    return None if None in texts else "".join(filter(None, texts))


def _check_count(parts: tuple[str | _Specifier, ...], pattern: str, count: int) -> None:
    taken = sum(part.taken for part in parts if isinstance(part, _Specifier))
    if taken != count:
        few = "few" if count < taken else "many"
        raise ValueError(
            f'Too {few} arguments to FORMAT for pattern "{pattern}"; Expected {taken + 1}; Got {count + 1}'
        )


def _text(specifier: _Specifier, given: Any) -> str | None:
    flags, width, digits, kind = specifier
    stars = [next(given)[1] for number in (width, digits) if number == "*"]
    if kind == "%":
        return "%"
    of, value = next(given)
    if None in stars:
        return None
    wide = stars.pop(0) if width == "*" else int(width or 0)
    precision = None if digits is None else stars.pop(0) if digits == "*" else int(digits or 0)
    if wide < 0:
        flags, wide = f"{flags}-", -wide
    if kind in "tT":
        text: str | None = printed(of, value, is_literal=kind == "T")
    elif kind in "spP":
        text = _string(kind, of, value)
    else:
        return _number(specifier._replace(flags=flags), of, value, wide, precision)
    if text is None:
        return None
    text = text if precision is None or precision < 0 else text[:precision]
    return text.ljust(wide) if "-" in flags else text.rjust(wide)


def _string(kind: str, of: str, value: Any) -> str | None:
    expected = ("VARCHAR", '"NULL"') if kind == "s" else ("JSON", '"NULL"')
    if of not in expected:
        raise ValueError(f"Invalid type of an argument to FORMAT for %{kind}: {of}")
    return value if value is None or kind == "s" else as_json(value, is_pretty=kind == "P")


def _number(specifier: _Specifier, of: str, value: Any, width: int, digits: int | None) -> str | None:
    flags, kind = specifier.flags, specifier.kind
    is_whole = kind in "dioxX"
    if kind == "u" or (
        of != '"NULL"' and not (is_integer(of) if is_whole else of in ("DOUBLE", "FLOAT") or is_decimal(of))
    ):
        raise ValueError(f"Invalid type of an argument to FORMAT for %{kind}: {of}")
    if value is None:
        return None
    text = _whole(flags, kind, value, digits) if is_whole else _real(flags, kind, value, digits)
    sign = "-" if text.startswith("-") else "+" if "+" in flags else " " if " " in flags else ""
    text = text.lstrip("-")
    if "'" in flags:
        text = _grouped(text, kind)
    is_finite = text[:1].isdigit()
    if "-" in flags:
        return (sign + text).ljust(width)
    if "0" in flags and is_finite and not (is_whole and digits is not None):
        return sign + text.rjust(width - len(sign), "0")
    return (sign + text).rjust(width)


def _whole(flags: str, kind: str, value: int, digits: int | None) -> str:
    size = abs(value)
    text = {"o": f"{size:o}", "x": f"{size:x}", "X": f"{size:X}"}.get(kind, str(size))
    text = "" if digits == 0 and size == 0 else text.rjust(digits or 0, "0")
    if "#" in flags and size and kind in "oxX":
        text = {"o": "0", "x": "0x", "X": "0X"}[kind] + text
    return "-" + text if value < 0 else text


def _real(flags: str, kind: str, value: float | Decimal, digits: int | None) -> str:
    sharp = "#" if "#" in flags else ""
    if isinstance(value, Decimal) and kind in "fF":
        with localcontext(prec=100, rounding=ROUND_HALF_UP):
            return format(value, f"{sharp}.{6 if digits is None else digits}f")
    return f"%{sharp}{'' if digits is None else f'.{digits}'}{kind}" % float(value)


def _grouped(text: str, kind: str) -> str:
    """Return digits in groups of thousands; of hexadecimal ones four each, between colons."""
    found = re.match("[0-9a-fA-F]*" if kind in "xX" else "[0-9]*", text)
    whole = found[0] if found else ""
    count, mark = (4, ":") if kind in "xXo" else (3, ",")
    first = len(whole) % count
    groups = [whole[:first], *(whole[at : at + count] for at in range(first, len(whole), count))]
    return mark.join(filter(None, groups)) + text[len(whole) :]


def _format(node: exp.Expr, _: bool) -> exp.Expr:
    arguments = node.expressions
    if isinstance(node.this, exp.Literal | exp.RawString):
        try:
            _check_count(parsed(node.this.name), node.this.name, len(arguments))
        except ValueError as wrong:
            raise refuse(str(wrong)) from None
    typed = [part for argument in arguments for part in (macro("typeof", argument), argument)]
    return macro("bq_format", node.this, *typed)


FUNCTIONS: Functions = (("bq_format", formatted, {"return_type": "VARCHAR", "null_handling": "special"}),)
CALLS: Calls = {exp.Format: _format}
