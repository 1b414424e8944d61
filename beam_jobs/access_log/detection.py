"""Which format a file is in, from its first lines."""

from beam_jobs.access_log.errors import FormatError
from beam_jobs.access_log.formats import FORMATS
from beam_jobs.access_log.lines import is_blank, split_lines
from beam_jobs.access_log.log_format import LogFormat
from beam_jobs.access_log.rows import Row

SAMPLE_BYTES = 1 << 16
"""A sample longer than this is read up to here."""

_SAMPLE_LINES = 100
_MIN_SHARE = 0.5


def detect_format(sample: bytes) -> LogFormat:
    """Finds the format that most of the first lines of a file are in.

    Args:
        sample: The first bytes of the file, whole or cut anywhere; 64 KiB are plenty. Its first 100 lines that are
            not blank count; a last line without a newline is left out where there are others.

    Returns:
        The format that accepts most lines; where two accept equally many, the more specific one.

    Raises:
        FormatError: No format accepts at least half of the lines, or there is no line that is not blank.
    """
    lines = _first_lines(sample[:SAMPLE_BYTES])
    if not lines:
        raise FormatError("no log format can be told from it: it holds no line that is not blank")
    accepted = {
        log_format.name: sum(isinstance(log_format.parse_line(line), Row) for line in lines)
        for log_format in FORMATS.values()
    }
    best = max(accepted, key=accepted.__getitem__)
    if accepted[best] < _MIN_SHARE * len(lines):
        matches = f"match {best}" if accepted[best] else f"match {', '.join(sorted(FORMATS))}"
        raise FormatError(
            f"not an access log: {accepted[best]} of the first {len(lines)} lines {matches}; "
            "pass --log_format if it is one"
        )
    return FORMATS[best]


def _first_lines(sample: bytes) -> list[bytes]:
    found = [line for _, line in split_lines(sample)]
    if len(found) > 1 and not sample.endswith(b"\n"):
        found.pop()
    return [line for line in found if not is_blank(line)][:_SAMPLE_LINES]
