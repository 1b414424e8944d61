"""The emulator's secret in the files from which Google's clients take an access token."""

import json
import os
import secrets
import shlex
from pathlib import Path

from emulators.guard.authorized_user import authorized_user


class AccessFiles:
    """Files that their owner alone can read; they are kept over restarts, and with them the secret.

    Args:
        folder: Of the emulator's state.

    Attributes:
        access_token: Holds nothing but the secret.
        credentials: For GOOGLE_APPLICATION_CREDENTIALS.
    """

    def __init__(self, folder: Path) -> None:
        self.access_token = folder / "access-token"
        self.credentials = folder / "credentials.json"

    def secret(self) -> str:
        """Return the secret; the first call makes it."""
        if not self.credentials.exists():
            token = secrets.token_urlsafe(32)
            _write_private(self.access_token, token)
            _write_private(self.credentials, json.dumps(authorized_user(token)))
        return self.access_token.read_text()

    def exports(self) -> list[str]:
        """Return the lines of a shell that hand the secret to Google's clients and to gcloud."""
        return [
            f"export GOOGLE_APPLICATION_CREDENTIALS={shlex.quote(str(self.credentials))}",
            f"export CLOUDSDK_AUTH_ACCESS_TOKEN_FILE={shlex.quote(str(self.access_token))}",
        ]


def _write_private(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600, exist_ok=False)
    unfinished.write_text(text)
    unfinished.replace(path)
