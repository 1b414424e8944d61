"""The generated pages of docs/ say what the code says."""

from tools import dags_page as described
from tools import settings_page as configuration


def test_the_page_of_dags_is_up_to_date(dags):
    assert described.PAGE.read_text(encoding="utf-8") == described.page(dags), "run make generate"


def test_the_command_takes_the_params_of_the_dag(dags):
    assert described.PARAMS.read_text(encoding="utf-8") == described.params(dags["log_backfill"]), "run make generate"


def test_the_page_of_settings_is_up_to_date():
    assert configuration.PAGE.read_text(encoding="utf-8") == configuration.page(), "run make generate"
