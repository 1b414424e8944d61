"""What the Makefile prints, and what its tests are."""

import argparse
import os
import re
import shlex
import subprocess

import pytest

from local_stack.config import REPOSITORY


def make(*arguments: str, **environment: str) -> str:
    command = ["make", "--silent", *arguments]
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_help_shows_commands_as_they_are_typed() -> None:
    shown = make("help")
    assert 'eval "$(make -s env)"' in shown
    assert "$$" not in shown


def test_what_it_starts_keeps_byte_code() -> None:
    rule = "--eval=show: ; @echo $${PYTHONDONTWRITEBYTECODE-unset}"
    assert make(rule, "show", PYTHONDONTWRITEBYTECODE="1") == "unset\n"


def is_in(session: list[str], path: str, *, is_e2e: bool) -> bool:
    """Whether a session of pytest has the tests of a path that are marked so."""
    options = argparse.ArgumentParser()
    options.add_argument("-m", default="")
    options.add_argument("--ignore", action="append", default=[])
    given, paths = options.parse_known_args(session)
    assert given.m in ("", "e2e", "not e2e")
    assert [one for one in (*given.ignore, *paths) if not (REPOSITORY / one).exists()] == []
    wanted = not given.m or (given.m == "e2e") == is_e2e
    return wanted and any(map(path.startswith, paths or [""])) and not any(map(path.startswith, given.ignore))


@pytest.mark.parametrize("is_e2e", [False, True])
def test_each_test_is_in_one_session(is_e2e: bool) -> None:
    """So is a new folder of tests."""
    sessions = [shlex.split(found) for found in re.findall(r"-m pytest (.*?)(?= >|;)", make("--dry-run", "test"))]
    paths = [str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("tests/**/test_*.py")]
    for path in (*paths, "tests/new/test_new.py"):
        assert [is_in(session, path, is_e2e=is_e2e) for session in sessions].count(True) == 1, path
