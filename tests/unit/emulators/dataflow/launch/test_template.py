import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.dataflow.errors import ApiError
from emulators.dataflow.jobs.job import new_resource
from emulators.dataflow.jobs.states import JobType
from emulators.dataflow.launch.options import command, pipeline_options
from emulators.dataflow.launch.request import Launch
from emulators.dataflow.launch.template import Template, read_local_template

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def shaped(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that have the right names and any values."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, JSON))


SPECS = st.fixed_dictionaries(
    {"image": st.text() | JSON},
    optional={
        "metadata": st.fixed_dictionaries(
            {}, optional={"parameters": st.lists(shaped("name", "regexes", "isOptional")) | JSON, "streaming": JSON}
        )
        | JSON,
        "defaultEnvironment": shaped("additionalUserLabels", "additionalExperiments", "tempLocation") | JSON,
    },
)


def read_or_refuse(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except ApiError as refusal:
        return refusal


@given(spec=SPECS | JSON)
def test_any_spec_is_read_or_refused(spec: Any) -> None:
    template = read_or_refuse(lambda: Template.from_json(spec, "gs://b/o"))
    if isinstance(template, ApiError):
        assert template.code == 400
        assert template.message.startswith("Invalid template file gs://b/o: ")
        return
    resource = new_resource("project", "us-central1", "name", template.job_type({}))
    command("module", pipeline_options(resource, "gs://b/o", {}, template.environment), template.environment)


@given(
    body=st.fixed_dictionaries(
        {},
        optional={
            "launchParameter": shaped(
                "jobName", "job_name", "containerSpecGcsPath", "containerSpec", "parameters", "environment", "update"
            )
            | JSON
        },
    )
)
def test_any_launch_is_read_or_refused(body: dict[str, Any]) -> None:
    launch = read_or_refuse(lambda: Launch.from_json(body))
    if isinstance(launch, ApiError):
        assert launch.code == 400
        return
    assert launch.spec_uri


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of templates, with a way out of it."""
    folder = tmp_path / "specs"
    (folder / "deep").mkdir(parents=True)
    spec = json.dumps({"image": "words", "metadata": {"parameters": []}})
    for path in (folder / "deep" / "words.json", tmp_path / "outside.json"):
        path.write_text(spec)
    (folder / "link.json").symlink_to(tmp_path / "outside.json")
    (folder / "inner.json").symlink_to("deep/words.json")
    (folder / "text.json").write_text("no JSON")
    return folder


@pytest.mark.parametrize("name", ["deep/words.json", "inner.json"])
def test_a_template_is_read_from_a_folder(folder: Path, name: str) -> None:
    assert read_local_template(folder, name).image == "words"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.json", r"missing\.json \(No such file"),
        ("deep", r"deep \(Is a directory"),
        ("", r"specs \(Is a directory"),
        ("deep/../../outside.json", "leads out of"),
        ("link.json", "leads out of"),
        ("/etc/hostname", "leads out of"),
        ("a\0b", "null byte"),
        ("x" * 5000, "File name too long"),
        ("text.json", "Invalid template file .*text.json"),
    ],
)
def test_what_is_no_template_of_a_folder_is_refused(folder: Path, name: str, reason: str) -> None:
    with pytest.raises(ApiError, match=reason) as refusal:
        read_local_template(folder, name)
    assert refusal.value.code == 400


def test_both_spellings_of_a_field_are_read() -> None:
    camel = {"jobName": "a", "containerSpecGcsPath": "gs://b/o", "environment": {"tempLocation": "gs://b/t"}}
    snake = {"job_name": "a", "container_spec_gcs_path": "gs://b/o", "environment": {"temp_location": "gs://b/t"}}
    assert Launch.from_json({"launchParameter": camel}) == Launch.from_json({"launch_parameter": snake})


TEMPLATE = Template.from_json(
    {
        "image": "example.dev:5000/logline/backfill:1.2@sha256:0123",
        "metadata": {
            "parameters": [
                {"name": "source", "regexes": ["^gs://[^\\n\\r]+$"]},
                {"name": "block_bytes", "isOptional": True, "regexes": ["[0-9]+"]},
            ]
        },
    },
    "here",
)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "\nsource: Missing required parameter"),
        ({"source": "gs://b/o", "other": ""}, "\nother: Unrecognized parameter"),
        ({"source": "/tmp/x"}, "\nsource: Parameter didn't match regex '^gs://[^\\n\\r]+$'"),
        ({"source": "gs://b/o", "block_bytes": "12 "}, "\nblock_bytes: Parameter didn't match regex '[0-9]+'"),
    ],
)
def test_parameters_are_checked(parameters: dict[str, str], message: str) -> None:
    with pytest.raises(ApiError) as refusal:
        TEMPLATE.check(parameters)
    assert refusal.value.message == f"The template parameters are invalid. Details: {message}"


def test_good_parameters_pass() -> None:
    TEMPLATE.check({"source": "gs://b/o", "temp_location": "gs://b/t", "max_num_workers": "3"})


@pytest.mark.parametrize("metadata", [{}, {"name": "x"}, {"parameters": None}])
def test_a_spec_without_parameters_in_its_metadata_is_refused(metadata: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="Invalid template file here: metadata"):
        Template.from_json({"image": "x", "metadata": metadata}, "here")


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("backfill", "backfill"),
        ("repo/backfill:1.0", "backfill"),
        ("example.dev:5000/a/backfill:1.2@sha256:0123", "backfill"),
        ("example.dev:5000/a/backfill@sha256:0123", "backfill"),
    ],
)
def test_image_name(image: str, name: str) -> None:
    assert Template.from_json({"image": image, "metadata": {"parameters": []}}, "here").image_name == name


def test_streaming_comes_from_the_metadata_or_the_option() -> None:
    streaming = Template.from_json({"image": "x", "metadata": {"streaming": True, "parameters": []}}, "here")
    assert streaming.job_type({}) is JobType.STREAMING
    assert TEMPLATE.job_type({"streaming": "True"}) is JobType.STREAMING
    assert TEMPLATE.job_type({}) is JobType.BATCH


def test_the_flags_of_beam_are_passed_as_its_parser_wants_them() -> None:
    environment = {"enableStreamingEngine": True, "additionalUserLabels": {"a": "b"}, "numWorkers": 1}
    resource = new_resource("project", "region", "name", JobType.BATCH)
    options = pipeline_options(resource, "gs://b/o", {"dry_run": "true"}, environment)
    assert command("module", options, environment)[4:] == [
        "--runner=FnApiRunner",
        "--job_name=name",
        "--project=project",
        "--region=region",
        "--temp_location=gs://b/tmp",
        "--enable_streaming_engine",
        "--num_workers=1",
        "--labels=a=b",
        "--dry_run=true",
    ]
    assert command("module", {}, {"additionalPipelineOptions": ["--x=1"]}) == [
        *(sys.executable, "-P", "-m", "module", "--x=1")
    ]
