"""What a request to the API says: its path, query, conditions and body."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from emulators.storage.errors import invalid
from emulators.storage.records import Conditions

_BOUNDARY = re.compile(r"""boundary=(?:"([^"]+)"|'([^']+)'|([^;\s]+))""")
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(?:\d+|\*)|\*)/(\d+|\*)")


@dataclass(frozen=True)
class Call:
    """A request.

    Attributes:
        method: Its method.
        path: Its path, still quoted: an object's name may hold a slash.
        query: The first value of each parameter.
        headers: By lower-case name.
        body: Its content, as sent.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> "Call":
        """Return a request by the parts of its first line; `X-HTTP-Method-Override` is another method."""
        values = {name: first for name, (first, *_) in parse_qs(query, keep_blank_values=True).items()}
        return cls(headers.get("x-http-method-override", method).upper(), path, values, headers, body)

    def number(self, name: str) -> int | None:
        """Return a number of the query.

        Raises:
            StorageError: 400, it is none.
        """
        value = self.query.get(name)
        if not value:
            return None
        if not re.fullmatch(r"-?\d{1,19}", value):
            raise invalid(f"Invalid value for {name}: {value!r}")
        return int(value)

    def is_true(self, name: str) -> bool:
        """Tell whether a parameter of the query is true."""
        return self.query.get(name, "").lower() == "true"

    def conditions(self, prefix: str = "if") -> Conditions:
        """Return the preconditions; those of a copy's source have the prefix `ifSource`."""
        return Conditions(
            self.number(f"{prefix}GenerationMatch"),
            self.number(f"{prefix}GenerationNotMatch"),
            self.number(f"{prefix}MetagenerationMatch"),
            self.number(f"{prefix}MetagenerationNotMatch"),
        )

    def json(self) -> dict[str, Any]:
        """Return the body's object; an empty body is an empty one.

        Raises:
            StorageError: 400, it is none.
        """
        return _object(self.body)

    def parts(self) -> list[tuple[dict[str, str], bytes]]:
        """Return the headers and contents of a multipart body.

        Raises:
            StorageError: 400, it is none.
        """
        found = _BOUNDARY.search(self.headers.get("content-type", ""))
        if not found:
            raise invalid("A multipart body needs a boundary.")
        boundary = b"--" + (found[1] or found[2] or found[3]).encode()
        first = self.body.find(boundary)
        end_of_line = b"\r\n" if self.body[first + len(boundary) :].startswith(b"\r\n") else b"\n"
        pieces = self.body[first + len(boundary) :].split(end_of_line + boundary)
        if first < 0 or not pieces.pop().startswith(b"--"):
            raise invalid("The multipart body has no end.")
        return [headers_and_content(piece.removeprefix(end_of_line), end_of_line) for piece in pieces]

    def resource_and_content(self) -> tuple[dict[str, Any], bytes]:
        """Return the two parts of a multipart upload; the second one's type is the object's by default."""
        parts = self.parts()
        if len(parts) != 2:
            raise invalid(f"A multipart upload has 2 parts, not {len(parts)}.")
        (_, resource), (headers, content) = parts
        return {"contentType": headers.get("content-type"), **_object(resource)}, content

    def content_range(self) -> tuple[int | None, int | None]:
        """Return where a chunk of an upload starts, None if it has no content, and the size of the whole, if known."""
        value = self.headers.get("content-range")
        if value is None:
            return 0, len(self.body)
        found = _CONTENT_RANGE.fullmatch(value.strip())
        if not found:
            raise invalid(f"Invalid Content-Range: {value}")
        return None if found[1] is None else int(found[1]), None if found[2] == "*" else int(found[2])


def headers_and_content(message: bytes, end_of_line: bytes) -> tuple[dict[str, str], bytes]:
    """Split a message at its first empty line."""
    if message.startswith(end_of_line):
        return {}, message.removeprefix(end_of_line)
    head, _, content = message.partition(end_of_line * 2)
    lines = (line.partition(":") for line in head.decode("latin-1").splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in lines}, content


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text or b"{}")
    except ValueError as error:
        raise invalid(f"Parse Error: {error}") from error
    if not isinstance(value, dict):
        raise invalid("Parse Error: the body must be an object.")
    return value
