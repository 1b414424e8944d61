"""Read versions of secrets from Secret Manager."""

from __future__ import annotations

import re
from typing import Any

from beam_jobs.storage.objects import InputError, InputErrorType

_SECRET_VERSION = re.compile(r"projects/[^/\s]+/secrets/[^/\s]+/versions/[^/\s]+")
_TIMEOUT_SECONDS = 60


def is_secret_version(name: str) -> bool:
    """Tell whether the name is `projects/PROJECT/secrets/SECRET/versions/VERSION`."""
    return _SECRET_VERSION.fullmatch(name) is not None


def read_secret_version(name: str) -> bytes:
    """Read what a version of a secret holds.

    Raises:
        InputError: it does not exist or cannot be read.
    """
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    try:
        return bytes(make_client().access_secret_version(name=name, timeout=_TIMEOUT_SECONDS).payload.data)
    except (GoogleAPIError, GoogleAuthError) as error:
        what = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(name, InputErrorType.UNREADABLE, f"cannot be read: {what}") from error


def make_client() -> Any:
    """Connect to Secret Manager."""
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

    return SecretManagerServiceClient()
