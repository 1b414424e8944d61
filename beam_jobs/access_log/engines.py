"""What reads the lines of each kind of format: a reference reader, which defines it, and a compiled scanner."""

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.compiled.json_program import json_program
from beam_jobs.access_log.compiled.json_scanner import scan_json
from beam_jobs.access_log.compiled.template_program import NO_PROGRAM, template_program
from beam_jobs.access_log.formats.json_lines import JsonFormat
from beam_jobs.access_log.formats.mixed import MixedFormat
from beam_jobs.access_log.formats.registry import LogFormat
from beam_jobs.access_log.formats.template import TemplateFormat
from beam_jobs.access_log.framing import unframed, without_compose
from beam_jobs.access_log.reference import json_reader, template_reader
from beam_jobs.access_log.rejection import Rejection
from beam_jobs.access_log.row import Row
from beam_jobs.access_log.scanned_block import ScannedBlock, scan_block


def parse_line(log_format: LogFormat, line: bytes) -> Row | Rejection:
    """Read one line, without terminator and frames and not blank, the slow way, which defines the format.

    Any bytes give a row or a rejection; nothing is raised.
    """
    match log_format:
        case TemplateFormat():
            return template_reader.read_line(log_format, line)
        case JsonFormat():
            return json_reader.read_line(log_format, line)
        case MixedFormat():
            parsed = [parse_line(one, line) for one in log_format.formats]
            return next((one for one in parsed if isinstance(one, Row)), parsed[0])


def read_framed(log_format: LogFormat, line: bytes) -> Row | Rejection:
    """Read one line, given without its terminator, that is not blank, whatever a collector put around it."""
    framed = unframed(line)
    parsed = parse_line(log_format, line if framed is None else framed.content)
    if isinstance(parsed, Row) or framed is not None:
        return parsed
    inner = without_compose(line)
    return parsed if inner is None else parse_line(log_format, inner.content)


def scan_lines(
    log_format: TemplateFormat | JsonFormat, block: npt.NDArray[np.uint8], max_line_bytes: int
) -> ScannedBlock:
    """Read the regular lines of a block, the fast way.

    What this accepts or rejects is what `parse_line` makes of the line; the other lines are left DECLINED, FRAMED or
    TOO_LONG, or UNENDED: those are no lines of a text format, or have frames that only then are looked for.

    Args:
        log_format: The format of the lines.
        block: The bytes, read-only.
        max_line_bytes: A line with more bytes is too long.
    """
    match log_format:
        case TemplateFormat():
            program = template_program(log_format)
            scanned = scan_block(block, program, log_format.text_fields, log_format.comment, max_line_bytes)
        case JsonFormat():
            scanned = scan_block(block, NO_PROGRAM, log_format.text_fields, log_format.comment, max_line_bytes)
            scan_json(block, scanned.padded, json_program(log_format), scanned.lines)
    return scanned


def reject_unended(log_format: TemplateFormat | JsonFormat, scanned: ScannedBlock) -> None:
    """Reject the UNENDED lines that are not set aside, all with one separator missing at one place together."""
    if isinstance(log_format, TemplateFormat):
        first_slot = 1 if log_format.prefix else 0
        for step, position, lines in scanned.unended():
            scanned.reject(lines, template_reader.unended(log_format, step - first_slot, position))
