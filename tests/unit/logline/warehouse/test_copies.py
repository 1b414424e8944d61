"""What becomes of a copy job. The local BigQuery has none that fails or copies other rows: here jobs are made up."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from google.api_core.exceptions import BadRequest, Conflict, ServiceUnavailable
from google.cloud.bigquery import TableReference

from logline.settings import Settings
from logline.warehouse import copies
from logline.warehouse.copies import copy_once

SETTINGS = Settings.from_environment({"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logs"})
MADE = datetime(2026, 11, 1, 10, 5, 3, 42, tzinfo=UTC)


class Job:
    def __init__(self, copied="2", fault=None, error_result=None):
        self.error_result = error_result
        self._fault = fault
        self._properties = {"statistics": {"copy": {"copiedRows": copied}}}

    def result(self):
        if self._fault:
            raise self._fault


class Hook:
    """Answers with a job; `first` is that of an earlier try."""

    def __init__(self, job, first=None):
        self.job, self.first, self.ids = job, first, []

    def get_client(self, project_id):
        return self

    def get_table(self, name):
        return SimpleNamespace(reference=TableReference.from_string(name), description="digest", created=MADE)

    def insert_job(self, *, configuration, job_id, **_):
        assert configuration["copy"]["writeDisposition"] == "WRITE_APPEND"
        self.ids.append(job_id)
        if self.first:
            raise Conflict("Already Exists")
        return self.job

    def get_job(self, job_id, location):
        assert job_id in self.ids
        return self.first


def copied(monkeypatch, hook):
    monkeypatch.setattr(copies, "bigquery_hook", lambda _: hook)
    return copy_once(SETTINGS, "rows_x", "backfilled_requests", rows=2, labels={})


def test_a_copy_is_named_by_what_is_copied_and_into_which_table(monkeypatch):
    hook = Hook(Job())
    assert copied(monkeypatch, hook)
    assert hook.ids == ["logline_copy_backfilled_requests_20261101T100503000042_digest"]


def test_the_job_of_an_earlier_try_is_waited_for(monkeypatch):
    assert copied(monkeypatch, Hook(None, first=Job()))


@pytest.mark.parametrize(
    "job", [Job("1"), Job(fault=BadRequest("no"), error_result={"reason": "invalid"})], ids=["other rows", "failed"]
)
def test_nothing_counts_on_a_job_that_has_not_copied_these_rows(monkeypatch, job):
    assert not copied(monkeypatch, Hook(job))
    assert not copied(monkeypatch, Hook(None, first=job)), "nor does the next try"


def test_a_job_of_which_nothing_is_known_fails_the_task(monkeypatch):
    with pytest.raises(ServiceUnavailable):
        copied(monkeypatch, Hook(Job(fault=ServiceUnavailable("down"))))
