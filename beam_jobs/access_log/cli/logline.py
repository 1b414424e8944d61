"""The console command `logline` and its subcommands."""

import sys
from collections.abc import Sequence

from beam_jobs.access_log.cli import command
from beam_jobs.access_log.cli.command import ArgumentError, OneLineParser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand and return the exit code, 2 for a wrong argument."""
    parser = OneLineParser(prog="logline", description="Web access logs on the command line.", allow_abbrev=False)
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    summary = (command.__doc__ or "").partition("\n")[0]
    parse = subcommands.add_parser("parse", help=summary, description=summary, allow_abbrev=False)
    command.add_arguments(parse)
    parse.set_defaults(run=command.run)
    try:
        options = parser.parse_args(argv)
    except ArgumentError as error:
        print(error, file=sys.stderr)
        return 2
    code: int = options.run(options)
    return code
