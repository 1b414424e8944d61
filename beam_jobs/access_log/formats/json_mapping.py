"""Formats of JSON lines whose keys the user names: `time=ts remote_addr=client.ip status=code duration_ms=took`.

Each word is a field and its key; dots lead into inner objects, and of several keys for one field the first with a value
counts. The fields are those of `json_lines.Key`.
"""

import re
from functools import lru_cache

from beam_jobs.access_log.errors import FormatError
from beam_jobs.access_log.formats.json_lines import FIELDS, JsonFormat, keys

_WORD = re.compile(r"([a-z_]+)=([^\s=]{1,32}(?:\.[^\s=.]{1,32})*)")


def is_mapping(text: str) -> bool:
    """Whether a text is meant to name keys, and not a format."""
    return "=" in text


@lru_cache(maxsize=64)
def mapped_format(text: str) -> JsonFormat:
    """Make a format from fields and their keys.

    Raises:
        FormatError: A word is not a field and a key, the time is missing, or a key lies inside another.
    """
    found = []
    for word in text.split():
        match = _WORD.fullmatch(word)
        if match is None or match[1] not in FIELDS:
            raise FormatError(f"the keys cannot be used: {word!r} is not FIELD=KEY with one of {', '.join(FIELDS)}")
        found += keys(match[1], match[2], group="time" if match[1] == "time" else "request")
    if not any(key.field == "time" for key in found):
        raise FormatError("the keys cannot be used: they name no time; add time=KEY")
    paths = [key.path for key in found]
    if len(paths) > 60 or len(set(paths)) < len(paths):
        raise FormatError("the keys cannot be used: each may come once, and there may be 60 of them")
    for path in paths:
        if any(path[:depth] in paths for depth in range(1, len(path))):
            raise FormatError(f"the keys cannot be used: {'.'.join(path)} lies inside another one")
    return JsonFormat(text, tuple(found))
