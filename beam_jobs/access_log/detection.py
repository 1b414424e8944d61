"""Which format a file is in, from its first lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from beam_jobs.access_log.engines import read_framed
from beam_jobs.access_log.errors import FormatError
from beam_jobs.access_log.formats.json_lines import JsonFormat
from beam_jobs.access_log.formats.mixed import MixedFormat
from beam_jobs.access_log.formats.registry import FORMATS, LogFormat
from beam_jobs.access_log.formats.template import TemplateFormat
from beam_jobs.access_log.formats.text_catalog import UNREAD_TAIL
from beam_jobs.access_log.formats.w3c import HEADER, w3c_format
from beam_jobs.access_log.framing import unframed
from beam_jobs.access_log.lines import counted, is_blank, split_lines
from beam_jobs.access_log.rejection import shown
from beam_jobs.access_log.row import Row

SAMPLE_BYTES = 1 << 16
"""A sample longer than this is read up to here."""

_SAMPLE_LINES = 100
_TRIED_LINES = 3
_MIN_SHARE = 0.5
_LONG_MS = 3_600_000.0


class Fit(NamedTuple):
    """How well a format fits the first lines of a file.

    Attributes:
        log_format: The format.
        accepted: How many lines it reads.
        lines: Of how many that are not blank.
        position: Up to which byte of a line it gets at most, in the lines that it does not read.
        line: That line.
        message: What is wrong with it there.
    """

    log_format: TemplateFormat | JsonFormat
    accepted: int
    lines: int
    position: int = 0
    line: bytes = b""
    message: str = ""

    @property
    def share(self) -> float:
        """How sure it is, from 0 to 1."""
        return self.accepted / self.lines if self.lines else 0.0


@dataclass(frozen=True)
class Detection:
    """What the first lines of a file say of its format.

    Attributes:
        log_format: The format that reads most lines; where several read equally many, the more specific one; where
            lines are of several, all of them.
        lines: How many lines counted.
        accepted: How many lines each format reads that reads any, most first.
        ranked: The formats, the one that fits best first.
        mixed: How many lines are read by each format of a mix, empty where there is one format.
        tail: The fields at the end of a line that are not read, of the first line with such.
        long_durations: How many lines took an hour or more, as they are read.
    """

    log_format: LogFormat
    lines: int
    accepted: dict[str, int]
    ranked: tuple[Fit, ...] = ()
    mixed: dict[str, int] | None = None
    tail: str = ""
    long_durations: int = 0

    @property
    def share(self) -> float:
        """The share of the lines that are read, from 0 to 1: how sure it is."""
        return self.accepted[self.log_format.name] / self.lines

    @property
    def warning(self) -> str | None:
        """One line on what is not as clear as it should be; `None` where all is."""
        said = [self._mix(), self._unread(), self._long()]
        return "; ".join(filter(None, said)) or None

    def _mix(self) -> str | None:
        if not self.mixed:
            return None
        counts = ", ".join(f"{name} {count}" for name, count in self.mixed.items())
        return (
            f"the first {self.lines} lines are of several formats ({counts}): each line is read as the first of them "
            "that fits it; pass --log_format if that is wrong"
        )

    def _unread(self) -> str | None:
        if not self.tail:
            return None
        return (
            f"what stands at the end of its lines is not read, {self.tail}: pass --log_format with your server's "
            "format string, or combined_us (%D) or combined_s (%T)"
        )

    def _long(self) -> str | None:
        if not self.long_durations:
            return None
        return (
            f"{self.long_durations} of the first {self.lines} requests took an hour or more if this is "
            f"{self.log_format.name}: pass --log_format if that is wrong"
        )


def detect(sample: bytes) -> Detection:
    """Find the format that most of the first lines of a file are in, and what else they could be.

    Args:
        sample: The first bytes of the file, whole or cut anywhere; 64 KiB are plenty. Its first 100 lines that are
            not blank count; a last line without a newline is left out where there are others.

    Raises:
        FormatError: No format reads at least half of the lines, or there is no line that is not blank. The message
            names the nearest format and the byte where it stops.
    """
    lines = _first_lines(sample[:SAMPLE_BYTES])
    if not any(line.strip() for line in lines):
        raise FormatError("no log format can be told from it: it holds no line that is not blank")
    results = {log_format.name: _read(log_format, lines) for log_format in (*_candidates(), *_of_headers(lines))}
    fits = [fit for fit, _ in results.values()]
    # Sorting is stable: of formats that fit alike the more specific one stays first.
    ranked = sorted(fits, key=lambda fit: (-fit.accepted, fit.log_format.name in UNREAD_TAIL))
    best = ranked[0]
    rows = results[best.log_format.name][1]
    mix = _mixture(ranked, results)
    considered = max(fit.lines for fit in fits) if mix else best.lines
    read = sum(mix.values()) if mix else best.accepted
    if best.accepted == 0 or read < _MIN_SHARE * considered:
        raise FormatError(_no_format(ranked, considered))
    accepted = {fit.log_format.name: fit.accepted for fit in ranked if fit.accepted}
    log_format: LogFormat = best.log_format
    if mix:
        log_format = MixedFormat(tuple(FORMATS[name] for name in FORMATS if name in mix))
        accepted = {log_format.name: read} | accepted
    return Detection(
        log_format,
        considered,
        accepted,
        tuple(ranked),
        mix,
        _tail(best.log_format, [lines[number] for number in rows]),
        _long_durations(rows),
    )


def recognise(sample: bytes) -> Detection:
    """Find the format that `detect` finds, with the same warning, in a tenth of its time.

    The other formats read no more lines than it takes to tell that they fit less well, so that there is no ranking.

    Raises:
        FormatError: See `detect`.
    """
    return _recognised(_first_lines(sample[:SAMPLE_BYTES])) or detect(sample)


def detect_format(sample: bytes) -> LogFormat:
    """Return the format of `detect`.

    Raises:
        FormatError: See `detect`.
    """
    return detect(sample).log_format


_Rows = dict[int, Row]
"""Rows by the numbers of their lines."""


def _candidates() -> list[TemplateFormat | JsonFormat]:
    return [log_format for log_format in FORMATS.values() if getattr(log_format, "is_detected", True)]


def _recognised(lines: Sequence[bytes]) -> Detection | None:
    """Return the format that certainly fits best; None where that takes all lines read by all formats."""
    contents = [_content(line) for line in lines]
    # What a comment is differs between formats, and it may say the fields.
    if any(content.startswith(b"#") for content in contents):
        return None
    considered = [line for line, content in zip(lines, contents, strict=True) if not is_blank(content)][:_SAMPLE_LINES]
    candidates = sorted(_candidates(), key=lambda log_format: log_format.name in UNREAD_TAIL)
    for tried in considered[:_TRIED_LINES]:
        first = next((log_format for log_format in candidates if _fits(log_format, tried)), None)
        if first is not None:
            break
    else:
        return None
    fit, rows = _read(first, lines)
    read = [lines[number] for number in rows]
    left = set(considered).difference(read)
    if fit.share < _MIN_SHARE or any(_fits(log_format, line) for line in left for log_format in candidates):
        return None
    # No other format reads more lines, and those that come first where several read equally many do not read this one.
    return Detection(
        first,
        fit.lines,
        {first.name: fit.accepted},
        tail=_tail(first, read),
        long_durations=_long_durations(rows),
    )


def _fits(log_format: TemplateFormat | JsonFormat, line: bytes) -> bool:
    return isinstance(read_framed(log_format, line), Row)


def _long_durations(rows: _Rows) -> int:
    return sum((row.request_duration_ms or 0) >= _LONG_MS for row in rows.values())


def _read(log_format: TemplateFormat | JsonFormat, lines: Sequence[bytes]) -> tuple[Fit, _Rows]:
    # What is blank, a comment for example, differs between formats.
    considered = [number for number, line in enumerate(lines) if not is_blank(_content(line), log_format.comment)]
    rows: _Rows = {}
    fit = Fit(log_format, 0, len(considered[:_SAMPLE_LINES]))
    for number in considered[:_SAMPLE_LINES]:
        parsed = read_framed(log_format, lines[number])
        if isinstance(parsed, Row):
            rows[number] = parsed
        elif parsed.position > fit.position or not fit.message:
            fit = fit._replace(position=parsed.position, line=lines[number], message=parsed.message)
    return fit._replace(accepted=len(rows)), rows


def _content(line: bytes) -> bytes:
    framed = unframed(line)
    return line if framed is None else framed.content


def _mixture(ranked: Sequence[Fit], results: dict[str, tuple[Fit, _Rows]]) -> dict[str, int] | None:
    """Return how many lines each format reads that has to be there for all to be read; None if one will do."""
    considered = max(fit.lines for fit in ranked)
    read = set(results[ranked[0].log_format.name][1])
    chosen = {ranked[0].log_format.name}
    while ranked[0].accepted < considered:
        more = {name: len(rows.keys() - read) for name, (_, rows) in results.items() if name in FORMATS}
        name = max(more, key=lambda one: more[one])
        if more[name] == 0:
            break
        chosen.add(name)
        read |= results[name][1].keys()
    if len(chosen) == 1 or not chosen <= FORMATS.keys():
        return None
    counts: dict[str, int] = {}
    left = set(read)
    for name in FORMATS:
        if name in chosen:
            rows = results[name][1].keys() & left
            left -= rows
            counts[name] = len(rows)
    return {name: count for name, count in counts.items() if count}


def _of_headers(lines: Sequence[bytes]) -> list[TemplateFormat]:
    """Return the formats of the first `#Fields` line with a time: its values are parted by blanks or by tabs."""
    for line in lines:
        content = _content(line).decode("latin-1")
        if content.startswith(HEADER):
            names = content.removeprefix(HEADER).split()
            try:
                return [w3c_format(HEADER + " " + separator.join(names)) for separator in (" ", "\t")]
            except FormatError:
                continue
    return []


def _tail(log_format: LogFormat, lines: Sequence[bytes]) -> str:
    if log_format.name not in UNREAD_TAIL or not lines:
        return ""
    line = lines[0]
    quotes = 3 if log_format.name.startswith("combined") else 1
    start = -1
    for _ in range(2 * quotes):
        start = line.find(b'"', start + 1)
    if quotes == 1:
        start = line.find(b" ", line.find(b" ", start + 2) + 1)
    return f"such as {shown(line[start + 1 :].strip())}"


def _no_format(ranked: Sequence[Fit], considered: int) -> str:
    best = ranked[0]
    what = f"only {best.accepted} of the first {counted(considered, 'line')} match {best.log_format.name}"
    if not best.accepted:
        what = f"none of the first {counted(considered, 'line')} is in a known format"
        nearest = max(ranked, key=lambda fit: fit.position)
        before = nearest.line[: nearest.position].decode("latin-1")
        # Bytes that are no text are near to nothing.
        if before and before.isascii() and before.isprintable():
            behind = shown(nearest.line[: nearest.position][-20:])
            what += f"; the nearest is {nearest.log_format.name}, up to byte {nearest.position} (behind {behind})"
    return f"not an access log: {what}; pass --log_format if it is one"


def _first_lines(sample: bytes) -> list[bytes]:
    found = [line for _, line in split_lines(sample)]
    if len(found) > 1 and not sample.endswith(b"\n"):
        found.pop()
    return found
