import pytest

from logline.params import ParamError
from logline.summaries.choose_days import wanted_days


def wanted(**params: str | None) -> list[str]:
    context = {"params": {"day": None, "start_date": None, "end_date": None} | params}
    return [day.isoformat() for day in wanted_days(context)]


def test_days_that_are_asked_for():
    assert wanted() == []
    assert wanted(day="2015-05-17") == ["2015-05-17"]
    assert wanted(start_date="2015-05-17", end_date="2015-05-19") == ["2015-05-17", "2015-05-18", "2015-05-19"]
    assert wanted(start_date="2015-05-17") == wanted(end_date="2015-05-17") == ["2015-05-17"]
    assert wanted_days({"params": {}}) == [], "late_lines has no Params"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"day": "17/05/2015"}, "day must be a calendar day written as YYYY-MM-DD, it is '17/05/2015'"),
        ({"day": "2015-05-17", "end_date": "2015-05-18"}, "give either day, or start_date and end_date"),
        ({"start_date": "2015-05-17", "end_date": "2015-05-16"}, "end_date 2015-05-16 is before start_date 2015-05-17"),
        ({"start_date": "2014-01-01", "end_date": "2015-05-16"}, "are 501 days, one run takes at most 366"),
    ],
)
def test_wrong_days_are_refused_in_one_line(params, said):
    with pytest.raises(ParamError, match=said):
        wanted(**params)
