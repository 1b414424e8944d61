"""The errors a request is answered with: gRPC status codes and the service's own wording."""

from __future__ import annotations

from collections.abc import Mapping

import grpc
from google.rpc import error_details_pb2, status_pb2


class PubsubError(Exception):
    """A request that is refused.

    Attributes:
        code: The gRPC status code of the answer.
        message: One line saying what is wrong.
        ack_errors: Reason by ack id, sent as ErrorInfo metadata: how the service tells which acks of an exactly-once
            subscription failed.
    """

    def __init__(self, code: grpc.StatusCode, message: str, ack_errors: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.ack_errors = ack_errors

    def status(self) -> status_pb2.Status:
        """Return the google.rpc.Status, with the reasons of the ack ids as its details."""
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        if self.ack_errors:
            info = error_details_pb2.ErrorInfo(
                reason="EXACTLY_ONCE_ACKID_FAILURE", domain="pubsub.googleapis.com", metadata=self.ack_errors
            )
            status.details.add().Pack(info)
        return status

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        """Return the gRPC call's trailing metadata: the status, or nothing where it has no details."""
        return (("grpc-status-details-bin", self.status().SerializeToString()),) if self.ack_errors else ()


def invalid(message: str) -> PubsubError:
    """Make an INVALID_ARGUMENT."""
    return PubsubError(grpc.StatusCode.INVALID_ARGUMENT, message)


def failed_precondition(message: str, ack_errors: Mapping[str, str] | None = None) -> PubsubError:
    """Make a FAILED_PRECONDITION."""
    return PubsubError(grpc.StatusCode.FAILED_PRECONDITION, message, ack_errors)


def not_found(name: str) -> PubsubError:
    """Make a NOT_FOUND for a topic, subscription or snapshot, by its full name; the service shows the last segment."""
    return PubsubError(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={name.rpartition('/')[2]}).")


def unsupported(what: str) -> PubsubError:
    """Make an UNIMPLEMENTED for a feature of the service that this emulator leaves out."""
    return PubsubError(
        grpc.StatusCode.UNIMPLEMENTED,
        f"The Pub/Sub emulator does not support {what}; its documentation lists what it offers.",
    )


def unsupported_method(name: str) -> PubsubError:
    """Make an UNIMPLEMENTED for a method, by its full name."""
    return unsupported(f"the method {name}")


def require_between(
    name: str,
    value: float,
    least: float,
    most: float,
    unit: str = "",
    code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT,
) -> None:
    """Refuse a value outside its limits, in the service's words.

    Raises:
        PubsubError: With `code`.
    """
    if least <= value <= most:
        return
    size, end, limit = ("small", "minimum", least) if value < least else ("large", "maximum", most)
    raise PubsubError(
        code,
        f"The value for {name} is too {size}. You passed {value:.12g}{unit} in the request, but the {end} value is "
        f"{limit:.12g}{unit}.",
    )
