"""Times in a strftime pattern of the user's own, as Apache's `%{...}t` takes them."""

import re

from beam_jobs.access_log.errors import FormatError

FRACTION = "%f"
"""Digits of a second's fraction: what `msec_frac` and `usec_frac` write."""

_ABBREVIATIONS = {"T": "%H:%M:%S", "R": "%H:%M", "F": "%Y-%m-%d", "D": "%m/%d/%y", "n": "\n", "t": "\t"}
_DIRECTIVES = {
    "Y": r"(?P<year>\d{4})",
    "y": r"(?P<short_year>\d\d)",
    "m": r"(?P<month>\d\d)",
    "b": r"(?P<month_name>[A-Z][a-z]{2})",
    "h": r"(?P<month_name>[A-Z][a-z]{2})",
    "B": r"(?P<month_name>[A-Z][a-z]{2})[a-z]*",
    "d": r"(?P<day>\d\d)",
    "e": r"(?P<day>[ \d]\d)",
    "H": r"(?P<hour>\d\d)",
    "k": r"(?P<hour>[ \d]\d)",
    "I": r"(?P<hour>\d\d)",
    "p": r"(?P<half>AM|PM|am|pm)",
    "M": r"(?P<minute>\d\d)",
    "S": r"(?P<second>\d\d)",
    "f": r"(?P<fraction>\d{1,9})",
    "s": r"(?P<epoch>\d{1,11})",
    "z": r"(?P<zone>Z|[+-]\d\d:?\d\d)",
    "Z": r"(?P<zone_name>[A-Z]{1,5})",
    "a": "[A-Z][a-z]{2}",
    "A": "[A-Z][a-z]{5,8}",
    "%": "%",
}
_PIECE = re.compile(r"%(.?)|([^%]+)", re.DOTALL)


def has_date_and_clock(pattern: str) -> bool:
    """Whether a pattern says the second that a request came in."""
    letters = set(re.findall("%(.)", expanded(pattern)))
    is_dated = bool(letters & set("Yy")) and bool(letters & set("mbhB")) and bool(letters & set("de"))
    return "s" in letters or (is_dated and bool(letters & set("Hk") or {"I", "p"} <= letters) and "M" in letters)


def expanded(pattern: str) -> str:
    """Return a pattern without abbreviations such as `%T`."""
    return re.sub("%([TRFDnt])", lambda found: _ABBREVIATIONS[found[1]], pattern)


def to_regex(pattern: str) -> str:
    """Return a regular expression whose groups are the parts of the time.

    Raises:
        FormatError: A directive is not known, or says what another one says.
    """
    written = []
    for letter, literal in _PIECE.findall(expanded(pattern)):
        if not literal and letter not in _DIRECTIVES:
            raise FormatError(f"the time %{{{pattern}}}t cannot be used: %{letter} is not known")
        written.append(re.escape(literal) if literal else _DIRECTIVES[letter])
    regex = "".join(written)
    try:
        re.compile(regex)
    except re.error as error:
        raise FormatError(f"the time %{{{pattern}}}t cannot be used: it says one thing twice") from error
    return regex
