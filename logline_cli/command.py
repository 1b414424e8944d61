"""The console command `logline` and its subcommands."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from beam_jobs.access_log.cli.command import (
    DESCRIPTION,
    ArgumentError,
    OneLineParser,
    add_arguments,
    run,
)
from beam_jobs.access_log.cli.shown import printable
from logline_cli import options
from logline_cli.errors import ClientError, UsageError

# Subcommand, the module that runs it, and its options; the modules import HTTP clients, which --help does not need.
_REMOTE: tuple[tuple[str, str, Callable[[argparse.ArgumentParser], None]], ...] = (
    ("load", options.LOAD, options.add_load),
    ("backfill", options.BACKFILL, options.add_backfill),
    ("status", options.STATUS, options.add_status),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand and return the exit code."""
    parser = OneLineParser(prog="logline", description="Web access logs on the command line.", allow_abbrev=False)
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_arguments(subcommands.add_parser("parse", help=DESCRIPTION["description"], **DESCRIPTION))
    for name, text, add in _REMOTE:
        summary, _, rest = text.partition("\n")
        command = subcommands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=rest.strip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        add(command)
        command.set_defaults(run=_runner(name))
    return run(parser, argv)


def _runner(name: str) -> Callable[[argparse.Namespace], int]:
    def run_command(given: argparse.Namespace) -> int:
        try:
            code: int = import_module(f"logline_cli.{name}").run(given)
        except UsageError as error:
            raise ArgumentError(str(error)) from None
        except ClientError as error:
            print(f"error: {printable(str(error))}", file=sys.stderr)
            return 1
        except OSError as error:
            if error.filename is None:
                raise  # of standard output
            print(f"error: {printable(f'{error.filename}: {error.strerror}')}", file=sys.stderr)
            return 1
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in ("requests", "google"):
                raise
            print(
                f"error: logline {name} needs the package {error.name}: pip install 'logline[client]'", file=sys.stderr
            )
            return 1
        return code

    return run_command
