"""Job messages: their importances, and how a job's log becomes messages."""

import re
from pathlib import Path

from emulators.dataflow.errors import invalid_argument

DEBUG = "JOB_MESSAGE_DEBUG"
DETAILED = "JOB_MESSAGE_DETAILED"
BASIC = "JOB_MESSAGE_BASIC"
WARNING = "JOB_MESSAGE_WARNING"
ERROR = "JOB_MESSAGE_ERROR"

#: From the least to the most important; the enum's numbers are in another order.
IMPORTANCES = (DEBUG, DETAILED, BASIC, WARNING, ERROR)
UNKNOWN = "JOB_MESSAGE_IMPORTANCE_UNKNOWN"

_OF_LEVEL = {
    "DEBUG": DEBUG,
    "INFO": DETAILED,
    "WARN": WARNING,
    "WARNING": WARNING,
    "ERROR": ERROR,
    "CRITICAL": ERROR,
    "FATAL": ERROR,
}
#: `ERROR:root:text` of logging.basicConfig and `2026-11-22 13:53:07,123 [ERROR] text` with its variants.
_LEVEL = re.compile(rf"[\[\](\d\s:.,TZ+/-]*({'|'.join(_OF_LEVEL)})\b", re.ASCII)

_READ_AT_ONCE = 1 << 20
_LONGEST = 10_000


def at_least(importance: str) -> tuple[str, ...]:
    """Return the importances from this one up; all of them where none is given.

    Raises:
        ApiError: 400, no such importance.
    """
    if importance in ("", UNKNOWN):
        return IMPORTANCES
    if importance not in IMPORTANCES:
        raise invalid_argument(f"Invalid value at 'minimumImportance': {importance!r} is none of {IMPORTANCES}.")
    return IMPORTANCES[IMPORTANCES.index(importance) :]


def of_line(line: str) -> str:
    """Return the importance of a log line by its level; DETAILED where it has none."""
    match = _LEVEL.match(line)
    return _OF_LEVEL[match[1]] if match else DETAILED


def read_log(path: Path, offset: int, *, ended: bool) -> tuple[list[tuple[str, str]], int]:
    """Return the messages of a log from an offset on.

    Args:
        path: The log; need not exist yet.
        offset: In bytes, at the start of a line.
        ended: Whether nothing more will be written, so that a last line without a newline counts too.

    Returns:
        Importance and text per line that is not blank, and the offset where the next call goes on. It reads a
        megabyte at most: the log is read to its end when the offset no longer moves.
    """
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            data = stream.read(_READ_AT_ONCE)
    except FileNotFoundError:
        return [], offset
    if not ended or len(data) == _READ_AT_ONCE:
        data = data[: data.rfind(b"\n") + 1] or (data if len(data) == _READ_AT_ONCE else b"")
    lines = [line[:_LONGEST] for line in data.decode(errors="replace").split("\n") if line.strip()]
    return [(of_line(line), line.rstrip()) for line in lines], offset + len(data)


def last_line(path: Path) -> str:
    """Return the last line of a log that is not blank; "" where there is none."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - _READ_AT_ONCE))
            lines = stream.read().decode(errors="replace").split("\n")
    except FileNotFoundError:
        return ""
    return next((line.strip()[:_LONGEST] for line in reversed(lines) if line.strip()), "")
