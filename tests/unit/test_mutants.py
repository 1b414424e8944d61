"""The lists of `make mutants` still fit the code."""

import pytest

from local_stack.config import REPOSITORY
from tests.mutants import Mutant, mutants, text_of

MUTANTS = mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.guards)
def test_a_mutant_fits_its_file_and_has_its_test(mutant: Mutant) -> None:
    assert mutant.mutated(text_of(mutant)) != text_of(mutant)
    path, _, name = mutant.test.partition("::")
    assert not name or f"def {name}(" in (REPOSITORY / path).read_text(encoding="utf-8")


def test_guards_are_told_apart() -> None:
    assert len({mutant.guards for mutant in MUTANTS}) == len(MUTANTS)
