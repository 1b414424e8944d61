"""Text of logs and numbers as readers see them: a log can hold anything, escape sequences of terminals too."""

import unicodedata

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_WIDE = frozenset("WF")


def printable(text: str) -> str:
    """Return a text with all that does not print escaped."""
    return (
        text
        if text.isprintable()
        else "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    )


def width(text: str) -> int:
    """Return how many columns of a terminal a printable text takes: Chinese characters two, accents of others none."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def cut(text: str, most: int) -> str:
    """Return the printable beginning of a text, in at most so many columns."""
    shown = printable(text)
    return shown if width(shown) <= most else _beginning(shown, most - 3) + "..."


def cut_inside(text: str, most: int) -> str:
    """Return a printable text in at most so many columns, cut inside: the end of a path says what it is."""
    shown = printable(text)
    if width(shown) <= most:
        return shown
    behind = (most - 3) // 3
    return f"{_beginning(shown, most - 3 - behind)}...{_beginning(shown[::-1], behind)[::-1]}"


def padded(text: str, columns: int) -> str:
    """Return a printable text with blanks behind it."""
    return text + " " * (columns - width(text))


def percent(part: float, whole: float) -> str:
    """Return a share; what is above nothing is never shown as 0.0%."""
    share = part / whole if whole else 0.0
    return "<0.1%" if 0 < share < 0.0005 else f"{share:.1%}"


def size(count: float) -> str:
    """Return a number of bytes."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            break
        count /= 1000
    return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"


def duration(milliseconds: float) -> str:
    """Return a time with its unit."""
    if milliseconds < 1000:
        return f"{milliseconds:.3g} ms"
    seconds = milliseconds / 1000
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def _beginning(shown: str, columns: int) -> str:
    end = 0
    while end < len(shown) and (columns := columns - _columns(shown[end])) >= 0:
        end += 1
    return shown[:end]


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1
