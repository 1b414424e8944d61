"""Subscription filters: the expression language over message attributes.

    attributes:KEY                      the key is present
    attributes.KEY = "value"            equal; `!=` also matches messages without the key
    hasPrefix(attributes.KEY, "value")  the value starts so
    NOT ..., ... AND ..., ... OR ..., ( ... )

Operators are upper case; AND and OR cannot be mixed without parentheses; a key with characters other than letters,
digits, `_` and `-` is written as a string literal. cf. https://cloud.google.com/pubsub/docs/subscription-message-filter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

MAX_FILTER_BYTES = 256

Predicate = Callable[[Mapping[str, str]], bool]
"""Whether the attributes of a message match."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<word>[A-Za-z0-9_-]+)|(?P<symbol>!=|[=:.,()])|(?P<end>$))""", re.DOTALL
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|([0-7]{3})|(.))", re.DOTALL)
_SIMPLE_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", '"': '"', "'": "'", "`": "`", "?": "?",
}  # fmt: skip
_OPERATORS = ("AND", "OR", "NOT")


class FilterError(ValueError):
    """A malformed filter; the message is one line naming the position (1-based, in characters)."""


class _Token(NamedTuple):
    kind: str
    text: str  # of a string with its quotes, so that it equals no word or symbol; of the end empty
    position: int


def parse_filter(text: str) -> Predicate | None:
    """Compile a filter; None for the empty one, which matches every message.

    Raises:
        FilterError: The text is longer than 256 bytes or breaks the grammar.
    """
    size = len(text.encode())
    if size > MAX_FILTER_BYTES:
        raise FilterError(f"the filter has {size} bytes, at most {MAX_FILTER_BYTES} are allowed")
    if not text.strip():
        return None
    parser = _Parser(_tokens(text))
    predicate = parser.expression()
    parser.expect("", "AND, OR or the end of the filter")
    return predicate


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while not tokens or tokens[-1].kind != "end":
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            bad = len(text) - len(text[position:].lstrip())
            raise FilterError(f"unexpected {text[bad]!r} at position {bad + 1}")
        tokens.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1))
        position = match.end()
    return tokens


def _unquoted(token: _Token) -> str:
    def character(match: re.Match[str]) -> str:
        hexadecimal = match[1] or match[2] or match[3]
        if match[5] is not None:
            if match[5] not in _SIMPLE_ESCAPES:
                raise FilterError(f"unknown escape {match[0]} in the string at position {token.position}")
            return _SIMPLE_ESCAPES[match[5]]
        try:
            return chr(int(hexadecimal, 16) if hexadecimal else int(match[4], 8))
        except (ValueError, OverflowError):
            raise FilterError(f"no such character: {match[0]} in the string at position {token.position}") from None

    return _ESCAPE.sub(character, token.text[1:-1])


def _unexpected(expected: str, token: _Token) -> FilterError:
    found = "the filter ends" if token.kind == "end" else f"found {token.text}"
    return FilterError(f"expected {expected} at position {token.position}, but {found}")


class _Parser:
    """Recursive descent over the tokens; the depth is bounded by the length of a filter."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def expression(self) -> Predicate:
        terms = [self._term()]
        operator = ""
        while self._peek().text in ("AND", "OR"):
            token = self._take()
            if operator and token.text != operator:
                raise FilterError(f"AND and OR are mixed without parentheses at position {token.position}")
            operator = token.text
            terms.append(self._term())
        if len(terms) == 1:
            return terms[0]
        combine = all if operator == "AND" else any
        return lambda attributes: combine(term(attributes) for term in terms)

    def expect(self, text: str, description: str) -> None:
        token = self._take()
        if token.text != text:
            raise _unexpected(description, token)

    def _term(self) -> Predicate:
        if self._peek().text != "NOT":
            return self._factor()
        self._take()
        negated = self._factor()
        return lambda attributes: not negated(attributes)

    def _factor(self) -> Predicate:
        token = self._take()
        if token.text == "(":
            inner = self.expression()
            self.expect(")", "a closing parenthesis")
            return inner
        if token.text == "hasPrefix":
            return self._has_prefix()
        if token.text == "attributes":
            return self._comparison()
        raise _unexpected("attributes, hasPrefix, NOT or (", token)

    def _has_prefix(self) -> Predicate:
        self.expect("(", "( after hasPrefix")
        self.expect("attributes", "attributes")
        self.expect(".", "a dot and a key after attributes")
        key = self._key()
        self.expect(",", "a comma")
        prefix = self._value()
        self.expect(")", "a closing parenthesis")
        return lambda attributes: key in attributes and attributes[key].startswith(prefix)

    def _comparison(self) -> Predicate:
        separator = self._take()
        if separator.text not in (":", "."):
            raise FilterError(f"expected attributes:KEY or attributes.KEY at position {separator.position}")
        key = self._key()
        if separator.text == ":":
            return lambda attributes: key in attributes
        operator = self._take()
        if operator.text not in ("=", "!="):
            raise FilterError(f"expected = or != after the key at position {operator.position}")
        value = self._value()
        if operator.text == "=":
            return lambda attributes: attributes.get(key) == value
        return lambda attributes: attributes.get(key) != value

    def _key(self) -> str:
        token = self._take()
        if token.kind == "string":
            return _unquoted(token)
        if token.kind != "word" or token.text in _OPERATORS:
            raise FilterError(f"expected an attribute key at position {token.position}")
        return token.text

    def _value(self) -> str:
        token = self._take()
        if token.kind != "string":
            raise _unexpected("a value in double quotes", token)
        return _unquoted(token)

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token
