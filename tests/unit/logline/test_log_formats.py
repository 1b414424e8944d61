import pytest
from airflow.configuration import conf

from logline import log_formats as module
from logline.log_formats import is_log_format, log_formats, templates_folder


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Airflow's DAGs folder, apart from the plugins."""
    monkeypatch.setattr(conf, "get", lambda section, key: str(tmp_path / "airflow" / "dags"))
    return tmp_path / "airflow" / "dags" / "templates"


def test_the_templates_are_beside_the_plugins(tmp_path, elsewhere):
    elsewhere.mkdir(parents=True)
    beside = tmp_path / "dags" / "templates"
    beside.mkdir(parents=True)
    assert templates_folder(tmp_path / "plugins") == beside


def test_else_they_are_in_the_folder_airflow_reads_dags_from(tmp_path, elsewhere):
    elsewhere.mkdir(parents=True)
    assert templates_folder(tmp_path / "plugins") == elsewhere


def test_a_process_without_dags_leaves_the_check_to_the_others(tmp_path, elsewhere, monkeypatch):
    assert templates_folder(tmp_path / "plugins") is None
    monkeypatch.setattr(module, "templates_folder", lambda: None)
    monkeypatch.setattr(module, "log_formats", log_formats.__wrapped__)
    assert module.log_formats("backfill") == ()
    assert is_log_format("any", "backfill")


def test_a_stream_cannot_tell_the_format_by_a_sample():
    assert log_formats("backfill")[0] == "auto"
    assert log_formats("stream") == log_formats("backfill")[1:]
    assert not is_log_format("auto", "stream")
    assert is_log_format("%h %t %r", "stream")
