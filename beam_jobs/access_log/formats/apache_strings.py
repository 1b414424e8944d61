"""Apache's `LogFormat`: the directives of mod_log_config and mod_logio 2.4."""

import re
from collections.abc import Iterator

from beam_jobs.access_log.errors import FormatError
from beam_jobs.access_log.formats.directives import SKIPPED, Piece, unusable

_DIRECTIVE = re.compile(
    r"%(?:!?[0-9]{3}(?:,[0-9]{3})*)?[<>]?(?:\{(?P<argument>[^}]*)\})?[<>]?(?P<letter>\^t[io]|[A-Za-z%])", re.ASCII
)
# A time with a fraction takes two or three directives.
_FRACTION = re.compile(
    r"\{(?:begin:)?%(?:Y-%m-%d|F)[T ]%(?:H:%M:%S|T)\}t[.,]%\{(?:begin:)?[mu]sec_frac\}t(?:%\{%z\}t)?"
)
_TIMES = {
    "": "time",
    "sec": "time_epoch_s",
    "msec": "time_epoch_ms",
    "usec": "time_epoch_us",
    "%s": "time_epoch_s",
    "%d/%b/%Y:%H:%M:%S %z": "time",
    "%d/%b/%Y:%H:%M:%S": "time",
    "%d/%b/%Y:%T %z": "time",
    "%d/%b/%Y:%T": "time",
}
_ISO = re.compile(r"%(?:Y-%m-%d|F)[T ]%(?:H:%M:%S|T)(?:%z|Z)?")
_FIELDS = {
    "h": ("remote_addr", 0),
    "a": ("remote_addr", 1),
    "u": ("remote_user", 0),
    "r": ("request", 0),
    "m": ("method", 1),
    "U": ("path", 1),
    "q": ("question_query", 1),
    "H": ("protocol", 1),
    "s": ("status", 0),
    "b": ("body_bytes_sent", 0),
    "B": ("body_bytes_sent", 0),
    "O": ("body_bytes_sent", 1),
    "V": ("host", 1),
    "v": ("host", 2),
    "D": ("duration_us", 0),
    "T": ("duration_s", 2),
}
_HEADERS = {"referer": ("referer", 0), "user-agent": ("user_agent", 0), "host": ("host", 0)}
_DURATIONS = {"us": ("duration_us", 0), "ms": ("duration_ms", 1), "s": ("duration_s", 2)}
_LETTERS = frozenset("aAbBCDefhHiIklLmnoOpPqrRsSTuUvVX") | {"^ti", "^to"}
_CONTROLS = {"t": "\t", "n": "\n"}
_CONFIGURATION = re.compile(
    r'\s*(?:LogFormat|CustomLog\s+\S+)\s+"((?:[^"\\]|\\.)*)"\s*\S*\s*', re.DOTALL | re.IGNORECASE
)


def is_configuration(text: str) -> bool:
    """Whether a text is a whole directive of httpd.conf."""
    return _CONFIGURATION.fullmatch(text) is not None


def apache_pieces(text: str) -> Iterator[Piece]:
    """Cut a format string, or the directive of httpd.conf with it, into pieces."""
    if directive := _CONFIGURATION.fullmatch(text):
        # Inside its quotes `\"` and `\\` are the character; mod_log_config itself reads `\n` and `\t`.
        text = directive[1]
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\" and position + 1 < len(text):
            yield Piece(_CONTROLS.get(text[position + 1], text[position + 1]))
            position += 2
        elif character != "%":
            yield Piece(character)
            position += 1
        else:
            fraction = _FRACTION.match(text, position + 1)
            directive = _DIRECTIVE.match(text, position)
            if fraction is not None:
                yield Piece(text[position : fraction.end()], "time_iso8601")
                position = fraction.end()
            elif directive is not None:
                yield from _directive_pieces(directive)
                position = directive.end()
            else:
                raise unusable(text, f"{text[position : position + 12]!r} is not a directive")


def _directive_pieces(directive: re.Match[str]) -> Iterator[Piece]:
    text, letter, argument = directive[0], directive["letter"], directive["argument"]
    if letter == "%":
        yield Piece("%")
    elif letter == "t":
        yield from _time_pieces(text, argument or "")
    elif letter == "i" and (argument or "").lower() in _HEADERS:
        yield Piece(text, *_HEADERS[(argument or "").lower()])
    elif letter == "T" and argument:
        if argument not in _DURATIONS:
            raise FormatError(f"{text} cannot be used: the units of %T are us, ms and s")
        yield Piece(text, *_DURATIONS[argument])
    elif letter == "a" and argument == "c":
        yield Piece(text, "remote_addr", 2)
    elif letter in _FIELDS and not (argument and letter not in "hbs"):
        # Of a request that was redirected inside the server `%<s` is the status it had at first.
        yield Piece(text, *_FIELDS[letter]) if "<" not in text or letter != "s" else Piece(text, SKIPPED)
    elif letter == "l":
        yield Piece(text, "ident")
    elif letter in _LETTERS:
        yield Piece(text, SKIPPED)
    else:
        raise FormatError(f"{text} cannot be used: Apache 2.4 has no such directive")


def _time_pieces(text: str, argument: str) -> Iterator[Piece]:
    moment = argument.removeprefix("begin:")
    if moment.startswith("end:") or moment.endswith("_frac") or moment == "%z":
        yield Piece(text, SKIPPED)
    elif _ISO.fullmatch(moment):
        yield Piece(text, "time_iso8601")
    elif moment in _TIMES:
        bracketed = moment == ""
        yield from [Piece("[")] * bracketed
        yield Piece(text, _TIMES[moment])
        yield from [Piece("]")] * bracketed
    else:
        raise FormatError(
            f"{text} cannot be used: write the time as %t, as %{{%Y-%m-%dT%H:%M:%S%z}}t, or as %{{sec}}t, "
            "%{msec}t or %{usec}t"
        )
