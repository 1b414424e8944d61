"""Start the Dataflow emulator: `python -m emulators.dataflow --project ID --template-bucket BUCKET --image ...`."""

import argparse
import logging
import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

from emulators.clock import add_clock_file
from emulators.dataflow import __version__
from emulators.guard.iam import add_policy
from emulators.guard.rules import add_allowed_hosts


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; --help explains the options\n")


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = _OneLineParser(
        prog="dataflow-emulator",
        description="A local Dataflow. DATAFLOW_EMULATOR_TOKEN holds the secret that callers send as their access "
        "token; where it is not set the emulator makes one and says in which files it is.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=9070, help="of the REST API, 0 for a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--grpc-port", type=int, default=9071, help="of the gRPC API, 0 for a free one (default: %(default)s)"
    )
    add_allowed_hosts(parser)
    parser.add_argument(
        "--state-dir",
        type=Path,
        metavar="FOLDER",
        help="keeps the jobs, their logs and metrics over restarts (default: a folder that is deleted at the end)",
    )
    parser.add_argument("--project", required=True, metavar="ID", help="the project it serves")
    parser.add_argument(
        "--image",
        type=_image,
        action="append",
        default=[],
        metavar="NAME=MODULE",
        help="the entry point that an image stands for; may be given again",
    )
    parser.add_argument(
        "--python",
        type=_program,
        default=sys.executable,
        help="runs the jobs, Python 3.11 or newer with their packages, such as .venv/bin/python (default: its own)",
    )
    parser.add_argument(
        "--template-bucket",
        type=_bucket,
        action="append",
        required=True,
        metavar="BUCKET[=FOLDER]",
        help="a bucket whose template specs may be launched, or one whose objects are the files of a folder of this "
        "machine; may be given again",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        action="append",
        default=[],
        help="a folder in which parameters may name files; may be given again (default: gs:// only)",
    )
    parser.add_argument(
        "--preload",
        action="append",
        default=[],
        metavar="MODULE",
        help="imported once and not by every job, such as one that an entry point imports; may be given again",
    )
    parser.add_argument(
        "--preload-after",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="from the start to the import of those modules, unless a job is launched before, so that what is started "
        "beside the emulator is sooner there (default: %(default)s)",
    )
    parser.add_argument(
        "--most-jobs",
        type=int,
        default=25,
        metavar="NUMBER",
        help="that may be active at once, as the service's quota has it (default: %(default)s)",
    )
    parser.add_argument(
        "--launch-seconds",
        type=float,
        default=os.environ.get("DATAFLOW_EMULATOR_LAUNCH_SECONDS", "0"),
        metavar="SECONDS",
        help="between a launch and the start of the job, which is QUEUED and PENDING for half of it each; the service "
        "takes minutes (default: DATAFLOW_EMULATOR_LAUNCH_SECONDS, else 0)",
    )
    add_clock_file(parser)
    add_policy(parser)
    return parser.parse_args(arguments)


def _image(text: str) -> tuple[str, str]:
    name, _, module = text.partition("=")
    if not (name and module):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=MODULE, such as words=my_jobs.words")
    return name, module


def _bucket(text: str) -> tuple[str, Path | None]:
    name, equals, folder = text.partition("=")
    if not name or (equals and not folder):
        raise argparse.ArgumentTypeError(f"{text!r} is neither BUCKET nor BUCKET=FOLDER, such as templates=specs")
    if equals and not Path(folder).is_dir():
        raise argparse.ArgumentTypeError(f"{folder} is not a folder")
    return name, Path(folder) if equals else None


def _program(text: str) -> str:
    found = shutil.which(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"there is no program {text}")
    # Not resolved: that a Python belongs to a virtual environment is told by the path of its link.
    return str(Path(found).absolute())


def main() -> None:
    """Run the command."""
    arguments = parse_arguments()
    # Not before: --help does not wait for gRPC.
    from emulators.dataflow.serving import StartError, serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        serve(arguments)
    except StartError as error:
        sys.exit(f"Dataflow emulator: {error}")


if __name__ == "__main__":
    main()
