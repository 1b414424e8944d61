"""What the store's calls take and return."""

from dataclasses import dataclass, field
from typing import Any

from emulators.storage.errors import StorageError


@dataclass(frozen=True)
class StoredObject:
    """An object as the index has it.

    Attributes:
        properties: The fields of its resource that do not follow from the others.
    """

    bucket: str
    name: str
    generation: int
    metageneration: int
    size: int
    properties: dict[str, Any]


@dataclass(frozen=True)
class Conditions:
    """What must be true of an object, or of its absence, for a call to be carried out."""

    generation_match: int | None = None
    generation_not_match: int | None = None
    metageneration_match: int | None = None
    metageneration_not_match: int | None = None

    def check(self, stored: StoredObject | None) -> None:
        """Compare with an object; the generation of one that does not exist is 0.

        Raises:
            StorageError: 412, a condition does not hold.
        """
        generation = stored.generation if stored else 0
        if self.generation_match not in (None, generation) or self.generation_not_match == generation:
            raise _failed()
        self.check_metageneration(stored.metageneration if stored else 0)

    def check_metageneration(self, metageneration: int) -> None:
        """Compare with a metageneration alone, as a bucket has it.

        Raises:
            StorageError: 412, a condition does not hold.
        """
        if self.metageneration_match not in (None, metageneration) or self.metageneration_not_match == metageneration:
            raise _failed()


def _failed() -> StorageError:
    return StorageError(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")


@dataclass(frozen=True)
class Upload:
    """A resumable upload; `finished_as` is the generation of the object that it became."""

    id: str
    bucket: str
    name: str
    properties: dict[str, Any]
    conditions: Conditions
    finished_as: int | None


@dataclass
class Listing:
    """A page of a list; `position` is where the next one begins, None on the last."""

    objects: list[StoredObject] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    position: bytes | None = None


UNCONDITIONAL = Conditions()
