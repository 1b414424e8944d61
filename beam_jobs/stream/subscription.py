"""One Pub/Sub subscription, by unary calls that the caller times."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import grpc
from google.api_core import exceptions
from google.pubsub_v1 import types

from beam_jobs.gcp.clients import make_subscriber
from beam_jobs.gcp.retry import RetryPolicy
from beam_jobs.stream.messages import Message, message_of
from beam_jobs.stream.options import TargetError

PULL_MESSAGES = 1000  # the most that the service gives at once
_IDS_PER_REQUEST = 1000  # an id has up to about 250 bytes, a request at most 512 KiB
_PULL_SECONDS = 30.0
_CALL_SECONDS = 30.0


@dataclass(eq=False, slots=True)
class Pulled:
    """Messages of one pull, acknowledged together; the lease ends by `time.monotonic()`."""

    messages: list[Message]
    ack_ids: list[str]
    bytes: int
    oldest_publish_time: float
    lease_ends: float

    @classmethod
    def of(cls, received: Sequence[Any], lease_ends: float) -> Self:
        """Make it of a response's ReceivedMessages, protobuf's own; there is at least one."""
        messages = [message_of(one.message) for one in received]
        return cls(
            messages=messages,
            ack_ids=[one.ack_id for one in received],
            bytes=sum(len(message.data) for message in messages),
            oldest_publish_time=min(message.publish_time for message in messages),
            lease_ends=lease_ends,
        )


class Subscription:
    """The subscription `projects/PROJECT/subscriptions/NAME`; thread-safe."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.lease_seconds = 10
        self._client = make_subscriber()
        self._pulls: set[Any] = set()
        self._no_more = False
        self._lock = threading.Lock()

    def check(self, policy: RetryPolicy) -> None:
        """Check that the subscription exists, and learn for how long it leases messages.

        Raises:
            TargetError: it does not exist or may not be used.
            RetriesExhaustedError: Pub/Sub does not answer.
        """
        found = policy.call(f"looking up {self.path}", self._get)
        self.lease_seconds = int(found.ack_deadline_seconds) or self.lease_seconds

    def pull(self) -> Pulled | None:
        """Wait for messages.

        Returns:
            At most `PULL_MESSAGES`; None if none came for some time, or after `stop_pulling`.

        Raises:
            TargetError: the subscription is gone.
            GoogleAPICallError: Pub/Sub does not answer, or refuses to.
        """
        asked = time.monotonic()
        request = types.PullRequest(subscription=self.path, max_messages=PULL_MESSAGES)
        call = self._start_pull(request)
        if call is None:
            return None
        try:
            response = call.result()
        except grpc.FutureCancelledError:
            return None
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                return None
            if error.code() == grpc.StatusCode.NOT_FOUND:
                raise self._missing() from error
            raise exceptions.from_grpc_error(error) from error
        finally:
            with self._lock:
                self._pulls.discard(call)
        received = types.PullResponse.pb(response).received_messages
        if not received:
            return None
        return Pulled.of(received, lease_ends=asked + self.lease_seconds)

    def stop_pulling(self) -> None:
        """Cancel pending pulls and start none, so that what is given back goes to another subscriber."""
        with self._lock:
            self._no_more = True
            pulls = list(self._pulls)
        for call in pulls:
            call.cancel()

    def acknowledge(self, ack_ids: Sequence[str]) -> None:
        """Acknowledge messages; an error may leave some acknowledged."""
        for ids in _portions(ack_ids):
            request = types.AcknowledgeRequest(subscription=self.path)
            _add_ids(types.AcknowledgeRequest.pb(request), ids)
            self._client.acknowledge(request=request, retry=None, timeout=_CALL_SECONDS)

    def lease(self, ack_ids: Sequence[str], seconds: int) -> None:
        """Extend the lease to `seconds` from now; 0 gives the messages back for redelivery."""
        for ids in _portions(ack_ids):
            request = types.ModifyAckDeadlineRequest(subscription=self.path, ack_deadline_seconds=seconds)
            _add_ids(types.ModifyAckDeadlineRequest.pb(request), ids)
            self._client.modify_ack_deadline(request=request, retry=None, timeout=_CALL_SECONDS)

    def close(self) -> None:
        """Close the connection, which cancels pending pulls."""
        self._client.close()

    def _start_pull(self, request: types.PullRequest) -> Any:
        # Not by `client.pull`, which cannot be cancelled.
        metadata = (("x-goog-request-params", f"subscription={self.path}"),)
        pull: Any = self._client.transport.pull
        with self._lock:
            if self._no_more:
                return None
            call = pull.future(request, timeout=_PULL_SECONDS, metadata=metadata)
            self._pulls.add(call)
            return call

    def _get(self) -> types.Subscription:
        request = types.GetSubscriptionRequest(subscription=self.path)
        try:
            found: types.Subscription = self._client.get_subscription(
                request=request, retry=None, timeout=_CALL_SECONDS
            )
        except exceptions.NotFound as error:
            raise self._missing() from error
        except exceptions.PermissionDenied as error:
            raise TargetError(
                f"subscription {self.path}: no permission: give the job's account pubsub.subscriber and pubsub.viewer"
            ) from error
        except exceptions.InvalidArgument as error:
            raise TargetError(f"subscription {self.path} cannot be used: {error.message}") from error
        return found

    def _missing(self) -> TargetError:
        return TargetError(f"subscription {self.path} does not exist: run the DAG provision, or correct --subscription")


def _portions(ack_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ack_ids), _IDS_PER_REQUEST):
        yield ack_ids[start : start + _IDS_PER_REQUEST]


def _add_ids(request: Any, ack_ids: Sequence[str]) -> None:
    """Add ids to protobuf's own request: proto-plus takes a microsecond for each."""
    request.ack_ids.extend(ack_ids)
