import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from beam_jobs.access_log import FORMATS
from beam_jobs.options.parameters import OptionError
from beam_jobs.stream.options import STREAM_PARAMETERS, parse_stream_options
from tools.job_templates import FOLDER, templates

REPOSITORY = Path(__file__).parents[4]
TEMPLATE = FOLDER / "stream.json"
NEEDED = ["--subscription=projects/logline-local/subscriptions/log-lines", "--dataset=logline-local.logline"]


def test_the_template_describes_the_command_line() -> None:
    assert TEMPLATE.read_text(encoding="utf-8") == templates()[TEMPLATE], "run make generate"
    template = json.loads(TEMPLATE.read_text())
    assert template["streaming"] is True
    assert template["defaultStreamingMode"] == "AT_LEAST_ONCE"
    (log_format,) = [one for one in template["parameters"] if one["name"] == "log_format"]
    assert [option["value"] for option in log_format["enumOptions"]] == list(FORMATS)


def test_every_default_matches_its_own_regex() -> None:
    for parameter in STREAM_PARAMETERS:
        if parameter.default is not None:
            assert re.fullmatch(parameter.regex, parameter.default)


def test_what_the_dataflow_emulator_gives_is_understood() -> None:
    given = [
        "--runner=FnApiRunner",
        "--job_name=s",
        "--project=p",
        "--region=us-central1",
        "--temp_location=gs://b/tmp",
    ]
    settings, _ = parse_stream_options([*given, *NEEDED, "--enable_streaming_engine", "--max_num_workers=3"])
    assert not settings.on_dataflow
    assert settings.rows_table == "logline-local.logline.streamed_requests"
    assert settings.rejected_table == "logline-local.logline.rejected_streamed"
    assert (settings.log_format, settings.max_line_bytes, settings.job_name) == ("article", 1 << 20, "s")


@pytest.mark.parametrize(
    ("option", "help_text"),
    [
        ("--subscription=projects/p/topics/t", "Pub/Sub subscription with the log lines"),
        ("--subscription=logs", "projects/PROJECT/subscriptions/NAME"),
        (
            "--dataset=logline",
            "dataset with the tables streamed_requests, rejected_streamed, stream_batches and stream_heartbeats",
        ),
        ("--dataset=logline-local:logline", "PROJECT.DATASET"),
        ("--log_format=nginx", "Format of the lines: article, "),
        ("--log_format=auto", "Format of the lines"),
        ("--max_line_bytes=a", "Lines with more bytes are rejected"),
        ("--max_line_bytes=2097153", "give 1024 to 2097152 bytes"),
        ("--runner=PrismRunner", "give DataflowRunner, or FnApiRunner"),
        ("--subscripton=x", "unknown option"),
        ("--source=x", "unknown option"),
    ],
)
def test_a_wrong_option_is_said_in_one_line(option: str, help_text: str) -> None:
    with pytest.raises(OptionError) as raised:
        parse_stream_options([*NEEDED, option])
    message = str(raised.value)
    assert option.partition("=")[0] in message
    assert help_text in message
    assert "\n" not in message


def test_what_is_missing_is_named() -> None:
    with pytest.raises(OptionError, match="--subscription is missing"):
        parse_stream_options(["--dataset=logline-local.logline"])


def test_it_starts_without_importing_beam() -> None:
    """A killed job is back seconds earlier."""
    code = "import sys, beam_jobs.stream; sys.exit('apache_beam' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
