"""What the Makefile prints."""

import subprocess

from local_stack.config import REPOSITORY


def test_help_shows_commands_as_they_are_typed() -> None:
    shown = subprocess.run(["make", "-s", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert 'eval "$(make -s env)"' in shown
    assert "$$" not in shown
