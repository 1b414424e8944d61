"""Credentials that the local emulators take: those that hold an access token already."""

from __future__ import annotations

import os
from typing import Any

_FILE = "GOOGLE_APPLICATION_CREDENTIALS"


def credentials_at_hand() -> Any:
    """Return the credentials of the environment's file; None where it has none, or none that hold a token.

    Credentials of Google Cloud hold none before they are refreshed: no emulator is sent a token that Google has given.
    """
    file = os.environ.get(_FILE)
    if not file:
        return None
    import google.auth

    credentials, _ = google.auth.load_credentials_from_file(file)
    return credentials if credentials.token else None
