"""What a client is, and an operation of it."""

import importlib.metadata
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

SECONDS = 180
"""How long a command may take."""


class CommandFailedError(Exception):
    """A command ended with another exit code than 0; the text has what it printed."""


@dataclass(frozen=True)
class Workspace:
    """Where an operation works; its environment is that of the process, as `make env` describes it.

    Attributes:
        folder: An empty folder of its own.
        name: A name for what it makes, such as a dataset or a topic: lower-case letters and digits, new for each case.
    """

    folder: Path
    name: str

    def run(self, *argv: str | Path, stdin: str = "") -> str:
        """Run a command in the folder and return what it prints to stdout.

        Raises:
            CommandFailedError: Its exit code is not 0.
        """
        done = subprocess.run(
            [str(argument) for argument in argv],
            input=stdin,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode:
            raise CommandFailedError(f"{argv[0]} ended with exit code {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def file(self, name: str, content: str | bytes) -> Path:
        """Write a file into the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


Run = Callable[[Workspace], None]


@dataclass(frozen=True)
class Case:
    """An operation of a client.

    Attributes:
        operation: As the table names it.
        run: Does it, and asserts that what must be there then is there.
        not_offered: What the error says where the emulator does not offer the operation; empty where it does.
    """

    operation: str
    run: Run
    not_offered: str = ""

    def check(self, workspace: Workspace) -> None:
        """Run it.

        Raises:
            Exception: It does not work, or does where `not_offered` says that it is refused.
        """
        try:
            self.run(workspace)
        except Exception as error:
            if not self.not_offered or self.not_offered not in str(error):
                raise
            return
        assert not self.not_offered, f"this works, and is called not offered: {self.not_offered}"


@dataclass(frozen=True)
class Client:
    """A program or a library.

    Attributes:
        name: As the table has it.
        service: The emulator that it talks to, as the table has it.
        version: Returns the installed version, None where it is not installed.
        cases: Its operations, each of which makes what it needs.
        is_slow: Whether each command takes a second or more: `make test` runs its first case, `make clients` all.
    """

    name: str
    service: str
    version: Callable[[], str | None]
    cases: list[Case] = field(default_factory=list)
    is_slow: bool = False

    def case(self, operation: str, *, not_offered: str = "") -> Callable[[Run], Run]:
        """Make a function an operation of this client."""

        def add(run: Run) -> Run:
            self.cases.append(Case(operation, run, not_offered))
            return run

        return add


def program(*argv: str) -> Callable[[], str | None]:
    """Return the version of a program: the last word of the first line that it prints."""

    @cache
    def version() -> str | None:
        if shutil.which(argv[0]) is None:
            return None
        done = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS, check=True)
        return done.stdout.splitlines()[0].split()[-1]

    return version


def distribution(name: str) -> Callable[[], str | None]:
    """Return the version of a Python package, by its name on PyPI."""

    def version() -> str | None:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return None

    return version
