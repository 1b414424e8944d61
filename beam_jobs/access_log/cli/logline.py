"""The console command `logline` and its subcommands."""

from collections.abc import Sequence

from beam_jobs.access_log.cli.command import DESCRIPTION, OneLineParser, add_arguments, run


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand and return the exit code."""
    parser = OneLineParser(prog="logline", description="Web access logs on the command line.", allow_abbrev=False)
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_arguments(subcommands.add_parser("parse", help=DESCRIPTION["description"], **DESCRIPTION))
    return run(parser, argv)
