from types import SimpleNamespace

import pytest

from logline.failures import NO_REASON, keep_reason, reason_of, task_label
from logline.task_ids import FAILURE_KEY


@pytest.mark.parametrize(
    ("exception", "reason"),
    [
        (
            ValueError("no object matches gs://b/*: correct source\nTraceback"),
            "no object matches gs://b/*: correct source",
        ),
        (KeyError("day"), "KeyError: 'day'"),
        (TimeoutError(), "TimeoutError"),
        ("Task timed out while it was deferred", "Task timed out while it was deferred"),
        (None, NO_REASON),
        ("", NO_REASON),
    ],
)
def test_a_reason_is_one_line(exception, reason):
    assert reason_of(exception) == reason


def test_a_mapped_task_is_named_with_its_day():
    assert task_label("unit.land", "2015-05-17") == "unit.land [2015-05-17]"
    assert task_label("plan", None) == "plan"


def test_a_task_keeps_its_reason():
    kept = {}
    ti = SimpleNamespace(task_id="plan", xcom_push=lambda key, value: kept.update({key: value}))
    keep_reason({"ti": ti, "exception": ValueError("it is " + 1000 * "long")})
    assert kept[FAILURE_KEY].startswith("it is long")
    assert len(kept[FAILURE_KEY]) == 500


def test_a_reason_that_cannot_be_kept_keeps_nothing_else_from_being_told():
    def refuse(**_):
        raise RuntimeError("the DAG processor has no XComs")

    keep_reason({"ti": SimpleNamespace(task_id="plan", xcom_push=refuse), "exception": ValueError("gone")})
