"""The command line, and the template's metadata that must say the same."""

import json
import re

import pytest

from beam_jobs.access_log import FORMATS
from beam_jobs.backfill import options
from beam_jobs.backfill.options import BACKFILL_PARAMETERS, parse_backfill_options
from beam_jobs.options.parameters import OptionError
from tools.job_templates import FOLDER, templates

TEMPLATE = FOLDER / "backfill.json"
NEEDED = ["--source=/logs/*", "--output=/out/", "--run_id=manual__2026-11-22T13:00:00+00:00"]


def test_the_template_describes_the_command_line() -> None:
    assert TEMPLATE.read_text(encoding="utf-8") == templates()[TEMPLATE], "run make generate"
    (log_format,) = [one for one in json.loads(TEMPLATE.read_text())["parameters"] if one["name"] == "log_format"]
    assert [option["value"] for option in log_format["enumOptions"]] == ["auto", *FORMATS]
    assert log_format["paramType"] == "TEXT"


def test_every_default_matches_its_own_regex() -> None:
    for parameter in BACKFILL_PARAMETERS:
        if parameter.default is not None:
            assert re.fullmatch(parameter.regex, parameter.default)


def test_defaults() -> None:
    settings, beam_options = parse_backfill_options(NEEDED)
    assert (settings.source, settings.output) == ("/logs/*", "/out")
    assert (settings.log_format, settings.block_bytes, settings.max_line_bytes) == ("auto", 1 << 24, 1 << 20)
    assert (settings.is_list, settings.unreadable) == (False, "set_aside")
    assert (settings.runner, settings.job_name) == ("FnApiRunner", "log-backfill")
    assert beam_options.get_all_options()["runner"] == "FnApiRunner"


def test_a_list_of_objects_stands_for_the_source() -> None:
    settings, _ = parse_backfill_options([*NEEDED[1:], "--objects=gs://b/run/objects.jsonl"])
    assert (settings.source, settings.is_list) == ("gs://b/run/objects.jsonl", True)


def test_what_the_dataflow_emulator_passes_is_taken() -> None:
    settings, _ = parse_backfill_options(
        [
            *NEEDED,
            "--runner=FnApiRunner",
            "--job_name=log-backfill-2026-11-01",
            "--project=logline-local",
            "--region=us-central1",
            "--temp_location=gs://logline-local/tmp",
        ]
    )
    assert settings.job_name == "log-backfill-2026-11-01"


@pytest.mark.parametrize("name", ["auto", *FORMATS, '%h %l %u %t "%r" %>s %b'])
def test_every_format_of_the_parser_is_taken(name: str) -> None:
    assert parse_backfill_options([*NEEDED, f"--log_format={name}"])[0].log_format == name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (NEEDED[1:], "--source or --objects is missing"),
        ([*NEEDED, "--objects=/lists/objects.jsonl"], "--source and --objects are both given"),
        ([*NEEDED, "--unreadable=skip"], "--unreadable=skip cannot be used"),
        ([*NEEDED, "--output=/o/k=v"], "--output=/o/k=v cannot be used"),
        ([*NEEDED, "--output=gs://b/*"], "cannot be used"),
        ([*NEEDED, "--output=gs:///o"], "--output: 'gs:///o' is neither on Cloud Storage nor a path: write gs://"),
        ([*NEEDED, "--output=gs:/b/o"], "--output: 'gs:/b/o' is neither on Cloud Storage nor a path: write gs://"),
        ([*NEEDED, "--source=s3://b/*.log"], "--source: 's3://b/*.log' is neither on Cloud Storage nor a path"),
        ([*NEEDED[1:], "--objects=https://h/o"], "--objects: 'https://h/o' is neither on Cloud Storage nor a path"),
        ([*NEEDED, "--source="], "--source or --objects is missing"),
        ([*NEEDED, "--run_id=a\nb"], "cannot be used"),
        ([*NEEDED, "--log_format=iis"], "the format string of an Apache or nginx configuration"),
        ([*NEEDED, "--log_format=%h %l %u %>s"], "has no time: add %t"),
        ([*NEEDED, "--block_bytes=ten"], "--block_bytes=ten cannot be used"),
        ([*NEEDED, "--block_bytes=-4096"], "cannot be used"),
        ([*NEEDED, f"--block_bytes={options.MAX_BLOCK_BYTES + 1}"], "out of range"),
        ([*NEEDED, f"--max_line_bytes={options.MIN_LINE_BYTES - 24}"], "out of range"),
        ([*NEEDED, "--blokc_bytes=4096"], "unknown option --blokc_bytes"),
        ([*NEEDED, "stray"], "unknown option stray"),
        ([*NEEDED, "--runner=SparkRunner"], "FnApiRunner or DataflowRunner"),
        ([*NEEDED, "--source"], "expected one argument"),
    ],
)
def test_a_wrong_option_is_said(arguments: list[str], message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message)):
        parse_backfill_options(arguments)
