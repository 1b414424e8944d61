"""What the Makefile prints, and what its tests are."""

import os
import re
import shlex
import subprocess

from local_stack.config import REPOSITORY


def make(*arguments: str, **environment: str) -> str:
    command = ["make", "--silent", *arguments]
    # Whoever runs the tests may be a make of its own, with options that this one would take over.
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**own, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_help_shows_commands_as_they_are_typed() -> None:
    shown = make("help")
    assert 'eval "$(make -s env)"' in shown
    assert "$$" not in shown


def test_what_it_starts_keeps_byte_code() -> None:
    rule = "--eval=show: ; @echo $${PYTHONDONTWRITEBYTECODE-unset}"
    assert make(rule, "show", PYTHONDONTWRITEBYTECODE="1") == "unset\n"


def test_each_test_is_in_one_session() -> None:
    """A folder that the sessions do not name is in the last one."""
    sessions = [shlex.split(found) for found in re.findall(r"-m pytest (.*?)(?= >|;)", make("--dry-run", "test"))]
    end_to_end, *of_folders, others = sessions
    assert end_to_end == ["-m", "e2e"]
    assert [marked[:2] for marked in of_folders] == [["-m", "not e2e"]] * 2
    folders = [folder for session in of_folders for folder in session[2:]]
    assert others == ["-m", "not e2e", *(f"--ignore={folder}" for folder in folders)]
    assert [folder for folder in folders if not (REPOSITORY / folder).is_dir()] == []
