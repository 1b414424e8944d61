"""Addresses of objects in Cloud Storage."""

from __future__ import annotations


def split_uri(uri: str) -> tuple[str, str]:
    """Split `gs://bucket/a/b` into `("bucket", "a/b")`."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return bucket, name
