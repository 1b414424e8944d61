"""Guards that prove themselves: each is taken back in a copy of the repository, and a test has to fail."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from local_stack.config import REPOSITORY


@dataclass(frozen=True)
class Mutant:
    """One edit that takes a guard back.

    Attributes:
        guards: What is no longer guarded.
        file: The file that is edited, from the repository's folder.
        old: What is replaced; it occurs once in the file.
        new: What stands there instead.
        test: The test that fails then, as pytest names it.
    """

    guards: str
    file: str
    old: str
    new: str
    test: str

    def mutated(self, text: str) -> str:
        """Return the edited text of its file.

        Raises:
            ValueError: What is to be replaced does not occur once.
        """
        if (count := text.count(self.old)) != 1:
            raise ValueError(f"{self.file} has {self.old!r} {count} times, not once: mutant {self.guards!r}")
        return text.replace(self.old, self.new)


def mutants() -> list[Mutant]:
    """Return the mutants of all lists in this folder."""
    lists = sorted(Path(__file__).parent.glob("*.yaml"))
    return [Mutant(**one) for path in lists for one in yaml.safe_load(path.read_text(encoding="utf-8"))]


def text_of(mutant: Mutant, folder: Path = REPOSITORY) -> str:
    """Return the text of a mutant's file."""
    return (folder / mutant.file).read_text(encoding="utf-8")
