import re

import pytest

from logline.params import ParamError
from logline.replay.plan import candidates_table, check_params, nothing_to_do, replay_names

PARAMS = {"start_date": None, "end_date": None, "reason": None, "log_format": "auto"}


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"start_date": "2015-05-17", "end_date": "2015-05-17"},
        {"end_date": "2015-05-17", "reason": "bad_size"},
        {"log_format": "combined"},
    ],
)
def test_any_part_of_the_lines_can_be_chosen(chosen):
    check_params(PARAMS | chosen)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"start_date": "2015-05-32"}, "start_date must be a calendar day written as YYYY-MM-DD"),
        ({"start_date": "2015-05-18", "end_date": "2015-05-17"}, "end_date 2015-05-17 is before start_date 2015-05-18"),
        (
            {"reason": "line_too_long"},
            "lines rejected as line_too_long are not kept to their end: backfill their files",
        ),
        ({"log_format": "morse"}, "morse"),
    ],
)
def test_a_mistake_is_one_clear_line(chosen, said):
    with pytest.raises(ParamError, match=re.escape(said)) as error:
        check_params(PARAMS | chosen)
    assert len(str(error.value).splitlines()) == 1


def test_the_names_of_a_run_are_functions_of_its_id():
    names = replay_names("bucket", "manual__2026-11-22T13:00:00+00:00")
    assert names == replay_names("bucket", "manual__2026-11-22T13:00:00+00:00")
    assert names != replay_names("bucket", "manual__2026-11-22T13:00:01+00:00")
    assert re.fullmatch(r"logline-replay-[0-9a-f]{8}", names.job_name)
    assert names.output == f"gs://bucket/staging/{names.suffix}/replay"


def test_what_there_is_to_read_again_is_a_table_with_a_total():
    row = {"error_type": "bad_size", "source": "stream", "log_format": "article", "lines": 1200}
    days = {"first_day": "2015-05-17", "last_day": "2015-05-18"}
    *_, line, total = candidates_table([row | days]).splitlines()
    assert line.split() == ["bad_size", "stream", "article", "1,200", "2015-05-17", "2015-05-18"]
    assert total.split() == ["total", "1,200"]


@pytest.mark.parametrize(
    ("lines", "dry_run", "said"),
    [
        (0, False, "there is no such line"),
        (2, True, "dry run: 2 lines are left"),
        (1, True, "dry run: 1 line is left as it is"),
        (2, False, None),
    ],
)
def test_a_run_without_anything_to_do_says_why(lines, dry_run, said):
    reason = nothing_to_do(lines, dry_run=dry_run)
    assert (said in reason) if said else reason is None
