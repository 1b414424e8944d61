"""What the Airflow side and the jobs must agree on without importing each other."""

import json
import re
import tomllib
from pathlib import Path

from beam_jobs.access_log import FORMATS
from logline import __version__
from logline.log_formats import log_formats

STRING = "log_format main '$remote_addr [$time_local] '\n'\"$request\" $status';"
ROOT = Path(__file__).parents[3]


def test_the_formats_are_those_of_the_parser():
    assert log_formats("backfill") == ("auto", *sorted(FORMATS))
    assert log_formats("stream") == tuple(sorted(FORMATS))


def test_the_template_takes_every_format():
    metadata = json.loads((ROOT / "dags/templates/backfill.json").read_text(encoding="utf-8"))
    (log_format,) = [parameter for parameter in metadata["parameters"] if parameter["name"] == "log_format"]
    assert all(
        re.fullmatch(regex, name) for regex in log_format["regexes"] for name in (*log_formats("backfill"), STRING)
    )


def test_plugin_and_jobs_are_of_one_version():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in pyproject["project"]["dynamic"]
    assert pyproject["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "plugins.logline.__version__"}
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", __version__)
