"""Errors of the API, with the statuses and reasons of the service.

See https://cloud.google.com/storage/docs/json_api/v1/status-codes.
"""

from typing import Any


class StorageError(Exception):
    """A request that the service refuses.

    Attributes:
        status: The HTTP status code.
        reason: The service's word for it, such as `conditionNotMet`.
        message: What the client reads.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message

    def to_json(self) -> dict[str, Any]:
        """Return the body of the HTTP response."""
        error = {"message": self.message, "domain": "global", "reason": self.reason}
        return {"error": {"code": self.status, "message": self.message, "errors": [error]}}


def invalid(message: str) -> StorageError:
    """Make the error of a request that is wrong in itself."""
    return StorageError(400, "invalid", message)


def not_found(message: str) -> StorageError:
    """Make the error of a missing bucket, object or upload."""
    return StorageError(404, "notFound", message)
