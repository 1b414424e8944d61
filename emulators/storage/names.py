"""Which names buckets and objects may have, and the globs that match objects' names."""

import re
from functools import lru_cache

from emulators.storage.errors import invalid

MOST_NAME_BYTES = 1024
LONGEST_BUCKET_NAME, LONGEST_BUCKET_LABEL = 222, 63
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]+[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_RESERVED = re.compile(r"goog|.*(?:google|g00gle)")
_GLOB_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]]*\]|\\.|[{},]|.", re.DOTALL)
_GLOB_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def check_bucket_name(name: object) -> str:
    """Return a bucket's name.

    See https://cloud.google.com/storage/docs/buckets#naming.

    Raises:
        StorageError: 400, it is not one.
    """
    if not isinstance(name, str) or not _BUCKET.fullmatch(name) or _ADDRESS.fullmatch(name) or _RESERVED.match(name):
        raise invalid(f"Invalid bucket name: {name!r}")
    labels = name.split(".")
    if len(name) > LONGEST_BUCKET_NAME or not all(0 < len(label) <= LONGEST_BUCKET_LABEL for label in labels):
        raise invalid(f"Invalid bucket name: {name!r}")
    return name


def check_object_name(name: object) -> str:
    """Return an object's name: 1 to 1024 bytes of UTF-8 without line breaks.

    See https://cloud.google.com/storage/docs/objects#naming.

    Raises:
        StorageError: 400, it is not one.
    """
    if not isinstance(name, str) or not name:
        raise invalid("Required object name is missing.")
    if len(name.encode(errors="replace")) > MOST_NAME_BYTES:
        raise invalid(f"The object name has more than {MOST_NAME_BYTES} bytes.")
    if name in (".", "..") or name.startswith(".well-known/acme-challenge/") or re.search("[\r\n\ud800-\udfff]", name):
        raise invalid(f"Invalid object name: {name!r}")
    return name


@lru_cache
def glob_pattern(glob: str) -> re.Pattern[str]:
    """Return the pattern that a whole name has to match.

    See https://cloud.google.com/storage/docs/json_api/v1/objects/list#list-object-glob.
    """
    depth, regex = 0, []
    for mark in _GLOB_TOKEN.findall(glob):
        if mark in _GLOB_MEANING:
            regex.append(_GLOB_MEANING[mark])
        elif mark == "{":
            depth += 1
            regex.append("(?:")
        elif mark == "}" and depth:
            depth -= 1
            regex.append(")")
        elif mark == "," and depth:
            regex.append("|")
        elif len(mark) > 1 and mark[0] == "[":
            negated = mark[1] in "!^"
            regex.append(("[^" if negated else "[") + re.sub(r"([\[\]\\^])", r"\\\1", mark[1 + negated : -1]) + "]")
        else:
            regex.append(re.escape(mark[1] if len(mark) == 2 and mark[0] == "\\" else mark))
    if depth:
        raise invalid(f"Invalid matchGlob: {glob!r} has a brace without an end.")
    try:
        return re.compile("".join(regex), re.DOTALL)
    except re.error as error:
        raise invalid(f"Invalid matchGlob: {glob!r}: {error}") from error
