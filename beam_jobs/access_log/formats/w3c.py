"""The W3C's extended log format: its `#Fields` line says which fields a line has.

https://www.w3.org/TR/WD-logfile.html. IIS writes it, and CloudFront with tabs. A format of this kind is named by that
line. Dates and times are in UTC.
"""

from functools import lru_cache

from beam_jobs.access_log.errors import FormatError
from beam_jobs.access_log.formats.template import TemplateFormat

HEADER = "#Fields:"
"""How a format's name, and the line of a file that says its fields, begins."""

_FIELDS = {
    "date": "date",
    "time": "clock",
    "c-ip": "remote_addr",
    "x-forwarded-for": "forwarded_for",
    "cs(x-forwarded-for)": "forwarded_for",
    "cs-username": "remote_user",
    "cs-method": "method",
    "cs-uri-stem": "path",
    "cs-uri-query": "query",
    "cs-uri": "target",
    "cs-version": "protocol",
    "cs-protocol-version": "protocol",
    "sc-status": "status",
    "sc-bytes": "body_bytes_sent",
    "cs(user-agent)": "user_agent_plus",
    "cs(referer)": "referer",
    "x-host-header": "host",
    "cs-host": "host",
    "cs(host)": "host",
    "time-taken": "duration_w3c",
}
# Of CloudFront alone: it separates by tabs, encodes texts, and has the distribution's own name in cs(Host).
_CLOUDFRONT = "x-edge-location"
_ENCODED = {"user_agent_plus": "user_agent_encoded", "referer": "referer_encoded", "duration_w3c": "duration_s"}


def is_w3c(log_format: object) -> bool:
    """Whether the fields of a format's lines are those of a `#Fields` line."""
    return isinstance(log_format, TemplateFormat) and log_format.name.startswith(HEADER)


@lru_cache(maxsize=64)
def w3c_format(header: str) -> TemplateFormat:
    """Make a format from a `#Fields` line; where tabs part its names, they part the values too.

    Raises:
        FormatError: The line names no date, no time, or nothing.
    """
    separator = "\t" if "\t" in header.removeprefix(HEADER).strip() or _CLOUDFRONT in header else " "
    names = header.removeprefix(HEADER).split()
    wanted = [_FIELDS.get(name.lower(), "value") for name in names]
    if _CLOUDFRONT in names:
        wanted = [_ENCODED.get(field, field) for field in wanted]
    best = {field: wanted.index(field) for field in wanted}
    if "host" in best and "x-host-header" in names:
        best["host"] = names.index("x-host-header")
    if "target" in best and "path" in best:
        del best["target"]
    for field in ("date", "clock"):
        if field not in best:
            raise FormatError(f"the fields {_shown(header)} cannot be used: a line needs the fields date and time")
    slots = [field if best.get(field) == place else "value" for place, field in enumerate(wanted)]
    template = separator.join(f"{{{slot}}}" for slot in slots)
    name = f"{HEADER} {separator.join(names)}"
    return TemplateFormat(name, template, comment=b"#", escapes=False, holds_blanks=False)


def header_of(line: bytes, separator: str) -> TemplateFormat:
    """Return the format that a `#Fields` line inside a file stands for; one that reads nothing if it is of no use."""
    names = line.decode("latin-1").removeprefix(HEADER).split()
    try:
        return w3c_format(f"{HEADER} {separator.join(names)}")
    except FormatError:
        return TemplateFormat(f"{HEADER} {separator.join(names)}", "#{time}", comment=b"#")


def _shown(header: str) -> str:
    text = " ".join(header.split())
    return repr(text if len(text) <= 60 else f"{text[:60]}...")
