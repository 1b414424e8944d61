"""The generated pages of docs/ say what the code says."""

from docs import configuration
from docs import dags as described


def test_the_page_of_dags_is_up_to_date(dags):
    assert described.PAGE.read_text(encoding="utf-8") == described.page(dags), "run python -m docs.dags"


def test_the_page_of_settings_is_up_to_date():
    assert configuration.PAGE.read_text(encoding="utf-8") == configuration.page(), "run python -m docs.configuration"
