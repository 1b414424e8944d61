r"""Web access logs: blocks of bytes in, Arrow record batches out. Knows neither Beam nor Google nor Airflow.

>>> from beam_jobs.access_log import BlockParser, detect_format
>>> block = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 200 5\n'
>>> parsed = BlockParser(detect_format(block)).parse(block)
>>> parsed.rows.column("path").to_pylist(), parsed.lines
(['/a'], 1)

What is exported is imported when it is first asked for: the command's `--help` needs neither numba nor Arrow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from beam_jobs.access_log.arrow.schema import PLAIN_ROWS_SCHEMA, REJECTED_SCHEMA, ROWS_SCHEMA
    from beam_jobs.access_log.block_reader import ParsedBlock
    from beam_jobs.access_log.detection import Detection, Fit, detect, detect_format, recognise
    from beam_jobs.access_log.errors import AccessLogError, BlockSizeError, FormatError
    from beam_jobs.access_log.formats.registry import FORMATS, LogFormat, get_format
    from beam_jobs.access_log.parser import MAX_BLOCK_BYTES, BlockParser
    from beam_jobs.access_log.rejection import RejectReason

PARSER_VERSION = "7"
"""Written beside every row and rejected line; raised whenever the same line would be read differently."""

__all__ = [
    "FORMATS",
    "MAX_BLOCK_BYTES",
    "PARSER_VERSION",
    "PLAIN_ROWS_SCHEMA",
    "REJECTED_SCHEMA",
    "ROWS_SCHEMA",
    "AccessLogError",
    "BlockParser",
    "BlockSizeError",
    "Detection",
    "Fit",
    "FormatError",
    "LogFormat",
    "ParsedBlock",
    "RejectReason",
    "detect",
    "detect_format",
    "get_format",
    "recognise",
]

_MODULES = {
    "arrow.schema": ("PLAIN_ROWS_SCHEMA", "REJECTED_SCHEMA", "ROWS_SCHEMA"),
    "block_reader": ("ParsedBlock",),
    "detection": ("Detection", "Fit", "detect", "detect_format", "recognise"),
    "errors": ("AccessLogError", "BlockSizeError", "FormatError"),
    "formats.registry": ("FORMATS", "LogFormat", "get_format"),
    "parser": ("MAX_BLOCK_BYTES", "BlockParser"),
    "rejection": ("RejectReason",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
