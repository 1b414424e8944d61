r"""Formats from the strings of a server's own configuration: Apache's `LogFormat`, nginx's `log_format`.

Either the string alone or the whole directive may be given:

    %h %l %u %t "%r" %>s %b
    LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\"" mine
    $remote_addr - $remote_user [$time_local] "$request" $status
    log_format main escape=json '$remote_addr [$time_local] ' '"$request" $status';

Where several directives say the same, the one that says it best counts, and of equals the first; the others, and those
that no column takes, are skipped over as text. Apache's directives are those of mod_log_config and mod_logio 2.4,
nginx's variables those of ngx_http_core_module and ngx_http_log_module 1.27.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from beam_jobs.access_log.errors import FormatError
from beam_jobs.access_log.formats.template import TemplateFormat

SKIPPED = "skipped"


class _Piece(NamedTuple):
    """A literal, or a directive with the field it stands for.

    Attributes:
        text: As written in the string.
        field: What the directive's values are; None for a literal.
        rank: Of several directives for one column, the one with the lowest rank is kept.
    """

    text: str
    field: str | None = None
    rank: int = 0


# The columns that a field fills, where that is not the column of its own name.
_FILLS = {
    "time": ("timestamp",),
    "time_iso8601": ("timestamp",),
    "time_epoch_s": ("timestamp",),
    "time_epoch_ms": ("timestamp",),
    "time_epoch_us": ("timestamp",),
    "request": ("method", "path", "query", "protocol"),
    "target": ("path", "query"),
    "question_query": ("query",),
    "duration_s": ("duration",),
    "duration_ms": ("duration",),
    "duration_us": ("duration",),
    "host_port": ("host",),
}
_NOT_KEPT = (SKIPPED, "upstream")

_APACHE_DIRECTIVE = re.compile(
    r"%(?:!?[0-9]{3}(?:,[0-9]{3})*)?[<>]?(?:\{(?P<argument>[^}]*)\})?[<>]?(?P<letter>\^t[io]|[A-Za-z%])", re.ASCII
)
# A time with a fraction takes two or three directives.
_APACHE_FRACTION = re.compile(
    r"\{(?:begin:)?%(?:Y-%m-%d|F)[T ]%(?:H:%M:%S|T)\}t[.,]%\{(?:begin:)?[mu]sec_frac\}t(?:%\{%z\}t)?"
)
_APACHE_TIMES = {
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
_APACHE_ISO = re.compile(r"%(?:Y-%m-%d|F)[T ]%(?:H:%M:%S|T)(?:%z|Z)?")
_APACHE_FIELDS = {
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
_APACHE_HEADERS = {"referer": ("referer", 0), "user-agent": ("user_agent", 0), "host": ("host", 0)}
_APACHE_DURATIONS = {"us": ("duration_us", 0), "ms": ("duration_ms", 1), "s": ("duration_s", 2)}
_APACHE_LETTERS = frozenset("aAbBCDefhHiIklLmnoOpPqrRsSTuUvVX") | {"^ti", "^to"}
_APACHE_CONTROLS = {"t": "\t", "n": "\n"}
# Beside newlines, which people paste with their configuration.
_LINE_BREAK = re.compile("[\v\f\x1c-\x1e]")

_NGINX_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[A-Za-z0-9_]+)\}|(?P<plain>[A-Za-z0-9_]+))", re.ASCII)
_NGINX_TARGET = re.compile(r"\$(?:document_)?uri\$is_args\$(?:args|query_string)(?![A-Za-z0-9_])")
_NGINX_FIELDS = {
    "remote_addr": ("remote_addr", 0),
    "realip_remote_addr": ("remote_addr", 1),
    "remote_user": ("remote_user", 0),
    "time_local": ("time", 1),
    "time_iso8601": ("time_iso8601", 1),
    "msec": ("time_epoch_s", 0),
    "request": ("request", 0),
    "request_method": ("method", 1),
    "request_uri": ("target", 1),
    "uri": ("path", 2),
    "document_uri": ("path", 2),
    "args": ("query", 2),
    "query_string": ("query", 2),
    "server_protocol": ("protocol", 1),
    "status": ("status", 0),
    "body_bytes_sent": ("body_bytes_sent", 0),
    "bytes_sent": ("body_bytes_sent", 1),
    "http_referer": ("referer", 0),
    "http_user_agent": ("user_agent", 0),
    "host": ("host", 0),
    "http_host": ("host", 1),
    "server_name": ("host", 2),
    "request_time": ("duration_s", 0),
}
_NGINX_DIRECTIVE = re.compile(
    r"\s*log_format\s+\S+\s+(?:escape=(?P<escape>\w+)\s+)?(?P<strings>['\"].*?)\s*;?\s*", re.DOTALL
)
_NGINX_STRING = re.compile(r"\s*(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")", re.DOTALL)
_APACHE_LOG_FORMAT = re.compile(
    r'\s*(?:LogFormat|CustomLog\s+\S+)\s+"((?:[^"\\]|\\.)*)"\s*\S*\s*', re.DOTALL | re.IGNORECASE
)


def is_format_string(text: str) -> bool:
    """Whether a text is meant as a format string, and not as the name of a format."""
    return "%" in text or "$" in text


@lru_cache(maxsize=64)
def compile_format(text: str) -> TemplateFormat:
    """Make a format from an Apache `LogFormat` or nginx `log_format` string.

    Raises:
        FormatError: The string cannot be used; its message names the directive that is in the way.
    """
    if not text.isascii() or "\0" in text:
        raise FormatError(f"log format {_shown(text)} cannot be used: it holds a character that is not ASCII")
    if broken := _LINE_BREAK.search(text):
        raise FormatError(f"log format {_shown(text)} cannot be used: it holds {broken[0]!r}, at which lines break")
    escapes = True
    if "$" in text and _NGINX_VARIABLE.search(text) and not _APACHE_LOG_FORMAT.fullmatch(text):
        written, escapes = _nginx_string(text)
        pieces = list(_nginx_pieces(written))
    else:
        pieces = list(_apache_pieces(_apache_string(text)))
    chosen = _joined(_chosen(pieces))
    _check(text, chosen)
    template = "".join(
        piece.text.replace("{", "{{").replace("}", "}}") if piece.field is None else f"{{{piece.field}}}"
        for piece in chosen
    )
    return TemplateFormat(text, template, escapes=escapes)


def _apache_string(text: str) -> str:
    directive = _APACHE_LOG_FORMAT.fullmatch(text)
    # Inside the quotes of httpd.conf `\"` and `\\` are the character; mod_log_config itself reads `\n` and `\t`.
    return directive[1] if directive else text


def _apache_pieces(text: str) -> Iterator[_Piece]:
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\" and position + 1 < len(text):
            yield _Piece(_APACHE_CONTROLS.get(text[position + 1], text[position + 1]))
            position += 2
        elif character != "%":
            yield _Piece(character)
            position += 1
        else:
            fraction = _APACHE_FRACTION.match(text, position + 1)
            directive = _APACHE_DIRECTIVE.match(text, position)
            if fraction is not None:
                yield _Piece(text[position : fraction.end()], "time_iso8601")
                position = fraction.end()
            elif directive is not None:
                yield from _apache_directive(directive)
                position = directive.end()
            else:
                raise FormatError(
                    f"log format {_shown(text)} cannot be used: {text[position : position + 12]!r} is no directive"
                )


def _apache_directive(directive: re.Match[str]) -> Iterator[_Piece]:
    text, letter, argument = directive[0], directive["letter"], directive["argument"]
    if letter == "%":
        yield _Piece("%")
    elif letter == "t":
        yield from _apache_time(text, argument or "")
    elif letter == "i" and (argument or "").lower() in _APACHE_HEADERS:
        yield _Piece(text, *_APACHE_HEADERS[(argument or "").lower()])
    elif letter == "T" and argument:
        if argument not in _APACHE_DURATIONS:
            raise FormatError(f"{text} cannot be used: the units of %T are us, ms and s")
        yield _Piece(text, *_APACHE_DURATIONS[argument])
    elif letter == "a" and argument == "c":
        yield _Piece(text, "remote_addr", 2)
    elif letter in _APACHE_FIELDS and not (argument and letter not in "hbs"):
        # Of a request that was redirected inside the server `%<s` is the status it had at first.
        yield _Piece(text, *_APACHE_FIELDS[letter]) if "<" not in text or letter != "s" else _Piece(text, SKIPPED)
    elif letter == "l":
        yield _Piece(text, "ident")
    elif letter in _APACHE_LETTERS:
        yield _Piece(text, SKIPPED)
    else:
        raise FormatError(f"{text} cannot be used: Apache 2.4 has no such directive")


def _apache_time(text: str, argument: str) -> Iterator[_Piece]:
    moment = argument.removeprefix("begin:")
    if moment.startswith("end:") or moment.endswith("_frac") or moment == "%z":
        yield _Piece(text, SKIPPED)
    elif _APACHE_ISO.fullmatch(moment):
        yield _Piece(text, "time_iso8601")
    elif moment in _APACHE_TIMES:
        bracketed = moment == ""
        yield from [_Piece("[")] * bracketed
        yield _Piece(text, _APACHE_TIMES[moment])
        yield from [_Piece("]")] * bracketed
    else:
        raise FormatError(
            f"{text} cannot be used: write the time as %t, as %{{%Y-%m-%dT%H:%M:%S%z}}t, or as %{{sec}}t, "
            "%{msec}t or %{usec}t"
        )


def _nginx_string(text: str) -> tuple[str, bool]:
    """Return the string that a directive's quoted parts make together, and whether values are escaped."""
    directive = _NGINX_DIRECTIVE.fullmatch(text)
    if directive is None:
        return text, True
    strings, position = [], 0
    while position < len(directive["strings"]):
        part = _NGINX_STRING.match(directive["strings"], position)
        if part is None:
            raise FormatError(f"log format {_shown(text)} cannot be used: its quotes do not match")
        strings.append(re.sub(r"\\(.)", _nginx_character, part[1] if part[1] is not None else part[2]))
        position = part.end()
    return "".join(strings), directive["escape"] != "none"


def _nginx_character(escaped: re.Match[str]) -> str:
    # ngx_conf_read_token(): these five, and a backslash before anything else stays.
    return {'"': '"', "'": "'", "\\": "\\", "t": "\t", "n": "\n", "r": "\r"}.get(escaped[1], escaped[0])


def _nginx_pieces(text: str) -> Iterator[_Piece]:
    text = _NGINX_TARGET.sub("$request_uri", text)
    position = 0
    for variable in _NGINX_VARIABLE.finditer(text):
        if variable.start() > position:
            yield _Piece(text[position : variable.start()])
        name = variable["braced"] or variable["plain"]
        if name in _NGINX_FIELDS:
            yield _Piece(variable[0], *_NGINX_FIELDS[name])
        else:
            yield _Piece(variable[0], "upstream" if name.startswith("upstream_") else SKIPPED)
        position = variable.end()
    if position < len(text):
        yield _Piece(text[position:])


def _chosen(pieces: list[_Piece]) -> list[_Piece]:
    """Skip the directives whose columns others say better."""
    best: dict[str, int] = {}
    for number, piece in sorted(enumerate(pieces), key=lambda entry: entry[1].rank):
        for column in _columns(piece):
            best.setdefault(column, number)
    return [
        piece
        if not _columns(piece) or any(best[column] == number for column in _columns(piece))
        else piece._replace(field=SKIPPED)
        for number, piece in enumerate(pieces)
    ]


def _columns(piece: _Piece) -> tuple[str, ...]:
    if piece.field is None or piece.field in _NOT_KEPT:
        return ()
    return _FILLS.get(piece.field, (piece.field,))


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """Join literals, and `%U%q`, which is a target."""
    joined: list[_Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is not None and last.field is None and piece.field is None:
            joined[-1] = _Piece(last.text + piece.text)
        elif last is not None and piece.text == "%q" and last.text in ("%U", "%>U", "%<U"):
            field = "target" if "path" in (last.field,) or piece.field == "question_query" else SKIPPED
            joined[-1] = _Piece(last.text + piece.text, field)
        else:
            joined.append(piece)
    return joined


def _check(text: str, pieces: list[_Piece]) -> None:
    for piece, following in itertools.pairwise(pieces):
        if piece.field is not None and following.field is not None:
            raise FormatError(
                f"{piece.text}{following.text} cannot be told apart in a line: put a separator between them"
            )
        if piece.field is None and ("\n" in piece.text or "\r" in piece.text):
            raise FormatError(f"log format {_shown(text)} cannot be used: a line break stands inside its line")
    if not any("timestamp" in _columns(piece) for piece in pieces):
        raise FormatError(f"log format {_shown(text)} has no time: add %t (Apache) or [$time_local] (nginx)")


def _shown(text: str) -> str:
    one_line = " ".join(text.split())
    return repr(one_line if len(one_line) <= 60 else f"{one_line[:60]}...")
