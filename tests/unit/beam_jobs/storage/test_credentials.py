"""An emulator is sent a token that the file of the credentials holds, and none that Google has given."""

import json
from pathlib import Path

import pytest

from beam_jobs.storage.credentials import credentials_at_hand

USER = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}


def test_a_token_in_the_file_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps({**USER, "token": "t", "expiry": "9999-12-31T23:59:59Z"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    assert credentials_at_hand().token == "t"


def test_credentials_of_google_cloud_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(USER))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    assert credentials_at_hand() is None
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    assert credentials_at_hand() is None
