"""The log formats by name."""

from beam_jobs.access_log.errors import FormatError
from beam_jobs.access_log.log_format import LogFormat
from beam_jobs.access_log.positional import PositionalFormat

_COMMON = '{remote_addr} {ident} {remote_user} [{time}] "{request}" {status} {body_bytes_sent}'
_COMBINED = _COMMON + ' "{referer}" "{user_agent}"'

FORMATS: dict[str, LogFormat] = {
    log_format.name: log_format
    for log_format in (
        # Both servers' predefined format of this name: `LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\"
        # \"%{User-agent}i\""` in Apache's httpd.conf, `combined` in ngx_http_log_module.
        PositionalFormat("combined", _COMBINED),
        # The line of the article that this project takes up: combined with the status in brackets.
        PositionalFormat(
            "article",
            '{remote_addr} {ident} {remote_user} [{time}] "{request}" [{status}] {body_bytes_sent} '
            '"{referer}" "{user_agent}"',
        ),
        # Apache's `LogFormat "%h %l %u %t \"%r\" %>s %b" common`, the format of the NCSA httpd.
        PositionalFormat("common", _COMMON),
    )
}
"""The known formats by name, the most specific first."""


def get_format(name: str) -> LogFormat:
    """Looks a format up by its name.

    Raises:
        FormatError: No format has this name; the message lists the known ones.
    """
    try:
        return FORMATS[name]
    except KeyError:
        raise FormatError(f"unknown log format {name!r}: known are {', '.join(sorted(FORMATS))}") from None
