"""Command lines whose mistakes are said in one line."""

from __future__ import annotations

import argparse
from typing import NoReturn


class OptionError(ValueError):
    """An option is missing, unknown or has a value that cannot be used; said in one line."""


class OneLineParser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises instead of printing its usage and exiting."""

    def error(self, message: str) -> NoReturn:
        """Raise the mistake as an `OptionError`."""
        raise OptionError(message)
