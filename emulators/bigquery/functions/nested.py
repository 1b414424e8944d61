"""Macros of macros.

DuckDB puts the text of an argument wherever a macro names it, so that macros of macros of macros grow without bound.
Where an argument has a macro or a window in it, `NAME_once_0` stands for `NAME`: its first argument is computed once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path

from sqlglot import expressions as exp

#: A file may call the macros of those before it.
_FILES = (
    *("any_type.sql", "arrays.sql", "texts/bytes.sql", "casts.sql", "json/json.sql", "logic.sql"),
    *("numbers/numbers.sql", "texts/patterns.sql", "texts/strings.sql", "times/times.sql"),
)
_MACRO = re.compile(r"^CREATE OR REPLACE MACRO (bq_\w+)\(([^)]+)\) AS(?! TABLE)(.*?);$", re.DOTALL | re.MULTILINE)
#: An aggregate may not stand in a lambda.
_AGGREGATE = re.compile(r"\b(?:avg|corr|max|min|sum)\(")
_WORD = re.compile(r"'(?:[^']|'')*'|--[^\n]*|(?P<word>[A-Za-z_]\w*)|(?P<mark>[(),])")
#: A parameter that decides what a macro does: a lambda would hide from DuckDB that it is constant.
_CONSTANT = frozenset(
    {
        *("captured", "first", "format", "is_end", "is_pretty", "kind", "legacy", "name", "native", "of_second", "p"),
        *("safe", "target", "to_left", "type", "unit", "what", "zone"),
    }
)
#: As many arguments at most have a lambda.
_MOST = 2


def macros() -> Iterator[str]:
    """Yield the files of macros, in the order in which they need each other."""
    for name in _FILES:
        yield (Path(__file__).parent / name).read_text(encoding="utf-8")


def once() -> str:
    """Return the macros that compute arguments once."""
    return "".join(
        _once(name, parameters, chosen)
        for name, (parameters, _) in _macros().items()
        for count in range(1, _MOST + 1)
        for chosen in combinations(_repeated(name), count)
    )


def _once(name: str, parameters: list[str], chosen: tuple[int, ...]) -> str:
    place, *others = chosen
    arguments = [f"v{n}" if n == place else parameter for n, parameter in enumerate(parameters)]
    inner = f"{_named(name, tuple(others))}({', '.join(arguments)})"
    outer = f"list_extract(list_transform([{parameters[place]}], lambda v{place}: {inner}), 1)"
    return f"CREATE OR REPLACE MACRO {_named(name, chosen)}({', '.join(parameters)}) AS {outer};\n"


def compute_once(call: exp.Anonymous) -> None:
    """Let a call of a macro compute the arguments once that have a macro in them."""
    if call.name not in _macros() or len(call.expressions) != len(_macros()[call.name][0]):
        return
    large = [n for n in _repeated(call.name) if _is_large(call.expressions[n])]
    call.set("this", _named(call.name, tuple(large[:_MOST])))


def _named(name: str, chosen: tuple[int, ...]) -> str:
    return "_".join([name, "once", *map(str, chosen)]) if chosen else name


def _is_large(node: exp.Expr) -> bool:
    """Tell whether there is a macro in an argument, or a window, which DuckDB computes as often as it finds it."""
    found = node.find_all(exp.Anonymous, exp.Window)
    return any(isinstance(call, exp.Window) or call.name.startswith("bq_") for call in found)


@cache
def _macros() -> dict[str, tuple[list[str], str]]:
    found = _MACRO.findall("\n".join(macros()))
    return {name: ([part.strip() for part in parameters.split(",")], body) for name, parameters, body in found}


@cache
def _repeated(name: str) -> tuple[int, ...]:
    """Return the places of the parameters whose arguments a macro repeats."""
    parameters, body = _macros()[name]
    if _AGGREGATE.search(body):
        return ()
    uses = _uses(name)
    return tuple(n for n, parameter in enumerate(parameters) if uses[n] > 1 and parameter not in _CONSTANT)


@cache
def _uses(name: str) -> tuple[int, ...]:
    """Return how often the text of each argument is in what a macro becomes."""
    parameters, body = _macros()[name]
    counts = dict.fromkeys(parameters, 0)
    calls: list[tuple[str, int]] = []
    word = ""
    for found in _WORD.finditer(body):
        match found["mark"]:
            case "(":
                calls.append((word if word in _macros() else "", 0))
            case ")" if calls:
                calls.pop()
            case "," if calls:
                calls[-1] = (calls[-1][0], calls[-1][1] + 1)
        word = found["word"] or ""
        if word in counts:
            times = 1
            for called, place in calls:
                times *= _uses(called)[place] if called else 1
            counts[word] += times
    return tuple(counts.values())
