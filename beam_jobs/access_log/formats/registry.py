"""The log formats by name."""

from typing import TypeAlias

from beam_jobs.access_log.errors import FormatError
from beam_jobs.access_log.formats.aliases import ALIASES, OF_HEADERS
from beam_jobs.access_log.formats.json_catalog import JSON_FORMATS
from beam_jobs.access_log.formats.json_lines import JsonFormat
from beam_jobs.access_log.formats.json_mapping import is_mapping, mapped_format
from beam_jobs.access_log.formats.mixed import SEPARATOR, MixedFormat
from beam_jobs.access_log.formats.server_strings import compile_format, is_format_string
from beam_jobs.access_log.formats.template import TemplateFormat
from beam_jobs.access_log.formats.text_catalog import TEXT_FORMATS
from beam_jobs.access_log.formats.w3c import HEADER, w3c_format

LogFormat: TypeAlias = TemplateFormat | JsonFormat | MixedFormat
"""A format of lines. It is data: `engines.py` says what reads its lines."""

FORMATS: dict[str, TemplateFormat | JsonFormat] = {
    log_format.name: log_format for log_format in (*TEXT_FORMATS, *JSON_FORMATS)
}
"""The known formats by name, the most specific first."""


def get_format(name: str) -> LogFormat:
    """Look a format up by its name, or make one from what says its fields.

    Args:
        name: One of `FORMATS` or `ALIASES`, in upper or lower case, or several joined by `+`; an Apache `LogFormat` or
            nginx `log_format` string, see `server_strings`; a `#Fields:` line, see `w3c`; or keys of JSON lines, see
            `json_mapping`.

    Raises:
        FormatError: No format has this name; the message lists the known ones. Or the string cannot be used.
    """
    known = name.lower().replace("-", "_")
    known = ALIASES.get(known, known)
    if known in FORMATS:
        return FORMATS[known]
    if name.startswith(HEADER):
        return w3c_format(name)
    if is_format_string(name):
        return compile_format(name)
    if is_mapping(name):
        return mapped_format(name)
    parts = name.split(SEPARATOR)
    if len(parts) > 1 and all(part in FORMATS for part in parts):
        return MixedFormat(tuple(log_format for log_format in FORMATS.values() if log_format.name in parts))
    if known in OF_HEADERS:
        raise FormatError(
            f"{name} is no one format: leave it out, or give the file's own line, '{HEADER} date time ...'"
        )
    raise FormatError(
        f"unknown log format {name!r}: known are {', '.join(sorted(FORMATS))}, a server's own format string, "
        "and field=key for JSON lines"
    )
