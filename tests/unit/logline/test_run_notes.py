from logline.failures import Failure
from logline.run_notes import failure_text, totals_text

TOTALS = {"objects": 1, "lines": 20_000, "rows": 19_790, "rejected": 200, "blank": 10}


def test_a_note_adds_the_days_up():
    totals = [TOTALS | {"days": ["2026-11-01"]}, TOTALS | {"days": ["2026-11-02", "2026-11-01"]}]
    assert totals_text(totals) == (
        "40,000 lines of 2 objects = 39,580 rows + 400 rejected + 20 blank; 2 days touched (2026-11-01 to 2026-11-02)."
    )


LOG = "http://airflow.example/dags/log_backfill/runs/r1/tasks"


def test_a_note_says_which_task_failed_and_why_and_where_its_log_is():
    failed = [Failure("plan", "end_date 2024-02-01 is before start_date 2024-03-01: swap them", f"{LOG}/plan")]
    assert failure_text(failed) == (
        "Failed: plan: `end_date 2024-02-01 is before start_date 2024-03-01: swap them` "
        "Log: http://airflow.example/dags/log_backfill/runs/r1/tasks/plan"
    )
    assert totals_text([]) == "Nothing was replaced."


def test_days_that_failed_for_the_same_reason_share_a_sentence():
    failed = [Failure(f"unit.land [2026-11-{day:02}]", "quota exceeded", f"{LOG}/{day}") for day in range(1, 9)]
    assert failure_text(failed) == f"Failed: unit.land [2026-11-01] and 7 more: `quota exceeded` Log: {LOG}/1"


def test_reasons_that_do_not_fit_are_counted():
    failed = [Failure(f"unit.parse [2026-11-{day:02}]", f"{day} " + 300 * "`*", f"{LOG}/{day}") for day in range(1, 9)]
    text = failure_text(failed)
    assert text.startswith("Failed: unit.parse [2026-11-01]: `1 '*'*")
    assert text.endswith("6 more tasks failed.")
    assert len(f"{text} {totals_text([TOTALS | {'days': ['2026-11-09']}])}") <= 1000  # what Airflow's form takes


def test_nouns_agree_with_their_numbers():
    one = {"objects": 1, "lines": 1, "rows": 1, "rejected": 0, "blank": 0, "days": ["2026-11-01"]}
    assert totals_text([one]) == "1 line of 1 object = 1 row + 0 rejected + 0 blank; 1 day touched (2026-11-01)."
    assert totals_text([one | {"lines": 0, "rows": 0, "days": []}]).startswith("0 lines of 1 object = 0 rows ")
