"""The secret of a stack, in the forms in which Google's clients send it.

The Dataflow emulator starts processes for callers that have it. It is an access token: google-auth takes one that
never expires from a file of credentials of the type `authorized_user`, and so do Airflow's connections; gcloud takes it
from a file of its own.
"""

import json
import secrets
from pathlib import Path

from emulators.guard.authorized_user import authorized_user
from local_stack.config import StackConfig
from local_stack.private_files import make_private, own_folder, write_private


def access_token(config: StackConfig) -> str:
    """Return the secret of this state folder; the first call makes it."""
    own_folder(config.state_dir)
    return make_private(access_token_file(config), secrets.token_urlsafe(32))


def access_token_file(config: StackConfig) -> Path:
    """Return the file with nothing but the secret."""
    return config.state_dir / "access-token"


def credentials_file(config: StackConfig) -> Path:
    """Return the file for GOOGLE_APPLICATION_CREDENTIALS, written now."""
    path = config.state_dir / "credentials.json"
    write_private(path, json.dumps(authorized_user(access_token(config))))
    return path
