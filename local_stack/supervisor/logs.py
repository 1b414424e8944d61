"""Log files of the stack's processes."""

from pathlib import Path

KEPT_LOG_BYTES = 10_000_000


def size(log: Path) -> int:
    """Return a log's size in bytes, 0 where there is none."""
    return log.stat().st_size if log.exists() else 0


def set_aside(log: Path) -> None:
    """Rename a log of more than 10 MB; one older file is kept."""
    if size(log) > KEPT_LOG_BYTES:
        log.replace(log.with_suffix(log.suffix + ".1"))


def last_lines(log: Path, *, since: int = 0, count: int = 3) -> str:
    """Return the last non-empty lines of a log on one line, of at most 4 kB and nothing before the byte `since`."""
    if not log.exists():
        return "(no output)"
    with log.open("rb") as file:
        file.seek(max(since, size(log) - 4096))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-count:]) or "(no output)"
