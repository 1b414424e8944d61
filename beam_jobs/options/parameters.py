"""A job's parameters: one list for the command line, the Flex Template's metadata and the checks of values."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from beam_jobs.access_log import FormatError, get_format
from beam_jobs.storage.files import absolute

FORMAT_STRING = r"[\s\S]*[%$=#+][\s\S]*"
"""A server's format string, as opposed to the name of a format."""

LOCAL_RUNNER = "FnApiRunner"
DATAFLOW_RUNNER = "DataflowRunner"
JOB_ID_VARIABLE = "DATAFLOW_EMULATOR_JOB_ID"
"""Environment variable with the job's id, where the Dataflow emulator runs it."""
WORKER_JOB_ID_VARIABLE = "JOB_ID"
"""The same in a worker on Dataflow: `sdks/python/container/boot.go` of Beam sets it from what the service tells it."""


class OptionError(ValueError):
    """An option is missing, unknown or has an unusable value; the message is one line."""


class OneLineParser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises instead of printing its usage and exiting."""

    def error(self, message: str) -> NoReturn:
        """Raise the mistake as an `OptionError`."""
        raise OptionError(message)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a job.

    Attributes:
        name: the command line's `--name`.
        label: a few words for a form.
        help_text: what it does, its unit and default.
        regex: what a value must match as a whole.
        default: the value where none is given; None where one must be given.
        choices: the names a form offers; other values may match too.
    """

    name: str
    label: str
    help_text: str
    regex: str
    default: str | None = None
    choices: tuple[str, ...] = ()

    @property
    def is_optional(self) -> bool:
        """Tell whether a run may leave the parameter out."""
        return self.default is not None

    def metadata(self) -> dict[str, Any]:
        """Describe the parameter as a Dataflow `ParameterMetadata`.

        `paramType` stays TEXT beside `enumOptions`: an ENUM takes only listed values, this also a format string.
        """
        described: dict[str, Any] = {
            "name": self.name,
            "label": self.label,
            "helpText": self.help_text,
            "isOptional": self.is_optional,
            "regexes": [self.regex],
            "paramType": "TEXT",
        }
        if self.choices:
            described["enumOptions"] = [{"value": choice} for choice in self.choices]
        return described


def add_parameters(parser: argparse.ArgumentParser, parameters: Sequence[Parameter]) -> None:
    """Let a command line take these parameters."""
    for parameter in parameters:
        parser.add_argument(f"--{parameter.name}", help=parameter.help_text, default=parameter.default)


def parse_parameters(
    program: str, description: str, parameters: Sequence[Parameter], argv: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """Read a job's own parameters from a command line and check each against its regex.

    Returns:
        The value of each parameter, and what the command line holds beside them: Beam's options.

    Raises:
        OptionError: a parameter is missing or has an unusable value.
        SystemExit: the help was asked for.
    """
    parser = OneLineParser(
        prog=program, description=f"{description} Beam's own options follow the same way.", allow_abbrev=False
    )
    add_parameters(parser, parameters)
    own, rest = parser.parse_known_args(argv)
    return {parameter.name: _checked(parameter, getattr(own, parameter.name)) for parameter in parameters}, rest


def _checked(parameter: Parameter, value: str | None) -> str:
    if value is None:
        raise OptionError(f"--{parameter.name} is missing. {parameter.help_text}")
    if re.fullmatch(parameter.regex, value) is None:
        raise OptionError(f"--{parameter.name}={value} cannot be used. {parameter.help_text}")
    return value


def in_range(name: str, value: str, least: int, most: int) -> int:
    """Return a number of bytes after checking that it is from `least` to `most`.

    Raises:
        OptionError: it is out of range.
    """
    if not least <= int(value) <= most:
        raise OptionError(f"--{name}={value} is out of range: give {least} to {most} bytes")
    return int(value)


def place(name: str, value: str) -> str:
    """Return where to read or write: a uri of Cloud Storage, or an absolute path.

    Raises:
        OptionError: it is neither.
    """
    try:
        return absolute(value)
    except ValueError as error:
        raise OptionError(f"--{name}: {error}") from error


def usable_format(name: str) -> str:
    """Return the name of a format, or a server's format string, after checking that lines can be read by it.

    Raises:
        OptionError: the format is unknown or lacks a field that every row needs.
    """
    try:
        return get_format(name).name
    except FormatError as error:
        raise OptionError(f"--log_format: {error}") from error
