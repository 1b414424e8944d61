"""Types of the command line's numbers and places; each raises `argparse.ArgumentTypeError` for anything else."""

from __future__ import annotations

import argparse
from datetime import date

from beam_jobs.storage.files import absolute

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2199, 12, 31)
"""Those that the parser reads."""


def count(text: str) -> int:
    """Read a whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def seed(text: str) -> int:
    """Read a whole number."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def positive(text: str) -> float:
    """Read a number above 0 and below a thousand million."""
    number = _number(text)
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    number = _number(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return number


def place(text: str) -> str:
    """Read a uri of Cloud Storage or a local path, which becomes absolute."""
    try:
        return absolute(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0
