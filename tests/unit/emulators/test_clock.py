"""A file sets the emulators' clock ahead."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from emulators.clock import Clock, set_ahead

HOUR = timedelta(hours=1)


def test_without_a_file_the_time_is_the_machines(tmp_path: Path) -> None:
    for clock in (Clock(), Clock(tmp_path / "missing")):
        assert clock.ahead() == timedelta()
        assert datetime.now(UTC) - clock.now() < HOUR


def test_the_file_is_read_at_each_look(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    clock = Clock(file)
    for ahead in (HOUR, timedelta(days=3650), -HOUR, timedelta()):
        set_ahead(file, ahead)
        assert clock.ahead() == ahead
        before = datetime.now(UTC)
        assert before <= clock.now() - ahead <= datetime.now(UTC)
    set_ahead(file, HOUR)
    assert clock.now_ms() >= (datetime.now(UTC).timestamp() + 3599) * 1000


def test_what_is_no_number_is_named(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    file.write_text("an hour")
    with pytest.raises(ValueError, match="clock holds 'an hour': write a number of seconds"):
        Clock(file).ahead()
