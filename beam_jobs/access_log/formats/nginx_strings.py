"""nginx's `log_format`: the variables of ngx_http_core_module and ngx_http_log_module 1.27."""

import re
from collections.abc import Iterator

from beam_jobs.access_log.formats.directives import SKIPPED, Piece, unusable

_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[A-Za-z0-9_]+)\}|(?P<plain>[A-Za-z0-9_]+))", re.ASCII)
_TARGET = re.compile(r"\$(?:document_)?uri\$is_args\$(?:args|query_string)(?![A-Za-z0-9_])")
_FIELDS: dict[str, tuple[str, int] | tuple[str, int, str]] = {
    "remote_addr": ("remote_addr", 0),
    "proxy_protocol_addr": ("remote_addr", 1),
    "http_x_real_ip": ("remote_addr", 2),
    "http_true_client_ip": ("remote_addr", 2),
    "http_cf_connecting_ip": ("remote_addr", 2),
    "realip_remote_addr": ("remote_addr", 3),
    "http_x_forwarded_for": ("forwarded_for", 0),
    "proxy_add_x_forwarded_for": ("forwarded_for", 1),
    "remote_user": ("remote_user", 0),
    "time_local": ("time", 1, "%d/%b/%Y:%H:%M:%S %z"),
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
    "request_time": ("duration_fraction_s", 0),
    "connection": ("connection", 0),
    "connection_requests": ("connection_requests", 0),
    "hostname": ("sequence_source", 0),
    # Variables of people's own modules and scripts.
    "sequence": ("sequence", 0),
    "seq": ("sequence", 1),
}
_DIRECTIVE = re.compile(r"\s*log_format\s+\S+\s+(?:escape=(?P<escape>\w+)\s+)?(?P<strings>['\"].*?)\s*;?\s*", re.DOTALL)
_STRING = re.compile(r"\s*(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")", re.DOTALL)


def quoted_string(text: str) -> tuple[str, bool]:
    """Return the string that a directive's quoted parts make together, and whether values are escaped."""
    directive = _DIRECTIVE.fullmatch(text)
    if directive is None:
        return text, True
    strings, position = [], 0
    while position < len(directive["strings"]):
        part = _STRING.match(directive["strings"], position)
        if part is None:
            raise unusable(text, "its quotes do not match")
        strings.append(re.sub(r"\\(.)", _character, part[1] if part[1] is not None else part[2]))
        position = part.end()
    return "".join(strings), directive["escape"] != "none"


def _character(escaped: re.Match[str]) -> str:
    # ngx_conf_read_token(): these five, and a backslash before anything else stays.
    return {'"': '"', "'": "'", "\\": "\\", "t": "\t", "n": "\n", "r": "\r"}.get(escaped[1], escaped[0])


def has_variable(text: str) -> bool:
    """Whether a variable stands in a text."""
    return _VARIABLE.search(text) is not None


def nginx_pieces(text: str) -> Iterator[Piece]:
    """Cut a format string into pieces."""
    text = _TARGET.sub("$request_uri", text)
    position = 0
    for variable in _VARIABLE.finditer(text):
        if variable.start() > position:
            yield Piece(text[position : variable.start()])
        name = variable["braced"] or variable["plain"]
        if name in _FIELDS:
            yield Piece(variable[0], *_FIELDS[name])
        else:
            yield Piece(variable[0], "upstream" if name.startswith("upstream_") else SKIPPED)
        position = variable.end()
    if position < len(text):
        yield Piece(text[position:])
