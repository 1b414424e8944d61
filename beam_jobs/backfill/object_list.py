"""The list of the objects that a job reads, each pinned to a generation: one JSON object a line."""

from __future__ import annotations

import json
import re
from typing import Any

from beam_jobs.options.parameters import OptionError
from beam_jobs.storage.files import read_whole
from beam_jobs.storage.objects import InputError, StoredObject

_URI = re.compile(r"(gs://[^/]+)?/[^\0\ud800-\udfff]+")
_EXAMPLE = '{"uri": "gs://b/o", "generation": 1, "size": 2}'
_MAX_INT64 = (1 << 63) - 1


def read_object_list(uri: str) -> list[StoredObject]:
    """Read a list of objects, in its order.

    Raises:
        OptionError: the list cannot be read or is empty, or a line describes no object, or one of an earlier line.
    """
    try:
        lines = read_whole(uri).splitlines()
    except InputError as error:
        raise OptionError(f"--objects={error}") from error
    if not lines:
        raise OptionError(f"--objects={uri}: is empty; list at least one object")
    objects: list[StoredObject] = []
    line_of: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        try:
            stored = _object_of(line)
        except ValueError as error:
            raise OptionError(f"--objects={uri}: line {number} {error}") from error
        first = line_of.setdefault(stored.uri, number)
        if first != number:
            raise OptionError(f"--objects={uri}: line {number} repeats {stored.uri} of line {first}; list it once")
        objects.append(stored)
    return objects


def _object_of(line: bytes) -> StoredObject:
    try:
        fields: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: write {_EXAMPLE}") from error
    if not isinstance(fields, dict):
        raise ValueError(f"is not a JSON object: write {_EXAMPLE}")
    return StoredObject(_uri(fields), _number(fields, "generation"), _number(fields, "size"))


def _uri(fields: dict[str, Any]) -> str:
    uri = fields.get("uri")
    if not isinstance(uri, str) or _URI.fullmatch(uri) is None:
        raise ValueError(f"has the uri {json.dumps(uri)}: write gs://bucket/object or an absolute path")
    return uri


def _number(fields: dict[str, Any], name: str) -> int:
    number = fields.get(name)
    if type(number) is not int or not 0 <= number <= _MAX_INT64:
        raise ValueError(f"has the {name} {json.dumps(number)}: write a number, without quotes")
    return number
