"""Clients of Google Cloud; of the local emulators where their variables, `host:port`, are set."""

from __future__ import annotations

import os
from typing import Any, TypeVar

import grpc
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, BigQueryWriteClient
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

Client = TypeVar("Client")
_BIGQUERY, _PUBSUB = "BIGQUERY_EMULATOR_GRPC_HOST", "PUBSUB_EMULATOR_HOST"


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
    transports: Any = client
    connected: Client = transports(transport=transports.get_transport_class("grpc")(channel=channel))
    return connected
