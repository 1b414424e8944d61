"""The filter language: properties of the grammar, and what is refused."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.pubsub.broker.filters import MAX_FILTER_BYTES, FilterError, Predicate, parse_filter

KEYS = ["lang", "x-goog_1", "iana.org/tag", "ä ü", 'quote"d', "back\\slash", "AND", "new\nline"]
VALUES = ["", "en", "english", 'say "hi"', "\\", "é\n\t", "(", "\x07"]
PLAIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


@dataclass(frozen=True)
class Case:
    """A filter's text, and what it says about attributes."""

    text: str
    kind: str
    key: str = ""
    value: str = ""
    parts: tuple["Case", ...] = ()

    def matches(self, attributes: Mapping[str, str]) -> bool:
        if self.kind == "has":
            return self.key in attributes
        if self.kind == "prefix":
            return self.key in attributes and attributes[self.key].startswith(self.value)
        if self.kind in "=!=":
            return (attributes.get(self.key) == self.value) is (self.kind == "=")
        results = [part.matches(attributes) for part in self.parts]
        return {"NOT": not results[0], "AND": all(results), "OR": any(results)}[self.kind]


def quoted(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\x07": "\\x07", "é": "\\u00e9", "ü": "\\U000000fc"}
    return '"' + "".join(escapes.get(letter, letter) for letter in text) + '"'


def key_text(key: str) -> str:
    return key if set(key) <= PLAIN and key != "AND" else quoted(key)


keys = st.sampled_from(KEYS)
values = st.sampled_from(VALUES)
spaces = st.sampled_from(["", " ", "  ", "\n"])
leaves = st.one_of(
    st.builds(lambda key, space: Case(f"attributes{space}:{key_text(key)}", "has", key), keys, spaces),
    st.builds(
        lambda key, operator, value, space: Case(
            f"attributes.{key_text(key)}{space}{operator}{space}{quoted(value)}", operator, key, value
        ),
        keys,
        st.sampled_from(["=", "!="]),
        values,
        spaces,
    ),
    st.builds(
        lambda key, value, space: Case(
            f"hasPrefix({space}attributes.{key_text(key)},{space}{quoted(value)})", "prefix", key, value
        ),
        keys,
        values,
        spaces,
    ),
)


def inside(case: Case) -> str:
    return case.text if case.kind in ("has", "=", "!=", "prefix") else f"({case.text})"


def combined(cases: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    return st.one_of(
        st.builds(lambda case: Case(f"NOT {inside(case)}", "NOT", parts=(case,)), cases),
        st.builds(
            lambda parts, operator: Case(
                f" {operator} ".join(inside(part) for part in parts), operator, parts=tuple(parts)
            ),
            st.lists(cases, min_size=2, max_size=3),
            st.sampled_from(["AND", "OR"]),
        ),
    )


cases = st.recursive(leaves, combined, max_leaves=4).filter(lambda case: len(case.text.encode()) <= MAX_FILTER_BYTES)


def outcome(text: str) -> tuple[Predicate | None, str]:
    """What a text is parsed to, or the message it is refused with."""
    try:
        return parse_filter(text), ""
    except FilterError as error:
        return None, str(error)


@given(cases, st.dictionaries(keys, values))
def test_filter_means_what_it_says(case: Case, attributes: dict[str, str]) -> None:
    predicate = parse_filter(case.text)
    assert predicate is not None
    assert predicate(attributes) is case.matches(attributes)


@given(st.text(max_size=300) | st.text(alphabet='attributes:.="()NOTANDR hasPrefix,!\\', max_size=80))
def test_any_text_is_a_filter_or_an_error(text: str) -> None:
    predicate, complaint = outcome(text)
    assert "\n" not in complaint
    assert predicate is None or isinstance(predicate({"a": "b"}), bool)


@given(cases, st.data())
def test_cut_filter_is_no_crash(case: Case, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(case.text)))
    _, complaint = outcome(case.text[:cut])
    assert not complaint or "position" in complaint


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_empty_filter_matches_everything(text: str) -> None:
    assert parse_filter(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("status = 200", "expected attributes, hasPrefix, NOT or ( at position 1, but found status"),
        ("attributes:a AND", "at position 17, but the filter ends"),
        ("attributes:a AND attributes:b OR attributes:c", "AND and OR are mixed without parentheses at position 31"),
        ("attributes:a and attributes:b", "expected AND, OR or the end of the filter at position 14, but found and"),
        ("attributes.a = b", "expected a value in double quotes at position 16, but found b"),
        ("attributes.a > 'b'", "unexpected '>' at position 14"),
        ("attributes.a", "expected = or != after the key at position 13"),
        ("attributes a", "expected attributes:KEY or attributes.KEY at position 12"),
        ("attributes:AND", "expected an attribute key at position 12"),
        ("(attributes:a", "expected a closing parenthesis at position 14, but the filter ends"),
        ('hasPrefix(attributes:a, "x")', "expected a dot and a key after attributes at position 21"),
        ("NOT NOT attributes:a", "at position 5"),
        ('attributes.a = "\\q"', "unknown escape \\q in the string at position 16"),
        ('attributes.a = "\\Uffffffff"', "no such character"),
        ('attributes.a = "open', "unexpected '\"' at position 16"),
        ("attributes:" + "a" * 246, "the filter has 257 bytes, at most 256 are allowed"),
        ("attributes:" + "ä" * 123, "the filter has 257 bytes"),
    ],
)
def test_bad_filter_says_where(text: str, message: str) -> None:
    with pytest.raises(FilterError) as refused:
        parse_filter(text)
    assert message in str(refused.value)
