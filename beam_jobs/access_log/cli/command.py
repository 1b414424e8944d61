"""Summarise access logs: what was asked for, by whom and when; which lines are rejected, and why.

    python -m beam_jobs.access_log access.log logs/ 'old/*.gz'
    zcat logs/*.gz | python -m beam_jobs.access_log --html report.html -
    python -m beam_jobs.access_log --output json access.log | jq 'select(.row.status == 500)'

Exits with 1 and one line where a file cannot be read, is no access log, or has no line that is a row; with 2 where an
option is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from beam_jobs.access_log.cli.inputs import STDIN
from beam_jobs.access_log.errors import FormatError
from beam_jobs.access_log.formats.registry import FORMATS, get_format


class ArgumentError(ValueError):
    """An argument is wrong; the message is one line."""


class OneLineParser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises `ArgumentError` where others print the usage and exit."""

    def error(self, message: str) -> NoReturn:
        """Raise the error."""
        raise ArgumentError(f"{message}; {self.prog} --help explains the options")


def main(argv: Sequence[str] | None = None) -> int:
    """Summarise the files of a command line and return the exit code, 2 for a wrong option."""
    parser = OneLineParser(
        prog="python -m beam_jobs.access_log", description=__doc__.partition("\n")[0], allow_abbrev=False
    )
    add_arguments(parser)
    try:
        options = parser.parse_args(argv)
    except ArgumentError as error:
        print(error, file=sys.stderr)
        return 2
    return run(options)


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
        help=f"{', '.join(sorted(FORMATS))}; a name that GoAccess has, such as COMBINED or CLOUDFRONT; or the line of "
        "your server's LogFormat or log_format; by default it is told from the first lines of each file",
    )
    parser.add_argument(
        "--output",
        choices=("summary", "json"),
        default="summary",
        help="summary, or one JSON object for each line that is not blank: its row, or why it is rejected",
    )
    parser.add_argument(
        "--html", metavar="PATH", type=Path, help="also write the summary, with charts, to an HTML page"
    )
    parser.add_argument(
        "--parquet", metavar="PATH", type=Path, help="also write the rows of all files to a Parquet file"
    )
    parser.add_argument("--examples", default=3, type=_count, metavar="N", help="rejected lines shown per reason: 3")


def run(options: argparse.Namespace) -> int:
    """Read the files, one after the other, and print or write what was asked for.

    Returns:
        The exit code: 0; 1 where one of the files cannot be read, is no access log or has no line that is a row, or
        where an output cannot be written; 2 for an unknown format.
    """
    try:
        log_format = None if options.log_format == "auto" else get_format(options.log_format)
    except FormatError as error:
        print(error, file=sys.stderr)
        return 2
    # numba and Arrow take longer to import than most logs to read, and --help needs neither.
    from beam_jobs.access_log.arrow.parquet import OutputError
    from beam_jobs.access_log.cli.session import run_session

    try:
        is_complete = run_session(options, log_format)
        sys.stdout.flush()
    except OutputError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing is left to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"standard output: cannot be written: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0 if is_complete else 1


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 999999")
    return int(text)
