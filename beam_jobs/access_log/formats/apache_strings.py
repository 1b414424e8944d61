"""Apache's `LogFormat`: the directives of mod_log_config and mod_logio 2.4."""

import re
from collections.abc import Iterator

from beam_jobs.access_log.errors import FormatError
from beam_jobs.access_log.formats.directives import SKIPPED, Piece, unusable
from beam_jobs.access_log.formats.fields import STRFTIME
from beam_jobs.access_log.formats.strftime import FRACTION, expanded, has_date_and_clock, to_regex

_DIRECTIVE = re.compile(
    r"%[<>!,0-9]*(?:\{(?P<argument>[^}]*)\})?[<>!,0-9]*(?P<letter>\^t[io]|\^FB|[A-Za-z%])", re.ASCII
)
_TIME_PART = re.compile(r"%[<>]?\{(?:begin:)?(?!end:)(?P<part>[mu]sec_frac|sec|[^}]*%[^}]*)\}t")
_GAP = re.compile(r"[^%\\\"{}]{0,3}")
_PARTS = {"msec_frac": FRACTION, "usec_frac": FRACTION, "sec": "%s"}
# Patterns that the compiled scanner reads, without abbreviations.
_TIMES = (
    (re.compile(r"%d/%b/%Y:%H:%M:%S(?:[.,]%f)?(?: %z)?"), "time"),
    (re.compile(r"%Y-%m-%d[T ]%H:%M:%S(?:[.,]%f)?(?:%z|Z)?"), "time_iso8601"),
    (re.compile(r"%s(?:\.%f)?"), "time_epoch_s"),
    (re.compile(r"%Y-%m-%d"), "date"),
    (re.compile(r"%H:%M:%S(?:[.,]%f)?"), "clock"),
    (re.compile(r"%z"), "zone"),
    (re.compile(r"%f"), SKIPPED),
)
_EPOCHS = {"msec": "time_epoch_ms", "usec": "time_epoch_us"}
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
# Of an address that a proxy forwards, `server_strings` takes the client where the line has no other.
_HEADERS = {
    "referer": ("referer", 0),
    "user-agent": ("user_agent", 0),
    "host": ("host", 0),
    "x-forwarded-for": ("forwarded_for", 0),
    "x-real-ip": ("remote_addr", 3),
    "true-client-ip": ("remote_addr", 3),
    "cf-connecting-ip": ("remote_addr", 3),
}
# Notes, variables of the environment and headers of the answer that modules and scripts set, as `%{sequence}n`.
_SET_BY_SCRIPTS = {"sequence": ("sequence", 0), "seq": ("sequence", 1), "hostname": ("sequence_source", 0)}
_DURATIONS = {"us": ("duration_us", 0), "ms": ("duration_ms", 1), "s": ("duration_s", 2)}
# `x` and `c` are mod_ssl's.
_LETTERS = frozenset("aAbBcCDefhHiIklLmnoOpPqrRsSTuUvVxX") | {"^ti", "^to", "^FB"}
_CONTROLS = {"t": "\t", "n": "\n"}
_WORD = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"']\S*)"""
_CONFIGURATION = re.compile(
    rf"\s*(?:LogFormat|CustomLog\s+{_WORD})\s+(?P<format>{_WORD})(?:\s+\S+)?\s*", re.DOTALL | re.IGNORECASE
)
_CONFIGURATION_LINE = re.compile(r"^\s*(?:LogFormat|CustomLog)\s", re.MULTILINE | re.IGNORECASE)
_COMMENT_LINE = re.compile(r"^\s*#.*\n?", re.MULTILINE)
_CONTINUATION = re.compile(r"\\\r?\n")


def is_configuration(text: str) -> bool:
    """Whether a text is a directive of httpd.conf."""
    return _CONFIGURATION_LINE.search(text) is not None


def _format_of(text: str) -> str:
    """Return the format string of a directive of httpd.conf, which may go on over several lines."""
    directives = _CONTINUATION.sub("", _COMMENT_LINE.sub("", text))
    if len(_CONFIGURATION_LINE.findall(directives)) > 1:
        raise unusable(text, "there are several directives: pass the one whose lines these are")
    found = _CONFIGURATION.fullmatch(directives)
    if found is None or not found["format"].startswith(('"', "'")):
        raise unusable(text, "it names a format: pass the LogFormat line with that name")
    # Inside its quotes `\"` and `\\` are the character; mod_log_config itself reads `\n` and `\t`.
    return found["format"][1:-1]


def apache_pieces(text: str) -> Iterator[Piece]:
    """Cut a format string, or the directive of httpd.conf with it, into pieces."""
    if is_configuration(text):
        text = _format_of(text)
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
            directive = _DIRECTIVE.match(text, position)
            if _TIME_PART.match(text, position):
                pattern, end = _time_pattern(text, position)
                yield _time_piece(text[position:end], pattern)
                position = end
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
    elif letter in "neo" and (argument or "").lower() in _SET_BY_SCRIPTS:
        yield Piece(text, *_SET_BY_SCRIPTS[(argument or "").lower()])
    elif letter == "T" and argument:
        if argument.lower() not in _DURATIONS:
            raise FormatError(f"{text} cannot be used: the units of %T are us, ms and s")
        yield Piece(text, *_DURATIONS[argument.lower()])
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
    if moment in ("", "begin"):
        yield from (Piece("["), Piece(text, "time"), Piece("]"))
    elif moment in ("end", "end:"):
        yield from (Piece("["), Piece(text, SKIPPED), Piece("]"))
    elif moment.startswith("end:"):
        yield Piece(text, SKIPPED, 0, moment.removeprefix("end:"))
    elif moment in _EPOCHS:
        yield Piece(text, _EPOCHS[moment])
    else:
        raise _no_time(text)


def _time_pattern(text: str, position: int) -> tuple[str, int]:
    """Join the directives that make one time together: return its pattern, and where it ends."""
    pattern, gap, end, start = "", "", position, position
    alone: tuple[str, int] | None = None
    while part := _TIME_PART.match(text, start):
        added = _PARTS.get(part["part"], expanded(part["part"]))
        is_more = (added == FRACTION and gap in (".", ",")) or (added == "%z" and gap in ("", " "))
        if pattern and has_date_and_clock(pattern) and not is_more:
            break
        pattern, end = pattern + gap + added, part.end()
        alone = alone or (pattern, end)
        between = _GAP.match(text, end)
        gap, start = (between[0], between.end()) if between else ("", end)
    is_time = has_date_and_clock(pattern) or any(known.fullmatch(pattern) for known, _ in _TIMES)
    return (pattern, end) if is_time or alone is None else alone


def _time_piece(text: str, pattern: str) -> Piece:
    for known, field in _TIMES:
        if known.fullmatch(pattern):
            return Piece(text, field, 0, pattern)
    if not has_date_and_clock(pattern):
        raise _no_time(text)
    to_regex(pattern)
    return Piece(text, STRFTIME, 0, pattern)


def _no_time(text: str) -> FormatError:
    return FormatError(
        f"{text} cannot be used: write the time as %t, as %{{%Y-%m-%dT%H:%M:%S%z}}t, or as %{{sec}}t, "
        "%{msec}t or %{usec}t"
    )
