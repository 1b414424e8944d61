"""The pattern of the logs: what a listing takes, what names say."""

from datetime import date

import pytest

from logline.arrivals.source import LogObjects
from logline.backfill.sources import SourcePattern
from logline.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("text", "glob", "prefix"),
    [
        ("gs://logs/logs/**", "logs/**", "logs/"),
        ("gs://logs/logs/{date}/*", "logs/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]/*", "logs/"),
        ("gs://logs/access-{date:%Y%m%d}.log.gz", f"access-{'[0-9]' * 8}.log.gz", "access-"),
        ("gs://logs/{date:%Y/%b/%d}/web?.log", f"{'[0-9]' * 4}/*/[0-9][0-9]/web?.log", ""),
        ("gs://logs/one.log", "one.log", "one.log"),
    ],
)
def test_a_listing_of_any_day(text: str, glob: str, prefix: str) -> None:
    logs = LogObjects(SourcePattern.parse(text))
    assert (logs.any_day.bucket, logs.any_day.glob, logs.any_day.prefix) == ("logs", glob, prefix)
    # What a run is given must itself be a source.
    assert LogObjects(SourcePattern.parse(logs.any_day.uri)).any_day == logs.any_day


@pytest.mark.parametrize(
    ("text", "name", "day"),
    [
        ("gs://logs/logs/**", "logs/2026-11-01/a.log", None),
        ("gs://logs/logs/{date}/*", "logs/2026-11-01/a.log", date(2026, 11, 1)),
        ("gs://logs/logs/{date}/*", "logs/2026-13-01/a.log", None),
        ("gs://logs/logs/{date}/*", "logs/2026-11-01/b/a.log", None),
        ("gs://logs/**/{date}/*.[lg]*", "logs/a/b/2026-11-01/a.log", date(2026, 11, 1)),
        ("gs://logs/{date:%Y%m%d}-**", "20261101-20261102", date(2026, 11, 1)),
        ("gs://logs/access-{date:%Y%m%d}.log", "access-20261101.log", date(2026, 11, 1)),
        ("gs://logs/{date:%Y}/{date:%j}.log", "2026/305.log", None),
        ("gs://logs/{date:%d-%b-%Y}/?.log", "01-Nov-2026/a.log", date(2026, 11, 1)),
        ("gs://logs/{date:%d%%%b%Y}.log", "01%Nov2026.log", date(2026, 11, 1)),
    ],
)
def test_the_day_in_a_name(text: str, name: str, day: date | None) -> None:
    assert LogObjects(SourcePattern.parse(text)).day_of(f"gs://logs/{name}") == day


def installation(**environment: str) -> Settings:
    return Settings.from_environment({"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logs", **environment})


def test_without_the_setting_it_is_all_below_logs() -> None:
    assert LogObjects.of(installation()).any_day.uri == "gs://logs/logs/**"


@pytest.mark.parametrize("text", ["gs://logs/{day}/*", "gs://logs/{date:%Q}/*", "logs/*", "gs://logs/", "gs://logs"])
def test_a_setting_that_is_no_pattern_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^LOGLINE_SOURCE[^\n]*$"):
        LogObjects.of(installation(LOGLINE_SOURCE=text))
