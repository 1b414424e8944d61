"""The description of BigQuery's API, from which bq and Google's discovery client are built."""

import pytest
import requests
from googleapiclient.discovery import build_from_document

from local_stack.running import RunningStack

pytestmark = pytest.mark.integration


def test_a_client_built_from_it_calls_the_emulator(emulators: RunningStack) -> None:
    root = emulators.config.url("bigquery")
    document = requests.get(f"{root}/$discovery/rest?version=v2", timeout=60).json()
    assert (document["rootUrl"], document["baseUrl"]) == (f"{root}/", f"{root}/bigquery/v2/")
    assert "googleapis.com" not in document["rootUrl"] + str(document.get("endpoints")) + str(
        document.get("mtlsRootUrl")
    )
    service = build_from_document(document, developerKey="none")
    assert service.projects().list().execute()["kind"] == "bigquery#projectList"


def test_an_unknown_version_is_not_found(emulators: RunningStack) -> None:
    answer = requests.get(f"{emulators.config.url('bigquery')}/$discovery/rest?version=v9", timeout=60)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (404, "notFound")
