"""Texts and bytes.

Bytes become texts of Latin 1, a character each, for functions that DuckDB has of texts alone.
"""

from __future__ import annotations

import re
from functools import reduce

from sqlglot import expressions as exp

from emulators.bigquery.functions.macros import Call, Calls, Functions, macro, shows_bytes

#: The characters with Unicode's property White_Space, which TRIM takes away.
_WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
#: Before which INITCAP begins a word.
_DELIMITERS = ' \t\n\r\f\v[](){}/|<>!?@"^#$&~_,.:;*%+-'
_SOUNDEX = {
    letter: code for code, letters in enumerate(("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), 1) for letter in letters
}


def latin1(value: bytes) -> str:
    """Return a character for each byte."""
    return value.decode("latin-1")


def escaped(text: str) -> str:
    """Return how DuckDB reads bytes, which are the characters of a text, from another text."""
    return re.sub("..", r"\\x\g<0>", text.encode("latin-1").hex())


def fail(message: str) -> str:
    """Fail; unlike DuckDB's `error()` this may stand within its `TRY()`.

    Raises:
        ValueError: Always.
    """
    raise ValueError(message)


def occurrence(text: str, part: str, position: int, number: int) -> int:
    """Return the position of the n-th occurrence of a part, from 1, or 0; they may overlap.

    Args:
        text: To search.
        part: To find.
        position: Of the first character to begin at, from 1; negative: the last one, from the end, going backwards.
        number: From 1.
    """
    step = 1 if position > 0 else -1
    # INSTR takes the end of a text as the first position from behind, for an empty part.
    start = position - 1 if position > 0 else len(text) + position + (not part)
    found = 0
    while 0 <= start <= len(text):
        start = text.find(part, start) if step == 1 else text.rfind(part, 0, start + len(part))
        if start < 0:
            return 0
        found += 1
        if found == number:
            return start + 1
        start += step
    return 0


def soundex(text: str) -> str:
    """Return a letter and three digits; unlike elsewhere, vowels do not part letters of the same code."""
    letters = [letter for letter in text if letter.isascii() and letter.isalpha()]
    code = letters[:1]
    before = _SOUNDEX.get(text and letters[0].upper()) if letters else None
    for letter in letters[1:]:
        digit = _SOUNDEX.get(letter.upper())
        if digit and digit != before:
            code.append(str(digit))
            before = digit
    return "".join(code)[:4].ljust(4, "0") if code else ""


def distance(text: str, other: str) -> int:
    """Return how many characters to insert, delete or replace make one text of another."""
    row = list(range(len(other) + 1))
    for count, character in enumerate(text, 1):
        above, row[0] = row[0], count
        for column, candidate in enumerate(other, 1):
            above, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, above + (character != candidate)),
            )
    return row[-1]


def initcap(text: str, delimiters: str) -> str:
    """Return a text whose words, between some characters, begin with a capital; characters stay single ones."""
    words, is_first = [], True
    for character in text:
        is_delimiter = character in delimiters
        changed = character if is_delimiter else character.upper() if is_first else character.lower()
        words.append(changed if len(changed) == 1 else character)
        is_first = is_delimiter
    return "".join(words)


def call_of(name: str, *parts: str, may_fail: bool = False) -> Call:
    """Return what makes a call of a macro of a node.

    Args:
        name: Of the macro.
        parts: Of the node, which become arguments if they are there.
        may_fail: Whether the macro takes, at last, if it shall answer NULL instead.
    """

    def call(node: exp.Expr, is_safe: bool) -> exp.Expr:
        given = [node.args[part] for part in parts if node.args.get(part) is not None]
        return macro(name, *given, *([is_safe] if may_fail else []))

    return call


def _of_text(call: Call, name: str | None = None, *parts: str) -> Call:
    """Return a call for where BYTES show, and the macro of a text, or DuckDB's own function, for everywhere else."""
    of_text = call_of(name, *parts) if name else lambda _, __: None
    return lambda node, is_safe: call(node, is_safe) if shows_bytes(node) else of_text(node, is_safe)


def _initcap(node: exp.Expr, _: bool) -> exp.Expr:
    # SQLGlot adds its own characters, as a part of a pattern.
    given = node.args["expression"]
    is_default = given.is_string and given.name.startswith(" \t\n\r\f\v\\[")
    return macro("bq_initcap", node.this, _DELIMITERS if is_default else given)


def _trim(node: exp.Expr, _: bool) -> exp.Expr:
    side = {"LEADING": "l", "TRAILING": "r"}.get(str(node.args.get("position") or ""), "")
    of = "" if shows_bytes(node) else "_text"
    return macro(f"bq_{side}trim{of}", node.this, node.args.get("expression") or _WHITE_SPACE)


def _substring(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    start, length = node.args.get("start") or exp.Literal.number(1), node.args.get("length")
    if not shows_bytes(node) and _is_count(start) and start.name != "0" and (length is None or _is_count(length)):
        return None
    return (
        macro("bq_substr", node.this, start) if length is None else macro("bq_part", node.this, start, length, is_safe)
    )


def _end(name: str) -> Call:
    call = call_of(name, "this", "expression", may_fail=True)
    return lambda node, is_safe: None if not shows_bytes(node) and _is_count(node.expression) else call(node, is_safe)


def _is_count(node: exp.Expr) -> bool:
    return node.is_int and 0 <= node.to_py() < 2**31


def _distance(node: exp.Expr, is_safe: bool) -> exp.Expr:
    most = node.args.get("max_dist")
    if most is None:
        return macro("bq_distance", node.this, node.expression)
    return macro("bq_bounded_distance", node.this, node.expression, most, is_safe)


def _pad(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    pattern = node.args.get("fill_pattern")
    if (
        not shows_bytes(node)
        and _is_count(node.expression)
        and pattern is not None
        and pattern.is_string
        and pattern.name
    ):
        return None
    pattern = exp.Literal.string(" ") if pattern is None else macro("bq_other_text", pattern, node.this)
    return macro("bq_padded", node.this, node.expression, pattern, is_safe, node.args["is_left"])


def _concat(node: exp.Expr, _: bool) -> exp.Expr | None:
    # With a text among them, none of the others is of bytes.
    if any(isinstance(part, exp.Literal | exp.RawString | exp.Concat) for part in node.expressions):
        return None
    if not shows_bytes(node):
        return None
    first, *others = node.expressions
    joined: exp.Expr = reduce(lambda left, right: macro("bq_concat", left, right), others, first)
    return None if joined is first else joined


def _join(node: exp.Expr, _: bool) -> exp.Expr | None:
    if not shows_bytes(node) or any(
        isinstance(part, exp.Literal | exp.RawString) for part in (node.this, node.expression)
    ):
        return None
    return macro("bq_concat", node.this, node.expression)


def _position(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    position, number = node.args.get("position"), node.args.get("occurrence")
    if position is None and not shows_bytes(node):
        return None
    if position is None:
        return macro("bq_strpos", node.this, node.args["substr"])
    return macro("bq_instr", node.this, node.args["substr"], position, number or 1, is_safe)


def _split(node: exp.Expr, _: bool) -> exp.Expr | None:
    if not shows_bytes(node) and isinstance(node.expression, exp.Literal):
        return None
    return macro("bq_split", node.this, node.expression)


def _split_substr(node: exp.Expr, is_safe: bool) -> exp.Expr:
    most = [] if len(node.expressions) > 3 else [2**31]
    return macro("bq_split_substr", *node.expressions, *most, is_safe)


_OF_TEXT = {"parameters": ["VARCHAR"], "return_type": "VARCHAR"}
FUNCTIONS: Functions = (
    ("bq_initcap", initcap, {"parameters": ["VARCHAR", "VARCHAR"], "return_type": "VARCHAR"}),
    ("bq_latin1", latin1, {"parameters": ["BLOB"], "return_type": "VARCHAR"}),
    ("bq_escaped", escaped, _OF_TEXT),
    ("bq_fail", fail, _OF_TEXT),
    ("bq_upper_text", str.upper, _OF_TEXT),
    ("bq_lower_text", str.lower, _OF_TEXT),
    ("bq_reverse_text", lambda text: text[::-1], _OF_TEXT),
    ("bq_soundex", soundex, _OF_TEXT),
    ("bq_text_distance", distance, {"parameters": ["VARCHAR", "VARCHAR"], "return_type": "BIGINT"}),
    (
        "bq_occurrence",
        occurrence,
        {"parameters": ["VARCHAR", "VARCHAR", "BIGINT", "BIGINT"], "return_type": "BIGINT"},
    ),
)
CALLS: Calls = {
    exp.Upper: _of_text(call_of("bq_upper", "this"), "bq_upper_of_text", "this"),
    exp.Lower: _of_text(call_of("bq_lower", "this"), "bq_lower_of_text", "this"),
    exp.Initcap: _initcap,
    exp.Reverse: call_of("bq_reverse", "this"),
    exp.Trim: _trim,
    exp.Substring: _substring,
    exp.Left: _end("bq_left"),
    exp.Right: _end("bq_right"),
    exp.Pad: _pad,
    exp.Repeat: call_of("bq_repeat", "this", "times", may_fail=True),
    exp.Replace: _of_text(call_of("bq_replace", "this", "expression", "replacement")),
    exp.Translate: call_of("bq_translate", "this", "from_", "to", may_fail=True),
    exp.Concat: _concat,
    exp.DPipe: _join,
    exp.StrPosition: _position,
    exp.StartsWith: _of_text(call_of("bq_starts_with", "this", "expression")),
    exp.EndsWith: _of_text(call_of("bq_ends_with", "this", "expression")),
    exp.Split: _split,
    "SPLIT_SUBSTR": _split_substr,
    exp.Ascii: call_of("bq_ascii", "this", may_fail=True),
    exp.Unicode: call_of("bq_unicode", "this"),
    exp.Chr: lambda node, is_safe: macro("bq_chr", *node.expressions, is_safe),
    exp.ToCodePoints: call_of("bq_to_code_points", "this"),
    exp.CodePointsToString: call_of("bq_code_points_to_string", "this", may_fail=True),
    exp.CodePointsToBytes: call_of("bq_code_points_to_bytes", "this", may_fail=True),
    exp.Soundex: call_of("bq_soundex", "this"),
    exp.Levenshtein: _distance,
}
