"""How far a subscription has come, as it is stored."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Position:
    """How far a subscription has come: what is stored of it, and what a snapshot keeps.

    Attributes:
        cursor: Every message with a greater id is unacknowledged (unless listed in `acked`).
        pending: Ids up to the cursor that are unacknowledged; all others up to it are done.
        acked: Ids beyond the cursor that are acknowledged.
        failures: Failed delivery attempts by message id.
    """

    cursor: int
    pending: tuple[int, ...] = ()
    acked: tuple[int, ...] = ()
    failures: dict[int, int] = field(default_factory=dict)

    def packed_pending(self) -> bytes:
        """Return the pending ids as they are stored."""
        return array("q", self.pending).tobytes()
