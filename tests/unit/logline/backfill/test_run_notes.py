from logline.backfill.run_notes import note_text

TOTALS = {"objects": 1, "lines": 20_000, "rows": 19_790, "rejected": 200, "blank": 10}


def test_a_note_adds_the_days_up():
    totals = [TOTALS | {"days": ["2026-11-01"]}, TOTALS | {"days": ["2026-11-02", "2026-11-01"]}]
    assert note_text(totals) == (
        "40,000 lines of 2 objects = 39,580 rows + 400 rejected + 20 blank; 2 days touched (2026-11-01 to 2026-11-02)."
    )


def test_a_note_names_the_failed_tasks_and_no_more_than_fit():
    failed = [f"day.check_staging [2026-11-{day:02}]" for day in range(1, 9)]
    assert note_text([], failed[:1]) == "Failed: day.check_staging [2026-11-01]. Nothing was replaced."
    text = note_text([TOTALS | {"days": []}], failed)
    assert text.startswith("Failed: day.check_staging [2026-11-01], ")
    assert "and 3 more. 20,000 lines" in text
    assert text.endswith("(no day).")
    assert len(text) < 1000  # what Airflow's form takes


def test_nouns_agree_with_their_numbers():
    one = {"objects": 1, "lines": 1, "rows": 1, "rejected": 0, "blank": 0, "days": ["2026-11-01"]}
    assert note_text([one]) == "1 line of 1 object = 1 row + 0 rejected + 0 blank; 1 day touched (2026-11-01)."
    assert note_text([one | {"lines": 0, "rows": 0, "days": []}]).startswith("0 lines of 1 object = 0 rows ")
