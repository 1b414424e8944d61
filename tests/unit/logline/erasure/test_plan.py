"""Whom an erasure is about: what is refused, and which bytes show a person."""

import re

import pytest

from logline.erasure.plan import Subjects, found_table, read_days, read_subjects
from logline.params import ParamError

NOBODY = {"remote_addr": [], "remote_user": [], "start_date": None, "end_date": None}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "nobody is named: give remote_addr, remote_user or both"),
        ({"remote_addr": ["203.0.113.7 "]}, "remote_addr '203.0.113.7 ' is not a text of 2 to 256 characters"),
        ({"remote_user": ["o'hara"]}, 'remote_user "o\'hara" is not a text of 2 to 256 characters'),
        ({"remote_user": ["-"]}, "remote_user '-' is not a text of 2 to 256 characters"),
        ({"remote_addr": [f"10.0.0.{n}" for n in range(101)]}, "more than 100 addresses and user names"),
    ],
)
def test_whom_it_cannot_be_about_is_said_in_one_line(params: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ParamError) as raised:
        read_subjects(NOBODY | params)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ({"start_date": "2015-05-18", "end_date": "2015-05-17"}, "end_date 2015-05-17 is before start_date 2015-05-18"),
        ({"start_date": "yesterday"}, "start_date must be a calendar day"),
    ],
)
def test_days_that_are_none_are_said_in_one_line(days: dict[str, str], message: str) -> None:
    with pytest.raises(ParamError, match=message):
        read_days(NOBODY | days)


def test_no_days_are_all_of_them() -> None:
    assert read_days(NOBODY) == ("1970-01-01", "9999-12-31")


def test_an_ipv6_address_is_looked_for_as_servers_write_it_too() -> None:
    subjects = read_subjects(NOBODY | {"remote_addr": ["2001:DB8:0:0::7", "203.0.113.0"]})
    assert subjects.addresses == ("2001:DB8:0:0::7", "2001:db8::7", "203.0.113.0")


@pytest.mark.parametrize(
    ("line", "shows"),
    [
        ("203.0.113.7 - - [", True),
        ("203.0.113.7:5555 - - [", True),
        ('x "203.0.113.7"', True),
        ("from 203.0.113.7.", True),
        ("10.0.0.1,203.0.113.7", True),
        ("203.0.113.77 - - [", False),
        ("1203.0.113.7 - - [", False),
        ("203.0.113.7.9 - - [", False),
        ("2001:DB8::7 - - [", True),
        ("2001:db8::71 - - [", False),
        ("fe80:2001:db8::7 - - [", False),
        ("x - maria.lopez [", True),
        ("x - maria.lopez2 [", False),
        ("x - anna.maria.lopez [", False),
    ],
)
def test_bytes_show_a_person_as_a_whole_word(line: str, shows: bool) -> None:
    pattern = Subjects(("203.0.113.7", "2001:db8::7"), ("maria.lopez",)).parameters()["line_pattern"]
    assert bool(re.search(pattern, line)) is shows


def test_no_addresses_match_nothing() -> None:
    pattern = Subjects((), ("maria",)).parameters()["address_pattern"]
    assert not any(re.search(pattern, text) for text in ("", "maria", "203.0.113.7", "a\nb"))


def test_the_hash_is_of_the_run_and_the_persons_in_any_order() -> None:
    one = Subjects(("203.0.113.7", "10.0.0.1"), ("maria",))
    other = Subjects(("10.0.0.1", "203.0.113.7"), ("maria",))
    assert one.sha256("run-1") == other.sha256("run-1") != one.sha256("run-2")


def test_what_is_held_has_a_total() -> None:
    row = {"first_day": "2015-05-17", "last_day": "2015-05-18"}
    text = found_table(
        [
            {**row, "table_name": "backfilled_requests", "found": 3, "too_new": 0},
            {**row, "table_name": "streamed_requests", "found": 2, "too_new": 1},
        ]
    )
    assert re.search(r"total +5 +1", text.splitlines()[-1].replace("|", " "))
