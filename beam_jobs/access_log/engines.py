"""What reads the lines of each kind of format: a reference reader, which defines it, and a compiled scanner."""

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.compiled.json_program import json_program
from beam_jobs.access_log.compiled.json_scanner import scan_json
from beam_jobs.access_log.compiled.template_program import NO_PROGRAM, template_program
from beam_jobs.access_log.formats.json_lines import JsonFormat
from beam_jobs.access_log.formats.registry import LogFormat
from beam_jobs.access_log.formats.template import TemplateFormat
from beam_jobs.access_log.reference import json_reader, template_reader
from beam_jobs.access_log.rejection import Rejection
from beam_jobs.access_log.row import Row
from beam_jobs.access_log.scanned_block import ScannedBlock, scan_block


def parse_line(log_format: LogFormat, line: bytes) -> Row | Rejection:
    """Read one line, given without its terminator, that is not blank: the slow way, which defines the format.

    Any bytes give a row or a rejection; nothing is raised.
    """
    match log_format:
        case TemplateFormat():
            return template_reader.read_line(log_format, line)
        case JsonFormat():
            return json_reader.read_line(log_format, line)


def scan_lines(log_format: LogFormat, block: npt.NDArray[np.uint8], max_line_bytes: int) -> ScannedBlock:
    """Read the regular lines of a block, the fast way.

    What this accepts or rejects is what `parse_line` makes of the line; the other lines are left DECLINED or TOO_LONG.
    """
    match log_format:
        case TemplateFormat():
            scanned = scan_block(block, template_program(log_format), log_format.comment, max_line_bytes)
            first_slot = 1 if log_format.prefix else 0
            for step, position, lines in scanned.unended():
                scanned.reject(lines, template_reader.unended(log_format, step - first_slot, position))
        case JsonFormat():
            scanned = scan_block(block, NO_PROGRAM, log_format.comment, max_line_bytes)
            scan_json(block, scanned.padded, json_program(log_format), scanned.lines)
    return scanned
