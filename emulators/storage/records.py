"""What the store's calls take and return, and objects as the API shows them."""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

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


def object_resource(stored: StoredObject, base: str = "") -> dict[str, Any]:
    """Return an object's resource; its links begin with `base`."""
    path = f"storage/v1/b/{stored.bucket}/o/{quote(stored.name, safe='')}"
    return {
        "kind": "storage#object",
        "id": f"{stored.bucket}/{stored.name}/{stored.generation}",
        "selfLink": f"{base}/{path}",
        "mediaLink": f"{base}/download/{path}?generation={stored.generation}&alt=media",
        "name": stored.name,
        "bucket": stored.bucket,
        "generation": str(stored.generation),
        "metageneration": str(stored.metageneration),
        "size": str(stored.size),
        "etag": etag(stored.generation, stored.metageneration),
        **stored.properties,
    }


def etag(*numbers: int) -> str:
    """Return the entity tag of a version."""
    return b64encode("/".join(map(str, numbers)).encode()).decode()


def timestamp(precision: str = "milliseconds") -> str:
    """Return the time now, as resources have it."""
    return datetime.now(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
