"""Pages of a List call."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from emulators.pubsub.errors import invalid

MAX_PAGE = 1000


def page_of(names: Iterable[str], page_size: int, page_token: str) -> tuple[list[str], str]:
    """One page of names in their order, and the token of the next page (empty after the last).

    Args:
        names: All names.
        page_size: Names a page, at most 1000; 0 for as many as allowed.
        page_token: The token given with the page before, empty for the first.

    Raises:
        PubsubError: INVALID_ARGUMENT for a negative size.
    """
    if page_size < 0:
        raise invalid(f"The value for page_size is too small. You passed {page_size}, but the minimum value is 0.")
    ordered = sorted(names)
    start = bisect_right(ordered, page_token)
    size = min(page_size or MAX_PAGE, MAX_PAGE)
    page = ordered[start : start + size]
    return page, page[-1] if start + size < len(ordered) else ""
