"""Pages of a List call."""

import base64
import binascii

from emulators.dataflow.errors import invalid_argument

_MAX_PAGE = 1000


def page_size_of(size: int) -> int:
    """Return how many items a page holds; 0 asks for as many as allowed.

    Raises:
        ApiError: 400, the size is negative.
    """
    if size < 0:
        raise invalid_argument(f"Invalid value at 'pageSize': {size} is negative.")
    return min(size or _MAX_PAGE, _MAX_PAGE)


def token_of(mark: str) -> str:
    """Return the page token for a mark of the store."""
    return base64.urlsafe_b64encode(mark.encode()).decode()


def mark_of(token: str) -> str:
    """Return the mark in a page token.

    Raises:
        ApiError: 400, it is not a page token.
    """
    try:
        return base64.b64decode(token, altchars="-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise invalid_argument("Invalid value at 'pageToken'.") from error
