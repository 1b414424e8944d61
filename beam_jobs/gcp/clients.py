"""Clients of Google Cloud; of the local emulators where their variables, `host:port`, are set."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, BigQueryWriteClient
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from beam_jobs.storage.credentials import credentials_at_hand

Client = TypeVar("Client")
_BIGQUERY, _PUBSUB = "BIGQUERY_EMULATOR_GRPC_HOST", "PUBSUB_EMULATOR_HOST"


class _AccessToken(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[misc]
    grpc.UnaryStreamClientInterceptor,  # type: ignore[misc]
    grpc.StreamStreamClientInterceptor,  # type: ignore[misc]
):
    """Sends a token with every call: google-auth does not on a channel without TLS."""

    def __init__(self, token: str) -> None:
        self._entry = ("authorization", f"Bearer {token}")

    def _call(self, continuation: Callable[[Any, Any], Any], details: Any, request: Any) -> Any:
        return continuation(details._replace(metadata=[*(details.metadata or ()), self._entry]), request)

    intercept_unary_unary = intercept_unary_stream = intercept_stream_stream = _call


def make_read_client() -> BigQueryReadClient:
    """Connect to the Storage Read API."""
    return _connect(BigQueryReadClient, _BIGQUERY)


def make_write_client() -> BigQueryWriteClient:
    """Connect to the Storage Write API."""
    return _connect(BigQueryWriteClient, _BIGQUERY)


def make_subscriber() -> SubscriberClient:
    """Connect to Pub/Sub to pull."""
    return _connect(SubscriberClient, _PUBSUB)


def make_publisher() -> PublisherClient:
    """Connect to Pub/Sub to publish."""
    return _connect(PublisherClient, _PUBSUB)


def _connect(client: type[Client], variable: str) -> Client:
    """Make a client; raises `GoogleAuthError` where there are no credentials."""
    emulator = os.environ.get(variable)
    if not emulator:
        return client()
    options = [
        ("grpc.max_receive_message_length", -1),  # the BigQuery emulator sends a table's rows at once
        # After a failed attempt gRPC itself waits up to two minutes before the next.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
    ]
    channel = grpc.insecure_channel(emulator, options)
    if credentials := credentials_at_hand():
        channel = grpc.intercept_channel(channel, _AccessToken(credentials.token))
    transports: Any = client
    connected: Client = transports(transport=transports.get_transport_class("grpc")(channel=channel))
    return connected
