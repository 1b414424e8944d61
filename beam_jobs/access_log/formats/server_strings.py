r"""Formats from the strings of a server's own configuration: Apache's `LogFormat`, nginx's `log_format`.

Either the string alone or the whole directive may be given:

    %h %l %u %t "%r" %>s %b
    LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\"" mine
    CustomLog "|bin/rotatelogs log" '%v %h %l %u %t "%r" %>s %b'
    $remote_addr - $remote_user [$time_local] "$request" $status
    log_format main escape=json '$remote_addr [$time_local] ' '"$request" $status';

Where several directives say the same, the one that says it best counts, and of equals the first; the others, and those
that no column takes, are skipped over as text.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from beam_jobs.access_log.errors import FormatError
from beam_jobs.access_log.formats.apache_strings import apache_pieces, is_configuration
from beam_jobs.access_log.formats.directives import SKIPPED, Piece, shown, unusable
from beam_jobs.access_log.formats.fields import NANOSECONDS, STRFTIME, TIME_FIELDS
from beam_jobs.access_log.formats.nginx_strings import has_variable, nginx_pieces, quoted_string
from beam_jobs.access_log.formats.template import TemplateFormat

# The columns that a field fills, where that is not the column of its own name.
_FILLS = {
    **dict.fromkeys(TIME_FIELDS, ("timestamp",)),
    **dict.fromkeys(NANOSECONDS, ("duration",)),
    "request": ("method", "path", "query", "protocol"),
    "target": ("path", "query"),
    "question_query": ("query",),
    "host_port": ("host",),
    STRFTIME: ("timestamp",),
}
_NOT_KEPT = (SKIPPED, "upstream")
_ADDRESSES = ("remote_addr", "remote_addr_port")

# Beside newlines, which people paste with their configuration.
_LINE_BREAK = re.compile("[\v\f\x1c-\x1e]")


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
        raise unusable(text, "it holds a character that is not ASCII")
    if broken := _LINE_BREAK.search(text):
        raise unusable(text, f"it holds {broken[0]!r}, at which lines break")
    escapes = True
    if has_variable(text) and not is_configuration(text):
        written, escapes = quoted_string(text)
        pieces = list(nginx_pieces(written))
    else:
        pieces = list(apache_pieces(text))
    chosen = _joined(_cut_at_blanks(_whole_times(_clients(_chosen(pieces)))))
    _check(text, chosen)
    template = "".join(
        piece.text.replace("{", "{{").replace("}", "}}") if piece.field is None else f"{{{piece.field}}}"
        for piece in chosen
    )
    strftime = next((piece.strftime for piece in chosen if piece.field == STRFTIME), "")
    return TemplateFormat(text, template, escapes=escapes, strftime=strftime)


def _clients(pieces: list[Piece]) -> list[Piece]:
    """Take the client from the forwarded addresses where the line has no other address."""
    if any(piece.field in _ADDRESSES for piece in pieces):
        return pieces
    return [piece._replace(field="client_list") if piece.field == "forwarded_for" else piece for piece in pieces]


def _whole_times(pieces: list[Piece]) -> list[Piece]:
    """Skip parts of a time that the line has as a whole; a zone counts where that has none."""
    whole = next((piece for piece in pieces if "timestamp" in _columns(piece)), None)
    skipped = {"date", "clock"} if whole else set()
    if whole and (not whole.strftime or re.search("%[zZs]|Z$", whole.strftime)):
        skipped.add("zone")
    return [piece._replace(field=SKIPPED) if piece.field in skipped else piece for piece in pieces]


def _chosen(pieces: list[Piece]) -> list[Piece]:
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


def _cut_at_blanks(pieces: list[Piece]) -> Iterator[Piece]:
    """Cut the times that are skipped at their blanks, where a field ends."""
    for piece in pieces:
        yield piece
        if piece.field == SKIPPED:
            for _ in range(piece.strftime.count(" ")):
                yield Piece(" ")
                yield piece


def _columns(piece: Piece) -> tuple[str, ...]:
    if piece.field is None or piece.field in _NOT_KEPT:
        return ()
    return _FILLS.get(piece.field, (piece.field,))


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """Join literals, and `%U%q`, which is a target."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is not None and last.field is None and piece.field is None:
            joined[-1] = Piece(last.text + piece.text)
        elif last is not None and piece.text == "%q" and last.text in ("%U", "%>U", "%<U"):
            field = "target" if last.field == "path" or piece.field == "question_query" else SKIPPED
            joined[-1] = Piece(last.text + piece.text, field)
        else:
            joined.append(piece)
    return joined


def _check(text: str, pieces: list[Piece]) -> None:
    for piece, following in itertools.pairwise(pieces):
        if piece.field is not None and following.field is not None:
            raise FormatError(
                f"{piece.text}{following.text} cannot be told apart in a line: put a separator between them"
            )
        if piece.field is None and ("\n" in piece.text or "\r" in piece.text):
            raise unusable(text, "a line break stands inside its line")
    fields = {piece.field for piece in pieces}
    if not any("timestamp" in _columns(piece) for piece in pieces) and not {"date", "clock"} <= fields:
        raise FormatError(f"log format {shown(text)} has no time: add %t (Apache) or [$time_local] (nginx)")
