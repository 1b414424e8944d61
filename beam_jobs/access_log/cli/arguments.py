"""Command lines whose mistakes are answered in one line."""

import argparse
from typing import NoReturn


class ArgumentError(ValueError):
    """An argument is wrong; the message is one line."""


class OneLineParser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises `ArgumentError` where others print the usage and exit."""

    def error(self, message: str) -> NoReturn:
        """Raise the error."""
        raise ArgumentError(f"{message}; {self.prog} --help explains the options")
