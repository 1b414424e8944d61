"""JSON into protobuf messages, where json_format takes what the service refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from emulators.pubsub.wire import Message

#: The alphabet of Base64, or that for URLs; with or without padding.
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)={0,2}")


def parse_json(body: bytes, message: Message) -> None:
    """Fill a message.

    Raises:
        ValueError: The body is not JSON, not an object, has a name twice, or bytes that are not in Base64, of which
            json_format makes other bytes.
        RecursionError: It is nested too deeply.
        google.protobuf.json_format.ParseError: It does not fit the message.
    """
    parsed = json.loads(body, object_pairs_hook=_unique)
    if not isinstance(parsed, dict):
        raise ValueError("The body must be an object.")
    _check_bytes(parsed, message.DESCRIPTOR, "")
    json_format.ParseDict(parsed, message)


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"The name {name!r} is there twice.")
        found[name] = value
    return found


def _check_bytes(value: dict[str, Any], descriptor: Descriptor, path: str) -> None:
    for field in descriptor.fields:
        given = value.get(field.json_name, value.get(field.name))
        for number, one in enumerate(given) if isinstance(given, list) else [("", given)]:
            where = f"{path}{field.json_name}[{number}]" if isinstance(given, list) else f"{path}{field.json_name}"
            if isinstance(one, dict) and field.message_type:
                _check_bytes(one, field.message_type, f"{where}.")
            elif field.type == FieldDescriptor.TYPE_BYTES and isinstance(one, str) and not _BASE64.fullmatch(one):
                raise ValueError(f"Invalid value at '{where}' (TYPE_BYTES), Base64 decoding failed for {one[:100]!r}")
