"""What is known of an address, and what a database does."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Place(NamedTuple):
    """What a database knows of an address.

    `country` is a code of ISO 3166-1 alpha-2, `asn` the number of the autonomous system, `network` its holder.
    """

    country: str | None = None
    asn: int | None = None
    network: str | None = None


class PlaceDatabase(Protocol):
    """What gives addresses their places."""

    def places(self, addresses: Sequence[str]) -> list[Place]:
        """Return the place of each text; an empty one of what is no address, or one that is not known."""
