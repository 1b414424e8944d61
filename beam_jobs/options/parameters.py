"""Command lines whose mistakes are said in one line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from beam_jobs.access_log import FormatError, get_format

FORMAT_STRING = r"[\s\S]*[%$][\s\S]*"
"""What tells a server's format string from the name of a format."""

LOCAL_RUNNER = "FnApiRunner"
DATAFLOW_RUNNER = "DataflowRunner"


class OptionError(ValueError):
    """An option is missing, unknown or has a value that cannot be used; said in one line."""


class OneLineParser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises instead of printing its usage and exiting."""

    def error(self, message: str) -> NoReturn:
        """Raise the mistake as an `OptionError`."""
        raise OptionError(message)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, as Flex Template metadata describe it.

    Attributes:
        name: the command line's `--name`.
        label: a few words for a form.
        help_text: what it does, its unit and default.
        regex: what a value must match as a whole.
        default: the value where none is given; None where one must be given.
    """

    name: str
    label: str
    help_text: str
    regex: str
    default: str | None = None

    @property
    def is_optional(self) -> bool:
        """Whether a run may leave it out."""
        return self.default is not None


def add_parameters(parser: argparse.ArgumentParser, parameters: Sequence[Parameter]) -> None:
    """Let a command line take these parameters."""
    for parameter in parameters:
        parser.add_argument(f"--{parameter.name}", help=parameter.help_text, default=parameter.default)


def checked(parameter: Parameter, value: str | None) -> str:
    """The value of a parameter, if it matches.

    Raises:
        OptionError: it is missing or does not match.
    """
    if value is None:
        raise OptionError(f"--{parameter.name} is missing. {parameter.help_text}")
    if re.fullmatch(parameter.regex, value) is None:
        raise OptionError(f"--{parameter.name}={value} cannot be used. {parameter.help_text}")
    return value


def in_range(name: str, value: str, least: int, most: int) -> int:
    """A number of bytes, if it is from `least` to `most`.

    Raises:
        OptionError: it is not.
    """
    if not least <= int(value) <= most:
        raise OptionError(f"--{name}={value} is out of range: give {least} to {most} bytes")
    return int(value)


def usable_format(name: str) -> str:
    """The name of a format or a server's format string, if lines can be read by it.

    Raises:
        OptionError: they cannot.
    """
    try:
        return get_format(name).name
    except FormatError as error:
        raise OptionError(f"--log_format: {error}") from error
