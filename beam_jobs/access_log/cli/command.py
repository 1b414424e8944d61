"""Summarise access logs: what was asked for, by whom and when; which lines are rejected, and why.

Examples:
    logline parse access.log /var/log/nginx/ 'old/**/*.gz'
    ssh server cat access.log | logline parse --html report.html -
    logline parse --output json access.log | jq 'select(.row.status == 500)'

Exit codes:
    0    all logs are read; rejected lines are in the summary
    1    a log cannot be read, is not an access log, or has lines and none of them is a row;
         or the output cannot be written
    2    an option is wrong
    130  interrupted
    141  whoever read the output has closed it
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from beam_jobs.access_log.cli.inputs import STDIN
from beam_jobs.access_log.cli.shown import printable
from beam_jobs.access_log.errors import FormatError, OutputError
from beam_jobs.access_log.formats.registry import FORMATS, get_format

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

_MOST_SHOWN = 1000
_SUMMARY, _, _REST = (__doc__ or "").partition("\n")
_FORMATS = textwrap.fill(", ".join(sorted(FORMATS)), 80, initial_indent="    ", subsequent_indent="    ")
DESCRIPTION: dict[str, Any] = {
    "description": _SUMMARY,
    "epilog": f"{_REST.strip()}\n\nFormats:\n{_FORMATS}",
    "formatter_class": argparse.RawDescriptionHelpFormatter,
    "allow_abbrev": False,
}
"""What `--help` says beside the options."""


class ArgumentError(ValueError):
    """An argument is wrong; the message is one line."""


class OneLineParser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises `ArgumentError` where others print the usage and exit."""

    def error(self, message: str) -> NoReturn:
        """Raise the error."""
        raise ArgumentError(f"{message}; {self.prog} --help explains the options")

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Print the help; argparse's own says nothing where it cannot be written."""
        print(self.format_help(), end="", file=file)
        sys.stdout.flush()


def main(argv: Sequence[str] | None = None) -> int:
    """Summarise the files of a command line and return the exit code."""
    parser = OneLineParser(prog="python -m beam_jobs.access_log", **DESCRIPTION)
    add_arguments(parser)
    return run(parser, argv)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and options of the command to a parser."""
    parser.add_argument(
        "file",
        nargs="+",
        help="a log, plain or compressed (gzip, bzip2, xz, zstd, zip); a folder of logs; a pattern such as "
        f"'logs/**/*.gz'; {STDIN} is standard input",
    )
    parser.add_argument(
        "--log-format",
        "--log_format",
        default="auto",
        metavar="FORMAT",
        help="a name of the list below, or GoAccess's name for it, such as COMBINED or CLOUDFRONT; or the line of your "
        "server's LogFormat or log_format; by default it is detected from the first lines of each file",
    )
    parser.add_argument(
        "--output",
        choices=("summary", "json"),
        default="summary",
        help="summary, or one JSON object for each line that is not blank: its row, or why it is rejected",
    )
    parser.add_argument("--html", metavar="PATH", type=Path, help="also write the summary to an HTML page, with charts")
    parser.add_argument(
        "--parquet", metavar="PATH", type=Path, help="also write the rows of all files to a Parquet file"
    )
    parser.add_argument(
        "--top", default=10, type=_number, metavar="N", help="paths, addresses and so on shown of each kind: 10"
    )
    parser.add_argument("--examples", default=3, type=_number, metavar="N", help="rejected lines shown per reason: 3")
    parser.set_defaults(run=_summarise)


def run(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    """Run what a command line asks for, and return the exit code; every error is one line.

    Args:
        parser: its options have a default `run`, a function that takes them and returns the exit code.
        argv: the command line.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error has it
    try:
        options = parser.parse_args(argv)
        code: int = options.run(options)
        sys.stdout.flush()
    except ArgumentError as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    except OutputError as error:
        print(printable(str(error)), file=sys.stderr)
        return 1
    except BrokenPipeError:
        _discard_output()
        return 128 + signal.SIGPIPE
    except OSError as error:
        print(f"standard output: cannot be written: {error.strerror}", file=sys.stderr)
        _discard_output()
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    return code


def _summarise(options: argparse.Namespace) -> int:
    try:
        log_format = None if options.log_format == "auto" else get_format(options.log_format)
    except FormatError as error:
        raise ArgumentError(str(error)) from error
    # numba and Arrow take longer to import than most logs to read, and --help needs neither.
    from beam_jobs.access_log.cli.session import run_session

    return 0 if run_session(options, log_format) else 1


def _discard_output() -> None:
    """Leave nothing to be flushed at exit, which would fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST_SHOWN:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {_MOST_SHOWN}")
    return int(text)
