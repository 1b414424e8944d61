import json
import shlex
from pathlib import Path

from google.oauth2.credentials import Credentials

from emulators.dataflow.access_files import AccessFiles


def test_the_secret_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    secret = AccessFiles(tmp_path).secret()
    assert len(secret) >= 32
    files = AccessFiles(tmp_path)
    assert files.secret() == secret
    assert files.access_token.read_text() == secret
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    credentials = Credentials.from_authorized_user_info(json.loads(files.credentials.read_text()))
    assert (credentials.token, credentials.valid) == (secret, True)


def test_the_lines_for_a_shell_are_quoted(tmp_path: Path) -> None:
    folder = tmp_path / "it's here"
    words = [shlex.split(line) for line in AccessFiles(folder).exports()]
    assert [word for _, word in words] == [
        f"GOOGLE_APPLICATION_CREDENTIALS={folder}/credentials.json",
        f"CLOUDSDK_AUTH_ACCESS_TOKEN_FILE={folder}/access-token",
    ]
