"""Summarise access logs: their format, how many lines they have, which are rejected and why.

    python -m beam_jobs.access_log access.log access.log.1.gz
    zcat logs/*.gz | python -m beam_jobs.access_log --parquet rows.parquet -

Exits with 1 and one line where a file cannot be read or is not an access log, with 2 where an option is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from beam_jobs.access_log.arrow.parquet import OutputError, RowsFile
from beam_jobs.access_log.cli.report import report_lines, total_lines
from beam_jobs.access_log.cli.summary import STDIN, FileError, LogSummary, Progress, summarise_log
from beam_jobs.access_log.errors import FormatError
from beam_jobs.access_log.formats.registry import FORMATS, get_format
from beam_jobs.access_log.lines import counted


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
    parser.add_argument("file", nargs="+", help=f"a log, plain or gzip; {STDIN} is standard input")
    parser.add_argument(
        "--log_format",
        default="auto",
        metavar="FORMAT",
        help=f"{', '.join(sorted(FORMATS))}, or the line of your server's LogFormat or log_format; "
        "by default it is told from the first lines of each file",
    )
    parser.add_argument(
        "--parquet", metavar="PATH", type=Path, help="also write the rows of all files to a Parquet file"
    )
    parser.add_argument("--examples", default=3, type=_count, metavar="N", help="rejected lines shown per reason: 3")


def run(options: argparse.Namespace) -> int:
    """Summarise the files, one after the other.

    Returns:
        The exit code: 0; 1 where one of the files cannot be read, is not an access log, or the Parquet file cannot be
        written; 2 for an unknown format.
    """
    try:
        log_format = None if options.log_format == "auto" else get_format(options.log_format)
    except FormatError as error:
        print(error, file=sys.stderr)
        return 2
    summaries: list[LogSummary] = []
    failed = False
    try:
        with RowsFile(options.parquet) as rows_file:
            for name in options.file:
                try:
                    with Progress(sys.stderr) as progress:
                        summary = summarise_log(name, log_format, rows_file, progress)
                except FileError as error:
                    print(error, file=sys.stderr)
                    failed = True
                    continue
                if summary.warning:
                    print(f"{summary.name}: {summary.warning}", file=sys.stderr)
                print("\n".join(report_lines(summary, options.examples)), flush=True)
                summaries.append(summary)
        if len(options.file) > 1:
            print("\n".join(total_lines(summaries)))
        if options.parquet:
            print(f"wrote {counted(sum(summary.rows for summary in summaries), 'row')} to {options.parquet}")
    except OutputError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing is left to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 1 if failed else 0


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 999999")
    return int(text)
