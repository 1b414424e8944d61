"""Clients of Google Cloud; of the local emulators where their variables, `host:port`, are set."""

from __future__ import annotations

import os

import grpc
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, BigQueryWriteClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

_BIGQUERY, _PUBSUB = "BIGQUERY_EMULATOR_GRPC_HOST", "PUBSUB_EMULATOR_HOST"


def make_read_client() -> BigQueryReadClient:
    """Connect to the Storage Read API.

    Raises:
        GoogleAuthError: there are no credentials.
    """
    channel = _channel(_BIGQUERY)
    return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel) if channel else None)


def make_write_client() -> BigQueryWriteClient:
    """Connect to the Storage Write API.

    Raises:
        GoogleAuthError: there are no credentials.
    """
    channel = _channel(_BIGQUERY)
    return BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel) if channel else None)


def make_subscriber() -> SubscriberClient:
    """Connect to Pub/Sub to pull.

    Raises:
        GoogleAuthError: there are no credentials.
    """
    channel = _channel(_PUBSUB)
    return SubscriberClient(transport=SubscriberGrpcTransport(channel=channel)) if channel else SubscriberClient()


def make_publisher() -> PublisherClient:
    """Connect to Pub/Sub to publish.

    Raises:
        GoogleAuthError: there are no credentials.
    """
    channel = _channel(_PUBSUB)
    return PublisherClient(transport=PublisherGrpcTransport(channel=channel)) if channel else PublisherClient()


def _channel(variable: str) -> grpc.Channel | None:
    emulator = os.environ.get(variable)
    if not emulator:
        return None
    options = [
        ("grpc.max_receive_message_length", -1),  # the BigQuery emulator sends a table's rows at once
        # After a failed attempt gRPC itself waits up to two minutes before the next.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
    ]
    return grpc.insecure_channel(emulator, options)
