"""The log formats by name."""

from typing import TypeAlias

from beam_jobs.access_log.errors import FormatError
from beam_jobs.access_log.formats.aliases import ALIASES
from beam_jobs.access_log.formats.json_catalog import JSON_FORMATS
from beam_jobs.access_log.formats.json_lines import JsonFormat
from beam_jobs.access_log.formats.server_strings import compile_format, is_format_string
from beam_jobs.access_log.formats.template import TemplateFormat

LogFormat: TypeAlias = TemplateFormat | JsonFormat
"""A format of lines. It is data: `engines.py` says what reads its lines."""

_COMMON = '{remote_addr} {ident} {remote_user} [{time}] "{request}" {status} {body_bytes_sent}'
_COMBINED = _COMMON + ' "{referer}" "{user_agent}"'

FORMATS: dict[str, LogFormat] = {
    log_format.name: log_format
    for log_format in (
        # `LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" vhost_combined` in Debian's
        # apache2.conf.
        TemplateFormat("vhost_combined", "{host_port} " + _COMBINED),
        # Both servers' predefined format of this name: `LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\"
        # \"%{User-agent}i\""` in Apache's httpd.conf, `combined` in ngx_http_log_module.
        TemplateFormat("combined", _COMBINED),
        # The line of the article that this project takes up: combined with the status in brackets.
        TemplateFormat(
            "article",
            '{remote_addr} {ident} {remote_user} [{time}] "{request}" [{status}] {body_bytes_sent} '
            '"{referer}" "{user_agent}"',
        ),
        # Apache's combined with %D, microseconds, or %T, seconds, at its end; nginx's with $request_time, seconds.
        TemplateFormat("combined_us", _COMBINED + " {duration_us}"),
        TemplateFormat("combined_s", _COMBINED + " {duration_s}"),
        # nginx's combined with `$request_time $upstream_response_time $host` at its end.
        TemplateFormat("nginx_timed", _COMBINED + " {duration_s} {upstream} {host}"),
        # Elastic Load Balancing User Guide, "Access logs for your Application Load Balancer", entries in order: what
        # follows user_agent is not kept, and later versions add fields at the end.
        TemplateFormat(
            "aws_alb",
            "{skipped} {time_iso8601} {skipped} {remote_addr_port} {skipped} {duration_part_s} {duration_part_s} "
            '{duration_part_s} {status} {skipped} {skipped} {body_bytes_sent} "{request_url}" "{user_agent}" {rest}',
        ),
        # Amazon CloudFront Developer Guide, "Standard log file fields", version 1.0; lines of `#Version` and `#Fields`
        # begin a file. x-host-header is the host, cs(Host) the distribution's own name.
        TemplateFormat(
            "aws_cloudfront",
            "{date}\t{clock}\t{skipped}\t{body_bytes_sent}\t{remote_addr}\t{method}\t{skipped}\t{path}\t{status}\t"
            "{referer_encoded}\t{user_agent_encoded}\t{query}\t{skipped}\t{skipped}\t{skipped}\t{host}\t{skipped}\t"
            "{skipped}\t{duration_s}\t{skipped}\t{skipped}\t{skipped}\t{skipped}\t{protocol}\t{rest}",
            comment=b"#",
            escapes=False,
        ),
        # Apache's `LogFormat "%h %l %u %t \"%r\" %>s %b" common`, the format of the NCSA httpd.
        TemplateFormat("common", _COMMON),
        *JSON_FORMATS,
    )
}
"""The known formats by name, the most specific first."""


def get_format(name: str) -> LogFormat:
    """Look a format up by its name, or make one from a server's format string.

    Args:
        name: One of `FORMATS` or `ALIASES`, in upper or lower case; or an Apache `LogFormat` or nginx `log_format`
            string, see `server_strings`.

    Raises:
        FormatError: No format has this name; the message lists the known ones. Or the string cannot be used.
    """
    known = name.lower().replace("-", "_")
    known = ALIASES.get(known, known)
    if known in FORMATS:
        return FORMATS[known]
    if is_format_string(name):
        return compile_format(name)
    raise FormatError(
        f"unknown log format {name!r}: known are {', '.join(sorted(FORMATS))}, and a server's own format string"
    )
