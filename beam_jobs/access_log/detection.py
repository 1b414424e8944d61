"""Which format a file is in, from its first lines."""

from dataclasses import dataclass

from beam_jobs.access_log.engines import parse_line
from beam_jobs.access_log.errors import FormatError
from beam_jobs.access_log.formats.registry import FORMATS, LogFormat
from beam_jobs.access_log.lines import counted, is_blank, split_lines
from beam_jobs.access_log.row import Row

SAMPLE_BYTES = 1 << 16
"""A sample longer than this is read up to here."""

_SAMPLE_LINES = 100
_MIN_SHARE = 0.5


@dataclass(frozen=True)
class Detection:
    """What the first lines of a file say of its format.

    Attributes:
        log_format: The format that accepts most lines; where several accept equally many, the more specific one.
        lines: How many lines counted.
        accepted: How many lines each format accepts that accepts any, most first.
    """

    log_format: LogFormat
    lines: int
    accepted: dict[str, int]

    @property
    def warning(self) -> str | None:
        """One line on what is not as clear as it should be: a tie, or lines of another format; `None` where all is."""
        name = self.log_format.name
        others = [f"{other} {count}" for other, count in self.accepted.items() if other != name]
        tied = [other for other, count in self.accepted.items() if other != name and count == self.accepted[name]]
        if tied:
            lines = "line matches" if self.lines == 1 else f"{self.lines} lines match"
            return (
                f"the first {lines} {name} and {', '.join(tied)} alike; {name} is taken: "
                "pass --log_format if that is wrong"
            )
        if others and self.accepted[name] < self.lines:
            return (
                f"the first {self.lines} lines are of several formats ({name} {self.accepted[name]}, "
                f"{', '.join(others)}); {name} is taken, other lines are rejected: split the file, or pass --log_format"
            )
        return None


def detect(sample: bytes) -> Detection:
    """Find the format that most of the first lines of a file are in, and what else they could be.

    Args:
        sample: The first bytes of the file, whole or cut anywhere; 64 KiB are plenty. Its first 100 lines that are
            not blank count; a last line without a newline is left out where there are others.

    Raises:
        FormatError: No format accepts at least half of the lines, or there is no line that is not blank.
    """
    lines = _first_lines(sample[:SAMPLE_BYTES])
    if not any(line.strip() for line in lines):
        raise FormatError("no log format can be told from it: it holds no line that is not blank")
    shares: dict[str, tuple[int, int]] = {}
    for log_format in FORMATS.values():
        # What is blank, a comment for example, differs between formats.
        considered = [line for line in lines if not is_blank(line, log_format.comment)][:_SAMPLE_LINES]
        accepted = sum(isinstance(parse_line(log_format, line), Row) for line in considered)
        shares[log_format.name] = accepted, len(considered)
    best = max(shares, key=lambda name: shares[name][0])
    accepted, counted_lines = shares[best]
    if accepted == 0 or accepted < _MIN_SHARE * counted_lines:
        total = max(count for _, count in shares.values())
        found = f"only {accepted} of the first {counted(counted_lines, 'line')} match {best}"
        if not accepted:
            found = f"none of the first {counted(total, 'line')} is in a known format"
        raise FormatError(f"not an access log: {found}; pass --log_format if it is one")
    ordered = sorted(shares.items(), key=lambda share: -share[1][0])
    return Detection(FORMATS[best], counted_lines, {name: count for name, (count, _) in ordered if count})


def detect_format(sample: bytes) -> LogFormat:
    """Return the format of `detect`.

    Raises:
        FormatError: See `detect`.
    """
    return detect(sample).log_format


def _first_lines(sample: bytes) -> list[bytes]:
    found = [line for _, line in split_lines(sample)]
    if len(found) > 1 and not sample.endswith(b"\n"):
        found.pop()
    return found
