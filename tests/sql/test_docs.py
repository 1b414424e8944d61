"""docs/tables.md says what the schema files say."""

from tools import tables_page as tables


def test_the_page_of_tables_is_up_to_date():
    assert tables.PAGE.read_text(encoding="utf-8") == tables.page(), "run make generate"
