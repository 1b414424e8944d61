r"""What collectors put around a line: syslog headers, the logs of containers, Pub/Sub's envelope, rubbish of a crash.

Framing is taken off before a format sees the line, whatever the format; the time in the line stays the time. Frames
may lie in each other. What begins a line of docker compose looks like any word, so that frame is taken off only where
the format does not read the line with it.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any, NamedTuple

_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_ISO = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
_TAG = rb"[^\s:\[\"]{1,64}(?:\[[^\]\s]{1,64}\])?: "
_FRAMES = (
    # RFC 5424 section 6: <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG.
    (
        "syslog 5424",
        rb"<\d{1,3}>1 (?:-|" + _ISO + rb") \S{1,255} \S{1,48} \S{1,128} \S{1,32} "
        rb"(?:-|(?:\[[^\]\"]*(?:\"(?:[^\"\\]|\\.)*\"[^\]\"]*)*\])+) (?:\xef\xbb\xbf)?",
    ),
    # RFC 3164 section 4.1, as nginx's `access_log syslog:` and logger write it; rsyslog's own files have no <PRI>.
    ("syslog 3164", rb"(?:<\d{1,3}>)?" + _MONTH + rb" [ \d]\d \d\d:\d\d:\d\d (?:[\w.:-]{1,255} )?" + _TAG),
    # RSYSLOG_FileFormat, which rsyslog's documentation calls the modern one.
    ("syslog ISO", rb"(?:<\d{1,3}>)?" + _ISO + rb" [\w.:-]{1,255} " + _TAG),
    # Kubernetes, CRI logging: https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md.
    ("CRI", _ISO + rb" (?P<stream>stdout|stderr) (?P<cri>[FP])(?::[^ ]*)? "),
)
_FRAME = re.compile(
    b"|".join(b"(?P<f%d>%s)" % (number, pattern) for number, (_, pattern) in enumerate(_FRAMES)), re.ASCII | re.DOTALL
)
_FIRST_BYTES = frozenset(b"<JFMASOND{\0\xef0123456789")
_BOM = b"\xef\xbb\xbf"
# Docker Compose 2 writes `web-1  | `, with colours on a terminal; names begin with a letter or digit.
_COLOUR = rb"(?:\x1b\[[\d;]*m)?"
_COMPOSE = re.compile(_COLOUR + rb"[^\W_][\w.-]{0,127} {1,64}\|" + _COLOUR + rb"(?: |$)" + _COLOUR + rb" ?", re.ASCII)
COMPOSE = "docker compose"
PUSH = "Pub/Sub push"
_MOST_FRAMES = 8
_DOCKER_CUTS = 16 << 10  # bytes; the last part alone ends in a newline, cf. defaultBufSize in moby's daemon/logger
_DOCKER_KEYS = ({"log", "stream", "time"}, {"log", "stream", "time", "attrs"})


class Framed(NamedTuple):
    """A line inside its frames.

    Attributes:
        content: The line.
        frames: What was taken off, from the outside in.
        is_partial: Whether the line goes on in the next one.
        stream: `stdout` or `stderr`, where a frame says so.
    """

    content: bytes
    frames: tuple[str, ...]
    is_partial: bool = False
    stream: str = ""

    def goes_on_in(self, following: Framed) -> bool:
        """Tell whether the next line is the next part of this one: cut by the same collector, of the same stream."""
        return self.is_partial and (self.frames[0], self.stream) == (following.frames[0], following.stream)


def unframed(line: bytes) -> Framed | None:
    """Take off the frames of a line; None where it has none."""
    content = line
    frames: list[str] = []
    is_partial, stream = False, ""
    while content and content[0] in _FIRST_BYTES and len(frames) < _MOST_FRAMES:
        inner = _without_one(content)
        if inner is None:
            break
        content = inner.content
        frames += inner.frames
        is_partial, stream = is_partial or inner.is_partial, stream or inner.stream
    return Framed(content.removesuffix(b"\r"), tuple(frames), is_partial, stream) if frames else None


def without_compose(line: bytes) -> Framed | None:
    """Take off the name of a service of docker compose, and the frames behind it; None where there is none."""
    found = _COMPOSE.match(line)
    if found is None:
        return None
    content = line[found.end() :]
    inner = unframed(content) or Framed(content.removesuffix(b"\r"), ())
    return inner._replace(frames=(COMPOSE, *inner.frames))


def _without_one(line: bytes) -> Framed | None:
    if line[0] == 0:
        content = line.lstrip(b"\0")
        return Framed(content, ("NUL bytes",)) if content else None
    if line.startswith(_BOM):
        return Framed(line.removeprefix(_BOM), ("byte order mark",))
    if line[0] == ord("{"):
        return _without_envelope(line)
    found = _FRAME.match(line)
    if found is None:
        return None
    number = next(number for number in range(len(_FRAMES)) if found[f"f{number}"] is not None)
    stream = (found["stream"] or b"").decode()
    return Framed(line[found.end() :], (_FRAMES[number][0],), found["cri"] == b"P", stream)


def _without_envelope(line: bytes) -> Framed | None:
    """Take off the JSON of Docker's driver json-file, or that of a Pub/Sub push subscription."""
    if not line.startswith((b'{"log":', b'{"message":')):
        return None
    try:
        document: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if document.keys() in _DOCKER_KEYS and isinstance(document["log"], str):
        text: str = document["log"]
        content = text.encode("utf-8", "backslashreplace")
        is_partial = len(content) >= _DOCKER_CUTS and not text.endswith("\n")
        return Framed(_one_line(content), ("Docker json-file",), is_partial, str(document["stream"]))
    message = document.get("message")
    if isinstance(message, dict) and isinstance(message.get("data"), str) and "subscription" in document:
        try:
            return Framed(_one_line(base64.b64decode(message["data"], validate=True)), (PUSH,))
        except ValueError:
            return None
    return None


def _one_line(text: bytes) -> bytes:
    return text.removesuffix(b"\n").removesuffix(b"\r").replace(b"\n", b"\\n")
